"""Charts: pure functions from a table of `evaluation.table` to a matplotlib Figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from medtransfer.evaluation.table import OTHER, SAME, WHITE_BOX
from medtransfer.specs import CONTROL, FLOAT
from medtransfer.style import COLOURS, PERCENT, STYLE
from medtransfer.units import GREY_LEVEL
from medtransfer.words import named


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
    axis.set_ylim(0, 112)
    axis.set_xticks(sorted(rows["epsilon"].unique()))
    top = axis.secondary_xaxis("top", functions=(_to_grey, _from_grey))
    top.tick_params(labelsize=7, length=2)
    top.set_xlabel("grey levels of 255", fontsize=7)


def _to_grey(epsilon: Any) -> Any:
    return np.asarray(epsilon) / GREY_LEVEL


def _from_grey(levels: Any) -> Any:
    return np.asarray(levels) * GREY_LEVEL


def pairs(table: pd.DataFrame, *, by: str, order: Sequence[str] | None = None) -> Figure:
    """Draw every kind of pair as a dot with its 95 % interval: % of the clean AUC.

    A pale bar spans the trained pairs of the kind, where there are several.

    One panel per method (columns) and target (rows); the surrogate stands on the vertical axis,
    coloured by `by`, a column of the table.
    """
    rows = table.copy()
    rows["surrogate"] = [
        f"{named(a)}, {named(i)}, {d}"
        for a, i, d in zip(
            rows["surrogate_architecture"],
            rows["surrogate_initialization"],
            rows["surrogate_data"],
            strict=True,
        )
    ]
    rows["target"] = [
        f"{named(a)}, {named(i)}, {d}"
        for a, i, d in zip(
            rows["target_architecture"],
            rows["target_initialization"],
            rows["target_data"],
            strict=True,
        )
    ]
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
    axis.set_xlim(left=0)


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
    order = list(dict.fromkeys(rows["surrogate"]))
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


def findings(table: pd.DataFrame) -> Figure:
    """Draw the AUC of each label before and after attacks, one panel per row of the table's pairs.

    Args:
        table: rows of `evaluation.table.finding_table`, of one target and method.
    """
    order = table.groupby("label")["clean_auc"].first().sort_values().index
    place = {label: number for number, label in enumerate(order)}
    with sns.axes_style("ticks"), plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(6.4, 0.27 * len(order) + 1.2), layout="constrained")
        for number, (name, rows) in enumerate(table.groupby("relation", sort=False)):
            if number == 0:
                _finding_marks(
                    axis, rows, place, prefix="clean_auc", colour="0.55", label="clean", shift=0.24
                )
            _finding_marks(
                axis,
                rows,
                place,
                prefix="auc",
                colour=COLOURS[str(name)],
                label=str(name),
                shift=0.08 - 0.16 * number,
            )
        axis.axvline(0.5, color="0.8", lw=0.8, zorder=0)
        axis.set_yticks(range(len(order)), [label.replace("_", " ") for label in order])
        axis.set_xlabel("AUC, with 95 % interval (0.5 is chance)")
        figure.legend(loc="outside upper center", ncols=4, title="images")
    return figure


def _finding_marks(
    axis: Axes,
    rows: pd.DataFrame,
    place: dict[str, int],
    *,
    prefix: str,
    colour: str,
    label: str,
    shift: float,
) -> None:
    values = rows[prefix]
    errors = np.maximum([values - rows[f"{prefix}_low"], rows[f"{prefix}_high"] - values], 0)
    heights = [place[name] + shift for name in rows["label"]]
    axis.errorbar(values, heights, xerr=errors, fmt="o", ms=3.5, lw=1, color=colour, label=label)


def networks(table: pd.DataFrame) -> Figure:
    """Draw the validation AUC of every network (see `run.networks`) with its 95 % interval."""
    sets = list(dict.fromkeys(table["data"]))
    with sns.axes_style("ticks"), plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(6.6, 2.9), layout="constrained")
        groups = list(table.groupby(["architecture", "initialization"], sort=False))
        marks = {
            name: mark
            for name, mark in zip(dict.fromkeys(table["architecture"]), "osD^", strict=False)
        }
        for number, ((network, start), rows) in enumerate(groups):
            offset = (number - (len(groups) - 1) / 2) * 0.17
            places = [sets.index(name) + offset for name in rows["data"]]
            values = rows["validation_auc"]
            errors = np.maximum(
                [values - rows["validation_auc_low"], rows["validation_auc_high"] - values], 0
            )
            axis.errorbar(
                places,
                values,
                yerr=errors,
                fmt=marks[str(network)],
                ms=4.5,
                lw=1,
                color=COLOURS.get(str(start), "0.3"),
                label=f"{named(str(network))}, {named(str(start))}",
            )
        axis.set_xticks(range(len(sets)), sets)
        axis.set(xlabel="development set", ylabel="validation AUC")
        figure.legend(loc="outside right center")
    return figure
