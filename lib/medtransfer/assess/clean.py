"""How well a model does on clean images: its AUC, its thresholds, and its calls at them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from medtransfer.assess.asking import Asked
from medtransfer.data.schema import numbered
from medtransfer.measures import metrics
from medtransfer.networks.contract import CALLS, Contract
from medtransfer.networks.doors import scores

if TYPE_CHECKING:
    import pandas as pd

TIED = 0.01  # of pairs, above which ties are told
NOTHING = 0.6  # an AUC whose whole interval is below tells nothing
ENOUGH = 5  # images of each class, without which a threshold is not judged
TO_CHOOSE = 10  # images of each class, without which a chosen threshold is not worth much


def measured(asked: Asked) -> list[tuple[float, float, float]]:
    """Return for every label the AUC and its 95 % interval by group; NaN where it has none."""
    found = asked.scores
    value = metrics.label_auc(asked.truth, found)
    draws = metrics.weighted_auc(asked.truth, found, weights=asked.resamples.weights)
    spans = [metrics.interval(column) for column in draws.T]
    return [(float(v), *span) for v, span in zip(value, spans, strict=True)]


def inverted(asked: Asked) -> dict[str, tuple[float, float, float]]:
    """Return the labels whose answers are upside down, with their AUC and its interval."""
    found = zip(asked.network.labels, measured(asked), strict=True)
    return {name: each for name, each in found if each[2] < metrics.CHANCE}


def judged(asked: Asked, declared: Mapping[str, float]) -> tuple[list[str], list[str]]:
    """Return errors and warnings on how well the model does on clean images."""
    if asked.network.contract.outputs == CALLS:
        return [], []
    errors: list[str] = []
    warnings: list[str] = []
    found = dict(zip(asked.network.labels, measured(asked), strict=True))
    known = {name: each for name, each in found.items() if np.isfinite(each).all()}
    if down := inverted(asked):
        errors.append(
            f"the answers are upside down: {_spans(down)}; is a high output a negative, are "
            "`labels` in another order, or are the images negatives (MONOCHROME1)?"
        )
    elif known and all(high < NOTHING for _, _, high in known.values()):
        errors.append(
            f"the model tells nothing of these images: {_spans(known)}. Nothing can be said about "
            "attacks on it; see whether `input` and the labels are as meant"
        )
    elif below := {n: each for n, each in known.items() if each[2] < declared.get(n, 0)}:
        said = ", ".join(f"{name} {declared[name]:.3g}" for name in below)
        errors.append(
            f"declared.auc: {said}; on test images it is lower: {_spans(below)}. See whether "
            "`input`, `chain` and the labels are as meant; if it is so, declare what was measured"
        )
    if chance := {n: each for n, each in known.items() if each[1] <= metrics.CHANCE <= each[2]}:
        warnings.append(
            f"{_spans(chance)}: this holds 0.5, so that little can be said about attacks on it; "
            "more images narrow it"
        )
    if ties := [n for n, c in zip(found, asked.scores.T, strict=True) if _ties(c) > TIED]:
        warnings.append(
            f"{', '.join(ties)}: more than 1 % of pairs of images have the same answer; outputs "
            "with more digits tell more"
        )
    return errors, warnings


def _spans(found: Mapping[str, tuple[float, float, float]]) -> str:
    return ", ".join(
        f"{n} AUC {v:.2f} ({low:.2f} to {high:.2f})" for n, (v, low, high) in found.items()
    )


def _ties(column: np.ndarray) -> float:
    _, times = np.unique(column, return_counts=True)
    return float((times * (times - 1)).sum() / max(1, len(column) * (len(column) - 1)))


def thresholds(asked: Asked, given: Mapping[str, float]) -> list[str]:
    """Return in sentences which thresholds no answer crosses, though there are both classes."""
    found = []
    levels = scores.thresholds(asked.network.contract, given, asked.network.labels)
    for name, level, truth, column in zip(
        asked.network.labels, levels, asked.truth.T, asked.scores.T, strict=True
    ):
        few = min(truth.sum(), (1 - truth).sum()) < ENOUGH
        if name not in given or few or column.min() < level <= column.max():
            continue
        own = asked.raw[:, asked.network.contract.labels.index(name)]
        calls = "positive" if column.min() >= level else "negative"
        found.append(
            f"thresholds: {name}: {given[name]:g}: the outputs lie between {own.min():.3g} and "
            f"{own.max():.3g}, so that every image is called {calls}; it must be in units of the "
            "outputs"
        )
    return found


def without(contract: Contract, given: Mapping[str, float], labels: Sequence[str]) -> list[str]:
    """Return the labels whose threshold nobody says, so that it is chosen on calibration images."""
    levels = scores.thresholds(contract, given, labels)
    return [name for name, level in zip(labels, levels, strict=True) if np.isnan(level)]


def few(
    images: pd.DataFrame,
    contract: Contract,
    given: Mapping[str, float],
    *,
    labels: Sequence[str],
    noun: str,
) -> list[str]:
    """Return in sentences which thresholds will be chosen on too few calibration images.

    Args:
        images: a row for each calibration image, with its group and a column for each label.
        given: the owner's thresholds.
        labels: of the images.
        noun: what a group is called.
    """
    of = "" if noun == "image" else f" of {numbered(images['group'].nunique(), noun)}"
    said = []
    for name in without(contract, given, labels):
        positives = int(images[name].sum())
        negatives = len(images) - positives
        if min(positives, negatives) < TO_CHOOSE:
            said.append(
                f"{name}: its threshold will be chosen on "
                f"{numbered(len(images), 'calibration image')}{of}, {positives} with it and "
                f"{negatives} without; on fewer than {TO_CHOOSE} of either it is little more than "
                "a guess, and calls at it say little. Give `thresholds` in the target file, or "
                "more calibration images"
            )
    return said


def called(
    asked: Asked, calibration: Asked, given: Mapping[str, float]
) -> tuple[list[dict[str, object]], list[str]]:
    """Return a row for every label, its AUC, sensitivity and specificity; and why some lack.

    A threshold that is not given is chosen on the calibration images, as the assessment does it.

    Args:
        asked: answers to the images that the rows speak of.
        calibration: those to calibration images.
    """
    names = asked.network.labels
    levels = scores.thresholds(asked.network.contract, given, names)
    chosen = metrics.threshold(calibration.truth, calibration.scores)
    levels = np.where(np.isnan(levels), chosen, levels)
    points = metrics.operating_point(asked.truth, asked.scores, asked.scores, thresholds=levels)
    calls = asked.network.contract.outputs == CALLS
    rows: list[dict[str, object]] = []
    for k, (name, (value, low, high)) in enumerate(zip(names, measured(asked), strict=True)):
        auc = {} if calls else {"AUC": value, "from": low, "to": high}
        sides = {side: float(points[side][k]) for side in ("sensitivity", "specificity")}
        positives = int(asked.truth[:, k].sum())
        rows.append(
            {"label": name, "images": len(asked.raw), "positive": positives, **auc, **sides}
        )
    uncalled = [name for name, level in zip(names, levels, strict=True) if np.isnan(level)]
    why = (
        f"{', '.join(uncalled)}: no threshold is given, and none can be chosen: the calibration "
        "images show it one way only, so that there is no sensitivity or specificity"
    )
    return rows, [why] if uncalled else []
