"""What `assess check` finds before anything is trained."""

import re

import numpy as np
import pandas as pd
import pytest
import targets
from PIL import Image

from medtransfer.assess import asking, check
from medtransfer.cli import main
from medtransfer.measures import metrics
from medtransfer.networks.doors import modules


def test_a_model_that_fits_has_no_errors(checked):
    found = checked(declared={"auc": {"Red": 0.9, "Bright": 0.9}})
    assert found.errors == []
    rows = {row["label"]: row for row in found.answers}
    for name in targets.LABELS:
        assert rows[name]["AUC"] > 0.9
        assert rows[name]["images"] == 64, "test images alone"
    sets = {row["set"]: row["patients"] for row in found.table}
    assert sets["all"] == 80
    assert sets["test"] == 32 and sets["calibration"] == 8
    assert sets["attacker train"] + sets["attacker validation"] == 40


ROLES = np.repeat(["test", "calibration", "attacker", "development"], 40)
BY_ROLE = {"columns": {"role": ROLES}, "split": {"rule": "column", "column": "role"}}


@pytest.mark.parametrize("outputs", ["logits", "probabilities"])
def test_it_is_measured_on_the_images_of_the_report_alone(tmp_path, outputs):
    """Elsewhere the model may know the images; here it is at chance on those, and right on test."""
    path = targets.write_images(tmp_path, **BY_ROLE)
    table = pd.read_csv(tmp_path / "labels.csv")
    table.loc[80:, "Red"] = np.random.default_rng(0).permutation(table.loc[80:, "Red"])
    table.to_csv(tmp_path / "labels.csv", index=False)
    targets.write_module(tmp_path, after="logits.sigmoid()"[: 6 if outputs == "logits" else None])
    declared = {"auc": {"Red": 0.9}}
    target = targets.write_target(tmp_path, trust_code=True, outputs=outputs, declared=declared)
    found = check.check(target, str(path))[1]
    assert found.errors == []
    images, truth = targets.pictures()
    scores, right = targets.logits(images)[:, 0], truth[:, 0]
    limit = metrics.threshold(right[40:80, None], scores[40:80, None])[0]
    row = found.answers[0]
    assert row["images"] == 40 and row["positive"] == right[:40].sum()
    assert row["AUC"] == pytest.approx(metrics.label_auc(right[:40, None], scores[:40, None])[0])
    calls = scores[:40] >= limit - 1e-3
    assert row["sensitivity"] == pytest.approx(calls[right[:40] > 0].mean())
    assert row["specificity"] == pytest.approx((~calls)[right[:40] == 0].mean())
    assert any("measured on 40 of 40 test images" in said for said in found.measured)
    assert any("chosen on 40 of 40 calibration images" in said for said in found.measured)


def test_a_declared_auc_is_compared_on_test_images(tmp_path):
    path = targets.write_images(tmp_path, **BY_ROLE)
    table = pd.read_csv(tmp_path / "labels.csv")
    table.loc[:19, "Red"] = 1 - table.loc[:19, "Red"]  # the model knows it of all others
    table.to_csv(tmp_path / "labels.csv", index=False)
    targets.write_module(tmp_path)
    target = targets.write_target(tmp_path, trust_code=True, declared={"auc": {"Red": 0.9}})
    errors = check.check(target, str(path))[1].errors
    assert any("declared.auc: Red 0.9; on test images it is lower" in said for said in errors)


def calibrated(positives, negatives):
    """Images of which so many of Red are for calibration, and their column of roles."""
    red = targets.pictures()[1][:, 0]
    chosen = [*np.flatnonzero(red == 1)[:positives], *np.flatnonzero(red == 0)[:negatives]]
    roles = np.where(np.arange(160) < 80, "test", "attacker").astype(object)
    roles[chosen] = "calibration"
    patients = [f"p{n:03d}" for n in range(160)]
    return {"columns": {"role": roles, "patient": patients}, "split": BY_ROLE["split"]}


