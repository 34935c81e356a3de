"""Stronger attackers: what each protection leaves of them, and how far questions take them."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from medtransfer.report.style import PERCENT, STYLE, colours, reach
from medtransfer.report.wording import AT_CHANCE, spaced

WITHOUT, WITH = "#D55E00", "#0072B2"
BAND = "0.9"


def dumbbells(table: pd.DataFrame, *, reference: str = "PGD") -> Figure:
    """Draw what every attacker leaves without and with each protection, joined by a bar.

    The picture of C6 to C9: bars that stay long protect, and the order of their lengths is the
    order of the protections. Thin lines are 95 % intervals; the grey band is the bar of PGD. Where
    targets are at chance there are no bars.

    Args:
        table: of `analysis.protections.table`; a column `domain` makes a row of panels of each.
    """
    rows = table if "domain" in table else table.assign(domain="")
    domains = list(dict.fromkeys(rows["domain"]))
    columns, names = list(dict.fromkeys(rows["protection"])), list(dict.fromkeys(rows["attacker"]))
    with sns.axes_style("ticks"), plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            len(domains),
            len(columns),
            figsize=(7.4, (0.24 * len(names) + 0.62) * len(domains) + 0.75),
            sharex=True,
            sharey=True,
            squeeze=False,
            layout="constrained",
        )
        seen = rows[~rows["at_chance"]]
        ends = pd.concat([seen["without_high"], seen["with_high"]])
        axes[0, 0].set_xlim(reach(pd.concat([seen["without"], seen["with"]]), ends))
        axes[0, 0].set_ylim(0.6 - len(names), 0.6)
        axes[0, 0].set_yticks(
            [-place for place in range(len(names))], [fill(name, 24) for name in names]
        )
        for i, domain in enumerate(domains):
            for j, protection in enumerate(columns):
                own = rows[(rows["domain"] == domain) & (rows["protection"] == protection)]
                _panel(axes[i, j], own, names, reference)
                title = spaced(protection) if i == 0 else ""
                axes[i, j].set_title(title, fontsize=9)
            if domain:
                axes[i, 0].set_ylabel(domain, fontsize=8.5)
        for axis in axes[-1]:
            axis.set_xlabel(PERCENT, fontsize=8)
        handles: list[Any] = [
            Line2D([], [], ls="", marker="o", ms=5, color=colour, label=label)
            for label, colour in (("without the protection", WITHOUT), ("with it", WITH))
        ]
        handles += [Patch(color=BAND, label=reference)]
        figure.legend(handles=handles, loc="outside upper center", ncols=3)
    return figure


def _panel(axis: Axes, rows: pd.DataFrame, names: Sequence[str], reference: str) -> None:
    if len(rows) and rows["at_chance"].all():
        axis.text(50, (1 - len(names)) / 2, AT_CHANCE, ha="center", va="center", color="0.35")
        return
    for row in rows[rows["attacker"] == reference].to_dict("records"):
        axis.axvspan(*sorted((row["without"], row["with"])), color=BAND, lw=0, zorder=0)
    for row in rows.to_dict("records"):
        place = -names.index(row["attacker"])
        axis.hlines(place, row["without"], row["with"], color="0.45", lw=2.4, zorder=1)
        for side, colour, shift in (("without", WITHOUT, 0.13), ("with", WITH, -0.13)):
            ends = row[f"{side}_low"], row[f"{side}_high"]
            axis.hlines(place + shift, *ends, color=colour, lw=0.9, alpha=0.7, zorder=2)
            axis.plot(row[side], place, "o", ms=4.5, color=colour, zorder=3)


def questions(curves: pd.DataFrame) -> Figure:
    """Draw how far an attacker comes with questions to the target: AUC left, and calls changed.

    A column for attackers without a surrogate, and for surrogates of the same and of another
    architecture. Where a line begins is transfer alone; bands are 95 % intervals over images.

    Args:
        curves: of `analysis.questions.curves`.
    """
    relations = list(dict.fromkeys(curves["relation"]))
    shades = colours(dict.fromkeys(curves["begins"]))
    with sns.axes_style("ticks"), plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            2,
            len(relations),
            figsize=(2.35 * max(len(relations), 2) + 0.6, 4.4),
            sharex=True,
            sharey="row",
            squeeze=False,
            layout="constrained",
        )
        axes[0, 0].set_xscale("symlog", linthresh=1, linscale=0.6)
        axes[0, 0].set_ylim(reach(curves["percent"], curves["percent_high"]))
        axes[1, 0].set_ylim(-2, 102)
        for j, relation in enumerate(relations):
            own = curves[curves["relation"] == relation]
            for begins, line in own.groupby("begins", sort=False):
                _line(axes[:, j], line, str(begins), shades[str(begins)])
            axes[0, j].set_title(relation, fontsize=9)
            axes[0, j].axhline(100, color="0.85", lw=0.8, zorder=0)
            axes[1, j].set_xlabel("questions about each image", fontsize=8)
        ticks = _ticks(curves["questions"])
        axes[0, 0].set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes[0, 0].set_xlim(-0.15, float(curves["questions"].max()) * 1.15)
        axes[0, 0].set_ylabel(PERCENT, fontsize=8)
        axes[1, 0].set_ylabel("right calls changed (%)", fontsize=8)
        known = {
            label: handle
            for axis in axes[0]
            for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)
        }
        figure.legend(known.values(), known.keys(), loc="outside upper center", ncols=4)
    return figure


def _line(axes: np.ndarray, line: pd.DataFrame, label: str, colour: str) -> None:
    line = line.sort_values("questions")
    style: Any = {"marker": "o", "ms": 2.8, "lw": 1.3, "color": colour, "label": label}
    axes[0].plot(line["questions"], line["percent"], **style)
    axes[0].fill_between(
        line["questions"],
        line["percent_low"],
        line["percent_high"],
        color=colour,
        alpha=0.13,
        linewidth=0,
    )
    axes[1].plot(line["questions"], 100 * line["flips"], **style)


def _ticks(questions: pd.Series) -> list[int]:
    """Return 0, 1, 10, 100 ... as far as the questions go, and how many there are at most."""
    most = int(questions.max())
    return [0, *(10**power for power in range(6) if 10**power <= most)]
