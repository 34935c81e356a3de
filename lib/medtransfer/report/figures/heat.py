"""Who attacks whom, as a heat map."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from medtransfer.report.kinds import SIDES, ordered, traits, words
from medtransfer.report.style import PERCENT, STYLE
from medtransfer.report.wording import named

CELL = 0.37  # inches: the width of a cell
DASH = "–"  # noqa: RUF001
Network = tuple[str, str]  # its group, such as "random, d2"; its architecture


def matrix(table: pd.DataFrame, *, method: str, title: str = "") -> Figure:
    """Draw % of the clean AUC that is left for every kind of surrogate (rows) and target (columns).

    Networks are grouped by all but their architecture. The picture of C1: dark where both are
    pre-trained; within a group, of C4: darker where both have the same architecture. Pairs that
    the table does not have are grey; so are those whose target is `at_chance`, with a dash.
    """
    rows = table[table["method"] == method].copy()
    told = ["initialization", "data", *(n for n in traits(rows) if n not in _FIRST)]
    for side in SIDES:
        rows[side] = [_network(row, told, side) for row in rows.to_dict("records")]
    surrogates, targets = (_ordered(rows, told, side) for side in SIDES)
    found = {(row["surrogate"], row["target"]): row for row in rows.to_dict("records")}
    blind = {pair for pair, row in found.items() if row.get("at_chance")}
    left = {pair: row["percent"] for pair, row in found.items() if pair not in blind}
    grid = np.array([[left.get((s, t), np.nan) for t in targets] for s in surrogates], float)
    dashes = [
        (i, j) for i, s in enumerate(surrogates) for j, t in enumerate(targets) if (s, t) in blind
    ]
    letters = _letters([architecture for _, architecture in (*surrogates, *targets)])
    with sns.axes_style("white"), plt.rc_context(STYLE):
        wide = CELL if len(letters) > 1 else 2 * CELL  # a heading is as wide as two cells
        size = (wide * len(targets) + 3.4, 0.28 * len(surrogates) + 2.0)
        figure, axis = plt.subplots(figsize=size, layout="constrained")
        picture = axis.imshow(grid, cmap="cividis", vmin=0, vmax=100, aspect="auto")
        _numbers(axis, grid, picture.cmap)
        for i, j in dashes:
            axis.text(j, i, DASH, ha="center", va="center", fontsize=8, color="0.35")
        _names(axis, surrogates, targets, letters)
        bar = figure.colorbar(picture, ax=axis, pad=0.02, aspect=2.5 * len(surrogates) + 5)
        bar.set_label(PERCENT, fontsize=8)
        bar.outline.set_visible(False)  # type: ignore[operator]
        figure.suptitle(title or f"{method}: % of the clean AUC left", fontsize=10)
        absent = int((~np.isfinite(grid)).sum()) - len(dashes)
        axis.set_xlabel(_caption(letters, absent=bool(absent), blind=bool(dashes)), fontsize=7.5)
    return figure


_FIRST = ("initialization", "data", "architecture")


def _network(row: Mapping[Any, Any], told: Sequence[str], side: str) -> Network:
    own = {n.removeprefix(f"{side}_"): v for n, v in row.items() if n.startswith(f"{side}_")}
    architecture = str(own.get("architecture", ""))
    return "\n".join(words(own, told)), architecture


def _ordered(rows: pd.DataFrame, told: Sequence[str], side: str) -> list[Network]:
    """Return the networks of a side: by initialization, data (largest first), and all else."""
    columns = [f"{side}_{name}" for name in (*told, "architecture") if f"{side}_{name}" in rows]
    sets = ordered(rows[f"{side}_data"])
    ranked = rows.assign(**{f"{side}_data": rows[f"{side}_data"].map(sets.index)})
    ranked[columns] = ranked[columns].astype(str)
    return [*dict.fromkeys(ranked.sort_values(columns)[side])]


def _letters(architectures: Sequence[str]) -> dict[str, str]:
    """Return a letter for each architecture, which its columns bear; a number for the next."""
    found: dict[str, str] = {}
    for architecture in dict.fromkeys(architectures):
        first = named(architecture)[:1].upper() or "?"
        taken = sum(letter.startswith(first) for letter in found.values())
        found[architecture] = f"{first}{taken + 1}" if taken else first
    return found


def _numbers(axis: Axes, grid: np.ndarray, cmap: Any) -> None:
    axis.set_facecolor("0.92")
    shade = Normalize(0, 100, clip=True)
    for (i, j), value in np.ndenumerate(grid):
        if np.isfinite(value):
            dark = _luminance(cmap(shade(value))[:3]) < 0.18  # where white is read more easily
            colour = "white" if dark else "black"
            axis.text(j, i, f"{value:z.0f}", ha="center", va="center", fontsize=8, color=colour)


def _luminance(colour: Sequence[float]) -> float:
    """Return the relative luminance of a colour of sRGB (WCAG 2)."""
    parts = np.asarray(colour)
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def _names(
    axis: Axes,
    surrogates: Sequence[Network],
    targets: Sequence[Network],
    letters: Mapping[str, str],
) -> None:
    axis.set_yticks(range(len(surrogates)))
    axis.set_yticklabels([f"{named(name)}  {letters[name]}" for _, name in surrogates], fontsize=8)
    axis.set_xticks(range(len(targets)), [letters[name] for _, name in targets], fontsize=8)
    axis.xaxis.tick_top()
    axis.tick_params(length=0)
    for spine in axis.spines.values():
        spine.set_visible(False)
    axis.set_xticks(np.arange(0.5, len(targets) - 1), minor=True)
    axis.set_yticks(np.arange(0.5, len(surrogates) - 1), minor=True)
    axis.grid(which="minor", color="white", lw=1)
    axis.tick_params(which="minor", length=0)
    longest = max(axis.get_yticklabels(), key=lambda label: len(label.get_text()))
    for group, first, last in _groups(targets):
        axis.annotate(
            group,
            ((first + last) / 2, 1),
            xytext=(0, 15),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=8,
            linespacing=1.05,
        )
        axis.axvline(first - 0.5, color="white", lw=4)
    for group, first, last in _groups(surrogates):
        axis.annotate(
            group.replace("\n", ", "),
            (0, (first + last) / 2),
            xytext=(-12, 0),
            xycoords=(longest, axis.transData),
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=8,
        )
        axis.axhline(first - 0.5, color="white", lw=4)


def _groups(networks: Sequence[Network]) -> list[tuple[str, int, int]]:
    """Return each group with the places of its first and last network."""
    found = []
    for group, members in groupby(enumerate(networks), key=lambda each: each[1][0]):
        places = [place for place, _ in members]
        found.append((group, places[0], places[-1]))
    return found


def _caption(letters: Mapping[str, str], *, absent: bool, blind: bool) -> str:
    known = ", ".join(f"{letter}: {named(name)}" for name, letter in letters.items())
    lines = ["rows: surrogates, columns: targets", textwrap.fill(known, 60)]
    lines += ["grey: pairs that the study does not compare"] if absent else []
    lines += [f"{DASH}: targets at chance, about which nothing can be said"] if blind else []
    return "\n".join(lines)
