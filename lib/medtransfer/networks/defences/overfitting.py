"""Catastrophic overfitting, seen in the history of a training on attacked images.

A network that is trained on one step may learn to mislead that step: its loss is then so curved
that one step misses what several find (Wong, Rice and Kolter 2020; Andriushchenko and Flammarion
2020). The cosine between the input gradients at an image and at a noisy copy of it falls at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import isnan

FALL = 0.15  # of the AUC under PGD, between two epochs
GAP = 0.5  # between the AUC under one step and that under several
ALIGNED, CURVED = 0.6, 0.3  # cosines before and after


def overfitted(history: Sequence[Mapping[str, float]]) -> bool:
    """Return whether a training had overfitted catastrophically by its last epoch.

    Between two measured epochs the AUC under PGD fell by more than FALL while that under FGSM did
    not; or the cosine of gradients lies below CURVED after one above ALIGNED; or, in the last epoch
    itself, FGSM leaves more than PGD by more than GAP, which may pass.

    Args:
        history: epochs with `pgd_auc`, `fgsm_auc` and `cosine`, NaN where nothing was measured.
    """
    known = [row for row in history if not isnan(row["cosine"])]
    for before, now in pairwise(known):
        fell = before["pgd_auc"] - now["pgd_auc"] > FALL
        if fell and now["fgsm_auc"] >= before["fgsm_auc"]:
            return True
    if known and known[-1]["fgsm_auc"] - known[-1]["pgd_auc"] > GAP:
        return True
    straight = False
    for row in known:
        if straight and row["cosine"] < CURVED:
            return True
        straight = straight or row["cosine"] > ALIGNED
    return False
