"""Who attacks whom: every kind of pair with its interval."""

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

from medtransfer.report.kinds import SIDES, traits, words
from medtransfer.report.style import PERCENT, STYLE, colours, reach, seen
from medtransfer.report.wording import named, spaced


def pairs(table: pd.DataFrame, *, by: str, order: Sequence[str] | None = None) -> Figure:
    """Draw every kind of pair as a dot with its 95 % interval: % of the clean AUC.

    A pale bar spans the trained pairs of the kind, where there are several. One panel per method
    (columns) and target (rows); the surrogate stands on the vertical axis, coloured by `by`, a
    column of the table. What all networks of a side have in common stands above the figure alone.
    The picture of C3 where `by` is the surrogate's data.
    """
    rows = seen(table).copy()
    told = traits(rows)
    common = {side: _common(rows, told, side) for side in SIDES}
    for side in SIDES:
        apart = [name for name in told if not _alike(rows, side, name)]
        own = [_own(row, side) for row in rows.to_dict("records")]
        rows[side] = [", ".join(words(each, apart) or words(each, told)) for each in own]
    targets, methods = rows["target"].unique(), rows["method"].unique()
    shades = colours(order or rows[by].unique())
    most = rows.groupby(["target", "method"]).size().max()
    with sns.axes_style("ticks"), plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            len(targets),
            len(methods),
            figsize=(2.5 * len(methods) + 2.2, (0.2 * most + 0.5) * len(targets) + 1.2),
            sharex=True,
            squeeze=False,
            layout="constrained",
        )
        for i, target in enumerate(targets):
            for j, method in enumerate(methods):
                chosen = rows[(rows["target"] == target) & (rows["method"] == method)]
                _panel(axes[i, j], chosen, by=by, shades=shades)
                title = textwrap.fill(f"{method} on {target}", 44)
                axes[i, j].set_title(title, fontsize=8.5)
                if j:
                    axes[i, j].set_yticklabels([])
        for axis in axes[-1]:
            axis.set_xlabel(PERCENT, fontsize=8)
        ends = [*rows["percent_high"], *rows["highest"]]
        axes[0, 0].set_xlim(reach(rows["percent"], ends))
        known: dict[str, Any] = {}
        for axis in axes.flat:  # not every target meets every kind of surrogate
            handles, labels = axis.get_legend_handles_labels()
            known |= dict(zip(labels, handles, strict=True))
        shared = [f"all {side}s: {', '.join(each)}" for side, each in common.items() if each]
        figure.legend(
            list(known.values()),
            list(known),
            loc="outside upper center",
            ncols=len(known),
            title="; ".join([spaced(by), *shared]),
        )
    return figure


def _common(rows: pd.DataFrame, told: Sequence[str], side: str) -> list[str]:
    """Return what all networks of a side are, in words."""
    first = _own(rows.to_dict("records")[0], side)
    return words(first, [name for name in told if _alike(rows, side, name)])


def _alike(rows: pd.DataFrame, side: str, name: str) -> bool:
    """Return whether a side's networks are the same in a trait; architectures are always named."""
    column = f"{side}_{name}"
    return name != "architecture" and column in rows and rows[column].nunique(dropna=False) == 1


def _own(row: Mapping[Any, Any], side: str) -> dict[Any, Any]:
    return {n.removeprefix(f"{side}_"): v for n, v in row.items() if n.startswith(f"{side}_")}


def _panel(axis: Axes, rows: pd.DataFrame, *, by: str, shades: Mapping[str, str]) -> None:
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
