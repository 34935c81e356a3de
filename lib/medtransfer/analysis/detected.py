"""How well attacked images are told from clean ones, over the replicates of a domain."""

from __future__ import annotations

import numpy as np

from medtransfer.analysis import detection
from medtransfer.analysis.exposed import Exposed
from medtransfer.analysis.replicates import Differences
from medtransfer.analysis.scores import resampled
from medtransfer.measures import predictions
from medtransfer.study.defences import NONE, REFERRAL
from medtransfer.study.defended import NOISY


def detectable(exposed: Exposed, attacker: str) -> Differences:
    """Return the AUC of telling the images of an attacker, by PGD, from clean ones."""
    values, draws = [], []
    for parts in exposed.of(REFERRAL, attacker, NOISY):
        groups = predictions.read(parts[NONE]).groups
        weights = resampled(groups, exposed.resamples).weights
        clean, attacked = detection.suspicions(parts)
        everything = np.ones((1, len(clean)), weights.dtype)
        values.append(float(detection.area(clean, attacked, everything)[0]))
        draws.append(detection.area(clean, attacked, weights))
    return Differences(np.array(values), np.array(draws), len(set(groups)))
