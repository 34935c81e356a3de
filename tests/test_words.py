"""Numbers as sentences use them."""

import pytest

from medtransfer.words import decided, percent, points


def test_percent_has_its_interval() -> None:
    row = {"percent": 61.6, "percent_low": 51.2, "percent_high": 70.9}
    assert percent(row) == "62 % (51 to 71)"


@pytest.mark.parametrize(
    ("low", "high", "says"),
    [(1, 9, "larger"), (-9, -1, "smaller"), (-1, 9, "not clearly larger or smaller")],
)
def test_the_sign_is_decided_by_the_interval_alone(low: float, high: float, says: str) -> None:
    row = {"difference": 4.0, "difference_low": low, "difference_high": high}
    assert decided(row) == says
    assert points(row) == f"+4 points ({low:+.0f} to {high:+.0f})"
