"""Whether sets of images show both classes of their labels, without which there is no AUC."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from medtransfer.data.schema import listed, numbered
from medtransfer.errors import SplitError

if TYPE_CHECKING:
    import pandas as pd


def check(
    index: pd.DataFrame,
    *,
    labels: Sequence[str],
    sets: Mapping[str, np.ndarray],
    needed: Collection[str] | None = None,
) -> list[str]:
    """Return in sentences which sets show only one class of a label.

    Args:
        index: one row per image, with a 0/1 column for every label.
        sets: name -> rows of the index, int64, or bool for each row.
        needed: the sets that must show at least one label in both classes; None needs all.

    Raises:
        SplitError: a set that is needed shows every label in one class only.
    """
    truth = index[list(labels)].to_numpy()
    useless: list[str] = []
    poor: list[str] = []
    for name, rows in sets.items():
        values = truth[rows]
        none, all_ = ~values.any(axis=0), values.all(axis=0)
        if not (none | all_).any():
            continue
        says = [
            f"{what} {listed(np.array(labels)[chosen])}"
            for what, chosen in (("no positive of", none), ("only positives of", all_ & ~none))
            if chosen.any()
        ]
        sentence = f"{name} ({numbered(len(values), 'image')}) has {' and '.join(says)}"
        wanted = needed is None or name in needed
        (useless if wanted and (none | all_).all() else poor).append(sentence)
    if useless:
        raise SplitError(
            f"{'; '.join(useless)}. Each needs images of both classes: take more images or other "
            "shares of them (test_share, validation_share of the profile), or another split; and "
            "see whether the labels are as meant"
        )
    return poor
