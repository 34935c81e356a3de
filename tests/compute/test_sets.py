"""Sets are looked at before anything is trained: what shows one class only is named or refused."""

import re

import pytest

from medtransfer.compute import run, sets
from medtransfer.errors import SplitError
from medtransfer.study import plan
from medtransfer.study.factors import FACTORS

HALF = [row % 2 for row in range(120)]
ONE = [int(row == 7) for row in range(120)]
TEN = [int(row < 20 and row % 2) for row in range(120)]


def test_sets_of_both_classes_need_no_word(own_study):
    assert sets.checked(own_study(HALF), ["pathology"]) == []


@pytest.mark.parametrize(
    ("labels", "split", "says"),
    [
        (ONE, None, r"pathology (test|d1 train|d1 validation) \(\d+ images\) has no positive of T"),
        (
            [0 if row % 6 > 3 else row % 2 for row in range(120)],
            ["test" if row % 6 > 3 else "development" for row in range(120)],
            r"pathology test \(40 images\) has no positive of Tumour",
        ),
        ([1] * 120, None, "pathology test .* has only positives of Tumour"),
    ],
    ids=["one positive", "test without", "only positives"],
)
def test_a_set_of_one_class_is_refused_before_anything_is_trained(
    own_study, run_on, labels, split, says
):
    wanted = own_study(labels, split=split)
    run_on(None)  # any use of it would fail
    with pytest.raises(SplitError, match=says):
        run.everything(wanted, ["pathology"])
    with pytest.raises(SplitError, match=says):
        run.factor(wanted, "pathology", "initialization_and_data")


def test_a_small_set_of_one_class_costs_its_factor_alone(own_study, run_on):
    wanted = own_study(TEN)
    run_on(None)  # any use of it would fail
    says = r"pathology d1/10 train \(\d images\) has no positive of Tumour"
    (name, why), *others = sets.left_out(wanted, "pathology").items()
    assert name == "initialization_and_data" and re.match(says, why) and not others
    assert run.possible(wanted, "pathology") == tuple(f for f in FACTORS if f != name)
    for refused in (sets.left_out, run.factor):
        with pytest.raises(SplitError, match=says):  # asked for alone
            names = [name] if refused is sets.left_out else name
            refused(wanted, "pathology", names)


def test_epsilon_is_not_chosen_on_images_of_one_class(own_study):
    names = ["test", "d1:train", "d1:val", "d2:train", "d2:val"]
    split = [names[row // 2 % 5] for row in range(120)]
    ill = [0 if split[row] == "d1:val" else row % 2 for row in range(120)]
    with pytest.raises(SplitError, match=r"^pathology d1 validation \(24 images\) has no positive"):
        sets.checked(own_study(ill, split=split), ["pathology"], ["perturbation"])


def test_what_is_shown_beside_a_factor_needs_sets_of_both_classes_too(own_study):
    names = ["test", "d1:train", "d1:val", "d2:train", "d2:val"]
    split = [names[row // 2 % 5] for row in range(120)]
    here = [row for row in range(120) if split[row] == "d2:train"]
    ill = [row % 2 for row in range(120)]
    whole = own_study(ill, split=split)
    assert len(sets.beside(whole, "pathology", "initialization")) == len(
        plan.beside(whole, "pathology", "initialization")
    )
    assert sets.left_out(whole, "pathology") == {}
    one_class = own_study([0 if row in here else v for row, v in enumerate(ill)], split=split)
    found = sets.beside(one_class, "pathology", "initialization")
    assert {spec.surrogate.development.name for spec in found} == {"d1"}
    assert [*sets.left_out(one_class, "pathology")] == [
        "development_data",
        "initialization_and_data",
        "attackers",
        "defences",
    ]


def test_only_the_sets_of_the_factors_asked_for_are_looked_at(own_study):
    wanted = own_study(TEN)
    notes = sets.checked(wanted, ["pathology"], ["perturbation", "initialization"])
    assert not any("d1/10" in note for note in notes)


def test_a_label_of_one_class_beside_one_of_both_is_named(own_study):
    wanted = own_study(HALF, [0] * 120, domain="radiology")
    notes = sets.checked(wanted, ["radiology"], ["perturbation"])
    assert {note.split(" (")[0] for note in notes} == {
        "radiology test",
        "radiology d1 train",
        "radiology d1 validation",
    }
    assert all(note.endswith("has no positive of Nodule") for note in notes)


def test_too_few_patients_are_refused_before_anything_is_trained(own_study):
    with pytest.raises(SplitError, match="too few groups"):
        sets.checked(own_study([0, 1, 0, 1]), ["pathology"])


def test_the_smallest_profile_can_be_run(planned, in_process, home):
    assert sets.checked(planned, planned.domains) == []
