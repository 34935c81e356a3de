"""The tables of the paper as specs: which attacker meets which target, and on what."""

from itertools import product

import pandas as pd
import pytest
import yaml
from facts import folder_facts
from PIL import Image

from medtransfer import phantoms, store
from medtransfer.data import splits as development
from medtransfer.data.manifests import ManifestError, imagenet_weights
from medtransfer.data.schema import DOMAINS
from medtransfer.specs import CONTROL, EIGHT_BIT, FLOAT, IMAGENET, RANDOM
from medtransfer.study import builders as ingredients
from medtransfer.study import plan as study
from medtransfer.study import schema as profiles

EPSILON = 0.02


def cells_of(profile, factor, domain="pathology"):
    return study.FACTORS[factor](profile, domain, epsilon=EPSILON)


def sides(cells):
    """Return what meets what, as ((initialization, data) of the attacker, same of the target)."""
    return {
        tuple((t.initialization, t.development.name) for t in (cell.attack.surrogate, cell.target))
        for cell in cells
    }


@pytest.mark.parametrize("factor", study.FACTORS)
@pytest.mark.parametrize("domain", DOMAINS)
def test_a_factor_names_every_cell_once(profile, factor, domain):
    cells = cells_of(profile, factor, domain)
    assert len(set(cells)) == len(cells) > 0
    assert {cell.target.development.source.domain for cell in cells} == {domain}


@pytest.mark.parametrize("factor", study.FACTORS)
def test_every_architecture_attacks_and_is_attacked(profile, factor):
    cells = cells_of(profile, factor)
    pairs = {(c.attack.surrogate.architecture, c.target.architecture) for c in cells}
    assert pairs == set(product(profile.architectures, repeat=2))


@pytest.mark.parametrize("factor", study.FACTORS)
def test_the_attacker_is_another_training_than_its_target(profile, factor):
    """But for the white box of table 2."""
    for cell in cells_of(profile, factor):
        surrogate, target = cell.attack.surrogate, cell.target
        if surrogate == target:
            assert factor == "perturbation" and cell.delivery == FLOAT
        else:
            assert surrogate.seed != target.seed
        assert surrogate.development.source == target.development.source
        assert cell.attack.images == "test"


def test_no_two_trainings_of_a_study_share_a_seed(profile):
    cells = [
        cell
        for domain in DOMAINS
        for factor in study.FACTORS
        for cell in cells_of(profile, factor, domain)
    ]
    trained = study.networks(cells)
    assert len({training.seed for training in trained}) == len(trained)
    # both networks and starts, on d1, its double, d1/10, d2 and d2/2, in three domains
    assert len(trained) == 2 * 2 * 5 * 3


def test_table_2_sweeps_epsilon_beside_its_controls(profile):
    cells = cells_of(profile, "perturbation")
    fgsm = {cell.attack.epsilon for cell in cells if cell.attack.method == "fgsm"}
    pgd = {cell.attack.epsilon for cell in cells if cell.attack.method == "pgd"}
    assert fgsm == set(profile.epsilons)
    assert pgd == {EPSILON, *profile.pgd_epsilons}
    assert {cell.delivery for cell in cells} == {FLOAT, EIGHT_BIT, CONTROL}
    assert sides(cells) == {((start, "d1"), (start, "d1")) for start in (IMAGENET, RANDOM)}


def test_table_3_crosses_initializations_on_d1(profile):
    starts = [(IMAGENET, "d1"), (RANDOM, "d1")]
    assert sides(cells_of(profile, "initialization")) == set(product(starts, starts))


def test_table_4_varies_the_attackers_data(profile):
    assert sides(cells_of(profile, "development_data")) == {
        ((start, data), (start, "d1"))
        for start in (IMAGENET, RANDOM)
        for data in ("d1", "d2", "d2/2")
    }


def test_table_5_attacks_small_data_from_other_data(profile):
    surrogates = [(IMAGENET, "d2"), (RANDOM, "d2")]
    targets = [(IMAGENET, "d1/10"), (RANDOM, "d1/10")]
    found = sides(cells_of(profile, "initialization_and_data"))
    assert found == set(product(surrogates, targets))


@pytest.fixture
def three(profile):
    """The profile with three trainings of every kind."""
    return profile.model_copy(update={"replicates": 3})


@pytest.mark.parametrize("factor", study.FACTORS)
def test_more_replicates_keep_all_that_was_stored(profile, three, factor):
    assert set(cells_of(profile, factor)) < set(cells_of(three, factor))
    assert study.choice(profile, "pathology") == study.choice(three, "pathology")


def test_replicates_of_a_factor_are_crossed(profile, three):
    one, more = (cells_of(p, "initialization_and_data") for p in (profile, three))
    assert len(study.networks(more)) == 3 * len(study.networks(one))
    assert len(more) == 9 * len(one)


def test_replicates_of_a_sweep_meet_their_like(profile, three):
    one, more = (cells_of(p, "perturbation") for p in (profile, three))
    white = [cell for cell in one if cell.attack.surrogate == cell.target]
    assert len(more) == 3 * len(one) - 2 * len(white)
    assert {cell for cell in more if cell.attack.surrogate == cell.target} == {*white}


@pytest.mark.parametrize(
    "factor", ["initialization", "development_data", "initialization_and_data"]
)
def test_the_chosen_epsilon_is_used(profile, factor):
    cells = cells_of(profile, factor)
    assert {cell.attack.epsilon for cell in cells} == {EPSILON}
    assert {cell.attack.method for cell in cells} == {"fgsm", "pgd"}


