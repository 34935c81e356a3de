"""What defences cost and gain: against each class of attackers, and by how far a network moved."""

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

from medtransfer.analysis.defence_parts import MARGIN
from medtransfer.report.style import PERCENT, SHADES, STYLE, marks, reach
from medtransfer.study.defences import DEFENCES, NONE, REFERENCE
from medtransfer.study.defended import CLASSES

PLAIN = {NONE: "#000000", REFERENCE: "#7F7F7F"}
_ALIKE = (("", "D1", "D2"), ("D3", "D4"), ("D5",), ("D6",), ("D7",), ("D8",))
SHADE_OF = {claim: shade for claims, shade in zip(_ALIKE, SHADES, strict=False) for claim in claims}
"""What a claim's defences are drawn in: those that work alike share a shade, but no mark."""
LINES = ("-", "--", ":", "-.")
SECRET = "defence, and % of its gain\nthat an imitator takes back"


def pareto(table: pd.DataFrame, *, classes: Sequence[str]) -> Figure:
    """Draw the AUC under attack against the clean AUC, a panel per class of attackers.

    The picture of what a defence is worth: upper right is best. A thin line leads from undefended
    networks to each defence; the grey band are clean AUCs that cost at most 0.01.

    Args:
        table: the rows of one domain (see `analysis.exposed.table`).
        classes: of CLASSES, one panel each.
    """
    drawn = looks()
    with sns.axes_style("ticks"), plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            1,
            len(classes),
            figsize=(2.5 * len(classes) + 1.9, _tall(table, least=3.1)),
            sharex=True,
            sharey=True,
            squeeze=False,
            layout="constrained",
        )
        for axis, knowledge in zip(axes.flat, classes, strict=True):
            rows = {row["defence"]: row for row in _of(table, knowledge)}
            bare = rows[NONE]
            axis.axvspan(bare["clean"] - MARGIN, bare["clean"], color="0.92", lw=0, zorder=0)
            axis.axhline(0.5, color="0.85", lw=0.8, zorder=0)
            for name, row in rows.items():
                axis.plot(
                    [bare["clean"], row["clean"]],
                    [bare["auc"], row["auc"]],
                    color="0.8",
                    lw=0.7,
                    zorder=1,
                )
                _cross(axis, row, drawn[name])
            axis.set_title(f"{knowledge}: {CLASSES[knowledge]}", fontsize=9)
            axis.set_xlabel("AUC without an attack")
        axes[0, 0].set_ylabel("AUC under the strongest attack")
        _framed(axes[0, 0], table[table["knowledge"].isin(classes)])
        _legend(figure, axes[0, 0])
    return figure


def _tall(table: pd.DataFrame, *, least: float, title: int = 0) -> float:
    """Return the height of a figure, in inches, that has room for a line per defence."""
    return max(least, 0.2 * (table["defence"].nunique() + title) + 0.3)


def _of(table: pd.DataFrame, knowledge: str) -> list[dict[Any, Any]]:
    return table[table["knowledge"] == knowledge].to_dict("records")


def looks() -> dict[str, dict[str, Any]]:
    """Return how each defence is drawn, in every figure and profile: shade, mark, and line.

    Defences of one shade work alike, and differ in mark.
    """
    shapes = marks(DEFENCES)
    found: dict[str, dict[str, Any]] = {}
    for name, row in DEFENCES.items():
        shade = PLAIN.get(name, SHADE_OF[row.claim])
        line = LINES[sum(look["color"] == shade for look in found.values()) % len(LINES)]
        found[name] = {"marker": shapes[name], "color": shade, "ls": line}
    return found


def _cross(axis: Axes, row: Mapping[Any, Any], look: Mapping[str, Any]) -> None:
    """Draw one defence with both its intervals, as far as an AUC can reach."""
    low, high = (
        [max(0.0, row[f"{name}_low"]) for name in ("clean", "auc")],
        [min(1.0, row[f"{name}_high"]) for name in ("clean", "auc")],
    )
    shade = look["color"]
    axis.plot([low[0], high[0]], [row["auc"]] * 2, color=shade, lw=0.8, alpha=0.5)
    axis.plot([row["clean"]] * 2, [low[1], high[1]], color=shade, lw=0.8, alpha=0.5)
    point = {**look, "ls": "", "ms": 7, "mec": "white", "mew": 0.5}
    axis.plot(row["clean"], row["auc"], label=row["words"], **point)


