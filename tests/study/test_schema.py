"""Profiles: YAML files, each a short diff of another, refused with what is allowed."""

import pytest
import yaml

from medtransfer.domains import DOMAINS
from medtransfer.errors import ManifestError
from medtransfer.networks.architectures import ARCHITECTURES
from medtransfer.study import builders
from medtransfer.study.profiles import built_in
from medtransfer.study.schema import Recipe, limited, profile

MINE = {"name": "mine", "extends": "smoke"}
LENGTH = {"steps": 9, "least_epochs": 1, "most_epochs": 2}
RECIPE = {**LENGTH, "learning_rate": 0.01, "head_learning_rate": 0.01, "warm_up": 0.2}


@pytest.fixture
def write(tmp_path):
    def write(content, name="mine.yaml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return str(path)

    return write


@pytest.mark.parametrize("name", built_in())
def test_built_in_profiles_are_complete(name):
    found = profile(name)
    assert found.name == name
    assert set(found.recipes) == {"imagenet", "random"}
    assert set(found.sources) != set()
    phantoms = {domain for domain, name in found.sources.items() if name.startswith("phantom_")}
    assert set(found.groups) == phantoms
    assert set(found.architectures) <= set(ARCHITECTURES)
    for architecture in found.architectures:
        entry = ARCHITECTURES[architecture]
        assert all(entry.minimum_px <= found.image_px[domain] for domain in found.sources)


def test_the_default_methods_and_sweep_are_those_of_the_paper():
    """Smaller epsilons stand beside those of the paper."""
    found = profile("default")
    assert found.methods == {"FGSM": {}, "PGD": {"steps": 20, "step_size": 0.01}}
    assert {0.01, 0.02, 0.03, 0.04, 0.05, 0.06} <= {*found.sweep["FGSM"]}
    assert {0.01, 0.02, 0.04, 0.06} <= {*found.candidates}


@pytest.mark.parametrize("name", ["smoke", "default", "extended", "medmnist"])
def test_networks_are_as_deep_as_their_images_can_feed(name):
    assert builders.too_deep(profile(name)) == []


def test_smoke_walks_the_paths_of_default():
    smoke, default = profile("smoke"), profile("default")
    assert smoke.sources == default.sources
    assert smoke.architectures == default.architectures
    assert {*smoke.sweep["FGSM"]} <= {*default.sweep["FGSM"]}
    assert smoke.methods["PGD"] == {**default.methods["PGD"], "steps": 2}


def test_only_what_is_extended_is_named_twice():
    """A diff does not repeat what it could inherit."""
    for path in built_in().values():
        content = yaml.safe_load(path.read_text())
        if extends := content.get("extends"):
            base = profile(extends).model_dump(mode="json")
            assert not [name for name, value in content.items() if base.get(name) == value]


def test_an_unknown_profile_is_refused_with_the_known_ones():
    with pytest.raises(ManifestError, match=r"no profile 'large'; allowed: .*default.*smoke.*YAML"):
        profile("large")


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("thorax_profil.yaml", r"no such file; is .*thorax_profile\.yaml meant\?$"),
        ("of_nothing_alike.yml", "of_nothing_alike.yml: no such file$"),
        ("nowhere/thorax_profile.yaml", "no such file, and no folder .*nowhere"),
    ],
)
def test_a_file_that_is_not_there_is_said_to_be_missing(write, tmp_path, asked, says):
    write(MINE, "thorax_profile.yaml")
    with pytest.raises(ManifestError, match=says):
        profile(str(tmp_path / asked))
    with pytest.raises(ManifestError, match=rf"mine\.yaml: extends: .*{says}"):
        profile(write({"name": "mine", "extends": asked}))


def test_a_name_that_is_almost_that_of_a_profile_is_recognized():
    with pytest.raises(ManifestError, match="is default meant"):
        profile("defaults")


