"""Numbers as sentences use them."""

import pytest

from medtransfer.analysis.statistics import Effect
from medtransfer.report.wording import decided, named, percent, points


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


def test_terms_are_spelled_for_people_and_unknown_ones_kept() -> None:
    assert named("imagenet") == "pre-trained"
    assert named("d2/2") == "d2/2"
