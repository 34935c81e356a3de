"""Numbers as sentences use them."""

import facts
import pytest

from medtransfer.analysis.statistics import Effect
from medtransfer.data.readers.folder import FolderManifest
from medtransfer.report.wording import decided, groups, named, percent, points


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
