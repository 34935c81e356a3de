"""A table as people keep it: CSV, read as text without a guess, or refused with what it is."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator

from medtransfer.data.readers.values import folded, lines
from medtransfer.errors import SourceError, meant

if TYPE_CHECKING:
    import pandas as pd

Separator = Literal[",", ";", "\t", "|"]
SEPARATORS: tuple[Separator, ...] = (",", ";", "\t", "|")
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # .xlsx, .xls
TITLES = 10  # so many lines may stand above a header, to be told of it
Row = tuple[int, list[str]]


def _of_text(name: str) -> str:
    try:
        "".encode(name)
    except LookupError:
        raise ValueError("no encoding of text; some are utf-8, windows-1252, gb18030") from None
    return name


Encoding = Annotated[str, AfterValidator(_of_text)]


def table(
    path: Path,
    *,
    columns: Iterable[str],
    separator: Separator = ",",
    encoding: str | None = None,
    fields: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Return the columns asked for as text, blanks around cells left out.

    Its index is the line of each row in the file. Lines without a word are left out. A mark at the
    file's beginning says its encoding (UTF-8 or UTF-16); without one it is `encoding`, or UTF-8.

    Args:
        fields: column -> the field of the manifest that names it, for messages.

    Raises:
        SourceError: it is missing, no CSV, has rows of more or fewer cells than its header, no
            rows, or lacks a column or has it twice.
    """
    import pandas as pd

    if not path.is_file():
        raise SourceError(f"{path}: no such table")
    text = _text(path, encoding)
    try:
        found = list(_rows(text, separator))
    except csv.Error as error:
        raise SourceError(f"{path}: not readable as CSV: {error}") from None
    header, rows = (found[0][1], found[1:]) if found else ([], [])
    asked = list(dict.fromkeys(columns))
    if missing := sorted(set(asked) - set(header)):
        hint = _hint(asked, text, found, separator)
        named = dict.fromkeys(fields[name] for name in missing) if fields else ()
        by = f" ({', '.join(named)})" if named else ""
        raise SourceError(f"{path}: lacks {missing}{by}; columns: {header}{hint}")
    if not rows:
        raise SourceError(f"{path}: lacks rows; columns: {header}")
    if twice := [name for name in asked if header.count(name) > 1]:
        raise SourceError(
            f"{path}: columns {twice} appear twice in the header; delete or rename one"
        )
    _refuse_ragged(path, header, rows)
    places = [header.index(name) for name in asked]
    cells = [[row[place] for place in places] for _, row in rows]
    return pd.DataFrame(cells, columns=asked, index=[line for line, _ in rows], dtype="str")


def header(path: Path, *, separator: Separator = ",", encoding: str | None = None) -> list[str]:
    """Return the cells of a table's first line that holds a word, [] if there is none.

    Raises:
        SourceError: see `table`.
    """
    if not path.is_file():
        raise SourceError(f"{path}: no such table")
    return _header(_text(path, encoding), separator)


def _text(path: Path, encoding: str | None) -> str:
    data = path.read_bytes()
    if data.startswith(WORKBOOKS):
        raise SourceError(f"{path}: an Excel workbook or an archive, not CSV; save it as CSV UTF-8")
    known = next((name for mark, name in MARKS.items() if data.startswith(mark)), encoding)
    try:
        text = data.decode(known or "utf-8")
    except UnicodeError as error:
        where = data[: getattr(error, "start", 0)].count(b"\n") + 1
        raise SourceError(
            f"{path}: not readable as CSV: no {known or 'UTF-8'} in line {where}. Save it as "
            "UTF-8, or name its encoding in the manifest: programs on Windows often write "
            "`encoding: windows-1252`"
        ) from None
    if "\0" in text:
        raise SourceError(
            f"{path}: not readable as CSV: it holds a zero byte; UTF-16 text without a byte order "
            "mark needs `encoding: utf-16-le` in the manifest"
        )
    return text


def _rows(text: str, separator: str) -> Iterable[Row]:
    """Yield the number of its last line and the cells of every row that holds a word."""
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True
    )
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells):
                yield reader.line_num, cells
    except csv.Error as error:
        raise csv.Error(f"line {reader.line_num}: {error}") from None


def _refuse_ragged(path: Path, header: Sequence[str], rows: Sequence[Row]) -> None:
    wrong = {line: len(cells) for line, cells in rows if len(cells) != len(header)}
    if wrong:
        first = next(iter(wrong))
        raise SourceError(
            f"{path}: the header has {len(header)} cells, but {len(wrong)} of {len(rows)} rows "
            f"have another number: {lines(wrong)} ({wrong[first]} in line {first}). Look for a "
            "separator at the end of rows, a name that the header lacks, or a separator within a "
            "cell without quotes"
        )


def _hint(columns: Sequence[str], text: str, rows: Sequence[Row], separator: str) -> str:
    """Return what the table seems to be, if it has the columns in another form."""
    header = rows[0][1] if rows else []
    for other in SEPARATORS:
        if other != separator and set(columns) <= set(_header(text, other)):
            name = "tab" if other == "\t" else f"`{other}`"
            written = r"\t" if other == "\t" else other
            return f'. Its separator is {name}: write `separator: "{written}"` in the manifest'
    for line, cells in rows[1:TITLES]:
        if set(columns) <= set(cells):
            return f". They are in line {line}; delete what is above it"
    near = {folded(name): name for name in header}
    missing = [name for name in columns if name not in header]
    alike = [near[folded(name)] for name in missing if folded(name) in near]
    return f". Perhaps you mean {alike}" if alike else meant(missing[0], header)


def _header(text: str, separator: str) -> list[str]:
    try:
        return next(iter(_rows(text, separator)))[1]
    except (csv.Error, StopIteration):
        return []
