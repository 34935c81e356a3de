"""What is wrong with the images of a source made of files, judged on some of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from medtransfer.data import duplicates, prepare
from medtransfer.data.catalog import Request
from medtransfer.data.originals import UPRIGHT, Original, original
from medtransfer.data.readers.folder import FolderReader
from medtransfer.data.schema import listed, numbered, plural
from medtransfer.domains import domain
from medtransfer.errors import SourceError, SplitError, TargetError

if TYPE_CHECKING:
    import pandas as pd

IMAGES, SECONDS = 2000, 60  # so many are read, in about so many seconds
FEW = 0.05
STEP = 16  # sides are recommended in steps of so many px
SMALLEST = 32  # that a profile takes


@dataclass
class Checked:
    """What was found.

    Attributes:
        errors: with these nothing can be computed.
        warnings: what the user must judge.
        facts: what was looked at.
        table: a row for each set: its images, groups, and positives of every label.
        test: the labels of the test images, where they can be drawn.
        measured: what a model takes, and on which images it was measured.
        answers: a row for each label, of what a model answers.
        sheet: where the contact sheet lies.
        seconds: that a model takes for an image.
    """

    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)
    table: list[dict[str, Any]] = field(default_factory=list)
    test: pd.DataFrame | None = None
    measured: list[str] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)
    sheet: Path | None = None
    seconds: float = 0.0

    def tried(self, step: Callable[..., Any], *given: Any, **named: Any) -> Any:
        """Return what a step returns; None, and an error more, where it refuses something."""
        try:
            return step(*given, **named)
        except (SourceError, SplitError, TargetError, OSError) as error:
            self.errors.append(str(error))
            return None


def look(
    wanted: Request,
    index: pd.DataFrame,
    order: np.ndarray,
    *,
    keep: int,
    noted: Checked,
    seconds: float | None = None,
) -> dict[int, np.ndarray]:
    """Note what is wrong with images; return the first: row of the index -> uint8 (px, px, C).

    Copies and missing files are looked for among all files; everything else in the first `IMAGES`
    that are read in about so many seconds (None: `SECONDS`).

    Args:
        order: rows of the index, as they are to be looked at.
        keep: so many of the first are returned.
        noted: what was found so far.
    """
    reader, shown = wanted.reader(), {}
    names = index["image"].tolist()
    problems: dict[str, str] = {}
    if isinstance(reader, FolderReader):
        paths = [reader.located.path(name) for name in names]
        missing = [name for name, path in zip(names, paths, strict=True) if not path.is_file()]
        problems |= {name: reader.located.missing(name) for name in missing}
        copies = index.assign(source=duplicates.checksums(paths))
        noted.tried(reader.check, copies)
        same = copies["source"].tolist()
    else:
        same = [""] * len(names)
    chosen, first = order[:IMAGES], {*order[:keep].tolist()}
    if not reader.parallel:  # one stream, cheap in its own order
        chosen = np.sort(chosen)
    rows, thumbnails, originals = [], [], {}
    until = time.monotonic() + (SECONDS if seconds is None else seconds)
    bar = tqdm(chosen.tolist(), desc="looking at images", unit="image", leave=False)
    for row, found in zip(bar, reader.pictures([names[row] for row in chosen]), strict=True):
        if isinstance(reader, FolderReader) and (facts := original(paths[row])):
            originals[names[row]] = facts
        if isinstance(found, Exception):
            problems[names[row]] = str(found) or type(found).__name__
        else:
            rows.append(row)
            constant = not np.ptp(found.pixels, axis=(0, 1)).any()
            thumbnails.append(duplicates.thumbnail(found.pixels) * (not constant))
            if row in first:
                shown[row] = found.pixels
        if time.monotonic() > until:
            break
    if problems:
        noted.errors.append(prepare.unusable(wanted, problems, images=len(names)))
        noted.facts.append("the table counts the images that cannot be used, too")
    looked = len(rows) + len(problems)
    share = "all" if looked >= len(names) else f"{looked:,} of"
    noted.facts.append(f"looked at {share} {len(names):,} images")
    if rows:
        sequence = np.argsort(rows)
        rows = [rows[number] for number in sequence]
        small = np.stack(thumbnails)[sequence]
        sums = [same[row] for row in rows]
        _pictures(noted, index.iloc[rows], small, sums, noun=wanted.manifest.group_noun)
    if originals:
        _turned(noted, originals)
        _patients(noted, originals, dict(zip(names, index["group"], strict=True)))
        _sizes(noted, wanted, originals)
    return shown


def _pictures(
    noted: Checked, index: pd.DataFrame, thumbnails: np.ndarray, copies: Sequence[str], *, noun: str
) -> None:
    """Note constant pictures, and those of two groups that are as good as the same."""
    names, groups = index["image"].tolist(), index["group"].tolist()
    constant = [name for name, small in zip(names, thumbnails, strict=True) if not np.ptp(small)]
    if constant:
        are = "picture is" if len(constant) == 1 else "pictures are"
        noted.warnings.append(
            f"{len(constant)} of {len(names)} {are} a single grey or colour: {listed(constant)}.  "
            "Open one: does it show anything?"
        )
    alike = duplicates.pairs(thumbnails, np.array(groups))
    pairs = [(a, b) for a, b in alike if not copies[a] or copies[a] != copies[b]]  # told already
    if pairs:
        of = "" if noun == "image" else f" of two {plural(noun)}"
        who = ["" if noun == "image" else f" ({group})" for group in groups]
        found = (f"{names[a]}{who[a]} = {names[b]}{who[b]}" for a, b in pairs)
        noted.warnings.append(
            f"{numbered(len(pairs), 'pair')} of pictures{of} look the same: "
            f"{listed(found, '; ')}. If both show the same patient, the table should say so"
        )


def _patients(noted: Checked, originals: dict[str, Original], groups: dict[str, str]) -> None:
    """Note patients of DICOM files that the manifest divides; one id for all says nothing."""
    found: dict[str, set[str]] = {}
    for name, each in originals.items():
        if each.patient:
            found.setdefault(each.patient, set()).add(groups[name])
    divided = sorted(patient for patient, own in found.items() if len(own) > 1)
    if divided and len(found) > 1:
        noted.warnings.append(
            f"according to their files (PatientID), images of "
            f"{numbered(len(divided), 'patient')} are in several groups, and may end up in "
            f"training and test sets: {listed(divided)}. Add the patient to the table, and name "
            "its column: group_column"
        )


def _turned(noted: Checked, originals: dict[str, Original]) -> None:
    turned = [name for name, each in originals.items() if each.orientation != UPRIGHT]
    if turned:
        noted.warnings.append(
            f"{len(turned)} of {len(originals)} photographs are rotated or mirrored, as their EXIF "
            f"orientation says: {listed(turned)}. Check on the contact sheet whether they are "
            "upright"
        )


def _sizes(noted: Checked, wanted: Request, originals: dict[str, Original]) -> None:
    """Compare the sides of files with those of the images, and recommend another where it helps."""
    image, px = wanted.manifest.image, wanted.image_px
    sides = {n: each.side(fit=image.fit, centre=image.centre) for n, each in originals.items()}
    found = np.array([*sides.values()])
    low, middle, high = found.min(), np.median(found), found.max()
    usual = "" if low == high else f" to {high:.0f} px, most often about {middle:.0f}"
    noted.facts.append(f"side lengths of the files: {low:.0f}{usual} px; image_px is {px}")
    small = [name for name, side in sides.items() if side < px]
    least_px = domain(wanted.manifest.domain).least_px
    fits = recommended(found, least_px=least_px)
    if small:
        all_small = len(small) == len(sides)
        other = f"files of at least {px} px" if all_small else "leave them out"
        mend = f"image_px: {fits}" if fits < px else other
        noted.warnings.append(
            f"{len(small)} of {len(sides)} files are smaller than image_px, {px}, and are "
            f"enlarged, which adds nothing: {listed(small)}. Recommended: {mend}"
        )
    elif px < min(fits, least_px):
        noted.warnings.append(
            f"image_px is {px}, and photographs in {wanted.manifest.domain} lose small signs "
            f"below {least_px} px. Recommended: image_px: {fits}"
        )


def recommended(sides: np.ndarray, *, least_px: int, usual_px: int = 64) -> int:
    """Return the side (px) to which files of such sides should be reduced.

    That is what is usual, or what their domain needs, but never more than all but a few have.
    """
    have = int(np.quantile(sides, FEW)) // STEP * STEP
    return max(SMALLEST, min(have, max(usual_px, least_px)))