def test_a_file_changes_what_it_names_and_nothing_else(write):
    found, smoke = profile(write({**MINE, "image_px": 96, "seed": 7})), profile("smoke")
    size = dict.fromkeys(DOMAINS, 96)
    assert found == smoke.model_copy(update={"name": "mine", "image_px": size, "seed": 7})


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"groups": {"pathology": 40}}, {"ophthalmology": 30, "radiology": 30, "pathology": 40}),
        ({"groups": {"pathology": None}}, {"ophthalmology": 30, "radiology": 30}),
        ({"groups": None}, {}),
        ({"image_px": {"pathology": 40}}, dict.fromkeys(DOMAINS, 32) | {"pathology": 40}),
        ({"sources": {"pathology": "phantom_histology"}}, {"pathology": "phantom_histology"}),
        ({"methods": {"PGD": {"steps": 3}}}, {"FGSM": {}, "PGD": {"steps": 3, "step_size": 0.01}}),
        ({"sweep": {"PGD": [0.02]}}, {"FGSM": (0.02, 0.06), "PGD": (0.02,)}),
        ({"remaining": {"random": 0.9}}, profile("smoke").remaining | {"random": 0.9}),
        ({"recipes": {"imagenet": None, "random": RECIPE}}, {"random": Recipe(**RECIPE)}),
    ],
    ids=str,
)
def test_a_part_of_a_table_changes_that_part_and_null_removes_it(write, change, expected):
    assert getattr(profile(write({**MINE, **change})), next(iter(change))) == expected


def test_a_part_of_a_recipe_changes_that_part(write):
    smoke, found = profile("smoke"), profile(write({**MINE, "recipes": {"random": {"steps": 9}}}))
    assert found.recipes["imagenet"] == smoke.recipes["imagenet"]
    assert found.recipes["random"] == smoke.recipes["random"].model_copy(update={"steps": 9})


def test_further_methods_stand_beside_those_of_the_paper(write):
    methods = {"Momentum": {"steps": 5, "decay": 0.5}}
    found = profile(write({**MINE, "methods": methods, "sweep": {"Momentum": [0.02]}}))
    assert found.methods == {**profile("smoke").methods, **methods}
    assert isinstance(found.methods["Momentum"]["steps"], int)


def test_manifests_are_looked_for_beside_the_file(write, tmp_path):
    sources = {"radiology": "data/mine.yaml", "pathology": "phantom_histology"}
    write({**MINE, "sources": sources}, "deep/first.yaml")
    found = profile(write({"name": "second", "extends": "deep/first.yaml"}))
    assert found.sources["radiology"] == str(tmp_path / "deep" / "data" / "mine.yaml")
    assert found.sources["pathology"] == "phantom_histology"


def test_files_extend_files(write):
    write({**MINE, "name": "first", "seed": 3, "image_px": 40}, "deep/first.yaml")
    second = {"name": "second", "extends": "first.yaml", "image_px": {"radiology": 48}}
    write(second, "deep/second.yaml")
    found = profile(write({"name": "third", "extends": "deep/second.yaml", "resamples": 99}))
    assert (found.name, found.seed, found.resamples) == ("third", 3, 99)
    assert found.image_px == dict.fromkeys(DOMAINS, 40) | {"radiology": 48}


def test_a_circle_of_files_is_refused(write):
    write({"name": "second", "extends": "mine.yaml"}, "second.yaml")
    with pytest.raises(
        ManifestError, match=r"second\.yaml: extends: mine\.yaml extends .* in turn"
    ):
        profile(write({"name": "first", "extends": "second.yaml"}))
    with pytest.raises(ManifestError, match="in turn"):
        profile(write({"name": "mine", "extends": "mine.yaml"}))


