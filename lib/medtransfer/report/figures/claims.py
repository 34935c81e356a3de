"""The claims: all of them with their intervals, and the points behind C2."""

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

from medtransfer.domains import DOMAINS
from medtransfer.report.kinds import ordered
from medtransfer.report.sentences import POOLED, YES, effect, outcome
from medtransfer.report.style import STYLE, colours, marks
from medtransfer.report.wording import named

LEAST = 1e-3  # less is the error of a sum
WIDTH, MARGIN, VERDICT = 7.6, 1.15, 1.05  # inches: of the figure, of names, of verdicts


def claims(table: pd.DataFrame) -> Figure:
    """Draw the effect of every claim with its 95 % interval (see `analysis.claims.judge`).

    The picture of all claims: one in a row, its parts side by side, all domains together on top.
    Filled marks are supported claims, crosses those that are not, open ones where nothing can be
    said; where targets are at chance there is no mark. The grey line is the value above which the
    claim holds. An arrow says that an interval goes on.
    """
    names = list(dict.fromkeys(table["claim"]))
    rows = {name: table[table["claim"] == name] for name in names}
    parts = {name: list(dict.fromkeys(own["part"])) for name, own in rows.items()}
    domains = {name: _domains(own) for name, own in rows.items()}
    heights = [0.19 * len(domains[name]) + 0.9 for name in names]
    figure = plt.figure(figsize=(WIDTH, sum(heights) + 0.35))
    with sns.axes_style("ticks"), plt.rc_context(STYLE):
        top = figure.get_figheight() - 0.1
        for name, height in zip(names, heights, strict=True):
            _claim(figure, rows[name], parts[name], domains[name], top=top)
            top -= height
    return figure


def _domains(own: pd.DataFrame) -> list[str]:
    return sorted(dict.fromkeys(own["domain"]), key=lambda domain: domain != POOLED)


def _claim(
    figure: Figure, own: pd.DataFrame, parts: Sequence[str], domains: Sequence[str], *, top: float
) -> None:
    """Draw one claim below `top`, in inches from the bottom of the figure: a panel per part."""
    first = own.iloc[0]
    full = figure.get_figheight()
    figure.text(
        0.08 / WIDTH, top / full, f"{first['claim']}: {first['says']}", va="top", fontsize=10
    )
    across = (WIDTH - MARGIN) / 2 - VERDICT
    tall = 0.19 * len(domains)
    ends = limits(own)
    for number, part in enumerate(parts):
        left = MARGIN + number * (across + VERDICT)
        box = (left / WIDTH, (top - 0.42 - tall) / full, across / WIDTH, tall / full)
        axis = figure.add_axes(box)
        axis.axvline(first["null"], color="0.75", lw=1, zorder=0)
        axis.set_xlim(ends)
        for row in own[own["part"] == part].to_dict("records"):
            mark(axis, row["domain"], row, place=-domains.index(row["domain"]))
        axis.set_ylim(-len(domains) + 0.4, 0.6)
        axis.set_yticks([-place for place in range(len(domains))], [] if number else domains)
        axis.tick_params(labelsize=8)
        axis.set_title(part, fontsize=8.5, color="0.3", pad=2)
        axis.set_xlabel(first["unit"], fontsize=7.5, labelpad=1)


def mark(axis: Axes, domain: str, row: Mapping[Any, Any], *, place: int) -> None:
    """Draw the effect of a claim with its interval, and its verdict beside the axis."""
    colour = DOMAINS[domain].colour if domain in DOMAINS else "0.15"  # all domains together
    came_out = outcome(row)
    beside = axis.get_yaxis_transform()
    shade = "black" if came_out else "0.35"
    axis.text(1.04, place, row["verdict"], transform=beside, va="center", fontsize=7, color=shade)
    if not effect(row):
        return
    axis.hlines(place, row["low"], row["high"], color=colour, lw=1.4)
    for end, beyond, mark in zip(axis.get_xlim(), _beyond(axis, row), "<>", strict=True):
        if beyond:
            axis.plot(end, place, mark, ms=4, color=colour, clip_on=False)
    marker = "x" if came_out and came_out != YES else "o"
    fill = colour if came_out == YES else "white"
    axis.plot(row["value"], place, marker, ms=5, color=colour, mfc=fill, clip_on=False)


