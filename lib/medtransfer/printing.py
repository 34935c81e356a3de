"""Tables as the command line prints them."""

from __future__ import annotations

import os
import select
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from medtransfer.data.looks import Checked

TRAITS = ("architecture", "initialization", "data")


def rows(table: pd.DataFrame | Iterable[Mapping[Any, Any]]) -> list[Mapping[Any, Any]]:
    """Return the rows of a table, by column; its index is left out."""
    return list(table.to_dict("records") if hasattr(table, "to_dict") else table)


def columns(table: pd.DataFrame | Iterable[Mapping[Any, Any]], *, digits: int = 3) -> str:
    """Return a table as aligned columns; numbers have `digits` after the point."""
    found = rows(table)
    names = dict.fromkeys(name for row in found for name in row)
    blocks = [_aligned(name, [row.get(name, "") for row in found], digits) for name in names]
    return "\n".join("  ".join(line).rstrip() for line in zip(*blocks, strict=True)) or "nothing"


def _aligned(name: str, values: Sequence[Any], digits: int) -> list[str]:
    """Return a column with its name above: words to the left, numbers to the right."""
    words = all(isinstance(value, str) for value in values)
    lines = [name, *(_text(value, digits) for value in values)]
    width = max(map(len, lines))
    return [line.ljust(width) if words else line.rjust(width) for line in lines]


def _text(value: Any, digits: int) -> str:
    if isinstance(value, float):
        return str(round(value, digits)) if value == value else "?"
    return str(value)


def pairs(frame: pd.DataFrame) -> str:
    """Return the tidy table of cells as people read it: who attacks whom, and what is left."""
    return columns(
        {
            "method": row["method"],
            "epsilon": row["epsilon"],
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


def checked(found: Checked) -> str:
    """Return what was found in a source: errors, warnings, what was looked at, and the sets."""
    lines = [f"error: {said}" for said in found.errors]
    lines += [f"warning: {said}" for said in found.warnings]
    lines += found.facts
    if found.table:
        lines.append(f"\n{columns(found.table)}\n")
    lines += found.measured
    if found.answers:
        lines.append(f"{columns(found.answers)}\n")
    if found.sheet:
        lines.append(f"contact sheet: {found.sheet}")
    return "\n".join(lines)


def unread() -> bool:
    """Return whether nobody reads what is printed, as after `| head`; then nothing more is."""
    output = select.poll()
    output.register(1, 0)  # where print writes; errors are reported whatever one asks for
    if gone := bool(output.poll(0)):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return gone
