"""Effects: the unit is the trained pair, and intervals cover what they should."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.sandwich_covariance import cov_cluster_2groups

from medtransfer.analysis import statistics
from medtransfer.analysis.statistics import Pairs, difference, mean, verdicts

pytestmark = pytest.mark.slow


def side(name, rng, *, level, targets, spread, replicates=3, networks=2, noise=1.0):
    """Pairs of fresh surrogates with given targets: {(network, replicate): its deviation}."""
    surrogates = {key: rng.normal(0, spread) for key in product(range(networks), range(replicates))}
    rows = list(product(surrogates, targets))
    percent = [
        level + 20 * (s[0] != t[0]) + surrogates[s] + targets[t] + rng.normal(0, noise)
        for s, t in rows
    ]
    shift = rng.normal(0, 1)  # the patients that the test set happens to hold
    return Pairs(
        values=np.array(percent) + shift,
        draws=np.array(percent)[:, None] + shift + rng.normal(0, 1, 50),
        surrogates=[f"{name} {s}" for s, _ in rows],
        targets=[f"{t}" for _, t in rows],
        surrogate_kinds=[f"{name} {s[0]}" for s, _ in rows],
        target_kinds=[f"{t[0]}" for _, t in rows],
        groups=60,
    )


def study(rng, *, effect, spread=3.0, replicates=3):
    """Two sets of surrogates against the same targets, `effect` points apart."""
    targets = {key: rng.normal(0, spread) for key in product(range(2), range(replicates))}
    known = {"targets": targets, "spread": spread, "replicates": replicates}
    return side("a", rng, level=50 + effect, **known), side("b", rng, level=50, **known)


@pytest.mark.parametrize("replicates", [2, 4])
def test_intervals_cover_and_no_effect_is_seldom_seen(replicates):
    """`benchmarks/calibration.py` has more studies, and other sources of doubt."""
    rng = np.random.default_rng(3)
    found = [difference(*study(rng, effect=0, replicates=replicates)) for _ in range(200)]
    covered = np.mean([effect.low <= 0 <= effect.high for effect in found])
    seen = np.mean([effect.p < 0.05 and effect.value > 0 for effect in found])
    assert covered >= 0.91  # 0.95, less 2.5 standard errors of 200 studies
    assert seen <= 0.06


def test_a_large_effect_is_seen():
    rng = np.random.default_rng(4)
    found = [difference(*study(rng, effect=20)) for _ in range(20)]
    assert all(effect.p < 0.01 and effect.low > 0 for effect in found)
    assert np.mean([effect.value for effect in found]) == pytest.approx(20, abs=3)


def test_networks_that_differ_widen_the_interval_though_images_are_many():
    rng = np.random.default_rng(5)
    narrow, wide = (difference(*study(rng, effect=0, spread=s)) for s in (0.5, 8))
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def test_one_training_of_each_kind_gives_an_interval_over_images_alone():
    first, second = study(np.random.default_rng(6), effect=5, replicates=1)
    effect = difference(first, second)
    assert not effect.replicated
    assert np.isnan(effect.p)
    draws = first.draws.mean(axis=0) - second.draws.mean(axis=0)
    assert (effect.low, effect.high) == pytest.approx(tuple(np.percentile(draws, [2.5, 97.5])))


def test_a_mean_weighs_kinds_and_not_pairs():
    """A kind with more replicates does not count more."""
    pairs = Pairs(
        values=np.array([10.0, 10.0, 10.0, 90.0]),
        draws=np.tile([[10.0], [10.0], [10.0], [90.0]], 5),
        surrogates=["a1", "a2", "a3", "b1"],
        targets=["t"] * 4,
        surrogate_kinds=["a", "a", "a", "b"],
        target_kinds=["t"] * 4,
        groups=9,
    )
    assert mean(pairs).value == 50


def test_what_is_shared_by_both_sides_cancels():
    """The targets are the same, so that their differences do not blur a difference."""
    rng = np.random.default_rng(7)
    targets = {key: rng.normal(0, 30) for key in product(range(2), range(3))}
    first, second = (
        side(name, rng, level=level, targets=targets, spread=0.1, noise=0.1)
        for name, level in (("a", 55), ("b", 50))
    )
    effect = difference(first, second)
    assert effect.high - effect.low < 12 < mean(first).high - mean(first).low


@pytest.mark.parametrize("seed", range(10))
def test_variances_are_those_of_two_way_clustering_in_statsmodels(seed):
    """But for the correction for few trainings of a kind; pairs add nothing of their own."""
    rng = np.random.default_rng(seed)
    kinds = {"surrogate": [0, 0, 0, 1, 1, 1], "target": [0, 0, 1, 1]}
    surrogates, targets = np.array(list(product(range(6), range(4)))).T
    values = 40 + rng.normal(0, 5, 6)[surrogates] + rng.normal(0, 3, 4)[targets]
    pairs = Pairs(
        values=values,
        draws=np.tile(values, (2, 1)).T,  # no doubt from patients
        surrogates=[f"s{s}" for s in surrogates],
        targets=[f"t{t}" for t in targets],
        surrogate_kinds=[f"kind {kinds['surrogate'][s]}" for s in surrogates],
        target_kinds=[f"kind {kinds['target'][t]}" for t in targets],
        groups=60,
    )
    dummies = pd.get_dummies([str(kind) for kind in pairs.kinds], dtype=float).to_numpy()
    weights = np.full(dummies.shape[1], 1 / dummies.shape[1])
    fitted = sm.OLS(values, dummies).fit()
    found = cov_cluster_2groups(fitted, targets, surrogates, use_correction=False)
    _, of_targets, of_surrogates = (weights @ covariance @ weights for covariance in found)
    parts = [(of_targets * 4 / 2, 2), (of_surrogates * 6 / 4, 4)]
    total = sum(part for part, _ in parts)
    freedom = total**2 / sum(part**2 / free for part, free in parts)
    effect = mean(pairs)
    assert effect.value == pytest.approx(weights @ fitted.params)
    reach = stats.t.ppf(0.975, freedom) * np.sqrt(total)
    assert effect.high - effect.value == pytest.approx(reach)


def test_some_kind_with_one_training_leaves_the_effect_without_p():
    """Though the other kinds have several."""
    pairs = Pairs(
        values=np.array([10.0, 12.0, 90.0, 91.0]),
        draws=np.tile([[10.0], [12.0], [90.0], [91.0]], 5),
        surrogates=["a1", "a2", "b1", "b2"],
        targets=["t1", "t2", "u", "u"],
        surrogate_kinds=["a", "a", "b", "b"],
        target_kinds=["t", "t", "u", "u"],
        groups=9,
    )
    effect = mean(pairs)
    assert not effect.replicated and np.isnan(effect.p)


def claims(**columns):
    rows = {"value": [5.0], "low": [1.0], "high": [9.0], "p": [0.001], "null": 0.0, "least": 2.0}
    return pd.DataFrame({**rows, "family": "claim", "verdict": "no room", **columns})


@pytest.mark.parametrize(
    ("columns", "verdict"),
    [
        ({}, statistics.SUPPORTED),
        ({"p": [0.2], "low": [-4.0]}, statistics.TOO_WIDE),
        ({"value": [-5.0], "low": [-9.0], "high": [-1.0]}, statistics.REFUTED),
        ({"value": [0.5], "low": [-0.5], "high": [1.5], "p": [0.4]}, statistics.REFUTED),
        ({"p": [np.nan]}, "no room"),
    ],
)
def test_a_verdict_needs_direction_and_size(columns, verdict):
    assert verdicts(claims(**columns))["verdict"].tolist() == [verdict]


def test_many_claims_make_each_harder():
    many = pd.concat([claims(p=[0.02])] * 5, ignore_index=True)
    assert verdicts(claims(p=[0.02]))["verdict"].tolist() == [statistics.SUPPORTED]
    judged = verdicts(many)
    assert judged["p_holm"].tolist() == pytest.approx([0.1] * 5)
    assert set(judged["verdict"]) == {statistics.TOO_WIDE}


def test_families_are_corrected_apart_and_untested_claims_cost_nothing():
    several = [claims(p=[0.02]), claims(p=[0.03], family="detail"), claims(p=[0.04])]
    judged = verdicts(pd.concat([*several, claims(p=[np.nan])], ignore_index=True))
    assert judged["p_holm"].tolist()[:3] == pytest.approx([0.04, 0.03, 0.04])
    assert judged["verdict"].tolist() == [statistics.SUPPORTED] * 3 + ["no room"]
