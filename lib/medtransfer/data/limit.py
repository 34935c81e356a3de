"""A small part of a large source, to try the whole path in minutes."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd


def limited(index: pd.DataFrame, *, images: int | None) -> pd.DataFrame:
    """Return about `images` rows of an index: whole groups, every set in its share.

    Which groups stay depends on their names alone, so a larger limit keeps what a smaller one has.
    None keeps all.
    """
    if images is None or images >= len(index):
        return index
    share = images / len(index)
    kept = np.zeros(len(index), bool)
    order = index["group"].map(lambda group: hashlib.sha256(str(group).encode()).hexdigest())
    for _, rows in index.assign(order=order).groupby("split"):
        sizes = rows.groupby("order").size()  # sorted by the digest: a fixed shuffle
        before = sizes.cumsum() - sizes
        chosen = sizes.index[before < share * len(rows)]
        kept[rows.index[rows["order"].isin(chosen)]] = True
    return index[kept].reset_index(drop=True)
