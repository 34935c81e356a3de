"""Tables as the command line prints them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

TRAITS = ("architecture", "initialization", "data")


def rows(table: pd.DataFrame | Iterable[Mapping[Any, Any]]) -> list[Mapping[Any, Any]]:
    """Return the rows of a table, by column; its index is left out."""
    return list(table.to_dict("records") if hasattr(table, "to_dict") else table)


def columns(table: pd.DataFrame | Iterable[Mapping[Any, Any]], *, digits: int = 3) -> str:
    """Return a table as right-aligned columns; `digits` of numbers stand behind the point."""

    def text(value: Any) -> str:
        if isinstance(value, float):
            return str(round(value, digits)) if value == value else "?"
        return str(value)

    found = rows(table)
    names = list(dict.fromkeys(name for row in found for name in row))
    lines = [names, *([text(row.get(name, "")) for name in names] for row in found)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.rjust, line, widths)) for line in lines)


def pairs(frame: pd.DataFrame) -> str:
    """Return the tidy table of cells as people read it: who attacks whom, and what is left."""
    return columns(
        {
            "method": row["method"],
            **{side: _network(row, side) for side in ("surrogate", "target")},
            "clean_auc": row["clean_auc"],
            "auc": row["auc"],
            "% of clean (95 % interval)": f"{row['percent']:.1f} ({row['percent_low']:.1f} to "
            f"{row['percent_high']:.1f})",
        }
        for row in rows(frame)
    )


def _network(row: Mapping[Any, Any], side: str) -> str:
    return " ".join(str(row[f"{side}_{trait}"]) for trait in TRAITS if f"{side}_{trait}" in row)
