"""Raw outputs as scores: ranks, calls and thresholds stay what they were."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import expit, logit, softmax

from medtransfer.errors import TargetError
from medtransfer.networks.contract import Contract
from medtransfer.networks.doors import scores
from medtransfer.networks.doors.door import outputs

LABELS = ("A", "B", "C")


def contract(**changes):
    fields = {
        "labels": LABELS,
        "outputs": "logits",
        "head": "independent",
        "size": (8, 8),
        "channels": 3,
        "layout": "nchw",
        "colours": "rgb",
        "low": 0.0,
        "high": 1.0,
        "mean": (),
        "std": (),
        "fit": "pad",
        "centre": 1.0,
        "interpolation": "bilinear",
        "chain": (),
    }
    return Contract(**{**fields, **changes})


RAW = np.random.default_rng(0).normal(0, 3, size=(50, 3))


def test_logits_stay_and_labels_are_taken_by_name():
    found = scores.scores(contract(), RAW, ["C", "A"])
    np.testing.assert_array_equal(found, RAW[:, [2, 0]].astype(np.float32))
    assert found.dtype == np.float32


def test_probabilities_become_log_odds():
    raw = expit(RAW)
    found = scores.scores(contract(outputs="probabilities"), raw, LABELS)
    np.testing.assert_allclose(found, logit(raw.astype(np.float32).astype(float)), rtol=1e-6)


def test_certain_probabilities_stay_finite_and_in_order():
    raw = np.array([[0.0], [1e-30], [0.5], [1.0]])
    found = scores.scores(contract(labels=("A",), outputs="probabilities"), raw, ["A"])[:, 0]
    assert np.isfinite(found).all() and (np.diff(found) >= 0).all() and found[2] == 0


@given(
    arrays(np.float64, (6, 1), elements=st.floats(0, 1)),
    st.integers(1, 100).map(lambda n: n / 100),
)
def test_a_call_at_a_threshold_is_as_the_probability_says(raw, level):
    of = contract(labels=("A",), outputs="probabilities")
    raw[0] = level  # the tie, too
    limit = scores.thresholds(of, {"A": level}, ["A"])
    called = scores.scores(of, raw, ["A"]) >= limit
    inside = (np.abs(raw - level) > 1e-5) & (raw > 1e-15) & (raw < 1 - 1e-6)
    expected = raw.astype(np.float32) >= np.float32(level)
    np.testing.assert_array_equal(called[inside], expected[inside])
    assert called[0]


@pytest.mark.parametrize("kind", ["logits", "probabilities"])
def test_the_class_of_the_largest_output_is_called_at_0(kind):
    raw = RAW if kind == "logits" else softmax(RAW, axis=1)
    of = contract(outputs=kind, head="one-of-many")
    found = scores.scores(of, raw, LABELS)
    limit = scores.thresholds(of, {}, LABELS)
    np.testing.assert_array_equal((found >= limit).argmax(1), RAW.argmax(1))
    assert ((found >= limit).sum(1) == 1).all()
    expected = [row[k] - max(np.delete(row, k)) for row in RAW for k in range(3)]
    np.testing.assert_allclose(found.ravel(), expected, rtol=1e-4, atol=1e-4)


def test_of_two_classes_the_threshold_of_one_serves_both():
    of = contract(labels=("no", "yes"), outputs="probabilities", head="one-of-many")
    yes = np.array([0.1, 0.3, 0.32, 0.9])
    raw = np.column_stack([1 - yes, yes])
    limits = scores.thresholds(of, {"yes": 0.31}, ["yes", "no"])
    called = scores.scores(of, raw, ["yes", "no"]) >= limits
    np.testing.assert_array_equal(called[:, 0], yes >= 0.31)
    np.testing.assert_array_equal(called[:, 1], yes < 0.31)


def test_calls_are_1_and_minus_1():
    raw = (RAW > 0).astype(float)
    of = contract(outputs="labels")
    found = scores.scores(of, raw, LABELS)
    np.testing.assert_array_equal(found, np.where(RAW > 0, 1, -1))
    np.testing.assert_array_equal(scores.thresholds(of, {}, LABELS), 0)


def test_numbers_of_classes_are_calls():
    of = contract(outputs="labels", head="one-of-many")
    found = scores.scores(of, np.array([[0.0], [2.0]]), LABELS)
    np.testing.assert_array_equal(found, [[1, -1, -1], [-1, -1, 1]])


def test_nobody_says_a_threshold_of_independent_outputs():
    limits = scores.thresholds(contract(), {"B": 1.5}, LABELS)
    np.testing.assert_array_equal(limits, [np.nan, 1.5, np.nan])


@pytest.mark.parametrize(
    ("raw", "changes", "said"),
    [
        (np.zeros((4, 2)), {}, r"gave \(4, 2\) for 4 images; allowed: \(4, 3\)"),
        (np.zeros((3, 3)), {}, r"gave \(3, 3\) for 4 images"),
        (np.zeros(4), {}, r"gave \(4,\)"),
        (np.zeros((4, 3, 1)), {}, "gave"),
        (np.full((4, 3), np.nan), {}, "NaN or infinite outputs for 4 of 4"),
        (np.array([[1.0, 2, np.inf]] * 4), {}, "NaN or infinite"),
        (np.full((4, 3), "a"), {}, "no numbers"),
        (np.full((4, 3), 0.5), {"outputs": "labels"}, r"whole numbers below 2, .*\[0.5\]"),
        (np.full((4, 1), 3), {"outputs": "labels", "head": "one-of-many"}, "below 3"),
    ],
)
def test_what_is_no_answer_is_refused(raw, changes, said):
    with pytest.raises(TargetError, match=said):
        outputs(raw, contract(**changes), images=4)


def test_one_output_may_be_without_a_column():
    found = outputs(np.array([1, 0, 1, 1], bool), contract(labels=("A",)), images=4)
    np.testing.assert_array_equal(found, [[1], [0], [1], [1]])
    assert found.dtype == np.float64