def _beyond(axis: Axes, row: Mapping[Any, Any]) -> tuple[bool, bool]:
    """Return whether an interval goes on beyond either end of the axis."""
    low, high = axis.get_xlim()
    return row["low"] < low, row["high"] > high


def limits(own: pd.DataFrame) -> tuple[float, float]:
    """Return where the axis of a claim ends: all values fit, and intervals that decide anything.

    Where none decides, all intervals fit.
    """
    null = float(own["null"].iloc[0])
    own = own[[bool(effect(row)) for row in own.to_dict("records")]]
    if own.empty:
        return null - 1, null + 1
    decided = own[[bool(outcome(row)) for row in own.to_dict("records")]]
    shown = own if decided.empty else decided
    met = np.concatenate([own["value"], shown["low"], shown["high"], own["null"]]).astype(float)
    low, high = np.nanmin(met), np.nanmax(met)
    room = 0.06 * (high - low) if high - low > LEAST else 1.0
    return low - room, high + room


def gain(points: pd.DataFrame, *, measure: str, label: str, title: str) -> Figure:
    """Draw what an attack takes against the gain by pre-training (see `analysis.claims.gains`).

    The picture of C2: within a domain, the points rise. One panel per domain; the larger and the
    darker a mark, the more images the target was developed on.

    Args:
        measure, label: column of the points that stands for transferability, and its words.
        title: what the points say, in words.
    """
    domains = list(dict.fromkeys(points["domain"]))
    shapes, shades = marks(points["architecture"]), colours(domains)
    sets = ordered(points["data"])
    with sns.axes_style("ticks"), plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            1,
            len(domains),
            figsize=(2.1 * max(len(domains), 2) + 1.5, 3.0),
            sharex=True,
            sharey=True,
            squeeze=False,
            layout="constrained",
        )
        for axis, domain in zip(axes.flat, domains, strict=True):
            for row in points[points["domain"] == domain].to_dict("records"):
                look = _size(sets.index(row["data"]), shades[domain])
                axis.plot(row["gain"], row[measure], shapes[str(row["architecture"])], **look)
            axis.axvline(0, color="0.85", lw=0.8, zorder=0)
            axis.set_title(domain)
            axis.set_xlabel("gain in clean AUC", fontsize=8)
        axes[0, 0].set_ylabel(textwrap.fill(label, 34), fontsize=8)
        figure.suptitle(title, fontsize=9, x=0.01, ha="left")
        handles = _legend(axes[0, 0], shapes, sets)
        figure.legend(handles=handles, loc="outside right center", title="target", fontsize=8)
    return figure


def _size(place: int, colour: str) -> dict[str, Any]:
    """Return how a mark looks for the set at a place, the largest set first."""
    fills = (1.0, 0.55, 0.25, 0.0)
    paler = (1 - np.array(plt.matplotlib.colors.to_rgb(colour))) * (1 - fills[min(place, 3)])
    fill = np.array(plt.matplotlib.colors.to_rgb(colour)) + paler
    return {"ms": max(8.5 - 1.5 * place, 4), "mec": colour, "mfc": tuple(fill), "ls": ""}


def _legend(axis: Axes, shapes: Mapping[str, str], sets: Sequence[str]) -> list[Any]:
    known = [
        axis.plot([], [], mark, mec="0.3", mfc="white", ms=6, ls="", label=named(name))[0]
        for name, mark in shapes.items()
    ]
    return known + [
        axis.plot([], [], "o", **_size(place, "#4D4D4D"), label=f"on {name}")[0]
        for place, name in enumerate(sets)
    ]