def _framed(axis: Axes, rows: pd.DataFrame) -> None:
    """Let all values and their intervals fit, the wide ones of few trainings aside."""
    middle = rows["clean"].to_numpy(float)
    room = max(0.03, 0.25 * float(np.ptp(middle)))
    axis.set_xlim(middle.min() - room, min(1.005, middle.max() + room))
    axis.set_ylim(-0.03, 1.03)


def _legend(figure: Figure, axis: Axes, *, title: str = "") -> None:
    handles, labels = axis.get_legend_handles_labels()
    how: Any = {"loc": "outside right center", "fontsize": 8, "title_fontsize": 8}
    figure.legend(handles, labels, title=title or None, **how)


def knowledge(table: pd.DataFrame) -> Figure:
    """Draw what each class of attackers leaves, a line per defence.

    The picture of obscurity: a line that falls from A2 to A3 is a defence that rests on a secret.
    Beside its name stands the share of its gain that who imitates it takes back.

    Args:
        table: the rows of one domain (see `analysis.exposed.table`).
    """
    names = list(dict.fromkeys(table["defence"]))
    drawn = looks()
    classes = [name for name in CLASSES if name in set(table["knowledge"])]
    with sns.axes_style("ticks"), plt.rc_context(STYLE):
        figure, axis = plt.subplots(
            figsize=(6.8, _tall(table, least=3.4, title=2)), layout="constrained"
        )
        for name in names:
            rows = table[table["defence"] == name].set_index("knowledge")
            met = [each for each in classes if each in rows.index]
            places = [classes.index(each) for each in met]
            label = _with_share(rows)
            axis.plot(places, rows.loc[met, "left"], ms=4.5, lw=1.2, label=label, **drawn[name])
        axis.set_xticks(
            range(len(classes)), [f"{each}\n{textwrap.fill(CLASSES[each], 11)}" for each in classes]
        )
        axis.tick_params(axis="x", labelsize=7)
        axis.axhline(100, color="0.85", lw=0.8, zorder=0)
        axis.set_ylim(reach(table["left"], []))
        axis.set_ylabel(PERCENT)
        _legend(figure, axis, title=SECRET)
    return figure


def _with_share(rows: pd.DataFrame) -> str:
    words = str(rows["words"].iloc[0])
    found = float(rows["share"].get("A3", float("nan")))
    if np.isnan(found) or rows["defence"].iloc[0] in PLAIN:
        return words
    return f"{words}, {100 * min(max(found, 0.0), 1.0):.0f} %"


def distance(points: pd.DataFrame) -> Figure:
    """Draw what is left against how far a network moved from its public start.

    The cheapest defence: larger steps. Colours are the clean AUC.

    Args:
        points: of `analysis.defence_claims.distances`.
    """
    domains = list(dict.fromkeys(points["domain"]))
    names = list(dict.fromkeys(points["words"]))
    shapes = marks(names)
    limits = {"vmin": float(points["clean"].min()), "vmax": float(points["clean"].max())}
    with sns.axes_style("ticks"), plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            1,
            len(domains),
            figsize=(2.3 * max(2, len(domains)) + 2.2, 3.0),
            sharex=True,
            sharey=True,
            squeeze=False,
            layout="constrained",
        )
        for axis, domain in zip(axes.flat, domains, strict=True):
            for name in names:
                rows = points[(points["domain"] == domain) & (points["words"] == name)]
                drawn = axis.scatter(
                    rows["distance"],
                    rows["left"],
                    c=rows["clean"],
                    marker=shapes[name],
                    label=name,
                    cmap="viridis",
                    edgecolors="0.3",
                    linewidths=0.4,
                    **limits,
                )
            axis.set_title(domain)
            axis.set_xlabel("distance from the start\n(share of its length)", fontsize=8)
        axes[0, 0].set_ylabel(PERCENT)
        axes[0, 0].set_ylim(reach(points["left"], []))
        figure.colorbar(drawn, ax=axes, label="clean AUC")
        figure.legend(
            *axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=len(names)
        )
    return figure
