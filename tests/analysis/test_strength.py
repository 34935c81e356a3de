"""Equal strength: the epsilon at which an attacker leaves what PGD leaves, by arithmetic."""

import numpy as np
import pytest
from attackings import METHODS
from studies import LABELS, answers

from medtransfer.analysis import strength

PGD, _, DI = METHODS
EPSILON = 0.04


@pytest.fixture
def curve(toy, publish_answers):
    """Maker of what DI leaves at some epsilons, in %, and PGD at the largest."""
    rng = np.random.default_rng(0)
    source = toy.source(content="alike")
    on = toy.development(source=source)
    surrogate, target = (toy.training(development=on, seed=seed) for seed in (1, 2))

    def make(left, *, reference, elsewhere=10):
        found = []
        known = {PGD.at(EPSILON): reference, PGD.at(0.01): elsewhere}
        for method, percent in {**known, **{DI.at(at): each for at, each in left.items()}}.items():
            cell = toy.cell(surrogate, target, method=method, images="validation")
            after = answers(percent / 100, rng)
            publish_answers(cell, labels=LABELS, clean=answers(1, rng), attacked=after)
            found.append(cell)
        return found

    return make


@pytest.mark.parametrize(
    ("left", "reference", "expected"),
    [
        ({0.02: 80, 0.04: 40}, 80, 0.02),
        ({0.02: 80, 0.04: 40}, 60, 0.03),
        ({0.02: 80, 0.04: 40}, 90, 0.01),  # between nothing, which leaves all, and the smallest
        ({0.01: 90, 0.02: 50, 0.03: 70, 0.04: 40}, 60, 0.018),  # the first of several
        ({0.02: 80, 0.04: 40}, 40, 0.04),
    ],
)
def test_it_is_interpolated_where_the_curve_first_falls_so_far(curve, left, reference, expected):
    assert strength.matched(curve(left, reference=reference), "DI") == pytest.approx(
        expected, rel=0.06
    )


@pytest.mark.parametrize(
    ("left", "reference"), [({0.02: 90, 0.04: 70}, 60), ({0.02: 90, 0.04: 70}, 100)]
)
def test_who_is_weaker_or_has_nothing_to_match_has_none(curve, left, reference):
    assert strength.matched(curve(left, reference=reference), "DI") is None


def test_it_has_two_digits_so_that_rounding_elsewhere_makes_no_other_attack(curve):
    found = strength.matched(curve({0.02: 77, 0.04: 33}, reference=63), "DI")
    assert found == float(f"{found:.2g}")
