"""Raw outputs of a model as the study keeps answers: a score for each label, higher for positive.

Logits stay as they are; probabilities become log-odds, which are as good as logits; of one of many
classes, a label's score is how far it lies above the best of the others, so that the class of the
largest output is the one called positive at 0; calls become 1 and -1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from medtransfer.networks.contract import CALLS, ONE_OF_MANY, PROBABILITIES, Contract

SMALLEST = 2.0**-53  # probabilities nearer to 0 or 1 are taken as so far away: log-odds of 36.7


def scores(contract: Contract, raw: np.ndarray, labels: Sequence[str]) -> np.ndarray:
    """Return a score for each of `labels`, float32 (N, len(labels)).

    Args:
        raw: (N, K), in the order of the contract's labels; K = 1 and "one-of-many" calls are
            numbers of classes, counted from 0.
        labels: names among those of the contract.
    """
    raw = raw.astype(np.float32).astype(np.float64)  # a threshold is compared in these steps
    chosen = [contract.labels.index(name) for name in labels]
    if contract.outputs == CALLS:
        if contract.head == ONE_OF_MANY and raw.shape[1] == 1:
            raw = raw == np.arange(len(contract.labels))
        return np.where(raw > 0, 1, -1)[:, chosen].astype(np.float32)
    if contract.head == ONE_OF_MANY:
        if contract.outputs == PROBABILITIES:
            raw = np.log(np.clip(raw, SMALLEST, 1))
        return (raw - _best_other(raw))[:, chosen].astype(np.float32)
    return _log_odds(contract, raw)[:, chosen].astype(np.float32)


def thresholds(contract: Contract, given: Mapping[str, float], labels: Sequence[str]) -> np.ndarray:
    """Return the score at or above which a label is called positive, float32 (len(labels),).

    NaN where nobody says: independent outputs without a threshold among `given`, which has them in
    the units of the outputs. Of two classes the threshold of one decides that of the other.
    """
    usual = 0.0 if contract.outputs == CALLS or contract.head == ONE_OF_MANY else np.nan
    found = dict.fromkeys(contract.labels, usual)
    for name, value in given.items():
        found[name] = float(_log_odds(contract, np.float64(np.float32(value))))
        if contract.head == ONE_OF_MANY:
            (other,) = {*contract.labels} - {name}
            found[other] = -found[name]
    return np.array([found[name] for name in labels], np.float32)


def _log_odds(contract: Contract, values: Any) -> Any:
    if contract.outputs != PROBABILITIES:
        return values
    inside = np.clip(values, SMALLEST, 1 - SMALLEST)
    return np.log(inside) - np.log1p(-inside)


def _best_other(values: np.ndarray) -> np.ndarray:
    """Return for every value the largest of the others in its row."""
    order = np.sort(values, axis=1)
    largest = values.argmax(axis=1)[:, None] == np.arange(values.shape[1])
    return np.where(largest, order[:, -2:-1], order[:, -1:])
