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


def found(asked: Asked) -> list[str]:
    """Return in sentences with which other input, or order of labels, the model does better."""
    if asked.network.contract.outputs == CALLS or asked.network.door.whole:
        return []
    tried = [*_pictures(asked), *_inputs(asked)]
    number = min(len(asked.images), IMAGES)
    number = min(number, int(SECONDS / (asked.seconds * len(tried))))
    if number < FEWEST:
        return _order(asked)
    part = dataclasses.replace(
        asked,
        images=asked.images[:number],
        truth=asked.truth[:number],
        groups=asked.groups[:number],
        raw=asked.raw[:number],
    )
    said = []
    for what, answer, advice in tried:
        changed = scores.scores(asked.network.contract, answer(part.images), asked.network.labels)
        if (gain := _gain(part, changed)) is not None:
            said.append(f"with {what} the model does better, its AUC by {gain:.2f}: {advice}")
    return said + _order(asked)


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


def _pictures(asked: Asked) -> Iterator[tuple[str, Callable[[np.ndarray], np.ndarray], str]]:
    for what, (change, advice) in PICTURES.items():
        if "red" in what and asked.images.shape[-1] == 1:
            continue
        other = "bgr" if asked.network.contract.colours == "rgb" else "rgb"
        yield what, _after(asked, change), advice.format(other)


def _after(asked: Asked, change: Change) -> Callable[[np.ndarray], np.ndarray]:
    return lambda images: asked.network.raw(np.ascontiguousarray(change(images)))


def _inputs(asked: Asked) -> Iterator[tuple[str, Callable[[np.ndarray], np.ndarray], str]]:
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


def _order(asked: Asked) -> list[str]:
    """Choose on half of the groups which output tells most of each label, and test on the rest."""
    contract, labels = asked.network.contract, asked.network.labels
    outputs = scores.scores(contract, asked.raw, contract.labels)
    if len(contract.labels) < 2:
        return []
    names = np.unique(asked.groups)
    half = np.isin(asked.groups, names[::2])
    if not (half.any() and (~half).any()):
        return []
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
        return []
    gain = _gain(asked, outputs[:, order], rows=~half)
    if gain is None:
        return []
    said = ", ".join(
        f"{label} by the output called {contract.labels[k]}"
        for label, k in zip(labels, order, strict=True)
        if contract.labels[k] != label
    )
    return [
        f"labels: other outputs tell the findings better, by an AUC of {gain:.2f}: {said}; are "
        "`labels` in the order of the outputs?"
    ]
