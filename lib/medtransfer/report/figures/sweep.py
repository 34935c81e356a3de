"""AUC against epsilon."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from medtransfer.analysis.selection import OTHER, SAME, WHITE_BOX
from medtransfer.attacks.delivery import CONTROL, FLOAT
from medtransfer.report.style import COLOURS, PERCENT, STYLE
from medtransfer.report.wording import named
from medtransfer.units import GREY_LEVEL


def sweep(table: pd.DataFrame, *, method: str = "FGSM") -> Figure:
    """Draw % of the clean AUC against epsilon: initialization by column, target by row.

    Lines are the attacker's knowledge (white box, same or other architecture) and the control
    noise; bands are 95 % intervals.
    """
    rows = table[(table["method"] == method) & table["delivery"].isin([FLOAT, CONTROL])]
    targets, starts = rows["target_architecture"].unique(), rows["target_initialization"].unique()
    with sns.axes_style("ticks"), plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            len(targets),
            len(starts),
            figsize=(3.4 * len(starts) + 1.3, 2.5 * len(targets) + 0.3),
            sharex=True,
            sharey=True,
            squeeze=False,
            layout="constrained",
        )
        for (i, target), (j, start) in (
            (a, b) for a in enumerate(targets) for b in enumerate(starts)
        ):
            chosen = rows[
                (rows["target_architecture"] == target) & (rows["target_initialization"] == start)
            ]
            _sweep_panel(axes[i, j], chosen)
            axes[i, j].set_title(f"{named(target)}, both {named(start)}")
        for axis in axes[:, 0]:
            axis.set_ylabel(PERCENT)
        for axis in axes[-1]:
            axis.set_xlabel("epsilon (units of [-1, 1])")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside right center", title=f"{method}, crafted on")
    return figure


def _sweep_panel(axis: Axes, rows: pd.DataFrame) -> None:
    lines = {
        WHITE_BOX: rows[(rows["relation"] == WHITE_BOX) & (rows["delivery"] == FLOAT)],
        SAME: rows[(rows["relation"] == SAME) & (rows["delivery"] == FLOAT)],
        OTHER: rows[(rows["relation"] == OTHER) & (rows["delivery"] == FLOAT)],
        CONTROL: rows[(rows["relation"] == SAME) & (rows["delivery"] == CONTROL)],
    }
    for name, line in lines.items():
        line = line.sort_values("epsilon")
        style = "--" if name == CONTROL else "-"
        axis.plot(
            line["epsilon"],
            line["percent"],
            style,
            marker="o",
            ms=3,
            color=COLOURS[name],
            label=named(name),
        )
        axis.fill_between(
            line["epsilon"],
            line["percent_low"],
            line["percent_high"],
            color=COLOURS[name],
            alpha=0.15,
            linewidth=0,
        )
    axis.axhline(100, color="0.8", lw=0.8, zorder=0)
    axis.set_ylim(-4, 112)
    axis.set_xticks(sorted(rows["epsilon"].unique()))
    top = axis.secondary_xaxis("top", functions=(_to_grey, _from_grey))
    top.tick_params(labelsize=7, length=2)
    top.set_xlabel("grey levels of 255", fontsize=7)


def _to_grey(epsilon: Any) -> Any:
    return np.asarray(epsilon) / GREY_LEVEL


def _from_grey(levels: Any) -> Any:
    return np.asarray(levels) * GREY_LEVEL
