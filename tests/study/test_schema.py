"""Profiles: built in, or a YAML file that extends one and is refused with what is allowed."""

import pytest
import yaml

from medtransfer.data.manifests import ManifestError
from medtransfer.networks.architectures import ARCHITECTURES
from medtransfer.specs import IMAGENET, RANDOM
from medtransfer.study import plan as study
from medtransfer.study.schema import BUILT_IN, DEFAULT, SMOKE, Profile, limited, profile

MINE = {"name": "mine", "extends": "smoke"}
RECIPE = {"epochs": 2, "learning_rate": 0.01, "head_learning_rate": 0.01}


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "mine.yaml"
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return str(path)

    return write


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_profiles_are_complete(name):
    found = profile(name)
    assert found.name == name
    assert set(found.recipes) == {IMAGENET, RANDOM}
    assert set(found.sources) != set()
    phantoms = {domain for domain, name in found.sources.items() if name.startswith("phantom_")}
    assert set(found.groups) == phantoms
    assert set(found.architectures) <= set(ARCHITECTURES)
    Profile.model_validate(found.model_dump())  # `model_copy` does not check what it is given
    for architecture in found.architectures:
        entry = ARCHITECTURES[architecture]
        assert all(entry.minimum_px <= found.image_px[domain] for domain in found.sources)


def test_the_default_sweep_is_that_of_the_paper():
    assert DEFAULT.epsilons == (0.01, 0.02, 0.03, 0.04, 0.05, 0.06)
    assert (DEFAULT.pgd_steps, DEFAULT.pgd_step_size) == (20, 0.01)


def test_smoke_walks_the_paths_of_default():
    assert SMOKE.sources == DEFAULT.sources
    assert SMOKE.architectures == DEFAULT.architectures
    assert set(SMOKE.epsilons) <= set(DEFAULT.epsilons)


def test_an_unknown_profile_is_refused_with_the_known_ones():
    with pytest.raises(ManifestError, match=r"no profile 'large'; allowed: smoke, default.*YAML"):
        profile("large")


def test_a_file_changes_what_it_names_and_nothing_else(write):
    found = profile(write({**MINE, "image_px": 96, "seed": 7, "epsilons": [0.02, 0.04]}))
    size = dict.fromkeys(found.sources, 96)
    expected = {"name": "mine", "image_px": size, "seed": 7, "epsilons": (0.02, 0.04)}
    assert found == SMOKE.model_copy(update=expected)


def test_manifests_are_looked_for_beside_the_file(write, tmp_path):
    sources = {"radiology": "data/mine.yaml", "pathology": "phantom_histology"}
    found = profile(write({**MINE, "sources": sources}))
    assert found.sources["radiology"] == str(tmp_path / "data" / "mine.yaml")
    assert found.sources["pathology"] == "phantom_histology"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"extends": "large"}, "extends: needed, one of smoke, default"),
        ({"extends": None}, "extends: needed"),
        ({"name": "default"}, "name: needed, and not one of smoke, default"),
        ({"name": "a b"}, "name: .*pattern"),
        ({"image_px": 16}, "image_px.ophthalmology: .*greater than or equal to 32.*'16'"),
        ({"seed": -1}, "seed: .*greater than or equal to 0"),
        ({"epsilons": []}, "epsilons: .*at least 1 item"),
        ({"epsilons": [3.0]}, "epsilons.0: .*less than or equal to 2"),
        ({"epsilons": 0.02}, "epsilons: .*tuple"),
        ({"remaining": 1.5}, "remaining: .*less than 1"),
        ({"sources": {"dentistry": "x"}}, "sources.dentistry.*ophthalmology"),
        ({"recipes": {"random": {**RECIPE, "epochs": 0}}}, "recipes.random.epochs"),
        ({"epoch_factors": {"d3": 2}}, "epoch_factors.d3"),
        ({"colour": "red"}, "colour: Extra inputs are not permitted"),
        ({"batch_size": 1}, "batch_size: .*greater than or equal to 2"),
        ({"groups": {"radiology": 3}}, "groups.radiology: .*12"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_wrong_field_is_named_with_what_is_allowed(write, change, says):
    path = write({k: v for k, v in {**MINE, **change}.items() if v is not None})
    with pytest.raises(ManifestError, match=says) as caught:
        profile(path)
    assert path in str(caught.value)


@pytest.mark.parametrize("text", ["", "- a", "a: [1", "!!python/object/apply:os.getcwd []"])
def test_what_is_no_mapping_is_refused(write, text):
    with pytest.raises(ManifestError, match=r"mine\.yaml"):
        profile(write(text))


@pytest.mark.parametrize("change", [{"extends": ["smoke"]}, {"name": ["mine"]}])
def test_a_list_where_a_name_belongs_is_refused(write, change):
    with pytest.raises(ManifestError, match=next(iter(change))):
        profile(write({**MINE, **change}))


@pytest.mark.parametrize(
    "change",
    [
        {"recipes": {"random": RECIPE}},
        {"groups": {"pathology": 40}},
        {"image_px": {"pathology": 40}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_part_of_a_table_changes_that_part_or_is_refused(write, change):
    try:
        found = profile(write({**MINE, **change}))
    except ManifestError:
        return
    for domain in found.sources:
        study.initialization(found, domain, epsilon=0.02)


def test_a_limited_profile_differs_in_images_and_epochs_alone(write):
    path = limited("paper", images=300, epochs=2)
    found, paper = profile(str(path)), profile("paper")
    assert found.name == "paper-limit300x2"
    assert found.image_limit == 300
    assert {recipe.epochs for recipe in found.recipes.values()} == {2}
    same = {"name", "image_limit", "recipes"}
    assert found.model_dump(exclude=same) == paper.model_dump(exclude=same)


@pytest.mark.parametrize(("images", "epochs"), [(10, 1), (300, 0)])
def test_a_limit_that_leaves_nothing_is_refused(images, epochs):
    with pytest.raises(ManifestError, match=r"image_limit|epochs"):
        limited("paper", images=images, epochs=epochs)
