"""AUC against epsilon."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import log

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, NullLocator

from medtransfer.analysis.selection import OTHER, SAME, WHITE_BOX
from medtransfer.attacks.delivery import CONTROL, FLOAT
from medtransfer.report.style import COLOURS, PERCENT, STYLE, reach, seen
from medtransfer.report.wording import named
from medtransfer.units import GREY_LEVEL

APART = 0.25  # of two labels of epsilons, on a logarithmic axis; nearer ones would touch


def sweep(
    table: pd.DataFrame, *, method: str = "FGSM", chosen: Mapping[str, float] | None = None
) -> Figure:
    """Draw % of the clean AUC against epsilon: initialization by column, target by row.

    Lines are the attacker's knowledge (white box, same or other architecture) and the control
    noise; bands are 95 % intervals. The picture of C5: the noise stays at 100 while attacks fall.

    Args:
        chosen: initialization -> the epsilon chosen for its pairs, which is marked.
    """
    rows = seen(table[(table["method"] == method) & table["delivery"].isin([FLOAT, CONTROL])])
    targets, starts = rows["target_architecture"].unique(), rows["target_initialization"].unique()
    with sns.axes_style("ticks"), plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            len(targets),
            len(starts),
            figsize=(2.6 * max(len(starts), 2) + 1.6, 2.1 * len(targets) + 1.0),
            sharex=True,
            sharey=True,
            squeeze=False,
            layout="constrained",
        )
        axes[0, 0].set_ylim(reach(rows["percent"], rows["percent_high"]))
        for i, target in enumerate(targets):
            for j, start in enumerate(starts):
                own = (rows["target_architecture"] == target) & (
                    rows["target_initialization"] == start
                )
                _panel(axes[i, j], rows[own], marked=(chosen or {}).get(start))
                title = f"{named(target)}, both {named(start)}"
                axes[i, j].set_title(title, fontsize=9, pad=22 if i == 0 else 5)
        _epsilons(axes, rows["epsilon"].unique())
        for axis in axes[:, 0]:
            axis.set_ylabel(PERCENT, fontsize=8)
        known = {
            label: handle
            for axis in axes.flat
            for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)
        }
        figure.legend(
            known.values(),
            known.keys(),
            loc="outside upper center",
            ncols=len(known),
            title=f"{method}, crafted on",
        )
    return figure


def _panel(axis: Axes, rows: pd.DataFrame, *, marked: float | None) -> None:
    crafted = rows[rows["delivery"] == FLOAT]
    lines = {name: crafted[crafted["relation"] == name] for name in (WHITE_BOX, SAME, OTHER)}
    lines[CONTROL] = rows[(rows["relation"] == SAME) & (rows["delivery"] == CONTROL)]
    axis.axhline(100, color="0.85", lw=0.8, zorder=0)
    for name, own in lines.items():
        if own.empty:
            continue
        line = own.sort_values("epsilon")
        axis.plot(
            line["epsilon"],
            line["percent"],
            "--" if name == CONTROL else "-",
            marker="o",
            ms=3,
            lw=1.3,
            color=COLOURS[name],
            label=named(name),
        )
        axis.fill_between(
            line["epsilon"],
            line["percent_low"],
            line["percent_high"],
            color=COLOURS[name],
            alpha=0.13,
            linewidth=0,
        )
    if marked is not None:
        _mark(axis, marked, rows)


def _mark(axis: Axes, epsilon: float, rows: pd.DataFrame) -> None:
    """Draw a thin line at the chosen epsilon, with the word where lines leave most room."""
    axis.axvline(epsilon, color="0.35", lw=0.8, ls=":", zorder=0)
    low, high = axis.get_ylim()
    near = rows.loc[(rows["epsilon"] / epsilon - 1).abs() < 0.5, "percent"].dropna()
    met = np.sort([low, *near, high])
    gap = int(np.argmax(np.diff(met)))
    axis.annotate(
        "chosen",
        (epsilon, (met[gap] + met[gap + 1]) / 2),
        xytext=(-2, 0),
        textcoords="offset points",
        rotation=90,
        ha="right",
        va="center",
        fontsize=7,
        color="0.35",
    )


def _epsilons(axes: np.ndarray, epsilons: Iterable[float]) -> None:
    """Give all panels one logarithmic axis, with grey levels above the first row."""
    ticks = sorted(epsilons)
    labels = _apart(ticks)
    axes[0, 0].set_xscale("log")
    for axis in axes.flat:
        axis.set_xticks(labels, [f"{epsilon:g}" for epsilon in labels])
        axis.set_xticks(ticks, minor=True)
        axis.xaxis.set_minor_formatter(NullFormatter())
    for axis in axes[-1]:
        axis.set_xlabel("epsilon (units of [-1, 1])", fontsize=8)
    for axis in axes[0]:
        top = axis.secondary_xaxis("top")
        top.set_xticks(labels, [f"{epsilon / GREY_LEVEL:.1f}" for epsilon in labels])
        top.xaxis.set_minor_locator(NullLocator())
        top.tick_params(labelsize=7, length=2, pad=1)
        top.set_xlabel("grey levels of 255", fontsize=7, labelpad=2)


def _apart(ticks: Iterable[float]) -> list[float]:
    """Return the epsilons whose labels fit: the smallest, and each that is far enough on."""
    kept: list[float] = []
    for tick in ticks:
        if not kept or log(tick / kept[-1]) > APART:
            kept.append(tick)
    return kept
