"""The value of a table's cell: equal words and numbers, however they are spelled."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, StringConstraints

from medtransfer.data.schema import listed
from medtransfer.errors import SourceError

if TYPE_CHECKING:
    import pandas as pd

# As YAML writes them: `yes` without quotes is true, an empty one is null.
Value = bool | int | float | str | None
Values = Annotated[tuple[Value, ...], Field(min_length=1)]
Key = str | Decimal
Column = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?", re.ASCII)
EMPTY = ("", "nan", "na", "n/a", "#n/a", "<na>", "null")
NOBODY_KNOWS = (
    *("unknown", "unclear", "uncertain", "indeterminate", "undetermined", "equivocal", "missing"),
    *("pending", "not available", "not done", "not graded", "not gradable", "ungradable"),
    *("?", "-", ".", "unbekannt", "unklar", "fehlt", "fraglich", "offen"),
)
WORDS = {True: ("true", "yes", "on"), False: ("false", "no", "off")}


def folded(text: str) -> str:
    """Return a text as it compares where case, Unicode form and blanks around do not count."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold()).strip()


def key(cell: str) -> Key:
    """Return what equal cells share: 1, 01 and 1.0 are one number, NaN and NA are empty.

    Numbers are compared exactly, words without regard to case.
    """
    text = folded(cell)
    if text in EMPTY:
        return ""
    return Decimal(text) if NUMBER.fullmatch(text) else text


def keys(values: Iterable[Value]) -> set[Key]:
    """Return the keys of what a manifest lists; `true` stands for yes and on, too."""
    found: set[Key] = set()
    for value in values:
        words = WORDS[value] if isinstance(value, bool) else ("" if value is None else str(value),)
        found |= {key(word) for word in words}
    return found


def shown(values: Iterable[Value]) -> str:
    """Return what a manifest lists as it is written there."""
    return ", ".join(map(_written, values))


def _written(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return '""' if value in (None, "") else str(value)


def overlap(lists: Iterable[Iterable[Value] | None]) -> bool:
    """Return whether a value appears twice in what a manifest lists."""
    found = [keys(values or ()) for values in lists]
    return sum(map(len, found)) != len(set[Key]().union(*found))


def refuse(cells: pd.Series, what: str, advice: str = "") -> None:
    """Raise SourceError that says `what` is wrong with cells of a column, if there are any.

    Args:
        cells: text; its name is that of the column, its index the lines of the table.
    """
    if len(cells):
        found: dict[str, list[object]] = defaultdict(list)
        for line, cell in cells.items():
            found[cell].append(line)
        raise SourceError(f"column {cells.name!r}: {len(cells)} rows {what}: {rows(found)}{advice}")


def rows(found: Mapping[str, Iterable[object]]) -> str:
    """Return value -> lines of a table in words: "'yes' (lines 2, 7 and 3 more), '' (line 4)"."""
    return listed(f"{value!r} ({lines(where)})" for value, where in found.items())


def lines(places: Iterable[object]) -> str:
    """Return lines of a table in words: "line 2", "lines 2, 7 and 3 more"; names as they are."""
    found = [*places]
    noun = "" if isinstance(found[0], str) else "line " if len(found) == 1 else "lines "
    return f"{noun}{listed(found)}"
