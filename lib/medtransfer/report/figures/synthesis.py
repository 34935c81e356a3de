"""All domains together: claims, gain, factors, interaction, perceptibility."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from medtransfer.analysis.operating_points import ATTACKED, CLEAN, SENSITIVITY, SPECIFICITY
from medtransfer.analysis.selection import OTHER, SAME
from medtransfer.domains import DOMAINS
from medtransfer.report.kinds import SIDES, kinds, traits
from medtransfer.report.style import COLOURS, PERCENT, STYLE, colours, marks
from medtransfer.report.wording import named, spaced


def claims(table: pd.DataFrame) -> Figure:
    """Draw the effect of every claim with its 95 % interval (see `analysis.claims.judge`).

    Filled marks are supported claims, open ones undecided, crosses not supported; the grey line is
    the value above which the claim holds.
    """
    names = list(dict.fromkeys(table["claim"]))
    with sns.axes_style("ticks"), plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            len(names),
            1,
            figsize=(6.8, 0.55 * len(names) + 0.26 * len(table) + 0.6),
            height_ratios=[max((table["claim"] == name).sum(), 1) + 1 for name in names],
            squeeze=False,
            layout="constrained",
        )
        for axis, name in zip(axes.flat, names, strict=True):
            rows = table[table["claim"] == name]
            for place, row in enumerate(rows.to_dict("records")):
                _claim_mark(axis, row, place=-place)
            axis.axvline(rows["null"].iloc[0], color="0.75", lw=1, zorder=0)
            axis.set_yticks(-np.arange(len(rows)), rows["domain"])
            axis.set_ylim(-len(rows) + 0.4, 0.6)
            axis.set_title(f"{name}: {rows['says'].iloc[0]}", fontsize=9)
            axis.set_xlabel(rows["unit"].iloc[0], fontsize=8)
    return figure


def _claim_mark(axis: Axes, row: dict[str, float | str], *, place: int) -> None:
    value, low, high = (float(row[name]) for name in ("value", "low", "high"))
    verdict = str(row["verdict"])
    domain = str(row["domain"])
    colour = DOMAINS[domain].colour if domain in DOMAINS else "0.2"  # all domains together
    axis.hlines(place, low, high, color=colour, lw=1.4)
    marker = "x" if verdict == "not supported" else "o"
    fill = colour if verdict == "supported" else "white"
    axis.plot(value, place, marker, ms=5.5, color=colour, mfc=fill)
    axis.annotate(
        verdict, (high, place), xytext=(6, 0), textcoords="offset points", va="center", fontsize=7
    )


def gain(points: pd.DataFrame, *, title: str) -> Figure:
    """Draw the fall in AUC against the gain by pre-training (see `analysis.claims.gains`)."""
    shapes = marks(points["architecture"])
    shades = colours(points["domain"])
    with sns.axes_style("ticks"), plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(5.6, 3.6), layout="constrained")
        for row in points.to_dict("records"):
            colour = shades[str(row["domain"])]
            fill = colour if row["data"] == "d1" else "white"
            mark = shapes[str(row["architecture"])]
            axis.plot(row["gain"], row["fall"], mark, ms=7, color=colour, mfc=fill)
        for domain, colour in shades.items():
            axis.plot([], [], "s", color=colour, label=domain)
        for architecture, mark in shapes.items():
            axis.plot([], [], mark, color="0.3", mfc="white", label=named(architecture))
        axis.plot([], [], "o", color="0.3", label="target on d1 (filled)")
        axis.plot([], [], "o", color="0.3", mfc="white", label="target on d1/10 (open)")
        axis.set_xlabel("gain in AUC by pre-training, no attack")
        axis.set_ylabel("fall in AUC, both pre-trained")
        axis.set_title(title)
        figure.legend(loc="outside right center")
    return figure


def factors(table: pd.DataFrame, *, title: str) -> Figure:
    """Draw % of the clean AUC left for every kind of surrogate (rows) and target (columns)."""
    rows = table.copy()
    told = traits(table)
    by_start = ["initialization", "data", *(name for name in told if name not in _BY_START)]
    order = {}
    for side in SIDES:
        rows[side] = kinds(table, side=side)
        by = [f"{side}_{name}" for name in by_start]
        by = [name for name in by if name in rows]
        order[side] = rows.sort_values(by, key=lambda column: column.astype(str))[side].unique()
    grid = rows.pivot(index="surrogate", columns="target", values="percent")
    grid = grid.reindex(index=order["surrogate"], columns=order["target"])
    with sns.axes_style("ticks"), plt.rc_context(STYLE):
        width, height = 0.62 * grid.shape[1] + 3.4, 0.32 * grid.shape[0] + 2.6
        figure, axis = plt.subplots(figsize=(width, height), layout="constrained")
        sns.heatmap(
            grid,
            ax=axis,
            annot=True,
            fmt=".0f",
            annot_kws={"size": 7.5},
            cmap="cividis",
            vmin=0,
            vmax=100,
            linewidths=1,
            cbar_kws={"label": PERCENT},
        )
        axis.set_facecolor("0.93")  # pairs that the study does not have
        axis.set(xlabel="target", ylabel="surrogate")
        axis.set_title(title)
        axis.tick_params(length=0, labelsize=7.5)
        plt.setp(axis.get_xticklabels(), rotation=35, ha="right", rotation_mode="anchor")
    return figure


_BY_START = ("initialization", "data")


def interaction(table: pd.DataFrame) -> Figure:
    """Draw % of the clean AUC left against the surrogate's data, by architecture and domain."""
    domains, sets = (
        list(dict.fromkeys(table["domain"])),
        list(dict.fromkeys(table["surrogate_data"])),
    )
    with sns.axes_style("ticks"), plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            1,
            len(domains),
            figsize=(2.4 * len(domains) + 0.8, 3.0),
            sharey=True,
            squeeze=False,
            layout="constrained",
        )
        for axis, domain in zip(axes.flat, domains, strict=True):
            for number, relation in enumerate((SAME, OTHER)):
                rows = table[(table["domain"] == domain) & (table["relation"] == relation)]
                places = np.array([sets.index(name) for name in rows["surrogate_data"]])
                errors = [
                    rows["percent"] - rows["percent_low"],
                    rows["percent_high"] - rows["percent"],
                ]
                axis.errorbar(
                    places + 0.06 * (number - 0.5),
                    rows["percent"],
                    yerr=np.maximum(errors, 0),
                    marker="o",
                    ms=4,
                    lw=1.2,
                    color=COLOURS[relation],
                    label=relation,
                )
            axis.set_xticks(range(len(sets)), sets)
            axis.set_title(domain)
            axis.set_xlabel("surrogate developed on")
            axis.set_ylim(-4, max(108, 1.04 * table["percent_high"].max()))
        axes[0, 0].set_ylabel(PERCENT)
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=2)
    return figure


