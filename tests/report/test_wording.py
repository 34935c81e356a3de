"""Numbers as sentences use them."""

from __future__ import annotations

from pathlib import Path

import facts
import pytest
import yaml

from medtransfer.analysis.statistics import Effect
from medtransfer.data.readers.folder import FolderManifest
from medtransfer.report.wording import (
    decided,
    groups,
    listed,
    named,
    no_claim,
    origin,
    p_value,
    percent,
    phantoms,
    points,
)


def test_percent_has_its_interval() -> None:
    row = {"percent": 61.6, "percent_low": 51.2, "percent_high": 70.9}
    assert percent(row) == "62 % (51 to 71)"


@pytest.mark.parametrize(
    ("low", "high", "says"),
    [(1, 9, "larger"), (-9, -1, "smaller"), (-1, 9, "not clearly larger or smaller")],
)
def test_the_sign_is_decided_by_the_interval_alone(low: float, high: float, says: str) -> None:
    effect = Effect(value=4.0, low=low, high=high, p=0.5, pairs=2, replicated=True)
    assert decided(effect) == says
    assert points(effect) == f"+4 points ({low:+.0f} to {high:+.0f})"


@pytest.mark.parametrize(
    ("p", "shown"),
    [
        (3e-91, "p < 0.0001"),
        (0.0001, "p = 0.0001"),
        (0.00213, "p = 0.0021"),
        (0.0496, "p = 0.0496"),
        (0.312, "p = 0.31"),
        (1.0, "p > 0.99"),
        (float("nan"), ""),
    ],
)
def test_a_p_value_has_the_digits_that_matter(p: float, shown: str) -> None:
    assert p_value(p) == shown


@pytest.fixture
def hospital(tmp_path: Path) -> str:
    path = tmp_path / "phantom_limb.yaml"  # a name decides nothing
    path.write_text(yaml.safe_dump(facts.folder_facts(title="Limbs of our hospital")))
    return str(path)


def test_phantoms_are_known_by_their_manifests(hospital: str) -> None:
    drawn = {"radiology": "phantom_chest", "ophthalmology": "phantom_fundus"}
    assert phantoms(drawn | {"pathology": hospital}) == ["radiology", "ophthalmology"]
    assert no_claim(drawn).startswith("All images are phantoms")
    mixed = no_claim(drawn | {"pathology": hospital})
    assert mixed.startswith("The images of radiology and ophthalmology are phantoms")
    assert no_claim({"pathology": hospital}) == ""
    assert origin([hospital]) == "Limbs of our hospital", "its title, not the name of a file"
    assert origin(["phantom_chest"]).startswith("phantom_chest: synthetic")


def test_words_are_listed_as_people_do() -> None:
    assert [listed(list(words)) for words in ("a", "ab", "abc")] == ["a", "a and b", "a, b and c"]


def test_a_set_of_surrogates_is_called_by_all_of_them() -> None:
    assert named("mobilenet_v2+efficientnet_lite0") == "MobileNetV2 + EfficientNet-Lite0"
    assert named("+12 points") == "+12 points"


@pytest.mark.parametrize(("noun", "says"), [("patient", "patients"), ("biopsy", "biopsies")])
def test_what_images_are_grouped_by_comes_from_the_manifest(noun: str, says: str) -> None:
    assert groups(FolderManifest(**facts.folder_facts(group_noun=noun))) == says


def test_terms_are_spelled_for_people_and_unknown_ones_kept() -> None:
    assert named("imagenet") == "pre-trained"
    assert named("d2/2") == "d2/2"
    assert named(0.02) == 0.02
