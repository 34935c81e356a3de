"""Which calls change, counted by hand."""

import numpy as np
import pytest

from medtransfer.assess import calls
from medtransfer.assess.calls import INVENTIONS, MISSES, Asked

# Five images of three patients, one finding, called from 0 on; the last is called wrongly.
TRUTH = np.array([[1], [1], [0], [0], [1]])
CLEAN = np.array([[1.0], [0.0], [-1.0], [-2.0], [-1.0]])
GROUPS = np.array(["a", "a", "b", "c", "c"])
LIMITS = np.array([0.0])


def asked(*attacked):
    weights = np.array([[2.0, 2.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 3.0, 3.0]])
    return Asked(TRUTH, CLEAN, np.array(attacked, float)[:, :, None], weights, GROUPS)


def test_misses_and_inventions_are_shares_of_correct_calls():
    found = asked([-1, 1, 1, -1, 1], [-1, -1, -1, -1, -1])
    misses = calls.changed(found, LIMITS, finding=0, kind=MISSES)
    inventions = calls.changed(found, LIMITS, finding=0, kind=INVENTIONS)
    assert misses.values.tolist() == [1 / 2, 1]
    assert inventions.values.tolist() == [1 / 2, 0]
    assert (misses.patients, inventions.patients) == (1, 2)


def test_a_call_that_was_wrong_counts_for_nothing():
    (value,) = calls.changed_any(asked([1, 1, -1, -1, 1]), LIMITS).values
    assert value == 0


def test_resamples_count_patients_as_often_as_they_were_drawn():
    found = asked([-1, 1, 1, -1, 1])
    draws = calls.changed(found, LIMITS, finding=0, kind=INVENTIONS).draws
    assert draws.tolist() == [[1.0, 0.0]]
    assert np.isnan(calls.changed(found, LIMITS, finding=0, kind=MISSES).draws[0, 1])


def test_an_output_at_the_limit_is_called():
    (value,) = calls.changed(asked([0, 0, -1, -1, -1]), LIMITS, finding=0, kind=MISSES).values
    assert value == 0


def test_a_finding_without_a_limit_counts_for_nothing():
    truth, clean = np.array([[1, 1], [0, 0]]), np.array([[1.0, 1.0], [-1.0, -1.0]])
    found = Asked(truth, clean, -clean[None], np.ones((1, 2)), np.array(["a", "b"]))
    assert calls.changed_any(found, np.array([0.0, np.nan])).values == [1]
    assert not calls.correct(found, np.array([0.0, np.nan]), kind=MISSES)[:, 1].any()


def test_shares_are_nan_where_no_call_is_correct():
    truth = np.zeros((2, 1))
    found = Asked(truth, truth - 1, truth[None], np.ones((1, 2)), np.array(["a", "b"]))
    (value,) = calls.changed(found, LIMITS, finding=0, kind=MISSES).values
    assert np.isnan(value)
    assert calls.changed(found, LIMITS, finding=0, kind=MISSES).patients == 0


@pytest.mark.parametrize("seed", range(3))
def test_everything_together_is_the_plain_share_of_changed_correct_calls(seed):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, (40, 3))
    clean, after = rng.normal(size=(40, 3)), rng.normal(size=(2, 40, 3))
    limits = np.array([0.0, 0.5, -0.5])
    found = Asked(truth, clean, after, np.ones((1, 40)), np.arange(40).astype(str))
    shares = calls.changed_any(found, limits)
    for r in range(2):
        right = [(i, k) for i in range(40) for k in range(3)]
        right = [(i, k) for i, k in right if (clean[i, k] >= limits[k]) == (truth[i, k] == 1)]
        moved = [(after[r, i, k] >= limits[k]) != (clean[i, k] >= limits[k]) for i, k in right]
        assert shares.values[r] == pytest.approx(np.mean(moved))
