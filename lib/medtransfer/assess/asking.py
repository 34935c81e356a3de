"""What a model answers to clean images, and whether its answers are what its target file says."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from medtransfer.measures import metrics
from medtransfer.networks.brought import Answering
from medtransfer.networks.contract import INDEPENDENT, LOGITS, ONE_OF_MANY, PROBABILITIES
from medtransfer.networks.doors import scores

FIRST, ALONE, BATCH = 64, 8, 32
SECONDS = 15  # for all questions
STEADY = 1e-3  # of the spread of answers, by which an answer may change
SUM = 0.02  # by which probabilities of one of many may miss 1
RESAMPLES = 400


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

    def part(self, rows: np.ndarray) -> Asked:
        """Return the answers to some of the images, bool (N,)."""
        return replace(
            self,
            images=self.images[rows],
            truth=self.truth[rows],
            groups=tuple(np.array(self.groups)[rows].tolist()),
            raw=self.raw[rows],
        )


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
