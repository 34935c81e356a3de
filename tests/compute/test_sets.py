"""Sets are looked at before anything is trained: what shows one class only is named or refused."""

import numpy as np
import pandas as pd
import pytest

from medtransfer import store
from medtransfer.compute import run, sets
from medtransfer.data.images import FileSource, write_index
from medtransfer.errors import SplitError
from medtransfer.study.builders import Study

LABELS = {"pathology": ("Tumour",), "radiology": ("Mass", "Nodule")}


@pytest.fixture
def study(profile, home):
    """Makes a study of images read from files, two of each patient, with the labels of a test."""

    def make(*labels, domain="pathology", split=None):
        source = FileSource(
            manifest="mine",
            domain=domain,
            content="mine",
            image_px=32,
            channels=1,
            labels=LABELS[domain],
        )
        number = len(labels[0])
        index = pd.DataFrame({"image": [f"{row:03d}.png" for row in range(number)]})
        index["group"] = [f"p{row // 2}" for row in range(number)]
        index["split"] = "" if split is None else split
        for name, values in zip(LABELS[domain], labels, strict=True):
            index[name] = np.array(values, np.uint8)
        with store.draft(source) as place:
            np.save(place / "images.npy", np.zeros((number, 32, 32, 1), np.uint8))
            write_index(place, index)
        return Study(profile.model_copy(update={"sources": {domain: "mine"}}), {domain: source})

    return make


HALF = [row % 2 for row in range(120)]
ONE = [int(row == 7) for row in range(120)]
TEN = [int(row < 20 and row % 2) for row in range(120)]


def test_sets_of_both_classes_need_no_word(study):
    assert sets.checked(study(HALF), ["pathology"]) == []


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
        (TEN, None, r"pathology d1/10 train \(\d images\) has no positive of Tumour"),
    ],
    ids=["one positive", "test without", "only positives", "ten positives"],
)
def test_a_set_of_one_class_is_refused_before_anything_is_trained(
    study, run_on, labels, split, says
):
    wanted = study(labels, split=split)
    run_on(None)  # any use of it would fail
    with pytest.raises(SplitError, match=says):
        run.everything(wanted, ["pathology"])
    with pytest.raises(SplitError, match=says):
        run.factor(wanted, "pathology", "initialization_and_data")


def test_only_the_sets_of_the_factors_asked_for_are_looked_at(study):
    wanted = study(TEN)
    notes = sets.checked(wanted, ["pathology"], ["perturbation", "initialization"])
    assert not any("d1/10" in note for note in notes)


def test_a_label_of_one_class_beside_one_of_both_is_named(study):
    wanted = study(HALF, [0] * 120, domain="radiology")
    notes = sets.checked(wanted, ["radiology"], ["perturbation"])
    assert {note.split(" (")[0] for note in notes} == {
        "radiology test",
        "radiology d1 train",
        "radiology d1 validation",
    }
    assert all(note.endswith("has no positive of Nodule") for note in notes)


def test_too_few_patients_are_refused_before_anything_is_trained(study):
    with pytest.raises(SplitError, match="too few groups"):
        sets.checked(study([0, 1, 0, 1]), ["pathology"])


def test_the_smallest_profile_can_be_run(planned, in_process, home):
    assert sets.checked(planned, planned.domains) == []
