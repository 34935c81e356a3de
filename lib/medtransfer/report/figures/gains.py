"""The claims on defences, a row each."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from medtransfer.analysis.claims import POINTS
from medtransfer.domains import DOMAINS
from medtransfer.report.figures.claims import limits, mark
from medtransfer.report.sentences import POOLED
from medtransfer.report.style import STYLE

TALL = 0.235  # inches of a row


def gains(table: pd.DataFrame) -> Figure:
    """Draw the claims on defences whose effect is in points of the clean AUC.

    The picture of what defences do: over all domains an interval and a mark, as in
    `figures.claims`, and a small dot for every domain. A claim holds to the right of its grey tick.

    Args:
        table: of `analysis.defence_claims.judge`.
    """
    shown = table[table["unit"] == POINTS]
    over_all = shown[shown["domain"] == POOLED] if (shown["domain"] == POOLED).any() else shown
    rows = over_all.to_dict("records")
    with sns.axes_style("ticks"), plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(9.2, TALL * len(rows) + 0.9), layout="constrained")
        axis.set_xlim(limits(over_all))
        for place, row in enumerate(rows):
            axis.plot([row["null"]] * 2, [-place - 0.35, -place + 0.35], color="0.75", lw=1.2)
            same = shown[(shown["claim"] == row["claim"]) & (shown["part"] == row["part"])]
            _domains(axis, same, place=-place)
            mark(axis, row["domain"], row, place=-place)
        axis.set_ylim(-len(rows) + 0.4, 0.6)
        names = [f"{row['claim']}  {row['part']}" for row in rows]
        axis.set_yticks([-place for place in range(len(rows))], names)
        axis.set_xlabel(POINTS)
        _legend(figure, axis, shown)
    return figure


def _domains(axis: Axes, rows: pd.DataFrame, *, place: int) -> None:
    low, high = axis.get_xlim()
    for row in rows.to_dict("records"):
        if row["domain"] in DOMAINS and low <= row["value"] <= high:
            colour = DOMAINS[row["domain"]].colour
            axis.plot(row["value"], place, "o", ms=3.2, color=colour, alpha=0.85, mew=0)


def _legend(figure: Figure, axis: Axes, rows: pd.DataFrame) -> None:
    met = [name for name in dict.fromkeys(rows["domain"]) if name in DOMAINS]
    if len(met) < 2:
        return
    handles = [
        axis.plot([], [], "o", ms=4, color=DOMAINS[name].colour, label=name)[0] for name in met
    ]
    handles.append(axis.plot([], [], "o-", ms=5, color="0.15", label=POOLED)[0])
    figure.legend(handles=handles, loc="outside upper right", ncols=len(handles), fontsize=8)