def test_a_file_may_stand_alone(write):
    whole = profile("paper").model_dump(mode="json") | {"name": "alone"}
    assert profile(write(whole)) == profile("paper").model_copy(update={"name": "alone"})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"extends": "large"}, "extends: no profile 'large'; allowed: .*default, .*smoke"),
        ({"extends": ["smoke"]}, "extends: .*allowed: .*smoke"),
        ({"extends": None}, "extends: needed .*unless every field is given; absent: architectures"),
        ({"name": "default"}, "name: needed, and not one of .*default"),
        ({"name": ["mine"]}, "name: needed"),
        ({"name": None}, "name: needed"),
        ({"name": "a b"}, "name: .*pattern"),
        ({"image_px": 16}, "image_px.ophthalmology: .*greater than or equal to 32.*'16'"),
        ({"seed": -1}, "seed: .*greater than or equal to 0"),
        ({"candidates": []}, "candidates: needs at least one epsilon"),
        ({"sweep": {"FGSM": []}}, "sweep: FGSM: needs at least one epsilon"),
        (
            {"sweep": {"FGSM": [0.01, 3.0]}},
            r"sweep\.FGSM: no epsilon is 3; allowed: above 0, at most 2, where pixels run from -1",
        ),
        ({"candidates": [0, 0.01]}, r"candidates: no epsilon is 0; .*0\.0078 is one of 255 grey"),
        ({"sweep": {"FGSM": 0.02}}, "sweep.FGSM: .*tuple"),
        ({"sweep": {"Noise": [0.02]}}, "sweep: Noise: not among methods, which are FGSM, PGD"),
        ({"methods": {"PGD": None}}, "methods: PGD: needed"),
        ({"methods": {"PGD": {"steps": 0}}}, "methods.PGD.steps.*greater than 0"),
        ({"methods": {"PGD": {"steps": "many"}}}, "methods.PGD.steps.*number"),
        ({"epsilons": [0.02]}, "no field epsilons; allowed: name, sources, .*seed"),
        ({"remaining": {"random": 1.5}}, "remaining.random: .*less than 1"),
        ({"remaining": 0.5}, "remaining: .*dictionary"),
        ({"remaining": {"random": None}}, "remaining: random: needed, since recipes has it"),
        ({"sources": {"dentistry": "x"}}, "sources.dentistry.*ophthalmology"),
        ({"image_px": {"dentistry": 64}}, "image_px.dentistry.*ophthalmology"),
        ({"recipes": {"random": {**RECIPE, "steps": 0}}}, "recipes.random.steps"),
        ({"recipes": {"random": {"epoch": 3}}}, "recipes.random: no field epoch; allowed: steps, "),
        ({"recipes": {"random": {**RECIPE, "least_epochs": 3}}}, "least_epochs: at most most_.* 2"),
        ({"recipes": {"random": None, "imagenet": None}}, "recipes: .*at least 1 item"),
        ({"image_limits": 99}, "no field image_limits; .*is image_limit meant"),
        ({"batch_size": 1}, "batch_size: .*greater than or equal to 2"),
        ({"groups": {"radiology": 3}}, "groups.radiology: .*12"),
        ({"recipes": None}, "recipes: .*required"),
    ],
    ids=str,
)
def test_a_wrong_field_is_named_with_what_is_allowed(write, change, says):
    path = write({**MINE, **change})
    with pytest.raises(ManifestError, match=says) as caught:
        profile(path)
    assert path in str(caught.value)


@pytest.mark.parametrize("text", ["", "- a", "a: [1", "!!python/object/apply:os.getcwd []"])
def test_what_is_no_mapping_is_refused(write, text):
    with pytest.raises(ManifestError, match=r"mine\.yaml"):
        profile(write(text))


@pytest.fixture
def asked(request, write):
    """A built-in profile, or a file."""
    return request.param or write({**MINE, "sources": {"radiology": "mine_too.yaml"}})


@pytest.mark.parametrize("asked", ["paper", ""], indirect=True)
def test_a_limited_profile_differs_in_images_and_epochs_alone(asked):
    path = limited(asked, images=300, epochs=2)
    found, whole = profile(str(path)), profile(asked)
    assert found.name == f"{whole.name}-limit300x2"
    assert found.image_limit == 300
    for name, recipe in whole.recipes.items():
        fewer = {"least_epochs": 1, "most_epochs": min(2, recipe.most_epochs)}
        assert found.recipes[name] == recipe.model_copy(update=fewer)
    other = {"name", "image_limit", "recipes"}
    assert found.model_dump(exclude=other) == whole.model_dump(exclude=other)


@pytest.mark.parametrize(("images", "epochs"), [(10, 1), (300, 0)])
def test_a_limit_that_leaves_nothing_is_refused(images, epochs):
    with pytest.raises(ManifestError, match=r"image_limit|epochs"):
        limited("paper", images=images, epochs=epochs)