@pytest.mark.parametrize(
    ("sides", "changes", "warned"),
    [
        ((6, 11), {}, True),
        ((11, 6), {}, True),
        ((10, 10), {}, False),
        ((6, 11), {"thresholds": {"Red": 0.0, "Bright": 0.0}}, False),
        ((6, 11), {"after": "(logits > 0).float()", "outputs": "labels"}, False),
    ],
)
def test_a_threshold_of_few_images_is_warned_of(tmp_path, sides, changes, warned):
    path = targets.write_images(tmp_path, **calibrated(*sides))
    targets.write_module(tmp_path, after=changes.pop("after", "logits"))
    found = check.check(targets.write_target(tmp_path, trust_code=True, **changes), str(path))[1]
    said = [each for each in found.warnings if each.startswith("Red: its threshold")]
    assert len(said) == warned
    if warned:
        number = sum(sides)
        expected = f"{number} calibration images of {number} patients, {sides[0]} with it and "
        assert f"{expected}{sides[1]} without" in said[0] and "Give `thresholds`" in said[0]


def test_why_there_is_no_sensitivity_is_said(tmp_path):
    path = targets.write_images(tmp_path, **calibrated(0, 20))
    targets.write_module(tmp_path)
    found = check.check(targets.write_target(tmp_path, trust_code=True), str(path))[1]
    assert np.isnan(found.answers[0]["sensitivity"])
    assert any(said.startswith("Red: no threshold is given, and") for said in found.measured)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"input": {"size": [16, 16], "channels": 3}},
            "as understood: 16 x 16 px, colour, rgb (default), range [0, 255] (default), mean "
            "none (default), std none (default)",
        ),
        ({"input": {**targets.INPUT, "colours": "bgr"}}, "colour, bgr, range [0, 1], mean [0.5, "),
    ],
)
def test_the_input_is_told_as_it_was_understood(checked, changes, said):
    """Whether or not the answers are wrong."""
    assert said in checked(**changes).measured[0]


def test_its_sheet_shows_what_the_model_sees(checked):
    found = checked(input={**targets.INPUT, "size": [8, 8], "fit": "crop"}, chain=[{"jpeg": 10}])
    assert found.sheet.is_file()
    assert np.asarray(Image.open(found.sheet)).ndim == 3


def test_nothing_is_prepared_or_stored(checked, home):
    checked()
    assert {path.name for path in home.iterdir()} == {"checked", "brought"}


# As a network would: what is far from its training is answered by chance.
SATURATING = "torch.where(logits.abs() < 8, logits, torch.sin(1e3 * logits))"

