"""Images labelled by a model: what somebody has who asks it about images of their own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from medtransfer import store
from medtransfer.data import images, splits
from medtransfer.data.images import Source, write_index
from medtransfer.data.splits import ATTACKER, CALIBRATION, TEST, Development
from medtransfer.networks.network import BATCH, Network, batch

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True, eq=False)
class Relabelled(Source):
    """The images of `asked`, whose labels are the calls of `target`.

    The index names roles (see `data.roles`): the images of `asked` are the attacker's, and the
    others that it names, for test and calibration, keep labels that nobody trains with.

    Attributes:
        asked: whose images for training and validation the target is asked about.
        limits: for each label the logit from which on the target calls it; None: it never does.
    """

    asked: Development
    target: Network
    limits: tuple[float | None, ...]

    @property
    def title(self) -> str:
        return f"ask {self.target.name} for labels"

    @property
    def effort(self) -> str:
        return "asking for labels"

    @classmethod
    def make(cls, specs: Sequence[Self]) -> None:
        """Ask the targets and publish the images with their calls."""
        for spec in specs:
            prepared = images.load(spec.asked.source)
            with store.draft(spec) as place:
                write_index(place, _index(spec, prepared))
                with store.reading(spec.asked.source, "images.npy") as path:
                    try:
                        os.link(path, place / path.name)
                    except OSError:  # another disk, or one without links
                        shutil.copyfile(path, place / path.name)


def of(asked: Development, target: Network, limits: np.ndarray) -> Relabelled:
    """Return what images become when a target labels them; its limits, (K,), may hold NaN."""
    source = asked.source
    return Relabelled(
        manifest=source.manifest,
        domain=source.domain,
        content=source.content,
        image_px=source.image_px,
        channels=source.channels,
        labels=source.labels,
        asked=asked,
        target=target,
        limits=tuple(float(each) if np.isfinite(each) else None for each in limits),
    )


def _index(spec: Relabelled, prepared: images.Prepared) -> pd.DataFrame:
    """Return the index of the images, with the target's calls of those that it is asked about."""
    own, its = (
        splits.parts(prepared.index, labels=prepared.labels, development=development)
        for development in (spec.asked, spec.target.development)
    )
    rows = np.union1d(own.train, own.validation)
    opened = spec.target.open()
    parts = [rows[first : first + BATCH] for first in range(0, len(rows), BATCH)]
    logits = np.concatenate([opened.logits(batch(prepared, part)).numpy() for part in parts])
    limits = np.array([np.inf if each is None else each for each in spec.limits])
    index = prepared.index.reset_index(drop=True)
    index.loc[rows, list(prepared.labels)] = (logits >= limits).astype(np.uint8)
    role = np.full(len(index), "", object)
    for name, those in ((CALIBRATION, its.validation), (ATTACKER, rows), (TEST, own.test)):
        role[those] = name
    return index.assign(split=role)
