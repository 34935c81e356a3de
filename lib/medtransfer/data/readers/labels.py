"""Labels as tables have them: a column of values for each, or one column of findings."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import model_validator

from medtransfer.data.readers.values import (
    NOBODY_KNOWS,
    Column,
    Key,
    Value,
    Values,
    folded,
    key,
    keys,
    overlap,
    refuse,
    rows,
    shown,
)
from medtransfer.data.schema import Label
from medtransfer.errors import SourceError

if TYPE_CHECKING:
    import pandas as pd

POSITIVE, NEGATIVE, LEFT_OUT = 1, 0, -1
TRUE: tuple[Value, ...] = (1, "true")
FALSE: tuple[Value, ...] = (0, "false")
OTHERS = "others"
SEPARATORS = ("|", ";", ",", "/", "+")
DIVIDERS = re.compile(rf"[{re.escape(''.join(SEPARATORS))}\[\]'\"]")
BESIDE = re.compile(r"""(['"])\s+(['"])""")  # of a list as NumPy prints it
NO_FINDING = "no finding"


class ColumnLabel(Label):
    """An output that a column of the table decides.

    Numbers are compared as numbers, words ignoring case; `true` in YAML also stands for yes and
    on, and "" for an empty cell, NaN or NA.

    Attributes:
        column: its column; None is the column with the name of the label.
        positive: the values that are positive; None is 1 and true.
        negative: the values that are negative. None is 0 and false; but if `positive` is given, all
            others, except numbers below 0 or beyond a gap (99 after grades 0 to 4), cells that
            are empty or say `unknown`, cells with a listed value beside another (`Mass|Nodule`)
            and, among numbers, words.
        left_out: the values of rows that are left out.

    A value without a rule is refused.
    """

    column: Column | None = None
    positive: Values | None = None
    negative: Values | None = None
    left_out: Values | None = None

    @model_validator(mode="after")
    def _a_value_stands_once(self) -> ColumnLabel:
        if overlap((*self._sides, self.left_out)):
            raise ValueError(
                "each value may be in only one of positive (1 and true, unless given), negative "
                "(0 and false, unless one of both is given) and left_out"
            )
        return self

    @property
    def _sides(self) -> tuple[tuple[Value, ...], tuple[Value, ...]]:
        """What is positive, and what is negative, () where all others are."""
        return self.positive or TRUE, self.negative or (() if self.positive else FALSE)

    @property
    def of_column(self) -> bool:
        """Whether it says more than its name and meaning."""
        return (self.column, self.positive, self.negative, self.left_out) != (None,) * 4

    def states(self, cells: pd.Series) -> np.ndarray:
        """Return 1 (positive), 0 (negative) or -1 (left out) for every cell, int8 (N,).

        Args:
            cells: text; its name is that of the column, its index the lines of the table.

        Raises:
            SourceError: a value has no rule, or no cell holds a value of `positive`.
        """
        known = self._known()
        last = self._last(map(key, cells.unique()))
        found = {cell: self._state(key(cell), known, last) for cell in cells.unique()}
        states = cells.map(found)
        refuse(
            cells[states.isna()],
            f"hold values that label {self.name} has no rule for",
            f". {self._rule()}. In the manifest, `positive`, `negative` and `left_out` of the label"
            " list the values of each; for cells with several findings, use `findings_column`",
        )
        if self.positive and POSITIVE not in found.values():
            values = ", ".join(repr(cell) for cell in [*found][:10])
            raise SourceError(
                f"column {cells.name!r}: no row is positive for {self.name}, that is, "
                f"{shown(self.positive)}; its values: {values}"
            )
        return states.to_numpy(np.int8)

    def _known(self) -> dict[Key, int]:
        lists = zip((POSITIVE, NEGATIVE), self._sides, strict=True)
        known = {key: state for state, values in lists for key in keys(values)}
        return known | dict.fromkeys(keys(self.left_out or ()), LEFT_OUT)

    def _last(self, values: Iterable[Key]) -> Decimal:
        """Return the largest number that follows on from the positive ones in steps of at most 1.

        What lies beyond is often a code: 9 or 99 for what was not graded.
        """
        listed = [each for each in keys(self.positive or ()) if not isinstance(each, str)]
        last = max(listed, default=Decimal(0))
        for number in sorted(each for each in values if not isinstance(each, str)):
            last = number if last < number <= last + 1 else last
        return last

    def _state(self, value: Key, known: dict[Key, int], last: Decimal) -> int | None:
        if value in known or self.negative or not self.positive:
            return known.get(value)
        number = not isinstance(value, str)
        numbers = all(not isinstance(each, str) for each in keys(self.positive))
        if number and not 0 <= value <= last:  # type: ignore[operator]
            return None
        if value in ("", *NOBODY_KNOWS) or (numbers and not number):
            return None
        beside = not number and any(key(piece) in known for piece in _pieces(str(value)))
        return None if beside else NEGATIVE

    def _rule(self) -> str:
        positive, negative = self._sides
        rest = (
            "all others except numbers below 0 or beyond a gap, empty or unknown cells, words "
            "among numbers, and cells with a listed value beside another"
        )
        left_out = f"; left out: {shown(self.left_out)}" if self.left_out else ""
        return f"Positive: {shown(positive)}; negative: {shown(negative) or rest}{left_out}"


def findings(
    cells: pd.Series,
    names: Sequence[str],
    *,
    separator: str,
    ignored: Sequence[str] | Literal["others"] = (),
    left_out: Sequence[str] = (),
) -> np.ndarray:
    """Return 1, 0 or -1 (left out), int8 (N, K), from the names of the positives in each cell.

    A cell may also be a list as Python or NumPy writes it. Names are compared without regard to
    case, and blanks, `_` and `-` are one; an empty cell names none. What holds a name beside
    another, divided otherwise, is ignored only where `ignored` lists it.

    Args:
        cells: text; its index is the lines of the table.
        names: of the K labels.
        ignored: further findings that may stand there, or "others" for all.
        left_out: findings (or "" for an empty cell) whose rows are left out.

    Raises:
        SourceError: a cell names a finding that is none of these.
    """
    places = {_plain(name): place for place, name in enumerate(names)}
    skipped = set() if ignored == OTHERS else set(map(_plain, ignored))
    gone = set(map(_plain, left_out))
    known = {*places, *gone} - {""}
    states = np.zeros((len(cells), len(names)), np.int8)
    unknown: dict[str, list[object]] = defaultdict(list)
    for row, (line, cell) in enumerate(cells.items()):
        for name in _named(cell, separator):
            plain = _plain(name)
            if plain in gone:
                states[row] = LEFT_OUT
                break
            if plain in places:
                states[row, places[plain]] = POSITIVE
            elif plain and plain not in skipped:
                hides = not known.isdisjoint(map(_plain, _pieces(name)))
                if hides or ignored != OTHERS:
                    unknown[name].append(line)
    if unknown:
        raise SourceError(
            f"column {cells.name!r}: {len(unknown)} are findings that the manifest does not list "
            f"({', '.join(names)}): {rows(unknown)}{_hint(unknown, known, ignored)}"
        )
    return states


def one_finding(names: Sequence[str]) -> list[str]:
    """Return the names of labels that are one finding (see `findings`)."""
    plain = [*map(_plain, names)]
    return [name for name in names if plain.count(_plain(name)) > 1]


def contradicting(states: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Return which rows, bool (N,), have no finding and one of the other labels together."""
    none = np.array([_plain(name) == NO_FINDING for name in names])
    positive = states == POSITIVE
    return np.asarray(positive[:, none].any(axis=1) & positive[:, ~none].any(axis=1))


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", folded(name)).strip()


def _named(cell: str, separator: str) -> list[str]:
    if cell.startswith("[") and cell.endswith("]"):
        try:
            found = ast.literal_eval(BESIDE.sub(r"\1, \2", cell))
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            found = None
        if isinstance(found, list) and all(isinstance(name, str) for name in found):
            return [name.strip() for name in found if name.strip()] or [""]
    return [name.strip() for name in cell.split(separator) if name.strip()] or [""]


def _hint(unknown: Iterable[str], known: set[str], ignored: Sequence[str]) -> str:
    divided = next(
        (
            f'. If `{other}` separates them, write `findings_separator: "{other}"`'
            for other in SEPARATORS
            for name in unknown
            if not known.isdisjoint(map(_plain, name.split(other)))
        ),
        "",
    )
    others = "by their names" if ignored == OTHERS else "which may be `others`"
    return (
        f"{divided}. List them in `labels`; or in `ignored_findings`, {others}; or in "
        "`left_out_findings`, if their rows are to be left out"
    )


def _pieces(text: str) -> list[str]:
    """Return the text between separators, brackets and quotes."""
    return [piece for piece in DIVIDERS.split(text) if piece.strip()]
