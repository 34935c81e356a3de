"""The paper's order: what an attack leaves, from most to least knowledge of the target.

Beside it stand the only numbers that were published in full.
"""

from __future__ import annotations

import textwrap
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from medtransfer.analysis.selection import OTHER, SAME, WHITE_BOX
from medtransfer.networks.trained import RANDOM
from medtransfer.report.style import PERCENT, STYLE, colours, reach, seen
from medtransfer.report.wording import named
from medtransfer.units import shown

RUNGS = (
    (WHITE_BOX, "d1"),
    *((relation, data) for data in ("d1", "d2", "d2/2") for relation in (SAME, OTHER)),
)
"""What the attacker shares with the target, and the attacker's development data."""

# Relative fall of the AUC in % (clean 0.88) under FGSM of an epsilon that is not stated, one
# training of each kind: a random Inception-v3 on d1 as target, DenseNet-121 as the other
# architecture, fundus photographs of the Kaggle set on diabetic retinopathy. From the abstract of
# the paper's authors at the congress EURETINA 2020.
PUBLISHED_FALL = {
    (WHITE_BOX, "d1"): 99.9,
    (SAME, "d1"): 67.3,
    (OTHER, "d1"): 40.2,
    (SAME, "d2"): 37.9,
    (OTHER, "d2"): 34.1,
    (OTHER, "d2/2"): 3.8,
}
PUBLISHED_LABEL = "published"
PUBLISHED = (
    "Grey: published by the paper's authors (EURETINA 2020): fundus photographs, random "
    "Inception-v3 as target, FGSM of an epsilon that is not stated, one training of each kind and "
    "no interval. Other images and networks: only the order compares."
)


def order(table: pd.DataFrame) -> Figure:
    """Draw % of the clean AUC left by rung, a panel per initialization, a mark per method.

    Args:
        table: `target_initialization`, `method`, `relation`, `surrogate_data`, `epsilon`, and
            `percent` with its interval; rungs that are not in it stay empty.
    """
    table = seen(table)
    starts = sorted(table["target_initialization"].unique(), key=lambda start: start != RANDOM)
    rungs = [rung for rung in RUNGS if rung in set(_rungs(table))]
    shades = colours(sorted(table["method"].unique(), reverse=True))
    with sns.axes_style("ticks"), plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            1,
            len(starts),
            figsize=(3.1 * len(starts) + 1.9, 0.42 * len(rungs) + 1.5),
            sharex=True,
            sharey=True,
            squeeze=False,
            layout="constrained",
        )
        for axis, start in zip(axes.flat, starts, strict=True):
            rows = table[table["target_initialization"] == start]
            for number, (method, shade) in enumerate(shades.items()):
                shift = 0.16 * (2 * number - len(shades) + 1)
                _method(axis, rows[rows["method"] == method], rungs, shift=shift, shade=shade)
            if start == RANDOM:
                _published(axis, rungs)
            axis.axvline(100, color="0.85", lw=0.8, zorder=0)
            at = " and ".join(shown(each) for each in sorted(rows["epsilon"].unique()))
            axis.set_title(f"both {named(start)}\nepsilon {at}", fontsize=8.5)
            axis.set_xlabel(PERCENT)
        axes[0, 0].set_yticks(
            -np.arange(len(rungs)), [_words(relation, data) for relation, data in rungs]
        )
        axes[0, 0].set_ylim(-len(rungs) + 0.4, 0.6)
        axes[0, 0].set_xlim(reach(table["percent"], table["percent_high"]))
        known: dict[str, Any] = {}
        for axis in axes.flat:
            handles, labels = axis.get_legend_handles_labels()
            known = dict(zip(labels, handles, strict=True)) | known
        known = dict(sorted(known.items(), key=lambda item: item[0] == PUBLISHED_LABEL))
        figure.legend(
            list(known.values()),
            list(known),
            loc="outside upper center",
            ncols=len(known),
            title=textwrap.fill(PUBLISHED, 60 * len(starts) + 10) if RANDOM in starts else None,
            title_fontsize=6.5,
        )
    return figure


def _rungs(table: pd.DataFrame) -> list[tuple[str, str]]:
    return list(zip(table["relation"], table["surrogate_data"], strict=True))


def _words(relation: str, data: str) -> str:
    return relation if relation == WHITE_BOX else f"{relation}, {data}"


def _method(
    axis: Axes, rows: pd.DataFrame, rungs: list[tuple[str, str]], *, shift: float, shade: str
) -> None:
    """Draw the dots of one method with their intervals."""
    places = [-rungs.index(rung) - shift for rung in _rungs(rows)]
    errors = [rows["percent"] - rows["percent_low"], rows["percent_high"] - rows["percent"]]
    label = rows["method"].iloc[0] if len(rows) else None
    axis.errorbar(
        rows["percent"],
        places,
        xerr=np.maximum(errors, 0),
        fmt="o",
        ms=4,
        lw=1.2,
        color=shade,
        label=label,
    )


def _published(axis: Axes, rungs: list[tuple[str, str]]) -> None:
    """Draw what was published of other networks and images, in grey."""
    known = [rung for rung in rungs if rung in PUBLISHED_FALL]
    axis.plot(
        [100 - PUBLISHED_FALL[rung] for rung in known],
        [-rungs.index(rung) for rung in known],
        "D",
        ms=4.5,
        color="0.6",
        mfc="none",
        zorder=1,
        label=PUBLISHED_LABEL,
    )