def test_steps_are_those_of_the_paper(profile):
    for cell in cells_of(profile, "perturbation"):
        attack = cell.attack
        if attack.method == "fgsm":
            assert (attack.steps, attack.step_size) == (1, attack.epsilon)
        else:
            assert (attack.steps, attack.step_size) == (profile.pgd_steps, profile.pgd_step_size)


def test_epsilon_is_chosen_on_validation_images_between_pretrained_networks_of_a_kind(profile):
    spec = study.choice(profile, "radiology")
    assert {cell.attack.images for cell in spec.cells} == {"validation"}
    assert {cell.attack.method for cell in spec.cells} == {"pgd"}
    assert {cell.attack.epsilon for cell in spec.cells} == set(profile.candidates)
    assert sides(spec.cells) == {((IMAGENET, "d1"), (IMAGENET, "d1"))}
    for cell in spec.cells:
        assert cell.attack.surrogate.architecture == cell.target.architecture
        assert cell.attack.surrogate != cell.target
    assert {cell.delivery for cell in spec.cells} == {"float", "control"}
    assert (spec.remaining, spec.harmless) == (profile.remaining, profile.harmless)


def test_factors_share_what_they_can(profile):
    """So that the store makes the second notebook cheap."""
    table2, table3 = (set(cells_of(profile, name)) for name in ("perturbation", "initialization"))
    table4 = set(cells_of(profile, "development_data"))
    assert table2 & table3 & table4
    choice = set(study.networks(study.choice(profile, "pathology").cells))
    assert choice < set(study.networks(table3))


def test_a_pretrained_training_names_its_weights(profile):
    for training in study.networks(cells_of(profile, "initialization")):
        pretrained = training.initialization == IMAGENET
        expected = imagenet_weights(training.architecture).sha256 if pretrained else ""
        assert training.weights == expected


def test_networks_on_few_images_get_more_epochs(profile):
    factors = {"d1/10": 3}
    changed = profile.model_copy(update={"epoch_factors": factors})
    for initialization, recipe in profile.recipes.items():
        for data in ("d1", "d2", "d2/2", "d1/10"):
            training = ingredients.network(
                changed,
                "radiology",
                architecture="mobilenet_v2",
                initialization=initialization,
                data=data,
            )
            assert training.epochs == recipe.epochs * factors.get(data, 1)


def test_chests_are_not_mirrored(profile):
    made = {
        domain: ingredients.network(
            profile, domain, architecture="mobilenet_v2", initialization=RANDOM
        ).augmentation
        for domain in DOMAINS
    }
    assert "mirror" not in made["radiology"]
    assert "mirror" in made["pathology"] and "mirror" in made["ophthalmology"]


def test_the_seed_of_the_profile_changes_images_splits_and_trainings(profile):
    other = profile.model_copy(update={"seed": 1})
    first, second = (
        ingredients.network(p, "pathology", architecture="mobilenet_v2", initialization=RANDOM)
        for p in (profile, other)
    )
    assert first.seed != second.seed
    assert first.development.seed != second.development.seed
    assert first.development.source != second.development.source


def test_the_size_of_a_sweep_leaves_trainings_as_they_are(profile):
    """A longer sweep must not train anything again."""
    longer = profile.model_copy(update={"epsilons": (0.01, 0.1), "resamples": 500, "name": "x"})
    assert study.networks(cells_of(profile, "perturbation")) == study.networks(
        cells_of(longer, "perturbation")
    )


def test_a_domain_without_source_is_refused(profile):
    few = profile.model_copy(update={"sources": {"pathology": "phantom_histology"}})
    with pytest.raises(ManifestError, match="no source for radiology, only for pathology"):
        ingredients.source(few, "radiology")


@pytest.mark.parametrize("name", ["phantom_chest", "imagenet_mobilenet_v2"])
def test_a_manifest_of_something_else_is_no_source(profile, name):
    wrong = profile.model_copy(update={"sources": {"pathology": name}})
    with pytest.raises(ManifestError, match=rf"{name}\.yaml: domain: must be pathology"):
        ingredients.source(wrong, "pathology")


def test_a_folder_of_ones_own_is_a_source_like_any_other(profile, tmp_path):
    (tmp_path / "images").mkdir()
    rows = ["file,sick"]
    for number in range(20):
        Image.new("RGB", (40, 40), (number * 9, 50, 50)).save(tmp_path / "images" / f"{number}.png")
        rows.append(f"{number}.png,{number % 2}")
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(folder_facts()))
    own = profile.model_copy(update={"sources": {"pathology": str(path)}})
    spec = ingredients.source(own, "pathology")
    assert store.has(spec)
    assert (spec.labels, spec.image_px) == (("Tumour",), profile.image_px["pathology"])
    cells = cells_of(own, "initialization")
    assert {cell.target.development.source for cell in cells} == {spec}


@pytest.mark.parametrize("name", ["smoke", "default"])
@pytest.mark.parametrize("domain", DOMAINS)
def test_every_development_set_of_a_built_in_profile_can_train_a_network(name, domain):
    built_in = profiles.profile(name)
    source = ingredients.source(built_in, domain)
    drawn = phantoms.phantom(source.drawing)
    rows = [
        {"group": f"{group:05d}", "split": "", **dict(zip(drawn.LABELS, labels, strict=True))}
        for group in range(source.groups)
        for index in range(drawn.count(seed=source.seed, group=group))
        for labels in [drawn.labels(seed=source.seed, group=group, index=index)]
    ]
    for one in development.NAMES:
        parts = development.parts(
            pd.DataFrame(rows),
            labels=drawn.LABELS,
            development=ingredients.development(built_in, domain, one),
        )
        assert len(parts.train) >= 2 and len(parts.validation) >= 1
