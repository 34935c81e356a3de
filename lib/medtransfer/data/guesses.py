"""What columns of a table seem to hold: files, patients, sets and labels. Guesses, to be marked."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from medtransfer.data.readers.labels import SEPARATORS
from medtransfer.data.readers.values import folded, key
from medtransfer.data.splits import NAMES, TEST, TRAIN, VALIDATION
from medtransfer.data.words import (
    ANYBODY,
    LABELS,
    NO_LABELS,
    PEOPLE,
    SETS,
    SIDES,
    YES_OR_NO,
    is_healthy,
    noun,
    words,
)

if TYPE_CHECKING:
    import pandas as pd

SURE = 0.5  # the share of the rows that must name files
MOST_CLASSES, MOST_FINDINGS, MOST_GRADES = 20, 60, 6


@dataclass(frozen=True)
class Files:
    """How a column names the files: below `folder`, with `suffix` added; `share` of it does."""

    column: str
    folder: str
    suffix: str
    share: float


@dataclass(frozen=True)
class Labels:
    """What the labels may be: one of three kinds of tables.

    Attributes:
        column: of findings or classes; None where each label has a column of its own.
        separator: between findings; "" where a cell holds one class.
        fields: label -> what a manifest says of it beside its meaning, such as `positive`.
        healthy: the classes or findings that are not labels.
    """

    column: str | None
    separator: str
    fields: Mapping[str, Mapping[str, Any]]
    healthy: tuple[str, ...] = ()


def files(rows: pd.DataFrame, there: Iterable[str]) -> Files | None:
    """Return the column that names most files, None if none names half of its rows.

    Args:
        rows: text.
        there: the files below a folder, as `folder/name`.
    """
    by_name: dict[str, list[str]] = defaultdict(list)
    for path in there:
        for name in {os.path.basename(path), PurePosixPath(path).stem}:
            by_name[folded(name)].append(path)
    found = [each for column in rows if (each := _named(rows[column], by_name))]
    _, best = max(found, key=lambda each: each[0], default=(0, None))
    return best if best and best.share >= SURE else None


def _named(cells: pd.Series, by_name: Mapping[str, list[str]]) -> tuple[int, Files] | None:
    """Return how many files a column names, and how."""
    counts = Counter(cells)
    ways: dict[tuple[str, str], list[str]] = defaultdict(list)
    for cell in counts:
        plain = cell.replace("\\", "/").removeprefix("./")
        for path in by_name.get(folded(os.path.basename(plain)), ()):
            suffix = "" if folded(path).endswith(folded(plain)) else PurePosixPath(path).suffix
            before = path[: len(path) - len(plain) - len(suffix)]
            if folded(path) == folded(before + plain + suffix) and before[-1:] in ("", "/"):
                ways[before.rstrip("/") or ".", suffix].append(cell)
                break
    if not ways:
        return None
    folder, suffix = max(ways, key=lambda way: len(ways[way]))
    named = ways[folder, suffix]
    share = sum(counts[cell] for cell in named) / len(cells)
    return len(named), Files(str(cells.name), folder, suffix, share)


def group(rows: pd.DataFrame, taken: Sequence[str], *, images: int) -> tuple[str, str] | None:
    """Return the column of patients, and what one of them is called; None if no name says so."""
    called: dict[str, list[str]] = defaultdict(list)
    for column in map(str, rows):
        number = rows[column].nunique()
        if column in taken or number < 2 or _yes_or_no(rows[column]) is not None:
            continue
        if who := noun(column):
            called[who] += [column] if number <= images else []
        elif number < images and not {*words(column)}.isdisjoint(ANYBODY):
            called["group"].append(column)
    for who in (*PEOPLE.values(), "group"):
        if called[who]:
            return called[who][0], who
    return None


def sides(cells: pd.Series) -> str | None:
    """Return the regular expression of a patient in names that end with a side, such as 12_left.

    None if a name does not, or all are of one side.
    """
    parts = "|".join(SIDES)
    found = cells.str.extract(rf"(?i)^(.+)[-_ ]({parts})(?:\.\w+)?$")
    if found.isna().any(axis=None) or found[1].nunique() < 2:
        return None
    return rf"([^/\\]+)[-_ ](?:{'|'.join(sorted(found[1].unique()))})(?:\.\w+)?$"


def sets(cells: pd.Series) -> dict[str, list[str]] | None:
    """Return what values of a column mean: `development` and `test`; {} for our own names.

    None if it holds anything else, or lacks one of both.
    """
    values = [value for value in cells.unique() if value]
    names = {name.strip() for value in values for name in folded(value).split(";")} - {""}
    parts = {f"{name}:{part}" for name in NAMES for part in (TRAIN, VALIDATION)}
    if names and names <= {TEST, *parts} and names & parts:
        return {}
    known = {word: part for part, spellings in SETS.items() for word in spellings}
    if not names <= {*known}:
        return None
    test = [value for value in values if known[folded(value)] == TEST]
    development = [value for value in values if value not in test]
    return {"development": development, "test": test} if test and development else None


def labels(rows: pd.DataFrame, taken: Sequence[str]) -> Labels | None:
    """Return what the labels may be; None if no column looks like them."""
    found: list[tuple[float, Labels]] = []
    own: dict[str, tuple[float, dict[str, Any]]] = {}
    for column in map(str, rows):
        name = words(column)
        if column in taken or not name or {*name} & {*NO_LABELS}:
            continue
        named = 2.0 if name[-1] in LABELS else 0.0
        cells = rows[column]
        if (fields := _yes_or_no(cells)) is not None:
            own[column] = (named, fields)
        elif several := _findings(cells):
            found.append((named + 1.1, several))
        elif one := _classes(cells):
            found.append((named + 1, one))
    if own:
        best = max(named for named, _ in own.values())
        fields = {c: {"column": c, **each} for c, (named, each) in own.items() if named == best}
        found.append((best + 1.5, Labels(None, "", fields)))
    return max(found, key=lambda each: each[0])[1] if found else None


def _yes_or_no(cells: pd.Series) -> dict[str, Any] | None:
    """Return further fields of a label whose column holds 0 and 1 or such words, else None."""
    there = {key(cell): cell for cell in cells.unique()}
    numbers = {Decimal(0), Decimal(1), Decimal(-1), ""}
    if {Decimal(0), Decimal(1)} <= {*there} <= numbers or {*there} == {"true", "false"}:
        extra: dict[str, Any] = {"negative": [0, ""]} if "" in there else {}
        return extra | ({"left_out": [-1]} if Decimal(-1) in there else {})
    if {*there} == {Decimal(1), ""}:
        return {"negative": [""]}
    for yes, no in YES_OR_NO:
        if {yes, no} <= {*there} <= {yes, no, ""}:
            left_out = {"left_out": [""]} if "" in there else {}
            return {"positive": [there[yes]], "negative": [there[no]], **left_out}
    return None


def _findings(cells: pd.Series) -> Labels | None:
    """Return the findings that a column lists, None if its cells hold one word each."""
    for separator in SEPARATORS:
        lists = [[n.strip() for n in cell.split(separator) if n.strip()] for cell in cells]
        if sum(len(each) > 1 for each in lists) < max(2, len(lists) / 100):
            continue
        counts = Counter(name for each in lists for name in each)
        if len(counts) <= MOST_FINDINGS and len(counts) < len(cells) / 3:
            healthy = tuple(name for name in counts if is_healthy(name))
            names = [name for name, _ in counts.most_common() if name not in healthy]
            return Labels(str(cells.name), separator, {name: {} for name in names}, healthy)
    return None


def _classes(cells: pd.Series) -> Labels | None:
    """Return the classes or grades in a column, None if it holds numbers or too many words."""
    values = [value for value in cells.unique() if key(value) != ""]
    numbers = sorted(number for number in map(key, values) if isinstance(number, Decimal))
    column = str(cells.name)
    if len(numbers) == len(values):
        if not 2 < len(numbers) <= MOST_GRADES or numbers != [*map(Decimal, range(len(numbers)))]:
            return None
        middle = len(numbers) // 2
        grades = [int(number) for number in numbers]
        fields = {"positive": grades[middle:], "negative": grades[:middle], **_left_out(cells)}
        return Labels(column, "", {f"{column} {middle} or more": {"column": column, **fields}})
    if not 2 <= len(values) <= min(MOST_CLASSES, len(cells) // 2) or numbers:
        return None
    counts = Counter(cells)
    healthy = tuple(value for value in values if is_healthy(value))
    ill = sorted((v for v in values if v not in healthy), key=lambda v: (-counts[v], v))
    if len(ill) == 2 and not healthy:
        healthy, ill = (ill[0],), ill[1:]  # the rarer is what is looked for
    common = _left_out(cells)
    fields = {value: {"column": column, "positive": [value], **common} for value in ill}
    return Labels(column, "", fields, healthy) if ill else None


def _left_out(cells: pd.Series) -> dict[str, Any]:
    return {"left_out": [""]} if "" in {*map(key, cells.unique())} else {}