MISTAKES = {
    "channels exchanged": (
        {"input": {**targets.INPUT, "colours": "bgr"}},
        "red and blue swapped .* say `colours: rgb`",
    ),
    "another range": (
        {"after": SATURATING, "input": {**targets.INPUT, "range": [0, 255]}},
        r"with range \[0, 1\], mean and std as it is, the model does better",
    ),
    "labels in another order": (
        {"labels": ["Bright", "Red"]},
        "Red by the output called Bright, Bright by the output called Red",
    ),
    "upside down": ({"after": "-logits"}, "upside down: Red AUC 0.0"),
    "constant": ({"after": "0 * logits + 1.5"}, "Red, Bright: the answer is the same"),
    "one answer constant": (
        {"after": "logits * torch.tensor([1.0, 0.0])"},
        "^Bright: the answer is the same",
    ),
    "logits called probabilities": ({"outputs": "probabilities"}, "say `outputs: logits`"),
    "probabilities called logits": (
        {"after": "logits.sigmoid()"},
        "say `outputs: probabilities`",
    ),
    "classes called independent": (
        {"after": "logits.softmax(1)", "outputs": "probabilities"},
        "say `head: one-of-many`",
    ),
    "independent findings called classes": (
        {"after": "logits.sigmoid()", "outputs": "probabilities", "head": "one-of-many"},
        "say `head: independent`",
    ),
    "calls called probabilities": (
        {"after": "(logits > 0).float()", "outputs": "probabilities"},
        "say `outputs: labels`",
    ),
    "logits called calls": ({"outputs": "labels"}, "are probabilities or logits meant"),
    "NaN": ({"after": "logits / 0 * 0"}, "NaN or infinite outputs for 8 of 8"),
    "drawn at random": ({"after": "logits + torch.rand(logits.shape)"}, "asked twice"),
    "a batch norm in training mode": ({"after": "logits - logits.mean(0)"}, "asked alone"),
    "a threshold in other units": (
        {
            "after": "logits.sigmoid()",
            "outputs": "probabilities",
            "thresholds": {"Red": 1.0, "Bright": 1e-9},
        },
        "Red: 1: the outputs lie between .* called negative",
    ),
    "a declared AUC that is not reached": (
        {"after": "logits + 2 * torch.sin(100 * logits)", "declared": {"auc": {"Red": 0.999}}},
        "declared.auc: Red 0.999; on test images it is lower: Red AUC 0",
    ),
    "too few outputs": ({"after": "logits[:, :1]"}, r"gave \(8, 1\) for 8 images"),
    "no numbers": ({"after": "[1, 2]"}, "the model fails"),
    "another size": (
        {
            "after": "logits[:, images.shape[2] - 16 :]",
            "input": {**targets.INPUT, "size": [24, 24]},
        },
        r"gave \(8, 0\)",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told(checked, name):
    changes, said = MISTAKES[name]
    found = checked(**changes)
    assert found.errors, found.warnings
    assert any(re.search(said, error) for error in found.errors), found.errors


@pytest.mark.parametrize(
    "changes",
    [
        {"after": "-logits"},
        {"labels": ["Bright", "Red"]},
        {"labels": ["Bright", "Red"], "after": "logits + 8 * images.std((2, 3))[:, :2]"},
    ],
    ids=str,
)
def test_pixels_are_not_blamed_where_answers_or_labels_are_exchanged(checked, changes):
    errors = checked(**changes).errors
    assert errors
    assert not [error for error in errors if "the model does better" in error]


@pytest.mark.parametrize("shown", targets.LABELS)
def test_pixels_are_not_blamed_where_two_classes_are_exchanged(tmp_path, shown):
    named = [{"name": shown, "meaning": "shown"}]
    path = targets.write_images(tmp_path, labels=named, task="binary")
    column = targets.LABELS.index(shown)
    # Black and white swapped would help a little.
    targets.write_module(tmp_path, after=f"logits[:, [{column}]] * torch.tensor([0.5, -0.5])")
    changes = {"labels": ["Other", shown], "head": "one-of-many"}
    target = targets.write_target(tmp_path, trust_code=True, **changes)
    errors = check.check(target, str(path))[1].errors
    assert any("upside down" in error and "are `labels` in another" in error for error in errors)
    assert not [error for error in errors if "the model does better" in error]


@pytest.mark.parametrize(
    "changes",
    [
        {"after": "logits.sigmoid()", "outputs": "probabilities", "thresholds": {"Red": 0.4}},
        {"after": "(logits > 0).float()", "outputs": "labels"},
        {"after": "logits.half()"},
    ],
    ids=["probabilities", "calls", "half precision"],
)
def test_other_outputs_are_as_good(checked, changes):
    found = checked(**changes)
    assert found.errors == []
    for row in found.answers:
        assert row.get("AUC", 1) > 0.85
    if changes.get("outputs") == "labels":
        assert "AUC" not in found.answers[0]
        _, truth = targets.pictures()
        calls = targets.logits(targets.pictures()[0]) > 0
        expected = calls[truth[:, 0] > 0, 0].mean()
        assert found.answers[0]["sensitivity"] == pytest.approx(expected, abs=0.03)


def test_channels_in_another_order_are_right_where_the_file_says_so(checked):
    found = checked(after="logits[:, :] * torch.tensor([-1.0, 1.0])", input={**targets.INPUT})
    assert found.errors
    swapped = {**targets.INPUT, "colours": "bgr", "mean": [0.3, 0.4, 0.5], "std": [0.3, 0.25, 0.2]}
    code = (
        "((images.flip(1) * std + mean).mean((2, 3)) @ weights + torch.tensor([0.0, -0.43])) * 20"
    )
    assert checked(after=code, input=swapped).errors == []


def test_the_command_says_what_to_do_and_its_status(tmp_path, images, capsys):
    targets.write_module(tmp_path)
    target = targets.write_target(tmp_path, trust_code=True)
    assert main(["assess", "check", str(target), str(images)]) == 0
    said = capsys.readouterr().out
    assert "sha256: " in said and "specificity" in said and "contact sheet" in said
    warned = said.count("warning: ")  # few patients of both findings, and what is not known
    assert said.endswith(
        f"no errors, {warned} warnings to judge\nnext: medtransfer assess run {target} {images}\n"
    )
    wrong = targets.write_target(tmp_path, trust_code=True, outputs="probabilities")
    assert main(["assess", "check", str(wrong), str(images)]) == 1
    said = capsys.readouterr().out
    assert "error: outputs: probabilities: answers lie between" in said
    assert said.endswith("1 error to fix\n")


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({}, ["known.architecture: not said", "known.initialization: not said"]),
        ({"architecture": "resnet1800", "initialization": "random"}, ["resnet1800: no attacker's"]),
        (
            {"architecture": "resnet18", "initialization": "random"},
            ["resnet18: attackers train it from random weights, .*the architecture alone are not"],
        ),
        (
            {"architecture": "resnet18", "initialization": "imagenet"},
            ["who know how its weights began, too, are not assessed"],
        ),
        ({"architecture": "densenet121", "initialization": "RadImageNet"}, ["RadImageNet: no"]),
        ({"architecture": "densenet121", "initialization": "imagenet"}, []),
    ],
)
def test_attackers_that_cannot_be_simulated_are_told_before(checked, known, said):
    found = [each for each in checked(known=known).warnings if each.startswith("known.")]
    assert len(found) == len(said)
    assert all(re.search(part, each) for part, each in zip(said, found, strict=True))


