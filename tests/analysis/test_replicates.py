"""Effects of pairs that were trained alike: means, intervals and p-values."""

import numpy as np
import pytest
from scipy import stats

from medtransfer.analysis.replicates import Differences, effect, less, scaled


def found(values, *, spread=0.0, groups=50, seed=0):
    values = np.asarray(values, float)
    drawn = np.random.default_rng(seed).normal(0, spread, (len(values), 400))
    return Differences(values, values[:, None] + drawn, groups)


def test_one_domain_is_a_paired_t_test():
    """Where images have no doubt, by scipy."""
    first, second = found([5.0, 9, 7, 8]), found([4.0, 5, 6, 2])
    expected = stats.ttest_rel(first.values, second.values)
    mean = effect([less(first, second)], null=0.0)
    assert mean.value == pytest.approx(3)
    assert mean.p == pytest.approx(expected.pvalue, rel=1e-3)
    low, high = expected.confidence_interval()
    assert (mean.low, mean.high) == pytest.approx((low, high), rel=1e-3)
    assert (mean.pairs, mean.replicated) == (4, True)


def test_doubt_about_images_widens_the_interval():
    sure, unsure = (effect([found([1.0, 2, 3], spread=s)], null=0.0) for s in (0, 4))
    assert unsure.high - unsure.low > sure.high - sure.low


def test_every_domain_counts_alike():
    mean = effect({"a": found([1.0, 1]), "b": found([3.0, 3, 3, 3])}, null=0.0)
    assert mean.value == pytest.approx(2)
    assert mean.pairs == 6


def test_one_replicate_has_an_interval_over_images_and_no_p():
    mean = effect([found([2.0], spread=1.0)], null=0.0)
    assert np.isnan(mean.p) and not mean.replicated
    assert mean.low == pytest.approx(2 - 1.96, abs=0.3)
    assert mean.high == pytest.approx(2 + 1.96, abs=0.3)


def test_p_is_against_the_null():
    assert effect([found([2.0, 2.1, 1.9])], null=2.0).p > 0.9
    assert effect([found([2.0, 2.1, 1.9])], null=0.0).p < 0.01


def test_intervals_cover_as_often_as_they_say():
    rng, covered = np.random.default_rng(1), 0
    for _ in range(600):
        shift = rng.normal(0, 1)  # of the images, alike for all replicates
        values = 3 + shift + rng.normal(0, 2, 4)
        draws = values[:, None] + rng.normal(0, 1, 200)[None]
        mean = effect([Differences(values, draws, 60)], null=0.0)
        covered += mean.low <= 3 <= mean.high
    assert 0.92 < covered / 600 <= 0.995


def test_scaled_turns_the_sign():
    turned = effect([scaled(found([1.0, 2, 3]), -1)], null=0.0)
    assert turned.value == -2
