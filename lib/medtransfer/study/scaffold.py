"""Start a study of one's own images: a manifest and a profile, guessed from a folder."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from medtransfer.data import guesses, words
from medtransfer.data.originals import is_grey, original
from medtransfer.data.readers.located import LISTED, Located
from medtransfer.data.readers.tables import SEPARATORS, Separator, header, table
from medtransfer.domains import DOMAINS, OTHER
from medtransfer.errors import SourceError, UsageError
from medtransfer.study.profiles import built_in

if TYPE_CHECKING:
    import pandas as pd

TABLES, SHEETS = (".csv", ".tsv"), (".xlsx", ".xls", ".ods")
WINDOWS = "windows-1252"
LOOKED = 2000  # files whose sizes are read, at most
COLOURED = 10  # of them are decoded, to see whether their colours are grey
SEEN = 50  # values of every column, among which words of a domain are looked for
NEEDED = (
    "nothing there says what the images show: no table (CSV) names their files, and their folders "
    "are no classes. Write a table with a row for each image, such as `file,patient,effusion`"
)


@dataclass(frozen=True)
class Table:
    """Rows of text that name files; `path` is None where they are the files of the folder."""

    rows: pd.DataFrame
    files: guesses.Files
    path: Path | None = None
    separator: Separator = ","
    encoding: str | None = None


@dataclass(frozen=True)
class Guess:
    """What the columns of a table seem to be.

    Attributes:
        split: the column of sets, and what its values stand for (see `guesses.sets`).
        people: the column of patients, what one of them is called, and the regular expression of
            a patient in it, "" for the whole.
        labels: None if no column looks like them.
    """

    split: tuple[str, dict[str, list[str]]] | None
    people: tuple[str, str, str] | None
    labels: guesses.Labels | None


@dataclass(frozen=True)
class Pictures:
    """What files say of their pictures: upright width and height of each, and their channels."""

    shapes: tuple[tuple[int, int], ...]
    channels: int


def begin(folder: Path, *, given: Path | None = None, domain: str | None = None) -> list[Path]:
    """Write NAME.yaml and NAME_profile.yaml into a folder NAME of images; return their paths.

    What is guessed or missing is marked in them.

    Args:
        given: the table of labels; None looks for one in the folder and beside it.
        domain: None guesses it from names.

    Raises:
        UsageError: one of the two files exists already.
        SourceError: there are no images; nothing says what they show; or the table cannot be read,
            or names no files.
    """
    from medtransfer.study import scaffold_text

    folder = Path(os.path.abspath(folder.expanduser()))
    if not folder.is_dir():
        raise SourceError(f"{folder}: no such folder")
    plain = unicodedata.normalize("NFKD", folder.name).encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", plain).strip("_.-") or "images"
    name = f"{name}_images" if name in built_in() else name
    paths = [folder / f"{name}.yaml", folder / f"{name}_profile.yaml"]
    if there := [str(path) for path in paths if path.exists()]:
        raise UsageError(f"{', '.join(there)}: exists already; edit it, or move it away first")
    located = Located(folder)
    found = _table(located, given) or Table(
        located.pictures(), guesses.Files(LISTED[0], ".", "", 1.0)
    )
    guess = _guess(found)
    if found.path is None and guess.labels is None:
        sheets = [name for name in located.files() if name.lower().endswith(SHEETS)]
        raise SourceError(f"{folder}: {NEEDED}{f'; save {sheets[0]} as CSV' if sheets else ''}")
    pictures = _pictures(located, found)
    chosen = domain or _domain(folder, found)
    texts = (
        scaffold_text.manifest(
            name, folder, found, guess, pictures, domain=chosen, said=bool(domain)
        ),
        scaffold_text.profile(name, pictures, domain=chosen),
    )
    for path, text in zip(paths, texts, strict=True):
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    return paths


def _table(located: Located, given: Path | None) -> Table | None:
    """Return the table given, or the one that names most files; None if there is none."""
    there = [*located.files()]
    if given is not None:
        if found := _read(given.expanduser().absolute(), there):
            return found
        raise SourceError(
            f"{given}: none of its columns names the files of at least half of its rows, below "
            f"{located.folder}"
        )
    tables, refused = [], []
    for path in _tables_near(located):
        try:
            tables.append(_read(path, there))
        except SourceError as error:
            refused.append(str(error))
    best = max(filter(None, tables), key=lambda t: t.files.share * len(t.rows), default=None)
    if refused and not best:
        raise SourceError(f"{'; '.join(refused)}. Correct it, or name another: --table")
    return best


def _tables_near(located: Located) -> list[Path]:
    """Return the tables that lie below a folder or beside it."""
    below = [located.folder / name for name in located.files()]
    paths = [*below, *sorted(located.folder.parent.iterdir())]
    return [path for path in paths if path.suffix.lower() in TABLES]


def _read(path: Path, there: list[str]) -> Table | None:
    encoding = None
    try:
        header(path)
    except SourceError:  # if that is not why, the same is said again
        encoding = WINDOWS
    headers = {s: header(path, separator=s, encoding=encoding) for s in SEPARATORS}
    separator = max(SEPARATORS, key=lambda each: len(headers[each]))
    counts = Counter(headers[separator])
    columns = [name for name, number in counts.items() if name and number == 1]
    rows = table(path, columns=columns, separator=separator, encoding=encoding)
    files = guesses.files(rows, there)
    return Table(rows, files, path, separator, encoding) if files else None


def _pictures(located: Located, found: Table) -> Pictures:
    below = Located(located.folder / found.files.folder, suffix=found.files.suffix)
    paths = [below.path(name) for name in found.rows[found.files.column].unique()]
    paths = [path for path in paths if path.is_file()]
    paths = paths[:: -(-len(paths) // LOOKED)]
    there = {path: each for path in paths if (each := original(path))}
    if not there:
        raise SourceError(f"{located.folder}: no file there is a picture that can be read")
    coloured = [path for path, each in there.items() if each.channels != 1]
    grey = all(map(is_grey, coloured[:: -(-len(coloured) // COLOURED) or 1]))
    return Pictures(tuple(each.shape for each in there.values()), channels=1 if grey else 3)


def _guess(found: Table) -> Guess:
    rows, names = found.rows, found.files.column
    images, taken = rows[names].nunique(), [names]
    columns = [*rows] if found.path else [*LISTED[1:]][::-1]
    split = next(
        (
            (column, sets)
            for column in columns
            if column not in taken and (sets := guesses.sets(rows[column])) is not None
        ),
        None,
    )
    taken += [split[0]] if split else []
    known = guesses.group(rows, taken, images=images) if found.path else None
    people = (*known, "") if known else None
    if not known and (pattern := guesses.sides(rows[names])):
        people = (names, words.PATIENT, pattern)
    taken += [people[0]] if people else []
    return Guess(split, people, guesses.labels(rows, taken))


def _domain(folder: Path, found: Table) -> str:
    """Return the domain whose words stand most often in names and labels; `other` if none does."""
    cells = [cell for column in found.rows for cell in found.rows[column].unique()[:SEEN]]
    names = " ".join([folder.name, found.files.folder, *found.rows, *cells])
    counts = {name: words.count(names, row.words) for name, row in DOMAINS.items()}
    best, second = sorted(counts, key=lambda name: -counts[name])[:2]
    return best if counts[best] > counts[second] else OTHER
