"""Check a source before anything is computed: what is wrong, and what each set will hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from medtransfer import paths
from medtransfer.data import classes, images, looks, prepare, sheet, splits
from medtransfer.data.catalog import Request
from medtransfer.data.images import PhantomSource
from medtransfer.data.looks import Checked
from medtransfer.data.schema import ImageFacts, Published, plural
from medtransfer.data.splits import NAMES, TEST, TRAIN, Development
from medtransfer.data.verify import check_counts
from medtransfer.data.words import MISSING
from medtransfer.errors import SourceError, SplitError

if TYPE_CHECKING:
    import pandas as pd

ON_SHEET = 24
HALVES = ("d1", "d2")  # others may fail: then the part of the study on them is left out
# Without these no network is trained, attacked or measured.
NEEDED = (TEST, "d1 train", "d1 validation", "d2 train")
NOBODY = (
    "nothing says which images belong together: if some are of one patient, they land in training "
    "and in test sets, and networks look better than they are. If there is a column of patients, "
    "name it: group_column"
)


def check(
    asked: Request | PhantomSource,
    manifest: ImageFacts,
    *,
    seed: int,
    test_share: float,
    validation_share: float,
) -> Checked:
    """Return what is wrong with a source, what its sets will hold, and where images of it are seen.

    Nothing is fetched, and nothing but the contact sheet written.

    Args:
        asked: what a study asks of the source (see `catalog.asked`).
        manifest: of the source.
        seed, test_share, validation_share: of the study (see `splits.Development`).
    """
    found = Checked()
    if blank := [label.name for label in manifest.labels if label.meaning == MISSING]:
        found.warnings.append(
            f"the meaning of {', '.join(blank)} is still to fill in: the report would say so"
        )
    index = found.tried(_index, asked, manifest)
    if index is None:
        return found
    if isinstance(asked, Request):
        found.tried(prepare.check_sets, index, labels=manifest.label_names)
        index = prepare.limited(index, images=asked.limit)
    sets: dict[str, np.ndarray] = {}
    if not found.errors:
        source = asked.spec("") if isinstance(asked, Request) else asked
        shares = {"test_share": test_share, "validation_share": validation_share}
        for name in NAMES:
            development = Development(source=source, name=name, seed=seed, **shares)
            try:
                parts = splits.parts(index, labels=source.labels, development=development)
            except SplitError as error:
                refused = found.errors if name in HALVES else found.warnings
                if str(error) not in found.errors:
                    refused.append(str(error))
                continue
            sets[TEST] = parts.test
            sets |= {f"{name} {TRAIN}": parts.train, f"{name} validation": parts.validation}
        poor = found.tried(classes.check, index, labels=source.labels, sets=sets, needed=NEEDED)
        found.warnings += poor or []
        if TEST in sets:
            found.test = index[list(source.labels)].iloc[sets[TEST]]
    if manifest.group_noun == "image":
        found.warnings.append(NOBODY)
    found.table = table(index, manifest, sets)
    _look(found, asked, manifest, index, sets)
    return found


def _index(asked: Request | PhantomSource, manifest: ImageFacts) -> pd.DataFrame:
    if isinstance(asked, PhantomSource):
        return images.index(asked)
    if isinstance(manifest, Published):
        files = manifest.files_for(asked.image_px)
        absent = [file.path for file in files if not (asked.root / file.path).is_file()]
        if absent:
            raise SourceError(
                f"{len(absent)} of {len(files)} files are not in {asked.root}: "
                f"{', '.join(absent[:5])}; run `medtransfer data fetch {manifest.name}`"
            )
    index = asked.reader().index()
    check_counts(index, asked.manifest)
    return index


def misplaced(manifest: Path, domain: str, sources: Mapping[str, str]) -> list[str]:
    """Return in a sentence that a study has a manifest under another domain than its own.

    Args:
        sources: domain -> name or path of a manifest.
    """
    return [
        f"domain: {domain}, but the profile has these images under {named}; say one domain in both"
        for named, source in sources.items()
        if source == str(manifest.resolve()) and named != domain
    ]


def table(
    index: pd.DataFrame, manifest: ImageFacts, sets: Mapping[str, np.ndarray]
) -> list[dict[str, Any]]:
    """Return a row for all images and for each set: images, groups, positives of every label."""
    noun = manifest.group_noun
    rows = []
    for name, chosen in {"all": np.arange(len(index)), **sets}.items():
        inside = index.iloc[chosen]
        row = {"set": name, "images": len(inside)}
        if noun != "image":
            row[plural(noun)] = inside["group"].nunique()
        positives = {label: int(inside[label].sum()) for label in manifest.label_names}
        rows.append(row | {f"{n} (label)" if n in row else n: v for n, v in positives.items()})
    return rows


def _look(
    found: Checked,
    asked: Request | PhantomSource,
    manifest: ImageFacts,
    index: pd.DataFrame,
    sets: Mapping[str, np.ndarray],
) -> None:
    """Look at the images themselves, and draw the contact sheet."""
    order = sheet.spread(index, labels=manifest.label_names, sets=sets)
    if isinstance(asked, PhantomSource):
        found.facts.append("its images are drawn by code: there are no files to look at")
        pictures = {
            row: images.drawn(asked, index["image"].iloc[row]) for row in order[:ON_SHEET].tolist()
        }
    else:
        pictures = looks.look(asked, index, order, keep=ON_SHEET, noted=found)
    if pictures:
        places = dict.fromkeys(pictures, "in no set")
        for name, rows in reversed([*sets.items()]):
            places |= dict.fromkeys({*rows.tolist()} & {*pictures}, name)
        shown = sorted(pictures, key=lambda row: [*sets, "in no set"].index(places[row]))
        found.sheet = paths.checked() / f"{manifest.name}-{asked.image_px}px.png"
        lines = [_lines(index.iloc[row], manifest, places[row]) for row in shown]
        sheet.draw(found.sheet, [pictures[row] for row in shown], lines)


def _lines(row: Any, manifest: ImageFacts, place: str) -> tuple[str, ...]:
    positive = [label for label in manifest.label_names if row[label]]
    return row["image"], ", ".join(positive) or _negative(manifest.label_names), place


def _negative(labels: Sequence[str]) -> str:
    """Return what an image shows that is positive of no label."""
    return f"{labels[0]}: no" if len(labels) == 1 else f"none of {len(labels)} labels"
