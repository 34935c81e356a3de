"""Units: whole grey levels inside the budget."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medtransfer.units import GREY_LEVEL, grey_levels, shown


@pytest.mark.parametrize(
    ("epsilon", "levels"),
    [(0.0, 0), (0.01, 1), (0.02, 2), (0.03, 3), (0.04, 5), (0.05, 6), (0.06, 7), (2.0, 255)],
)
def test_grey_levels_of_the_study(epsilon, levels):
    assert grey_levels(epsilon) == levels


@given(st.integers(0, 255))
def test_a_whole_number_of_levels_loses_none_to_rounding(levels):
    assert grey_levels(levels * 2 / 255) == levels


@given(st.floats(0, 2))
def test_levels_never_exceed_the_budget(epsilon):
    assert grey_levels(epsilon) * GREY_LEVEL <= epsilon + 1e-3 * GREY_LEVEL


def test_epsilon_is_shown_with_its_grey_levels():
    assert shown(0.02) == "0.02 (2.55 grey levels of 255)"
