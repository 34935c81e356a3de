"""Shares, their intervals and tests, against exact values and an independent count."""

import numpy as np
import pytest
from scipy import stats

from medtransfer.assess.statistics import Shares, difference, interval, p_above, variance


def shares(values, draws, patients=100):
    return Shares(
        values=np.array(values, float),
        draws=np.array(draws, float),
        images=patients,
        patients=patients,
    )


def still(values, *, patients=100, draws=50):
    """Shares that do not depend on the patients."""
    return shares(values, np.repeat(np.array(values, float)[:, None], draws, axis=1), patients)


@pytest.mark.parametrize("patients", [30, 50, 100, 200])
def test_where_nothing_happened_the_bound_is_exact(patients):
    low, high = interval(still([0, 0, 0], patients=patients))
    exact = stats.binomtest(0, patients).proportion_ci(method="exact")
    assert low == 0
    assert high == pytest.approx(exact.high)


def test_where_everything_happened_the_bound_is_exact():
    low, high = interval(still([1, 1, 1], patients=40))
    assert high == 1
    assert low == pytest.approx(stats.binomtest(40, 40).proportion_ci(method="exact").low)


def test_independent_patients_and_one_surrogate_give_clopper_and_pearson():
    patients, hits = 200, 60
    rng = np.random.default_rng(0)
    draws = rng.binomial(patients, hits / patients, size=(1, 4000)) / patients
    low, high = interval(shares([hits / patients], draws, patients))
    exact = stats.binomtest(hits, patients).proportion_ci(method="exact")
    assert (low, high) == pytest.approx((exact.low, exact.high), abs=0.01)


def test_a_rare_event_is_never_better_known_than_none():
    """One image in a thousand, of fifty patients: its own interval would end below 0.6 %."""
    draws = np.random.default_rng(0).binomial(1000, 0.001, size=(1, 400)) / 1000
    few = Shares(values=np.array([0.001]), draws=draws, images=1000, patients=50)
    _, high = interval(few)
    assert high == pytest.approx(stats.binomtest(0, 50).proportion_ci(method="exact").high)


def test_no_patients_have_no_interval():
    assert all(map(np.isnan, interval(shares([np.nan], [[np.nan]], patients=0))))


def test_surrogates_that_differ_widen_the_interval():
    alike, apart = (interval(still(values)) for values in ([0.3, 0.3, 0.3], [0.1, 0.3, 0.5]))
    assert apart[0] < alike[0] and apart[1] > alike[1]


def test_the_variance_between_surrogates_is_that_of_their_mean():
    found, freedom = variance(still([0.1, 0.2, 0.6]))
    assert found == pytest.approx(np.var([0.1, 0.2, 0.6], ddof=1) / 3)
    assert freedom == pytest.approx(2)


def test_doubt_that_pairs_add_is_not_counted_twice():
    """Surrogates that differ by chance alone: the spread is that over patients."""
    rng, patients = np.random.default_rng(1), 400
    hits = (rng.random((3, patients)) < 0.3).astype(float)
    picks = rng.integers(patients, size=(500, patients))
    found, _ = variance(shares(hits.mean(1), hits[:, picks].mean(2), patients))
    assert found < 1.3 * 0.3 * 0.7 / (3 * patients) + 0.0002


def test_p_is_students_and_one_sided():
    attack = still([0.2, 0.3, 0.4])
    noise = still([0.1, 0.1, 0.1])
    expected = stats.ttest_1samp([0.1, 0.2, 0.3], 0, alternative="greater").pvalue
    assert p_above(attack - noise) == pytest.approx(expected)


def test_less_than_noise_is_never_significant():
    assert p_above(still([0.1, 0.1]) - still([0.2, 0.3])) == 1
    assert p_above(still([0.1, 0.1]) - still([0.1, 0.1])) == 1


def test_the_difference_of_two_rungs_is_welchs_where_patients_say_nothing():
    first, second = [0.5, 0.6, 0.7], [0.1, 0.25, 0.3]
    found = difference(still(first), still(second))
    expected = stats.ttest_ind(first, second, equal_var=False)
    assert found.value == pytest.approx(np.mean(first) - np.mean(second))
    assert found.p == pytest.approx(expected.pvalue, rel=1e-6)
    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval()))
