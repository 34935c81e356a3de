"""Rank correlation within domains: trends between them do not count, and p agrees with interval."""

from itertools import product

import numpy as np
import pytest

from medtransfer.analysis.correlation import overall, within

PLACES = list(product(("a", "b", "c"), ("d1", "d1/2", "d1/4", "d1/10"), ("net", "wide")))
DOMAINS, ROWS, COLUMNS = (list(each) for each in zip(*PLACES, strict=True))
BETWEEN = np.array(["abc".index(name) for name in DOMAINS]) * 100.0


def measured(first, second):
    return within(
        np.asarray(first), np.asarray(second), domains=DOMAINS, rows=ROWS, columns=COLUMNS
    )


def drawn(rng, *, by_column=0.0):
    """24 values in three domains; columns of a domain share so much."""
    shared = {where: rng.normal(0, by_column) for where in product("abc", ("net", "wide"))}
    return np.array([shared[d, c] + rng.normal() for d, _, c in PLACES])


def test_order_within_domains_is_found_whatever_lies_between():
    steps = np.arange(24.0) % 8
    found = measured(steps, steps**3 - 1000 * BETWEEN)
    assert (found.value, found.pairs) == (1, 24)
    assert found.p < 0.01 and 0.9 < found.low <= found.value <= found.high
    assert measured(steps, BETWEEN - steps).value == -1


def test_a_trend_between_domains_alone_does_not_count():
    rng = np.random.default_rng(0)
    found = [(BETWEEN + drawn(rng), BETWEEN + drawn(rng)) for _ in range(60)]
    assert np.mean([overall(*each) for each in found]) > 0.8
    inside = [measured(*each) for each in found]
    assert abs(np.mean([effect.value for effect in inside])) < 0.1
    assert np.mean([effect.p < 0.05 for effect in inside]) < 0.12


def test_sizes_that_share_their_architecture_are_no_independent_points():
    """Each architecture's habits make eight points four; `benchmarks/calibration.py` has more."""
    rng = np.random.default_rng(1)
    found = [measured(drawn(rng, by_column=3), drawn(rng, by_column=3)) for _ in range(150)]
    assert np.mean([effect.p < 0.05 for effect in found]) <= 0.09
    apart = 1.96 / np.sqrt(24 - 2 - 3)  # Fisher's, of independent points
    assert np.mean([abs(np.arctanh(effect.value)) > apart for effect in found]) > 0.15


@pytest.mark.parametrize("strength", [0.0, 0.6, 1.2])
def test_the_interval_leaves_0_exactly_where_p_is_small(strength):
    rng = np.random.default_rng(2)
    for _ in range(40):
        first = drawn(rng)
        effect = measured(first, strength * first + drawn(rng))
        assert (effect.p < 0.05) == (effect.low > 0 or effect.high < 0)
        assert -1 <= effect.low <= effect.value <= effect.high <= 1


def test_what_never_changes_says_nothing():
    effect = measured(np.arange(24.0), BETWEEN)
    assert (effect.value, effect.low, effect.high, effect.p) == (0, -1, 1, 1)
    assert overall(np.arange(24.0), np.zeros(24)) == 0
