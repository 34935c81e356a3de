"""Tables for readers: words for names, an interval in one column, named rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from medtransfer.analysis.selection import OTHER, SAME, WHITE_BOX
from medtransfer.data.splits import NAMES
from medtransfer.report.style import PERCENTAGES
from medtransfer.report.wording import left_of_clean, named, spaced

if TYPE_CHECKING:
    import pandas as pd

LEFT = "AUC left, % of clean (95 % interval)"
MEASURED = (*PERCENTAGES, "at_chance")


def readable(frame: pd.DataFrame, *, index: Sequence[str]) -> pd.DataFrame:
    """Return a table whose rows are named by the columns `index`, with words instead of names."""
    said = filled(frame.map(named).rename(columns=spaced))
    return said.set_index([spaced(name) for name in index])


def filled(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table for readers: where there is no value, its cell is empty."""
    if not frame.isna().any(axis=None):
        return frame
    return frame.astype(object).where(frame.notna(), "")


def left(means: pd.DataFrame, *, index: Sequence[str]) -> pd.DataFrame:
    """Return mean percentages (see `analysis.tables.pooled`) as a readable table."""
    rows = means.to_dict("records")
    shown = means.drop(columns=[*MEASURED])
    shown.insert(len(index), LEFT, [left_of_clean(row) for row in rows])
    if (means["pairs"] > 1).any():
        spread = [
            "" if row["at_chance"] else f"{row['lowest']:.0f} to {row['highest']:.0f}"
            for row in rows
        ]
        shown.insert(len(index) + 1, "single pairs", spread)
    return readable(shown, index=index)


def ordered(table: pd.DataFrame, *, by: Sequence[str]) -> pd.DataFrame:
    """Return a table sorted by columns of identity: large data before small, same before other."""
    return table.sort_values([*by], key=_places, kind="stable")


def _places(column: pd.Series[Any]) -> pd.Series[Any]:
    known = _ORDERS.get(str(column.name).rsplit("_", 1)[-1], ())
    return column if not set(column) <= {*known} else column.map(known.index)


_ORDERS: dict[str, tuple[str, ...]] = {
    "data": NAMES,
    "relation": (WHITE_BOX, SAME, OTHER),
}
