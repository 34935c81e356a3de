"""The text of a manifest and a profile that were guessed; every guess is marked."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from medtransfer.data import guesses
from medtransfer.data.guesses import Labels
from medtransfer.data.looks import recommended
from medtransfer.data.readers.located import LISTED
from medtransfer.data.schema import RESERVED, numbered
from medtransfer.domains import DOMAINS

if TYPE_CHECKING:
    from medtransfer.study.beginning import Pictures, Table

MISSING = "to fill in"


def manifest(
    name: str, folder: Path, found: Table, pictures: Pictures, *, domain: str | None, said: bool
) -> str:
    """Return the text of a manifest.

    Args:
        folder: where it will lie.
        domain: None if nobody knows it; `said` if the user named it.
    """
    rows, files = found.rows, found.files
    images = rows[files.column].nunique()
    taken = [files.column]
    split = _split(found, taken)
    taken += [split[0]] if split else []
    people = guesses.group(rows, taken, images=images) if found.path else None
    taken += [people[0]] if people else []
    divided = _divided(found, split, people)
    labels = guesses.labels(rows, taken)
    square = all(width == height for width, height in pictures.shapes)

    lines = [
        "# What the images are. Read every line that has a mark: it was guessed, or is to fill in.",
        "kind: folder",
        f"name: {name}",
        _line("title", name, f"{MISSING}: what pages and figures call these images"),
        _domain(domain, said),
        _line("task", "binary" if not labels or len(labels.values) == 1 else "multi-label"),
        *_labels(labels),
        _line("images", files.folder, "the folder of the images, seen from this file"),
    ]
    if found.path:
        lines += _table(found, folder, images)
    if people:
        column, noun = people
        number = numbered(rows[column].nunique(), noun)
        lines += [
            _line("group_column", column, f"guessed: from its name; {number}, who are not divided"),
            _line("group_noun", noun, "guessed"),
            _line("group_rule", f"one group per {noun}"),
        ]
    else:
        why = "the column of the patient; none says that every image is of another patient"
        lines += [
            _line("group_column", "none", f"{MISSING}: {why}"),
            _line("group_rule", "every image is a group of its own"),
        ]
    lines += [
        _split_line(split, divided),
        _line(
            "image",
            {"channels": pictures.channels, "fit": "exact" if square else "pad"},
            f"guessed: {'grey' if pictures.channels == 1 else 'colours'}, "
            f"{'square' if square else 'not square: black borders; or fit: crop'}",
        ),
        _line("licence", "unknown", MISSING),
        _line("citation", "none", MISSING),
        "verified: false",
        "verification: not yet",
    ]
    return "\n".join([*lines, ""])


def profile(name: str, pictures: Pictures, *, domain: str | None) -> str:
    """Return the text of a profile for the manifest of that name."""
    sides = np.array([min(shape) for shape in pictures.shapes])
    px = recommended(sides, least_px=DOMAINS[domain].least_px if domain else 0)
    middle = f"guessed: files have most often about {np.median(sides):.0f} px"
    lines = [
        "# How large the study is: what differs from the profile `default`.",
        f"name: {name}",
        "extends: default",
        _line("image_px", px, f"{middle}; twice as many take about four times as long"),
        _line("sources", {domain or next(iter(DOMAINS)): f"{name}.yaml"}),
    ]
    return "\n".join([*lines, ""])


def _line(field: str, value: Any, comment: str = "") -> str:
    return f"{field}: {_flow(value)}{f'  # {comment}' if comment else ''}"


def _flow(value: Any) -> str:
    """Return a value as YAML writes it in one line."""
    text = yaml.safe_dump(
        value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10**9
    )
    return text.strip().removesuffix("...").strip()


def _domain(domain: str | None, said: bool) -> str:
    if said:
        return _line("domain", domain)
    allowed = ", ".join(DOMAINS)
    if domain:
        return _line("domain", domain, f"guessed: from names; one of {allowed}")
    return _line("domain", next(iter(DOMAINS)), f"{MISSING}: one of {allowed}")


def _labels(labels: Labels | None) -> Iterator[str]:
    if labels is None:
        yield f"labels:  # {MISSING}: no column looks like labels"
        yield f"  - {_flow({'name': 'Label', 'meaning': MISSING, 'column': MISSING})}"
        return
    yield "labels:  # guessed: from names and values; what does each mean?"
    for name, of in labels.values.items():
        label = {"name": f"{name} label" if name in RESERVED else name, "meaning": MISSING}
        if labels.separator:
            yield f"  - {_flow(label)}"
            continue
        own = {"column": labels.column or of}
        own |= {"positive": _numbers(of)} if labels.column else {}
        extra = {field: _numbers(values) for field, values in labels.extra.items()}
        yield f"  - {_flow(label | own | extra)}"
    if labels.separator:
        yield _line("findings_column", labels.column)
        yield _line("findings_separator", labels.separator, "guessed")
        yield _line("ignored_findings", [*labels.healthy], "guessed: no labels; `others` for all")
    elif labels.healthy:
        yield f"# {', '.join(labels.healthy)} of {labels.column}: negative for every label"


def _numbers(values: Sequence[Any]) -> list[Any]:
    return [int(v) if isinstance(v, str) and v.isascii() and v.isdigit() else v for v in values]


def _table(found: Table, folder: Path, images: int) -> Iterator[str]:
    assert found.path is not None
    files, rows = found.files, found.rows
    yield _line("table", os.path.relpath(found.path, folder))
    if found.separator != ",":
        yield f'separator: "{found.separator}"' if found.separator != "\t" else r'separator: "\t"'
    if found.encoding:
        yield _line("encoding", found.encoding, "guessed: the table is not UTF-8")
    share = f"{round(files.share * len(rows)):,} of {len(rows):,} rows name files that are there"
    yield _line("image_column", files.column, f"guessed: {share}")
    if files.suffix:
        yield _line("image_suffix", files.suffix, "guessed: the table leaves it out")
    if images < len(rows):
        yield _line("rows_per_image", "many", f"guessed: {len(rows):,} rows, {images:,} images")


def _split(found: Table, taken: Sequence[str]) -> tuple[str, dict[str, list[str]]] | None:
    columns = [*found.rows] if found.path else [*LISTED[1:]][::-1]
    for column in columns:
        if column not in taken and (sets := guesses.sets(found.rows[column])) is not None:
            return column, sets
    return None


def _divided(
    found: Table,
    split: tuple[str, dict[str, list[str]]] | None,
    people: tuple[str, str] | None,
) -> int:
    """Return how many groups stand in the test set and outside of it."""
    if not (split and split[1] and people):
        return 0
    rows = found.rows[found.rows[split[0]] != ""]
    test = rows[split[0]].isin(split[1]["test"])
    return int((test.groupby(rows[people[0]]).nunique() > 1).sum())


def _split_line(split: tuple[str, dict[str, list[str]]] | None, divided: int) -> str:
    if split is None:
        return _line("split", {"rule": "seeded"}, "guessed: no column names sets; drawn by group")
    column, sets = split
    if divided:
        why = f"not by {column}, which has {divided} groups in training and in test sets"
        return _line("split", {"rule": "seeded"}, f"guessed: {why}")
    return _line("split", {"rule": "column", "column": column, **sets}, "guessed: from its values")
