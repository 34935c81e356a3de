"""What a system decides: calls at thresholds, and which of them an attack changes.

A finding is called where its output is at or above its limit. Limits are (K,), in units of the
outputs; a finding whose limit is NaN cannot be called.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from medtransfer.assess.statistics import Shares

Kind = Literal["misses", "inventions"]
MISSES: Kind = "misses"
INVENTIONS: Kind = "inventions"
KINDS = (MISSES, INVENTIONS)
"""A correct positive call that an attack hides, and a correct negative one that it turns."""


class Asked(NamedTuple):
    """What a target answered to the images of one test set.

    Attributes:
        truth: (N, K), 0 or 1.
        clean: (N, K), outputs for the images as they are.
        attacked: (R, N, K), outputs for the images of R attacks.
        weights: (B, N), how often each image stands in each resample of the patients.
        groups: (N,), the patient of each image.
    """

    truth: np.ndarray
    clean: np.ndarray
    attacked: np.ndarray
    weights: np.ndarray
    groups: np.ndarray


def correct(asked: Asked, limits: np.ndarray, *, kind: Kind) -> np.ndarray:
    """Return which clean calls are correct and can become misses, or inventions: bool (N, K)."""
    truth, calls = asked.truth > 0, asked.clean >= limits
    return truth & calls if kind == MISSES else ~truth & ~calls


def changed(asked: Asked, limits: np.ndarray, *, finding: int, kind: Kind) -> Shares:
    """Return the shares of correct calls for one finding that the attacks change.

    Of images that the target calls wrongly anyway no call is counted. The shares are NaN where no
    call is correct.
    """
    inside = correct(asked, limits, kind=kind)[:, finding]
    before = asked.clean[:, finding] >= limits[finding]
    after = asked.attacked[:, :, finding] >= limits[finding]
    return _of(after != before, inside, asked)


def changed_any(asked: Asked, limits: np.ndarray) -> Shares:
    """Return the shares of all correct calls, whatever the finding, that the attacks change."""
    before = asked.clean >= limits
    inside = ((before == (asked.truth > 0)) & np.isfinite(limits)).astype(float)
    after = asked.attacked >= limits
    hits = ((after != before) * inside).sum(2)
    return _ratio(hits, inside.sum(1), asked)


def _of(hits: np.ndarray, inside: np.ndarray, asked: Asked) -> Shares:
    return _ratio(hits * inside, inside.astype(float), asked)


def _ratio(hits: np.ndarray, among: np.ndarray, asked: Asked) -> Shares:
    """Return hits (R, N) as a share of `among` (N,), under every resample, too."""
    weights = np.concatenate([np.ones((1, len(among))), asked.weights])
    number = weights @ among
    shares = np.divide(
        hits @ weights.T, number, out=np.full((len(hits), len(weights)), np.nan), where=number > 0
    )
    patients = len(np.unique(asked.groups[among > 0]))
    images = int((among > 0).sum())
    return Shares(values=shares[:, 0], draws=shares[:, 1:], images=images, patients=patients)