def operating(table: pd.DataFrame) -> Figure:
    """Draw sensitivity and specificity of every label, clean and attacked, by domain.

    Args:
        table: rows of `analysis.operating_points.operating_table` with a column `domain`; labels
            stand in the order of the table.
    """
    names = table[["domain", "label"]].drop_duplicates().to_records(index=False).tolist()
    places = {name: -number for number, name in enumerate(names)}
    shades = colours(domain for domain, _ in names)
    with sns.axes_style("ticks"), plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            1, 2, figsize=(7.2, 0.24 * len(names) + 1.5), sharey=True, layout="constrained"
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
        axes[0].set_title("ill images that are called", fontsize=9)
        axes[1].set_title("other images that are not called", fontsize=9)
        axes[0].plot([], [], "o", color="0.6", label="clean")
        for domain, colour in shades.items():
            axes[0].plot([], [], "o", color=colour, label=f"attacked, {domain}")
        figure.legend(loc="outside upper center", ncols=4)
    return figure


def perceptibility(table: pd.DataFrame) -> Figure:
    """Draw % of the clean AUC left against SSIM of the attacked image, a line per domain."""
    shades = colours(table["domain"])
    with sns.axes_style("ticks"), plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(5.6, 3.4), layout="constrained")
        for domain, rows in table.groupby("domain", sort=False):
            colour = shades[str(domain)]
            axis.plot(rows["ssim"], rows["percent"], "-o", ms=4, color=colour, label=str(domain))
            for at in (0, -1):
                axis.annotate(
                    f"{rows['epsilon'].iloc[at]:g}",
                    (rows["ssim"].iloc[at], rows["percent"].iloc[at]),
                    xytext=(5, 4),
                    textcoords="offset points",
                    fontsize=7,
                    color=colour,
                )
        axis.invert_xaxis()
        axis.set_xlabel("SSIM with the clean image (1 is equal); labels are epsilon")
        axis.set_ylabel(PERCENT)
        axis.set_ylim(0, max(108, 1.04 * table["percent"].max()))
        figure.legend(loc="outside right center")
    return figure
