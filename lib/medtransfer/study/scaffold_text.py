"""The text of a manifest and a profile that were guessed; every guess is marked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from medtransfer.data.guesses import Labels
from medtransfer.data.looks import recommended
from medtransfer.data.schema import RESERVED, numbered
from medtransfer.data.words import GUESSED, MISSING
from medtransfer.domains import DOMAINS, OTHER

if TYPE_CHECKING:
    from medtransfer.study.scaffold import Guess, Pictures, Table


def manifest(
    name: str,
    folder: Path,
    found: Table,
    guess: Guess,
    pictures: Pictures,
    *,
    domain: str,
    said: bool,
) -> str:
    """Return the text of a manifest.

    Args:
        folder: where it will lie.
        said: whether the user named the domain.
    """
    images = found.rows[found.files.column].nunique()
    labels = guess.labels
    square = all(width == height for width, height in pictures.shapes)
    lines = [
        "# What the images are. Check every marked line: it was guessed, or is to be filled in.",
        "kind: folder",
        f"name: {name}",
        _line("title", folder.name, f"{GUESSED}: the folder's name; pages and figures show it"),
        _line("domain", domain, "" if said else _why(domain)),
        _line("task", "binary" if not labels or len(labels.fields) == 1 else "multi-label"),
        *_labels(labels, [str(name) for name in found.rows if name != found.files.column]),
        _line("images", found.files.folder, "the folder of the images, relative to this file"),
        *(_table(found, folder, images) if found.path else ()),
        *_groups(found, guess),
        _split_line(found, guess),
        _line(
            "image",
            {"channels": pictures.channels, "fit": "exact" if square else "pad"},
            f"{GUESSED}: {'grey' if pictures.channels == 1 else 'colours'}, "
            f"{'square' if square else 'not square: black borders; or fit: crop'}",
        ),
        _line("licence", "unknown", MISSING),
        _line("citation", "none", MISSING),
        "verified: false",
        "verification: not yet",
    ]
    return "\n".join([*lines, ""])


def _why(domain: str) -> str:
    if domain != OTHER:
        return f"{GUESSED}: from names; also in the profile"
    named = ", ".join(name for name in DOMAINS if name != OTHER)
    return f"{GUESSED}: no name says {named}; also in the profile"


def profile(name: str, pictures: Pictures, *, domain: str) -> str:
    """Return the text of a profile for the manifest of that name."""
    sides = np.array([max(shape) for shape in pictures.shapes])  # borders keep the whole of each
    px = recommended(sides, least_px=DOMAINS[domain].least_px)
    middle = f"{GUESSED}: the median file has {np.median(sides):.0f} px"
    lines = [
        "# How large the study is, where it differs from the profile `default`.",
        f"name: {name}",
        "extends: default",
        _line("image_px", px, f"{middle}; twice as much takes about four times as long"),
        _line("sources", {domain: f"{name}.yaml"}),
    ]
    return "\n".join([*lines, ""])


def marked(*paths: Path) -> list[str]:
    """Return the lines of written files that were guessed or have to be filled in."""
    lines = [line for path in paths for line in path.read_text(encoding="utf-8").splitlines()]
    return [
        line
        for line in lines
        if not line.startswith("#") and (f"# {GUESSED}" in line or MISSING in line)
    ]


def _line(field: str, value: Any, comment: str = "") -> str:
    return f"{field}: {_flow(value)}{f'  # {comment}' if comment else ''}"


def _flow(value: Any) -> str:
    """Return a value as YAML writes it in one line."""
    text = yaml.safe_dump(
        value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10**9
    )
    return text.strip().removesuffix("...").strip()


def _labels(labels: Labels | None, columns: list[str]) -> Iterator[str]:
    if labels is None:
        there = f"none of these looks like it: {', '.join(columns)}"
        yield f"labels:  # {MISSING}: the column; {there}"
        yield f"  - {_flow({'name': 'Label', 'meaning': MISSING, 'column': MISSING})}"
        return
    yield "labels:  # guessed: from names and values; what does each mean?"
    for name, fields in labels.fields.items():
        label = {"name": f"{name} label" if name in RESERVED else name, "meaning": MISSING}
        label |= {field: _numbers(of) for field, of in fields.items()}
        yield f"  - {_flow(label)}"
    if labels.separator:
        yield _line("findings_column", labels.column)
        yield _line("findings_separator", labels.separator, GUESSED)
        yield _line(
            "ignored_findings", [*labels.healthy], f"{GUESSED}: findings that are not labels"
        )
    elif labels.healthy:
        yield f"# {', '.join(labels.healthy)} of {labels.column}: negative for every label"


def _numbers(values: Any) -> Any:
    if isinstance(values, str):
        return values
    return [int(v) if isinstance(v, str) and v.isascii() and v.isdigit() else v for v in values]


def _table(found: Table, folder: Path, images: int) -> Iterator[str]:
    assert found.path is not None
    files, rows = found.files, found.rows
    yield _line("table", os.path.relpath(found.path, folder))
    if found.separator != ",":
        yield f'separator: "{found.separator}"' if found.separator != "\t" else r'separator: "\t"'
    if found.encoding:
        yield _line("encoding", found.encoding, f"{GUESSED}: the table is not UTF-8")
    share = f"{round(files.share * len(rows)):,} of {len(rows):,} rows name existing files"
    yield _line("image_column", files.column, f"{GUESSED}: {share}")
    if files.suffix:
        yield _line("image_suffix", files.suffix, f"{GUESSED}: the table leaves it out")
    if images < len(rows):
        yield _line("rows_per_image", "many", f"{GUESSED}: {len(rows):,} rows, {images:,} images")


def _groups(found: Table, guess: Guess) -> Iterator[str]:
    if guess.people is None:
        why = "the column of the patient; none, only if every image is of a different patient"
        yield _line("group_column", "none", f"{MISSING}: {why}")
        yield _line("group_rule", "every image is a group of its own")
        return
    column, noun, pattern = guess.people
    cells = found.rows[column]
    number = (cells.str.extract(pattern)[0] if pattern else cells).nunique()
    whole = f"{numbered(number, noun)}, never divided between sets"
    yield _line("group_column", column, f"{GUESSED}: from its name; {whole}" if not pattern else "")
    if pattern:
        yield _line("group_pattern", pattern, f"{GUESSED}: names without the side; {whole}")
    yield _line("group_noun", noun, GUESSED)
    yield _line("group_rule", f"one group per {noun}")


def _split_line(found: Table, guess: Guess) -> str:
    if guess.split is None:
        return _line(
            "split", {"rule": "seeded"}, f"{GUESSED}: no column names the sets, so they are drawn"
        )
    column, sets = guess.split
    if divided := _divided(found, guess):
        why = f"not by {column}, which has {divided} groups in training and in test sets"
        return _line("split", {"rule": "seeded"}, f"{GUESSED}: {why}")
    given = {"rule": "column", "column": column, **sets}
    return _line("split", given, f"{GUESSED}: from its values")


def _divided(found: Table, guess: Guess) -> int:
    """Return how many groups stand in the test set and outside of it."""
    if not (guess.split and guess.split[1] and guess.people):
        return 0
    (column, sets), (of, _, pattern) = guess.split, guess.people
    rows = found.rows[found.rows[column] != ""]
    people = rows[of].str.extract(pattern)[0] if pattern else rows[of]
    test = rows[column].isin(sets["test"])
    return int((test.groupby(people).nunique() > 1).sum())
