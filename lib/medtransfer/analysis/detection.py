"""Attacked images found by feature squeezing (Xu, Evans and Qi 2018), and given to a human.

An image is suspicious where a network answers its squeezed copies otherwise: the largest change of
any probability, by any squeezer. Who is above the threshold is referred: a human sees the image and
is right. The threshold is exceeded by 5 % of the network's own validation images, and by no test
image that anybody looked at. A squeezer that hides what is to be seen is left out: it costs the
network more than COST of its AUC on validation images.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.special import expit

from medtransfer.analysis.scores import Scores, resampled
from medtransfer.measures import metrics, predictions
from medtransfer.scoring.cell import Cell
from medtransfer.study.defences import NONE

FALSE_ALARMS = 0.05
CERTAIN = 1e6  # the logit of who was seen by a human
COST = 0.02  # of the clean AUC


def suspicion(answers: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the largest change of a probability, (N,).

    Args:
        answers: logits (N, K) of the network, as `NONE`, and of it behind each squeezer.
    """
    plain = expit(answers[NONE])
    changes = [np.abs(expit(each) - plain) for name, each in answers.items() if name != NONE]
    return np.max(changes, axis=(0, 2))


def compared(cells: Mapping[str, Cell]) -> dict[str, Cell]:
    """Return the network and the squeezed copies that see nearly as well, or all if none does."""
    found = {name: predictions.read(cell.target) for name, cell in cells.items()}
    aucs = {name: metrics.macro_auc(each.truth, each.clean) for name, each in found.items()}
    seeing = {name: cell for name, cell in cells.items() if not aucs[name] < aucs[NONE] - COST}
    return seeing if len(seeing) > 1 else dict(cells)


def threshold(cells: Mapping[str, Cell]) -> float:
    """Return what FALSE_ALARMS of the validation images of a network exceed."""
    clean = {name: predictions.read(cell.target).clean for name, cell in compared(cells).items()}
    return float(np.quantile(suspicion(clean), 1 - FALSE_ALARMS))


def suspicions(cells: Mapping[str, Cell]) -> tuple[np.ndarray, np.ndarray]:
    """Return the suspicion of clean and of attacked images, each (N,).

    Args:
        cells: of one attack, by what answers it: the network and its squeezed copies.
    """
    found = {name: predictions.read(cell) for name, cell in compared(cells).items()}
    clean = suspicion({name: each.clean for name, each in found.items()})
    return clean, suspicion({name: each.after for name, each in found.items()})


def area(clean: np.ndarray, attacked: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the AUC of telling attacked from clean images, (B,), under weights (B, N)."""
    truth = np.repeat([0, 1], [len(clean), len(attacked)])[:, None]
    both = np.concatenate([clean, attacked])[:, None]
    twice = np.concatenate([weights, weights], axis=1)
    return metrics.weighted_auc(truth, both, weights=twice)[:, 0]


def referred(cells: Mapping[str, Cell], *, resamples: int) -> Scores:
    """Return what remains where referred images are seen by a human, clean and attacked."""
    found, limit = predictions.read(cells[NONE]), threshold(cells)
    drawn = resampled(found.groups, resamples)
    human = np.where(found.truth > 0, CERTAIN, -CERTAIN)
    values: list[float] = []
    draws: list[np.ndarray] = []
    for logits, doubt in zip((found.clean, found.after), suspicions(cells), strict=True):
        answered = np.where((doubt > limit)[:, None], human, logits)
        values.append(metrics.macro_auc(found.truth, answered))
        draws.append(drawn.macro_auc(found.truth, answered))
    return Scores(values[0], draws[0], values[1], draws[1])


def rates(cells: Mapping[str, Cell]) -> dict[str, float]:
    """Return the share of images that are referred: of clean and of attacked ones."""
    limit = threshold(cells)
    clean, attacked = (float((doubt > limit).mean()) for doubt in suspicions(cells))
    return {"clean": clean, "attacked": attacked}
