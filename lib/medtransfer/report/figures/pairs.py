"""Who attacks whom: pairs with their intervals, and as a heat map."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from medtransfer.report.kinds import SIDES, kinds, traits, words
from medtransfer.report.style import PERCENT, STYLE, colours
from medtransfer.report.wording import named


def pairs(table: pd.DataFrame, *, by: str, order: Sequence[str] | None = None) -> Figure:
    """Draw every kind of pair as a dot with its 95 % interval: % of the clean AUC.

    A pale bar spans the trained pairs of the kind, where there are several.

    One panel per method (columns) and target (rows); the surrogate stands on the vertical axis,
    coloured by `by`, a column of the table.
    """
    rows = table.copy()
    for side in SIDES:
        rows[side] = kinds(table, side=side)
    targets, methods = rows["target"].unique(), rows["method"].unique()
    shades = colours(order or rows[by].unique())
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
            _pair_panel(axes[i, j], chosen, by=by, shades=shades)
            title = textwrap.fill(f"{method} on {target}", 48)
            axes[i, j].set_title(title, fontsize=8.5)
            if j:
                axes[i, j].set_yticklabels([])
        for axis in axes[-1]:
            axis.set_xlabel(PERCENT)
        reach = rows[["percent_high", "highest"]].to_numpy(float).max()
        axes[0, 0].set_xlim(-4, max(105, 1.03 * reach))  # a dot at 0 is seen whole
        known: dict[str, Any] = {}
        for axis in axes.flat:  # not every target meets every kind of surrogate
            handles, labels = axis.get_legend_handles_labels()
            known |= dict(zip(labels, handles, strict=True))
        figure.legend(
            list(known.values()),
            list(known),
            loc="outside upper center",
            ncols=len(known),
            title=by.replace("_", " "),
        )
    return figure


def _pair_panel(axis: Axes, rows: pd.DataFrame, *, by: str, shades: Mapping[str, str]) -> None:
    places = np.arange(len(rows))[::-1]
    for value, shade in shades.items():
        own = (rows[by].astype(str) == value).to_numpy()
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
            color=shade,
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
            color=shade,
            label=named(value),
        )
    axis.set_yticks(places, rows["surrogate"], fontsize=7.5)
    axis.set_ylim(-0.6, len(rows) - 0.4)
    axis.axvline(100, color="0.8", lw=0.8, zorder=0)


def matrix(table: pd.DataFrame, *, method: str) -> Figure:
    """Draw % of the clean AUC as a heat map, surrogates in rows and targets in columns."""
    rows = table[table["method"] == method].copy()
    others = [name for name in traits(rows) if name not in _FIRST]
    told = {
        # On one development set all networks of a side are alike in it, and the text says so.
        side: [*_FIRST, *(n for n in others if n != "data" or rows[f"{side}_{n}"].nunique() > 1)]
        for side in SIDES
    }
    order: dict[str, None] = {}
    for side, names in told.items():
        rows[side] = ["\n".join(_words(row, names, side)) for row in rows.to_dict("records")]
        by = [f"{side}_{name}" for name in names if f"{side}_{name}" in rows]
        order |= dict.fromkeys(rows.sort_values(by, key=lambda c: c.astype(str))[side])
    grid = rows.pivot(index="surrogate", columns="target", values="percent")
    grid = grid.reindex(
        index=[name for name in order if name in grid.index],
        columns=[name for name in order if name in grid],
    )
    with sns.axes_style("ticks"), plt.rc_context(STYLE):
        size = (max(6.2, 1.1 * grid.shape[1] + 1.8), max(4.2, 0.8 * grid.shape[0] + 1.0))
        figure, axis = plt.subplots(figsize=size, layout="constrained")
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


_FIRST = ("initialization", "architecture")


def _words(row: dict[Any, Any], told: Sequence[str], side: str) -> list[str]:
    own = {n.removeprefix(f"{side}_"): v for n, v in row.items() if n.startswith(f"{side}_")}
    return words(own, told)
