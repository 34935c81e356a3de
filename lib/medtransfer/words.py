"""Numbers as a reader takes them in: value, interval, unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def percent(row: Mapping[str, Any], name: str = "percent") -> str:
    """Return "62 % (51 to 71)" from a row with `NAME`, `NAME_low` and `NAME_high`."""
    return f"{row[name]:.0f} % ({row[f'{name}_low']:.0f} to {row[f'{name}_high']:.0f})"


def points(row: Mapping[str, Any]) -> str:
    """Return "12 points (5 to 19)" from a `contrast`; a minus says that the first is smaller."""
    low, high = row["difference_low"], row["difference_high"]
    return f"{row['difference']:+.0f} points ({low:+.0f} to {high:+.0f})"


def decided(row: Mapping[str, Any]) -> str:
    """Return what the interval of a `contrast` says about its sign."""
    if row["difference_low"] > 0:
        return "larger"
    if row["difference_high"] < 0:
        return "smaller"
    return "not clearly larger or smaller"
