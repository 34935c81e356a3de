"""Which patient a row belongs to: when two spellings of an id are the same, and when unclear."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator

from medtransfer.data.readers.values import EMPTY, folded, refuse
from medtransfer.data.schema import listed
from medtransfer.errors import SourceError

if TYPE_CHECKING:
    import pandas as pd

MISSING = (*EMPTY, "none", "nat", "unknown")
WHOLE = re.compile(r"0*(\d+)(\.0*)?", re.ASCII)


def spelled(name: str) -> str:
    """Return an id without surrounding blanks, in the composed form of Unicode."""
    return unicodedata.normalize("NFC", name).strip()


def is_missing(name: str) -> bool:
    """Return whether an id says that there is none: empty, NaN, NA, None."""
    return folded(name) in MISSING


def alike(names: Iterable[str]) -> list[list[str]]:
    """Return ids that differ by case, by blanks or as 12, 012 and 12.0 do, those alike together."""
    found = defaultdict(list)
    for name in dict.fromkeys(names):
        text = " ".join(folded(name).split())
        number = WHOLE.fullmatch(text)
        found[number[1] if number else text].append(name)
    return [spellings for spellings in found.values() if len(spellings) > 1]


def _compiled(text: str) -> str:
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"no regular expression: {error}") from None
    return text


Pattern = Annotated[str, AfterValidator(_compiled)]


def groups(
    cells: pd.Series, *, pattern: str | None, similar: bool = False, missing: bool = False
) -> pd.Series:
    """Return the patient of every row, in one spelling, "" where there is none.

    Args:
        cells: text; its name is that of the column, its index the lines of the table.
        pattern: a regular expression of what of a cell is the patient; None takes the whole cell.
        similar: whether ids may differ by case or as 12 and 12.0 do.
        missing: whether rows may have none.

    Raises:
        SourceError: cells hold no id, or ids that may be of one patient or of two.
    """
    found = cells.map(spelled)
    if pattern:
        searched = found.map(lambda cell: re.search(pattern, cell))
        unmatched = searched.isna()
        refuse(cells[unmatched], f"do not hold what group_pattern looks for ({pattern})")
        found = searched.map(lambda match: match[1 if match.re.groups else 0] or "")
    found = found.mask(found.map(is_missing), "")
    if not missing:
        refuse(
            cells[found == ""],
            "name no patient; `allow: [missing_groups]` makes each image a patient of its own",
        )
    if not similar and (pairs := alike(found.unique())):
        named = listed((" and ".join(map(repr, spellings)) for spellings in pairs), "; ")
        raise SourceError(
            f"column {cells.name!r}: {len(pairs)} patients are spelled in several ways: {named}. "
            "Correct the table; or write `allow: [similar_groups]` if they are different patients"
        )
    return found
