"""All domains side by side: data and architecture, operating points, perceptibility."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from medtransfer.analysis.operating_points import ATTACKED, CLEAN, SENSITIVITY, SPECIFICITY
from medtransfer.analysis.selection import OTHER, SAME
from medtransfer.attacks.delivery import CONTROL, FLOAT
from medtransfer.report.style import COLOURS, PERCENT, STYLE, colours, reach
from medtransfer.report.wording import named, spaced


def interaction(table: pd.DataFrame) -> Figure:
    """Draw % of the clean AUC left against the surrogate's data, by architecture and domain.

    The picture of C3 (lines rise to the right) and C4 (the line of the other architecture lies
    above), for both halves: initialization by row, domain by column.
    """
    domains, starts, sets = (
        list(dict.fromkeys(table[name]))
        for name in ("domain", "target_initialization", "surrogate_data")
    )
    with sns.axes_style("ticks"), plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            len(starts),
            len(domains),
            figsize=(2.0 * max(len(domains), 2) + 1.0, 1.9 * len(starts) + 1.0),
            sharex=True,
            sharey=True,
            squeeze=False,
            layout="constrained",
        )
        for i, start in enumerate(starts):
            for j, domain in enumerate(domains):
                own = (table["domain"] == domain) & (table["target_initialization"] == start)
                _lines(axes[i, j], table[own], sets)
                axes[i, j].set_title(f"{domain}, {named(start)}", fontsize=9)
        axes[0, 0].set_xticks(range(len(sets)), sets)
        axes[0, 0].set_xlim(-0.3, len(sets) - 0.7)
        axes[0, 0].set_ylim(reach(table["percent"], table["percent_high"]))
        for axis in axes[-1]:
            axis.set_xlabel("surrogate developed on", fontsize=8)
        for axis in axes[:, 0]:
            axis.set_ylabel(PERCENT, fontsize=8)
        known = {
            label: handle
            for axis in axes.flat
            for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)
        }
        figure.legend(known.values(), known.keys(), loc="outside upper center", ncols=2)
    return figure


def _lines(axis: Axes, table: pd.DataFrame, sets: Sequence[str]) -> None:
    axis.axhline(100, color="0.85", lw=0.8, zorder=0)
    for number, relation in enumerate((SAME, OTHER)):
        rows = table[table["relation"] == relation]
        if rows.empty:
            continue
        rows = rows.sort_values("surrogate_data", key=lambda column: column.map(sets.index))
        places = np.array([sets.index(name) for name in rows["surrogate_data"]])
        errors = [rows["percent"] - rows["percent_low"], rows["percent_high"] - rows["percent"]]
        axis.errorbar(
            places + 0.08 * (number - 0.5),
            rows["percent"],
            yerr=np.maximum(errors, 0),
            marker="os"[number],
            ms=4,
            lw=1.2,
            color=COLOURS[relation],
            label=relation,
        )


def operating(table: pd.DataFrame) -> Figure:
    """Draw sensitivity and specificity of every label, clean and attacked, by domain.

    It belongs to no claim: it says what an attack means for patients.

    Args:
        table: rows of `analysis.operating_points.operating_table` with a column `domain`; labels
            stand in the order of the table.
    """
    names = table[["domain", "label"]].drop_duplicates().to_records(index=False).tolist()
    places = {name: -number for number, name in enumerate(names)}
    shades = colours(domain for domain, _ in names)
    with sns.axes_style("ticks"), plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            1, 2, figsize=(7.2, 0.22 * len(names) + 1.6), sharey=True, layout="constrained"
        )
        for axis, measure in zip(axes, (SENSITIVITY, SPECIFICITY), strict=True):
            for images, shift in ((CLEAN, 0.14), (ATTACKED, -0.14)):
                rows = table[(table["measure"] == measure) & (table["images"] == images)]
                for row in rows.to_dict("records"):
                    colour = "0.6" if images == CLEAN else shades[row["domain"]]
                    place = places[row["domain"], row["label"]] + shift
                    axis.hlines(place, row["low"], row["high"], color=colour, lw=1.2)
                    axis.plot(row["value"], place, "o", ms=4, color=colour)
            axis.set_xlim(-0.02, 1.02)
            axis.set_xlabel(measure)
        axes[0].set_yticks([*places.values()], [spaced(label) for _, label in places])
        axes[0].set_title("positives that are called (sensitivity)", fontsize=9)
        axes[1].set_title("negatives that are not called (specificity)", fontsize=9)
        axes[0].plot([], [], "o", color="0.6", label="clean")
        for domain, colour in shades.items():
            axes[0].plot([], [], "o", color=colour, label=f"attacked, {domain}")
        figure.legend(loc="outside upper center", ncols=4)
    return figure


def perceptibility(table: pd.DataFrame, *, chosen: Mapping[str, float] | None = None) -> Figure:
    """Draw % of the clean AUC left against SSIM of the attacked image, one panel per domain.

    The picture of C5: noise is as visible as the attack of the same size (dashed) and leaves the
    AUC where it was.

    Args:
        table: rows of `domain`, `epsilon`, `delivery`, `ssim` and `percent`.
        chosen: domain -> its epsilon, whose mark is larger.
    """
    domains = list(dict.fromkeys(table["domain"]))
    shades = colours(domains)
    with sns.axes_style("ticks"), plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            1,
            len(domains),
            figsize=(2.3 * max(len(domains), 2) + 0.7, 2.9),
            sharey=True,
            squeeze=False,
            layout="constrained",
        )
        axes[0, 0].set_ylim(reach(table["percent"], []))
        for axis, domain in zip(axes.flat, domains, strict=True):
            for delivery, style in ((FLOAT, "-o"), (CONTROL, "--o")):
                own = (table["domain"] == domain) & (table["delivery"] == delivery)
                rows = table[own].sort_values("epsilon")
                colour = shades[domain] if delivery == FLOAT else COLOURS[CONTROL]
                axis.plot(rows["ssim"], rows["percent"], style, ms=3.5, lw=1.2, color=colour)
                if delivery == FLOAT:
                    _epsilons(axis, rows, colour, marked=(chosen or {}).get(domain))
            axis.axhline(100, color="0.85", lw=0.8, zorder=0)
            axis.margins(x=0.12)
            axis.invert_xaxis()
            axis.set_title(domain)
            axis.set_xlabel("SSIM with the clean image", fontsize=8)
        axes[0, 0].set_ylabel(PERCENT)
        axes[0, 0].plot([], [], "-o", ms=3.5, color="0.2", label="attack, by epsilon")
        axes[0, 0].plot([], [], "--o", ms=3.5, color=COLOURS[CONTROL], label=named(CONTROL))
        if chosen:
            axes[0, 0].plot([], [], "o", ms=8, mfc="none", color="0.2", label="chosen epsilon")
        figure.legend(loc="outside upper center", ncols=3)
    return figure


def _epsilons(axis: Axes, rows: pd.DataFrame, colour: str, *, marked: float | None) -> None:
    """Name the first and the last epsilon of a line, and ring the chosen one."""
    for row in (rows.iloc[each] for each in sorted({0, len(rows) - 1}) if len(rows)):
        axis.annotate(
            f"{row['epsilon']:g}",
            (row["ssim"], row["percent"]),
            xytext=(0, 6),
            textcoords="offset points",
            ha="center",
            fontsize=7,
            color=colour,
        )
    ring = rows[rows["epsilon"] == marked]
    axis.plot(ring["ssim"], ring["percent"], "o", ms=8, mfc="none", color=colour)
