"""How far the input gradients of two networks point the same way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from medtransfer.analysis import statistics
from medtransfer.analysis.scores import resampled
from medtransfer.analysis.selection import BASE, OTHER, SAME, SIDES, UNKNOWN, WHITE_BOX
from medtransfer.scoring import alignment
from medtransfer.scoring.alignment import Alignment

BY = (
    "target_initialization",
    "surrogate_initialization",
    "surrogate_data",
    "relation",
)
"""What a row of the table is, unless told: start of both, the attacker's data, the architecture."""


def table(specs: Iterable[Alignment], *, by: Sequence[str] = BY, resamples: int) -> pd.DataFrame:
    """Return one row per kind of pair: the mean cosine over test images and pairs.

    Columns beside `by`: `pairs`; `cosine` with `cosine_low` and `cosine_high`, its 95 % interval
    over trained pairs and groups of images, over groups alone if there is one training of each kind
    (see `analysis.statistics`); `left_out`, the images (of all pairs) on which a gradient is zero.
    A pair without any image that counts is in no row.

    Args:
        by: columns of `identity`.
    """
    grouped: dict[tuple[Any, ...], list[Alignment]] = {}
    for spec in specs:
        what = identity(spec)
        grouped.setdefault(tuple(what[name] for name in by), []).append(spec)
    rows = []
    for kind, members in grouped.items():
        found = {spec: alignment.read(spec) for spec in members}
        known = [spec for spec in members if found[spec]["cosine"].notna().any()]
        if not known:
            continue
        effect = statistics.mean(_pairs({spec: found[spec] for spec in known}, resamples))
        rows.append(
            {
                **dict(zip(by, kind, strict=True)),
                "pairs": effect.pairs,
                "cosine": effect.value,
                "cosine_low": effect.low,
                "cosine_high": effect.high,
                "left_out": sum(int(each["cosine"].isna().sum()) for each in found.values()),
            }
        )
    measured = ("pairs", "cosine", "cosine_low", "cosine_high", "left_out")
    return pd.DataFrame(rows, columns=[*by, *measured])


def identity(spec: Alignment) -> dict[str, Any]:
    """Return what a pair is: `domain`, `relation`, and the traits of both sides."""
    sides = dict(zip(SIDES, (spec.surrogate, spec.target), strict=True))
    named = [each.traits.get("architecture", UNKNOWN) for each in sides.values()]
    relation = SAME if named[0] == named[1] else OTHER
    return {
        "domain": spec.target.development.source.domain,
        "relation": WHITE_BOX if spec.surrogate == spec.target else relation,
        **{
            f"{side}_{name}": network.traits.get(name, UNKNOWN)
            for side, network in sides.items()
            for name in BASE
        },
    }


def _pairs(found: dict[Alignment, pd.DataFrame], resamples: int) -> statistics.Pairs:
    """Return the mean cosine of each pair, with its draws over groups of images."""
    specs = list(found)
    groups = tuple(found[specs[0]]["group"])
    cosines = np.array([each["cosine"].to_numpy() for each in found.values()])  # (n, N)
    weights = resampled(groups, resamples).weights  # (B, N)
    known = np.isfinite(cosines)
    with np.errstate(invalid="ignore"):  # a resample may have no image that counts
        draws = np.where(known, cosines, 0) @ weights.T / (known @ weights.T)
    return statistics.Pairs(
        values=np.nanmean(cosines, axis=1),
        draws=draws,
        targets=[spec.target.key for spec in specs],
        surrogates=[spec.surrogate.key for spec in specs],
        target_kinds=[spec.target.kind for spec in specs],
        surrogate_kinds=[spec.surrogate.kind for spec in specs],
        groups=len(set(groups)),
    )
