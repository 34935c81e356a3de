"""What a run says before it starts: what it cannot decide, and what it leaves out."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from medtransfer.compute import notes, sets
from medtransfer.errors import SplitError
from medtransfer.study import schema
from medtransfer.study.builders import Study


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, []),
        (
            {"replicates": {"imagenet": 1, "random": 1}},
            ["one training of each kind: .* no claim is judged.*`replicates: 2`"],
        ),
        (
            {"replicates": {"imagenet": 1, "random": 3}},
            ["one training of each kind of imagenet network: .* no claim about these is judged"],
        ),
        (
            {"sources": {"radiology": "phantom_chest"}},
            ["C2 is not judged: it needs 24 points .* this study has 1 x 4 x 2"],
        ),
        ({"architectures": ("mobilenet_v2_stride8",)}, ["this study has 3 x 4 x 1"]),
        ({"recipes": {"random": None}}, ["start from imagenet weights: C1 and C2"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_what_a_profile_cannot_decide_is_said_and_nothing_else(changes, says):
    profile = schema.profile("default")
    if "recipes" in changes:
        changes = {"recipes": {"random": profile.recipes["random"]}}
    found = notes.undecided(Study(profile.model_copy(update=changes), {}))
    assert len(found) == len(says)
    for sentence, pattern in zip(found, says, strict=True):
        assert pd.Series([sentence]).str.contains(pattern).all(), sentence


@pytest.mark.parametrize(("positives", "negatives"), [(12, 48), (40, 40), (100, 30)])
def test_how_sure_an_auc_can_be_is_what_drawing_again_shows(positives, negatives):
    """Answers of two normal populations, drawn 4,000 times, against the formula."""
    rng = np.random.default_rng(0)
    apart = np.sqrt(2) * norm.ppf(0.8)
    ill = rng.normal(apart, 1, (4000, positives))
    well = rng.normal(0, 1, (4000, negatives))
    found = (ill[:, :, None] > well[:, None, :]).mean(axis=(1, 2))
    labels = pd.DataFrame({"a": [1] * positives + [0] * negatives})
    assert found.mean() == pytest.approx(0.8, abs=0.01)
    assert notes.reach_of_auc(labels, auc=0.8) == pytest.approx(1.96 * found.std(), rel=0.05)


def test_several_labels_make_a_mean_surer_and_one_of_one_class_counts_for_nothing():
    labels = pd.DataFrame({"a": [1] * 20 + [0] * 20})
    alone = notes.reach_of_auc(labels, auc=0.8)
    four = notes.reach_of_auc(labels.assign(b=labels["a"], c=labels["a"], d=labels["a"]), auc=0.8)
    assert four == pytest.approx(alone / 2)
    assert notes.reach_of_auc(labels.assign(b=0), auc=0.8) == alone
    assert np.isnan(notes.reach_of_auc(labels[["a"]] * 0, auc=0.8))


def test_a_small_set_is_said_to_decide_little_and_what_it_cannot_serve(own_study, run_on):
    ten = own_study([int(row < 20 and row % 2) for row in range(120)])
    run_on(None)  # any use of it would fail
    said = notes.before(ten, ["pathology"])
    assert any(s.startswith("one training of each kind") for s in said)
    (out,) = [s for s in said if "left out" in s]
    assert out.startswith("notebook 33 (pathology, initialization and data) is left out: pathology")
    assert "d1/10 train" in out
    (wide,) = [s for s in said if s.startswith("pathology test has")]
    assert "positive and" in wide and "at best" in wide
    assert not [s for s in notes.before(ten, ["pathology"], ["perturbation"]) if "left out" in s]
    with pytest.raises(SplitError, match="d1/10"):
        notes.before(ten, ["pathology"], ["initialization_and_data"])


def test_a_large_set_needs_no_word(own_study):
    large = own_study([row % 2 for row in range(1200)])
    assert notes.uncertain(large, "pathology") == []
    assert sets.left_out(large, "pathology") == {}


def test_of_phantoms_no_set_is_called_small(planned, in_process, home):
    assert notes.uncertain(planned, "pathology") == []


@pytest.mark.parametrize(("steps", "helps"), [(4, False), (300, True)])
def test_larger_images_are_not_advised_where_training_is_too_short(
    planned, monkeypatch, steps, helps
):
    recipes = {n: r.model_copy(update={"steps": steps}) for n, r in planned.profile.recipes.items()}
    study = replace(planned, profile=planned.profile.model_copy(update={"recipes": recipes}))
    monkeypatch.setattr(notes.plan, "choices", lambda study, domain: {})
    monkeypatch.setattr(notes.guards, "at_chance", lambda cells, resamples: ("at chance", "why"))
    (said,) = notes.trained(study, ["pathology"])
    assert said.startswith("pathology, validation images: why; ")
    assert ("larger images would help" in said) is helps


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"sweep": {"FGSM": (0.01, 2.0)}}, ["sweep, FGSM: epsilon 2 (255.00 grey levels of 255)"]),
        ({"candidates": (0.3,)}, ["candidates: epsilon 0.3 (38.25 grey levels of 255)"]),
        ({"sweep": {"FGSM": (0.2,), "PGD": ()}}, []),
    ],
)
def test_an_epsilon_that_anyone_sees_is_noted(planned, monkeypatch, changes, says):
    monkeypatch.setattr(notes, "undecided", lambda study: [])
    study = replace(planned, profile=planned.profile.model_copy(update=changes))
    said = notes.before(study, [])
    assert len(said) == len(says)
    for sentence, expected in zip(said, says, strict=True):
        assert sentence.startswith(f"{expected} is plain to see")
