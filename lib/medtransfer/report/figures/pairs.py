"""Who attacks whom: pairs with their intervals, and as a heat map."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from medtransfer.report.style import COLOURS, PERCENT, STYLE
from medtransfer.report.wording import named


def kinds(table: pd.DataFrame, *, side: str) -> list[str]:
    """Return what a network of each row is, such as "MobileNetV2, random, d2"."""
    parts = ("architecture", "initialization", "data")
    columns = (table[f"{side}_{part}"] for part in parts)
    return [", ".join(map(named, row)) for row in zip(*columns, strict=True)]


def pairs(table: pd.DataFrame, *, by: str, order: Sequence[str] | None = None) -> Figure:
    """Draw every kind of pair as a dot with its 95 % interval: % of the clean AUC.

    A pale bar spans the trained pairs of the kind, where there are several.

    One panel per method (columns) and target (rows); the surrogate stands on the vertical axis,
    coloured by `by`, a column of the table.
    """
    rows = table.copy()
    for side in ("surrogate", "target"):
        rows[side] = kinds(table, side=side)
    targets, methods = rows["target"].unique(), rows["method"].unique()
    values = list(order or rows[by].unique())
    most = rows.groupby(["target", "method"]).size().max()
    with sns.axes_style("ticks"), plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            len(targets),
            len(methods),
            figsize=(3.1 * len(methods) + 2.6, (0.24 * most + 0.42) * len(targets) + 0.7),
            sharex=True,
            squeeze=False,
            layout="constrained",
        )
        for (i, target), (j, method) in (
            (a, b) for a in enumerate(targets) for b in enumerate(methods)
        ):
            chosen = rows[(rows["target"] == target) & (rows["method"] == method)]
            _pair_panel(axes[i, j], chosen, by=by, values=values)
            axes[i, j].set_title(f"{method} on {target}", fontsize=8.5)
            if j:
                axes[i, j].set_yticklabels([])
        for axis in axes[-1]:
            axis.set_xlabel(PERCENT)
        reach = rows[["percent_high", "highest"]].to_numpy(float).max()
        axes[0, 0].set_xlim(-4, max(105, 1.03 * reach))  # a dot at 0 is seen whole
        handles, labels = axes[0, 0].get_legend_handles_labels()
        known = dict(zip(labels, handles, strict=True))
        figure.legend(
            known.values(),
            known.keys(),
            loc="outside upper center",
            ncols=len(known),
            title=by.replace("_", " "),
        )
    return figure


_SHADES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00")


def _pair_panel(axis: Axes, rows: pd.DataFrame, *, by: str, values: Sequence[str]) -> None:
    places = np.arange(len(rows))[::-1]
    for value, shade in zip(values, _SHADES, strict=False):
        own = (rows[by] == value).to_numpy()
        if not own.any():
            continue
        chosen = rows[own]
        errors = [
            chosen["percent"] - chosen["percent_low"],
            chosen["percent_high"] - chosen["percent"],
        ]
        several = chosen["pairs"] > 1
        axis.hlines(
            places[own][several],
            chosen["lowest"][several],
            chosen["highest"][several],
            color=COLOURS.get(value, shade),
            lw=4,
            alpha=0.25,
        )
        axis.errorbar(
            chosen["percent"],
            places[own],
            xerr=np.maximum(errors, 0),
            fmt="o",
            ms=4,
            lw=1.2,
            color=COLOURS.get(value, shade),
            label=named(value),
        )
    axis.set_yticks(places, rows["surrogate"], fontsize=7.5)
    axis.set_ylim(-0.6, len(rows) - 0.4)
    axis.axvline(100, color="0.8", lw=0.8, zorder=0)


def matrix(table: pd.DataFrame, *, method: str) -> Figure:
    """Draw % of the clean AUC as a heat map, surrogates in rows and targets in columns."""
    rows = table[table["method"] == method].copy()
    for side in ("surrogate", "target"):
        rows[side] = [
            f"{named(i)}\n{named(a)}"
            for a, i in zip(
                rows[f"{side}_architecture"], rows[f"{side}_initialization"], strict=True
            )
        ]
    grid = rows.pivot(index="surrogate", columns="target", values="percent")
    by_start = ["surrogate_initialization", "surrogate_architecture"]
    order = list(rows.sort_values(by_start)["surrogate"].unique())
    grid = grid.reindex(index=order, columns=[name for name in order if name in grid])
    with sns.axes_style("ticks"), plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(6.2, 4.2), layout="constrained")
        sns.heatmap(
            grid,
            ax=axis,
            annot=True,
            fmt=".0f",
            cmap="cividis",
            vmin=0,
            vmax=100,
            linewidths=1,
            cbar_kws={"label": PERCENT},
        )
        axis.set(xlabel="target", ylabel="surrogate")
        axis.set_title(f"{method}: % of the clean AUC left")
        axis.tick_params(length=0, labelsize=8, rotation=0)
    return figure
