"""Networks and their answers: validation AUC, and AUC by finding."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from medtransfer.report.kinds import network_kinds, ordered
from medtransfer.report.style import STYLE, colours, marks
from medtransfer.report.wording import spaced


def findings(table: pd.DataFrame) -> Figure:
    """Draw the AUC of each label before and after attacks, one panel per row of the table's pairs.

    Args:
        table: rows of `analysis.tables.finding_table`, of one target and method.
    """
    order = table.groupby("label")["clean_auc"].first().sort_values().index
    place = {label: number for number, label in enumerate(order)}
    with sns.axes_style("ticks"), plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(6.4, 0.27 * len(order) + 1.2), layout="constrained")
        shades = colours(table["relation"].unique())
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
                colour=shades[str(name)],
                label=str(name),
                shift=0.08 - 0.16 * number,
            )
        axis.axvline(0.5, color="0.8", lw=0.8, zorder=0)
        axis.set_yticks(range(len(order)), [spaced(label) for label in order])
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
    sets = ordered(table["data"])
    called = table.assign(kind=network_kinds(table))
    shapes = marks(_texts(table, "architecture"))
    shades = colours(_texts(table, "initialization"))
    with sns.axes_style("ticks"), plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(7.4, 3.3), layout="constrained")
        groups = list(called.groupby("kind", sort=False))
        step = min(0.17, 0.8 / len(groups))
        for number, (kind, rows) in enumerate(groups):
            offset = (number - (len(groups) - 1) / 2) * step
            aside = (
                rows.groupby("data").cumcount() - (rows.groupby("data").transform("size") - 1) / 2
            )
            middle = np.array([sets.index(name) for name in rows["data"]]) + offset
            places = middle + aside * 0.8 * step / rows.groupby("data").size().max()
            values = rows["validation_auc"]
            errors = np.maximum(
                [values - rows["validation_auc_low"], rows["validation_auc_high"] - values], 0
            )
            axis.errorbar(
                places,
                values,
                yerr=errors,
                fmt=shapes[_texts(rows, "architecture")[0]],
                ms=4,
                lw=1,
                color=shades[_texts(rows, "initialization")[0]],
                label=str(kind),
            )
        axis.set_xticks(range(len(sets)), sets)
        axis.set(xlabel="development set", ylabel="validation AUC")
        figure.legend(loc="outside upper center", ncols=min(len(groups), 2))
    return figure


def _texts(table: pd.DataFrame, name: str) -> list[str]:
    """Return a trait of every network, "nan" where it has none."""
    return [str(value) for value in table[name]] if name in table else ["nan"] * len(table)