# --- images -------------------------------------------------------------------------------------


def check_images(tmp_path, *, after="logits", **changes):
    path = targets.write_images(tmp_path, **changes)
    targets.write_module(tmp_path, after=after)
    return check.check(targets.write_target(tmp_path, trust_code=True), str(path))[1]


def test_a_patient_in_two_sets_is_an_error(tmp_path):
    roles = ["test", "attacker"] * 80  # the two images of a patient
    found = check_images(
        tmp_path, columns={"role": roles}, split={"rule": "column", "column": "role"}
    )
    assert any("groups in both test and attacker" in error for error in found.errors)


def test_a_column_may_name_the_roles(tmp_path):
    roles = np.repeat(["test", "calibration", "attacker", "development"], 40)
    found = check_images(
        tmp_path, columns={"role": roles}, split={"rule": "column", "column": "role"}
    )
    assert found.errors == []
    sets = {row["set"]: row["images"] for row in found.table}
    assert sets["test"] == sets["calibration"] == sets["development"] == 40
    assert sets["attacker train"] + sets["attacker validation"] == 40


def test_sets_of_a_study_are_no_roles(tmp_path):
    sets = np.repeat(["test", "development"], 80)
    found = check_images(tmp_path, columns={"set": sets}, split={"rule": "column", "column": "set"})
    assert any("an assessment needs test and attacker" in error for error in found.errors)


def test_a_copy_of_a_test_picture_among_the_attackers_is_an_error(tmp_path):
    targets.write_images(tmp_path)
    roles = np.repeat(["test", "calibration", "attacker"], [60, 20, 80])
    path = targets.write_images(
        tmp_path, columns={"role": roles}, split={"rule": "column", "column": "role"}
    )
    (tmp_path / "images" / "159.png").write_bytes((tmp_path / "images" / "000.png").read_bytes())
    targets.write_module(tmp_path)
    found = check.check(targets.write_target(tmp_path, trust_code=True), str(path))[1]
    assert any("000.png" in error and "159.png" in error for error in found.errors)


def test_a_slow_model_is_asked_little(checked, monkeypatch):
    """A second for each image: eight are asked together, again and alone, and no variants."""
    clock, number = [0.0], [0]
    answer = modules.ModuleDoor.answer

    def slow(self, images):
        clock[0] += len(images)
        number[0] += len(images)
        return answer(self, images)

    monkeypatch.setattr(asking.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(modules.ModuleDoor, "answer", slow)
    assert checked().errors == []
    assert number[0] <= 16 + 8 + 8


def test_a_model_at_chance_is_told(tmp_path):
    found = check_images(tmp_path, after="torch.sin(100 * logits)", number=500)
    assert any("tells nothing of these images" in error for error in found.errors)


def test_too_few_patients_of_a_finding_are_told(tmp_path):
    found = check_images(tmp_path, number=60)
    assert any("below 30 of each nothing is said about it" in said for said in found.warnings)


def test_images_without_patients_are_warned_of(tmp_path):
    found = check_images(tmp_path, group_column="none", group_noun="image")
    assert any("nothing says which images belong together" in said for said in found.warnings)
