"""AUC, what an attack leaves of it, flips at an operating point; intervals by group.

All functions take labels (N, K) of 0 and 1 and scores (N, K) of any scale, higher for positive.
A label that the images show only one way has no AUC (NaN) and is left out of means.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

CHANCE = 0.5
LEVEL = 0.95


def label_auc(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return the AUC of each label, (K,); ties count half.

    Raises:
        ValueError: scores hold NaN, or the shapes differ.
    """
    everything = np.ones((1, len(labels)))
    return weighted_auc(labels, scores, weights=everything)[0]


def macro_auc(labels: np.ndarray, scores: np.ndarray) -> float:
    """Return the plain mean of the labels' AUC, NaN if no label has one."""
    return float(_mean(label_auc(labels, scores)))


def weighted_auc(labels: np.ndarray, scores: np.ndarray, *, weights: np.ndarray) -> np.ndarray:
    """Return the AUC of each label under each row of image weights, (B, K).

    An AUC counts, over pairs of one positive and one negative image, how often the positive has
    the higher score. With weights that count is a quadratic form, so that a thousand resamples
    are one matrix product with the images of the rarer class on one side.

    Args:
        weights: (B, N), how often each image is drawn in each resample.
    """
    labels, scores = np.asarray(labels), np.asarray(scores, np.float64)
    if labels.shape != scores.shape:
        raise ValueError(f"labels are {labels.shape}, scores are {scores.shape}")
    if np.isnan(scores).any():
        raise ValueError("scores contain NaN: the network gave no answer for some image")
    weights = np.asarray(weights, np.float32)
    columns = zip(labels.T > 0, scores.T, strict=True)
    return np.stack([_weighted_auc(p, s, weights) for p, s in columns], axis=1)


def _weighted_auc(positive: np.ndarray, score: np.ndarray, weights: np.ndarray) -> np.ndarray:
    few = positive if positive.sum() * 2 <= len(positive) else ~positive
    difference = score[few][None, :] - score[~few][:, None]  # (many, few)
    sign = 1 if few is positive else -1
    wins = (np.sign(sign * difference) + 1).astype(np.float32) / 2
    few_weights, many_weights = weights[:, few], weights[:, ~few]
    won = np.einsum("bf,bf->b", many_weights @ wins, few_weights, dtype=np.float64)
    pairs = few_weights.sum(1, dtype=np.float64) * many_weights.sum(1, dtype=np.float64)
    return np.divide(won, pairs, out=np.full(len(weights), np.nan), where=pairs > 0)


def _mean(values: np.ndarray) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # all labels without AUC: NaN is the answer
        return np.nanmean(values, axis=-1)


def percent_of_clean(auc: Any, clean: Any) -> Any:
    """Return AUC as a percentage of the clean AUC, the paper's measure of success; of 0 NaN."""
    return 100 * _ratio(auc, clean)


def chance_corrected(auc: Any, clean: Any) -> Any:
    """Return the share of the clean AUC above chance that is left; below 0 the attack inverts it.

    NaN where the clean AUC is 0.5.
    """
    return _ratio(np.subtract(auc, CHANCE), np.subtract(clean, CHANCE))


def _ratio(part: Any, whole: Any) -> Any:
    """Return part / whole, NaN where the whole is 0: of nothing no share is left."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.equal(whole, 0), np.nan, np.divide(part, whole))[()]


def loss(labels: np.ndarray, logits: np.ndarray) -> float:
    """Return the binary cross-entropy summed over outputs, mean over images: the attacker's aim."""
    signed = np.where(labels > 0, logits, -logits).astype(np.float64)
    return float(np.logaddexp(0, -signed).sum(axis=1).mean())


def threshold(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return for each label the score that maximises sensitivity + specificity, (K,).

    An image is called positive at or above it. NaN for a label that the images show one way.
    """
    return np.array(
        [_threshold(p, s) for p, s in zip(labels.T > 0, scores.T.astype(float), strict=True)]
    )


def _threshold(positive: np.ndarray, score: np.ndarray) -> float:
    if positive.all() or not positive.any():
        return float("nan")
    from sklearn.metrics import roc_curve  # takes seconds

    false_rate, true_rate, levels = roc_curve(positive, score)
    best = int(np.argmax(true_rate - false_rate))
    return float(levels[best])


def operating_point(
    labels: np.ndarray, clean: np.ndarray, attacked: np.ndarray, *, thresholds: np.ndarray
) -> dict[str, np.ndarray]:
    """Return per label, (K,): sensitivity and specificity before and after, and `flips`.

    `flips` is the share of images with a correct clean call whose call the attack changes.
    """
    truth, before, after = labels > 0, clean >= thresholds, attacked >= thresholds
    result = {
        "sensitivity_clean": _share(before, truth),
        "sensitivity": _share(after, truth),
        "specificity_clean": _share(~before, ~truth),
        "specificity": _share(~after, ~truth),
        "flips": _share(before != after, before == truth),
    }
    known = ~np.isnan(thresholds)
    return {name: np.where(known, values, np.nan) for name, values in result.items()}


def _share(hits: np.ndarray, among: np.ndarray) -> np.ndarray:
    hit, number = (hits & among).sum(0), among.sum(0)
    return np.divide(hit, number, out=np.full(len(number), np.nan), where=number > 0)


@dataclass(frozen=True)
class Resamples:
    """Bootstrap resamples of whole groups: the same for all scores of the same images.

    Attributes:
        groups: (N,) the group of each image.
        number: how many resamples.
        seed: draws them.
    """

    groups: tuple[str, ...]
    number: int
    seed: int = 0

    @cached_property
    def weights(self) -> np.ndarray:
        """How often each image is drawn in each resample: float32, (number, N)."""
        names, member = np.unique(np.array(self.groups), return_inverse=True)
        rng = np.random.default_rng(self.seed)
        chances = np.full(len(names), 1 / len(names))
        return rng.multinomial(len(names), chances, size=self.number)[:, member].astype(np.float32)

    def macro_auc(self, labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """Return the macro AUC of each resample, (number,)."""
        return _mean(weighted_auc(labels, scores, weights=self.weights))


def interval(values: np.ndarray) -> tuple[float, float]:
    """Return the 95 % percentile interval of bootstrap values, (NaN, NaN) if there are none."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return float("nan"), float("nan")
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.percentile(finite, [tail, 100 - tail])
    return float(low), float(high)
