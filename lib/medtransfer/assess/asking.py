"""What a model answers to clean images, and whether its answers are what its target file says."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from medtransfer.measures import metrics
from medtransfer.networks.brought import Answering
from medtransfer.networks.contract import CALLS, INDEPENDENT, LOGITS, ONE_OF_MANY, PROBABILITIES
from medtransfer.networks.doors import scores

FIRST, ALONE, BATCH = 64, 8, 32
SECONDS = 15  # for all questions
STEADY = 1e-3  # of the spread of answers, by which an answer may change
SUM = 0.02  # by which probabilities of one of many may miss 1
TIED = 0.01  # of pairs, above which ties are told
RESAMPLES = 400
NOTHING = 0.6  # an AUC whose whole interval is below tells nothing
ENOUGH = 5  # images of each class, without which a threshold is not judged


@dataclass(frozen=True)
class Asked:
    """Answers to clean images.

    Attributes:
        network: what answered.
        images: uint8 (N, H, W, C).
        truth: (N, K), 0 or 1, of the labels of the images.
        groups: (N,) of each image.
        raw: (N, outputs), float64, in the units of the model.
        together: how many of the first it answered together.
        seconds: for one image.
    """

    network: Answering
    images: np.ndarray
    truth: np.ndarray
    groups: tuple[str, ...]
    raw: np.ndarray
    together: int
    seconds: float

    @property
    def scores(self) -> np.ndarray:
        """Scores of the labels of the images, float32 (N, K)."""
        return scores.scores(self.network.contract, self.raw, self.network.labels)

    @property
    def resamples(self) -> metrics.Resamples:
        """Resamples of the groups."""
        return metrics.Resamples(self.groups, RESAMPLES)


def ask(network: Answering, images: np.ndarray, truth: np.ndarray, groups: Sequence[str]) -> Asked:
    """Return what a model answers, to as many images as it can in about `SECONDS`.

    Raises:
        TargetError: it gives no such answers.
    """
    begun = time.monotonic()
    parts = [network.raw(images[:ALONE])]
    if (time.monotonic() - begun) * FIRST < SECONDS * ALONE:  # it is no slow one
        begun, parts = time.monotonic(), [network.raw(images[:FIRST])]
    until, together = begun + SECONDS, len(parts[0])
    number, size = together, BATCH if together > ALONE else ALONE
    while number < len(images) and time.monotonic() < until:
        parts.append(network.raw(images[number : number + size]))
        number += len(parts[-1])
    return Asked(
        network=network,
        images=images[:number],
        truth=truth[:number],
        groups=tuple(groups[:number]),
        raw=np.concatenate(parts),
        together=together,
        seconds=(time.monotonic() - begun) / number,
    )


def wrong(asked: Asked) -> list[str]:
    """Return in sentences what of the answers contradicts the target file, or is no use."""
    return [*_kinds(asked), *_constant(asked), *_unsteady(asked)]


def _kinds(asked: Asked) -> list[str]:
    contract, raw = asked.network.contract, asked.raw
    inside = bool(((raw >= 0) & (raw <= 1)).all())
    low, high = raw.min(), raw.max()
    if contract.outputs == LOGITS and inside:
        return [
            f"outputs: logits: all {raw.size} answers lie between 0 and 1 ({low:.3g} to "
            f"{high:.3g}): say `outputs: probabilities`, or labels"
        ]
    if contract.outputs == PROBABILITIES and not inside:
        return [
            f"outputs: probabilities: answers lie between {low:.3g} and {high:.3g}: say `outputs: "
            "logits`"
        ]
    if contract.outputs != PROBABILITIES:
        return []
    if np.isin(raw, (0, 1)).all():
        return ["outputs: probabilities: all answers are 0 or 1: say `outputs: labels`"]
    if raw.shape[1] > 1:
        sums = raw.sum(axis=1)
        ones = bool((np.abs(sums - 1) < SUM).all())
        if contract.head == INDEPENDENT and ones:
            return [
                "head: independent: the probabilities of every image add up to 1: say `head: "
                "one-of-many`"
            ]
        if contract.head == ONE_OF_MANY and not ones:
            return [
                f"head: one-of-many: the probabilities of an image add up to {sums.min():.3g} to "
                f"{sums.max():.3g}, not to 1: say `head: independent`"
            ]
    return []


def _constant(asked: Asked) -> list[str]:
    names, found = asked.network.labels, asked.scores
    same = [n for n, column in zip(names, found.T, strict=True) if not np.ptp(column)]
    if not same or len(found) < 2:
        return []
    return [
        f"{', '.join(same)}: the answer is the same for all {len(found)} images; see whether "
        "`input` is as it was in training, and on the sheet what the model sees"
    ]


def _unsteady(asked: Asked) -> list[str]:
    """Compare answers given together with those to the same images again, and alone."""
    network, number = asked.network, min(ALONE, len(asked.images))
    first = asked.images[: asked.together]
    before = asked.raw[: len(first)]
    bound = STEADY * max(float(before.std(axis=0).max()), 1e-12)
    again = float(np.abs(network.raw(first) - before).max())
    if again > bound:
        return [
            f"asked twice, the model answers otherwise, by up to {again:.3g}: something in it is "
            "drawn at random. Switch it off: dropout by `model.eval()`, variants of the image, or "
            "give it a seed"
        ]
    alone = np.concatenate([network.raw(image[None]) for image in first[:number]])
    apart = float(np.abs(alone - before[:number]).max())
    if apart > bound:
        return [
            f"asked alone, an image is answered otherwise than among others, by up to {apart:.3g}: "
            "a batch norm is in training mode, most often. Write the model after `model.eval()`"
        ]
    return []


def measured(asked: Asked) -> list[tuple[float, float, float]]:
    """Return for every label the AUC and its 95 % interval by group; NaN where it has none."""
    found = asked.scores
    value = metrics.label_auc(asked.truth, found)
    draws = metrics.weighted_auc(asked.truth, found, weights=asked.resamples.weights)
    spans = [metrics.interval(column) for column in draws.T]
    return [(float(v), *span) for v, span in zip(value, spans, strict=True)]


def clean(asked: Asked, declared: Mapping[str, float]) -> tuple[list[str], list[str]]:
    """Return errors and warnings on how well the model does on clean images."""
    if asked.network.contract.outputs == CALLS:
        return [], []
    errors: list[str] = []
    warnings: list[str] = []
    found = dict(zip(asked.network.labels, measured(asked), strict=True))
    known = {name: each for name, each in found.items() if np.isfinite(each).all()}
    if down := {n: each for n, each in known.items() if each[2] < metrics.CHANCE}:
        errors.append(
            f"the answers are upside down: {_spans(down)}; is a high output a negative, or are "
            "`labels` in another order?"
        )
    elif known and all(high < NOTHING for _, _, high in known.values()):
        errors.append(
            f"the model tells nothing of these images: {_spans(known)}. Nothing can be said about "
            "attacks on it; see whether `input` and the labels are as meant"
        )
    elif below := {n: each for n, each in known.items() if each[2] < declared.get(n, 0)}:
        said = ", ".join(f"{name} {declared[name]:.3g}" for name in below)
        errors.append(
            f"declared.auc: {said}; on these images it is lower: {_spans(below)}. See whether "
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


def called(asked: Asked, given: Mapping[str, float]) -> list[dict[str, object]]:
    """Return a row for every label: its AUC, and sensitivity and specificity of the calls."""
    levels = scores.thresholds(asked.network.contract, given, asked.network.labels)
    points = metrics.operating_point(asked.truth, asked.scores, asked.scores, thresholds=levels)
    calls = asked.network.contract.outputs == CALLS
    rows: list[dict[str, object]] = []
    for k, (name, (value, low, high)) in enumerate(
        zip(asked.network.labels, measured(asked), strict=True)
    ):
        auc = {} if calls else {"AUC": value, "from": low, "to": high}
        sides = {side: float(points[side][k]) for side in ("sensitivity", "specificity")}
        positives = int(asked.truth[:, k].sum())
        rows.append(
            {"label": name, "images": len(asked.raw), "positive": positives, **auc, **sides}
        )
    return rows
