"""AUC and what an attack leaves of it, against references and by hand."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import log_loss, roc_auc_score

from medtransfer.measures import metrics
from medtransfer.measures.metrics import Resamples

NAN = float("nan")


@st.composite
def answers(draw, *, both=True):
    """Labels (N, K) and scores (N, K) with many ties."""
    number, outputs = draw(st.integers(2, 40)), draw(st.integers(1, 3))
    labels = draw(hnp.arrays(np.int64, (number, outputs), elements=st.integers(0, 1)))
    if both:
        labels[0], labels[1] = 1, 0
    few = st.sampled_from([-2.0, -0.5, 0.0, 0.25, 1.0, 3.5])
    any_score = st.floats(-1e6, 1e6, allow_nan=False, width=32)
    elements = draw(st.sampled_from([few, any_score]))
    scores = draw(hnp.arrays(np.float64, (number, outputs), elements=elements))
    return labels, scores


@given(answers())
def test_auc_is_that_of_scikit_learn(case):
    labels, scores = case
    expected = [roc_auc_score(y, s) for y, s in zip(labels.T, scores.T, strict=True)]
    np.testing.assert_allclose(metrics.label_auc(labels, scores), expected, atol=1e-9)
    assert metrics.macro_auc(labels, scores) == pytest.approx(np.mean(expected))


@given(answers(), st.data())
def test_a_weight_counts_an_image_as_often(case, data):
    labels, scores = case
    weights = data.draw(hnp.arrays(np.int64, (4, len(labels)), elements=st.integers(0, 3)))
    found = metrics.weighted_auc(labels, scores, weights=weights)
    assert found.shape == (4, labels.shape[1])
    for row, times in zip(found, weights, strict=True):
        repeated = np.repeat(labels, times, axis=0), np.repeat(scores, times, axis=0)
        for k, value in enumerate(row):
            truth = repeated[0][:, k]
            if truth.size and 0 < truth.sum() < truth.size:
                assert value == pytest.approx(roc_auc_score(truth, repeated[1][:, k]))
            else:
                assert np.isnan(value)


@given(answers())
def test_turned_scores_turn_the_auc(case):
    """An AUC below one half is a result of its own: it is neither flipped nor cut off."""
    labels, scores = case
    np.testing.assert_allclose(
        metrics.label_auc(labels, -scores), 1 - metrics.label_auc(labels, scores), atol=1e-9
    )


def test_an_auc_below_one_half_is_kept():
    labels = np.array([[1], [1], [0], [0]])
    assert metrics.macro_auc(labels, np.array([[0.0], [0.1], [0.8], [0.9]])) == 0.0
    assert metrics.macro_auc(labels, np.array([[0.0], [0.85], [0.8], [0.9]])) == 0.25


def test_a_label_that_is_shown_one_way_is_left_out_of_the_mean():
    labels = np.array([[1, 1, 0], [1, 0, 0], [1, 1, 0]])
    scores = np.array([[0.1, 0.9, 0.1], [0.2, 0.1, 0.5], [0.3, 0.8, 0.2]])
    found = metrics.label_auc(labels, scores)
    assert np.isnan(found[[0, 2]]).all() and found[1] == 1
    assert metrics.macro_auc(labels, scores) == 1


def test_without_any_auc_the_mean_is_none_and_nobody_is_warned():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(metrics.macro_auc(np.ones((3, 2)), np.zeros((3, 2))))


def test_single_precision_logits_that_differ_are_not_tied():
    scores = np.array([[1.0], [np.nextafter(np.float32(1), np.float32(2))]], np.float32)
    assert metrics.macro_auc(np.array([[0], [1]]), scores) == 1


@pytest.mark.parametrize(
    ("labels", "scores", "says"),
    [
        (np.ones((3, 1)), np.array([[0.1], [NAN], [0.2]]), "scores contain NaN"),
        (np.ones((3, 1)), np.ones((3, 2)), r"labels are \(3, 1\), scores are \(3, 2\)"),
        (np.ones((3, 1)), np.ones(3), r"scores are \(3,\)"),
    ],
)
def test_scores_that_answer_something_else_are_refused(labels, scores, says):
    with pytest.raises(ValueError, match=says):
        metrics.macro_auc(labels, scores)


# --- what an attack leaves -----------------------------------------------------------------------


def test_percent_of_the_clean_auc():
    assert metrics.percent_of_clean(0.45, 0.9) == pytest.approx(50)
    np.testing.assert_allclose(metrics.percent_of_clean(np.array([0.0, 0.8]), 0.8), [0, 100])


@pytest.mark.parametrize(
    ("after", "clean", "left"), [(0.9, 0.9, 1), (0.5, 0.9, 0), (0.7, 0.9, 0.5), (0.1, 0.9, -1)]
)
def test_what_is_left_above_chance(after, clean, left):
    assert metrics.chance_corrected(after, clean) == pytest.approx(left)


@pytest.mark.parametrize(
    ("measure", "clean"), [(metrics.chance_corrected, 0.5), (metrics.percent_of_clean, 0.0)]
)
def test_a_network_that_knows_nothing_has_nothing_to_lose(measure, clean):
    assert not np.isfinite(measure(0.4, clean))


@given(answers(both=False))
def test_the_loss_is_the_cross_entropy_summed_over_outputs(case):
    labels, logits = case
    logits = logits.clip(-20, 20)
    chances = 1 / (1 + np.exp(-logits))
    expected = [
        log_loss(labels[:, k], chances[:, k], labels=[0, 1]) for k in range(labels.shape[1])
    ]
    assert metrics.loss(labels, logits) == pytest.approx(sum(expected), rel=1e-6, abs=1e-7)


def test_the_loss_of_extreme_logits_is_finite():
    assert metrics.loss(np.array([[1], [0]]), np.array([[-1e4], [1e4]], np.float32)) == 1e4


# --- operating point -----------------------------------------------------------------------------


def youden(labels, scores, threshold):
    called = scores >= threshold
    return called[labels > 0].mean() + (~called)[labels == 0].mean()


@given(answers())
def test_no_threshold_is_better_than_the_one_chosen(case):
    labels, scores = case
    for y, s, chosen in zip(labels.T, scores.T, metrics.threshold(labels, scores), strict=True):
        best = max(youden(y, s, each) for each in [*s, np.inf])
        assert youden(y, s, chosen) == pytest.approx(best)


def test_a_label_that_is_shown_one_way_has_no_threshold():
    labels = np.array([[1, 0, 1], [1, 0, 0]])
    found = metrics.threshold(labels, np.array([[0.1, 0.2, 0.9], [0.3, 0.4, 0.2]]))
    assert np.isnan(found[:2]).all()
    assert found[2] == 0.9


def test_the_operating_point_by_hand():
    labels = np.array([[1], [1], [1], [1], [0], [0], [0], [0], [0]])
    clean = np.array([[2.0], [2], [2], [0], [0], [0], [0], [2], [1]])
    attacked = np.array([[0.0], [2], [0.9], [2], [2], [0], [0], [0], [2]])
    found = metrics.operating_point(labels, clean, attacked, thresholds=np.array([1.0]))
    assert {name: values.tolist() for name, values in found.items()} == {
        "sensitivity_clean": [0.75],
        "specificity_clean": [0.6],
        "sensitivity": [0.5],
        "specificity": [0.6],
        "flips": [0.5],  # of six right calls two positives and one negative are turned
    }


def test_a_label_without_threshold_has_no_operating_point():
    labels, scores = np.array([[1, 1], [0, 0]]), np.array([[1.0, 1.0], [0.0, 0.0]])
    found = metrics.operating_point(labels, scores, scores, thresholds=np.array([NAN, 0.5]))
    for name, values in found.items():
        assert np.isnan(values[0]), name
        assert values[1] == (0 if name == "flips" else 1), name


# --- intervals -----------------------------------------------------------------------------------


@given(st.lists(st.sampled_from("abcdefg"), min_size=2, max_size=40), st.integers(0, 100))
def test_a_resample_takes_whole_groups_and_as_many_as_there_are(groups, seed):
    weights = Resamples(groups=tuple(groups), number=20, seed=seed).weights
    assert weights.shape == (20, len(groups))
    names = np.array(groups)
    total = np.zeros(20)
    for name in set(groups):
        of_group = weights[:, names == name]
        assert (of_group == of_group[:, :1]).all()
        total += of_group[:, 0]
    assert (total == len(set(groups))).all()


def test_resamples_are_the_same_for_the_same_seed():
    groups = tuple("aabbccdd")
    first, second, other = (Resamples(groups=groups, number=9, seed=s).weights for s in (0, 0, 1))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_the_order_of_the_groups_has_no_say():
    forth = Resamples(groups=("a", "b", "c"), number=9).weights
    back = Resamples(groups=("c", "b", "a"), number=9).weights
    assert np.array_equal(forth, back[:, ::-1])


def test_every_group_is_drawn_once_on_average():
    weights = Resamples(groups=tuple(map(str, range(30))), number=4000).weights
    assert np.abs(weights.mean(0) - 1).max() < 0.1
    assert weights.var() == pytest.approx(1, abs=0.1)


def test_the_interval_of_patients_is_wider_than_that_of_images():
    rng = np.random.default_rng(0)
    patients = rng.normal(size=40)
    labels = np.repeat(rng.integers(0, 2, size=40), 10)[:, None]
    scores = (np.repeat(patients, 10) + 0.1 * rng.normal(size=400))[:, None]
    widths = []
    for groups in (np.repeat(np.arange(40), 10), np.arange(400)):
        drawn = Resamples(groups=tuple(map(str, groups)), number=300)
        low, high = metrics.interval(drawn.macro_auc(labels, scores))
        widths.append(high - low)
    assert widths[0] > 2 * widths[1]


def test_an_interval_holds_95_percent():
    assert metrics.interval(np.arange(1001.0)) == pytest.approx((25, 975))


def test_resamples_without_an_auc_are_left_out_of_the_interval():
    assert metrics.interval(np.array([NAN, 1.0, 1.0, np.inf])) == (1, 1)
    assert np.isnan(metrics.interval(np.array([NAN, NAN]))).all()
