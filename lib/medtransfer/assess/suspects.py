"""Common mistakes in a target file, tried one by one: would the model do better with another?"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from medtransfer.assess.asking import Asked
from medtransfer.measures import metrics
from medtransfer.networks.contract import CALLS, Contract
from medtransfer.networks.doors import scores
from medtransfer.networks.doors.factory import FunctionDoor

LEAST = 0.03  # by which the AUC must be better, in the whole of its interval above 0
TAIL = 0.5  # percent of resamples on either side: several mistakes are tried
SECONDS = 15
IMAGES, FEWEST = 256, 32
IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}

Change = Callable[[np.ndarray], np.ndarray]
Tried = tuple[str, Change, str]  # what is tried, from pictures to answers, and advice
PICTURES: Mapping[str, tuple[Change, str]] = {
    "red and blue swapped": (lambda x: x[..., ::-1], "say `colours: {}` in `input`"),
    "black and white swapped": (
        lambda x: 255 - x,
        "see whether the images are negatives, as MONOCHROME1 has them, or exchange `range`",
    ),
    "rows and columns swapped": (
        lambda x: np.swapaxes(x, 1, 2),
        "see how the model's own program turns images",
    ),
    "upside down": (lambda x: x[:, ::-1], "see how the model's own program turns images"),
}
RANGES = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0))


def found(asked: Asked, *, inverted: bool) -> list[str]:
    """Return in sentences with which other input, or order of labels, the model does better.

    Args:
        inverted: whether answers are known to be upside down; black and white swapped would turn
            them over, whatever the cause.
    """
    if asked.network.contract.outputs == CALLS or asked.network.door.whole:
        return []
    tried = [*_pictures(asked, inverted), *_inputs(asked)]
    number = min(len(asked.images), IMAGES)
    number = min(number, int(SECONDS / (asked.seconds * len(tried))))
    order, better = _order(asked)
    said = _said(asked, order, better)
    if number < FEWEST:
        return said
    part = asked.part(np.arange(len(asked.images)) < number)
    least = _mended(part, order) + (LEAST if order else -LEAST)
    for what, answer, advice in tried:
        changed = scores.scores(asked.network.contract, answer(part.images), asked.network.labels)
        gain = _gain(part, changed)
        if gain is not None and metrics.macro_auc(part.truth, changed) >= least:
            said.append(f"with {what} the model does better, its AUC by {gain:.2f}: {advice}")
    return said


def _mended(asked: Asked, order: list[int]) -> float:
    """Return the mean AUC if answers are turned over, or labels put in order, as far as it helps.

    If other pixels make the model better, but less than this, they are not what is wrong.
    """
    auc = metrics.label_auc(asked.truth, asked.scores)
    reached = [metrics.macro_auc(asked.truth, np.where(auc < 0.5, -1, 1) * asked.scores)]
    if order:
        reached.append(metrics.macro_auc(asked.truth, _outputs(asked)[:, order]))
    return max(reached)


def _outputs(asked: Asked) -> np.ndarray:
    contract = asked.network.contract
    return scores.scores(contract, asked.raw, contract.labels)


def _gain(asked: Asked, changed: np.ndarray, rows: np.ndarray | None = None) -> float | None:
    """Return by how much the mean AUC is larger with other scores; None if that may be chance."""
    weights = asked.resamples.weights
    chosen = np.ones(len(asked.truth)) if rows is None else rows.astype(float)
    every = np.concatenate([np.ones((1, len(chosen))), weights]) * chosen
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a resample without an AUC is left out
        both = [
            np.nanmean(metrics.weighted_auc(asked.truth, each, weights=every), axis=1)
            for each in (changed, asked.scores)
        ]
    value, *draws = both[0] - both[1]
    certain = np.nanpercentile(draws, TAIL) if len(draws) else -1
    return float(value) if value > LEAST and certain > 0 else None


def _pictures(asked: Asked, inverted: bool) -> Iterator[Tried]:
    for what, (change, advice) in PICTURES.items():
        if "red" in what and asked.images.shape[-1] == 1:
            continue
        if "white" in what and inverted:
            continue
        other = "bgr" if asked.network.contract.colours == "rgb" else "rgb"
        yield what, _after(asked, change), advice.format(other)


def _after(asked: Asked, change: Change) -> Change:
    return lambda images: asked.network.raw(np.ascontiguousarray(change(images)))


def _inputs(asked: Asked) -> Iterator[Tried]:
    door, contract = asked.network.door, asked.network.contract
    if isinstance(door, FunctionDoor):
        return
    for given in _others(contract):
        other: Any = dataclasses.replace(contract, **given)
        network = dataclasses.replace(
            asked.network,
            door=dataclasses.replace(door, contract=other),  # type: ignore[type-var]
        )
        same = (other.mean, other.std) == (contract.mean, contract.std)
        after = "as it is" if same else "those of ImageNet" if other.mean else "left out"
        what = f"range [{other.low:g}, {other.high:g}], mean and std {after},"
        yield what, network.raw, "say so in `input`"


def _others(contract: Contract) -> Iterator[dict[str, Any]]:
    own: dict[str, Any] = {"mean": contract.mean, "std": contract.std}
    normalisations: list[dict[str, Any]] = (
        [own] if not contract.mean else [own, {"mean": (), "std": ()}]
    )
    given = [{"low": low, "high": high, **each} for low, high in RANGES for each in normalisations]
    if contract.channels == 3:
        given.append({"low": 0.0, "high": 1.0, **IMAGENET})
    now = {"low": contract.low, "high": contract.high, **own}
    yield from (each for each in given if each != now)


def _order(asked: Asked) -> tuple[list[int], float]:
    """Return which output tells most of each label, and by how much the mean AUC is larger so.

    [] if it is that of its name, or may be chance. It is chosen on half of the groups, and
    tested on the rest.
    """
    contract, labels = asked.network.contract, asked.network.labels
    outputs = _outputs(asked)
    if len(contract.labels) < 2:
        return [], 0.0
    names = np.unique(asked.groups)
    half = np.isin(asked.groups, names[::2])
    if not (half.any() and (~half).any()):
        return [], 0.0
    truth = asked.truth
    auc = np.array(
        [
            metrics.label_auc(truth[half], np.broadcast_to(column[half, None], truth[half].shape))
            for column in outputs.T
        ]
    )
    chosen, taken = linear_sum_assignment(-np.nan_to_num(auc, nan=0.5))
    best = dict(zip(taken.tolist(), chosen.tolist(), strict=True))
    order = [best[k] for k in range(len(labels))]
    if [contract.labels[k] for k in order] == [*labels]:
        return [], 0.0
    gain = _gain(asked, outputs[:, order], rows=~half)
    return (order, gain) if gain is not None else ([], 0.0)


def _said(asked: Asked, order: list[int], gain: float) -> list[str]:
    """Return in a sentence in which order the labels should stand."""
    if not order:
        return []
    contract, labels = asked.network.contract, asked.network.labels
    said = ", ".join(
        f"{label} by the output called {contract.labels[k]}"
        for label, k in zip(labels, order, strict=True)
        if contract.labels[k] != label
    )
    return [
        f"labels: other outputs tell the findings better, by an AUC of {gain:.2f}: {said}; are "
        "`labels` in the order of the outputs?"
    ]
