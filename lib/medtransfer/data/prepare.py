"""Prepare a source: from its addresses or files to the store, once, resumed after a kill."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from filelock import FileLock, Timeout

from medtransfer import store
from medtransfer.data import capacity, catalog, classes, download, splits
from medtransfer.data.catalog import Request, Wanted, digest
from medtransfer.data.draft import ARRAY, CHECKSUMS, Draft
from medtransfer.data.images import FileSource, Source, check_memory, write_index
from medtransfer.data.readers.reader import Reader
from medtransfer.data.schema import Published, listed
from medtransfer.data.verify import check_counts
from medtransfer.errors import FetchError, SourceError
from medtransfer.executors import local as workers

if TYPE_CHECKING:
    import pandas as pd

ARCHIVES = "images_*.tar.gz"
# What must show both classes whatever the study; the smaller sets are named when one is planned.
NEEDED = ("the source", splits.TEST, splits.DEVELOPMENT, "d1:train", "d1:val", "d2:train")
READING = 16  # bytes per pixel: an image in Pillow, what it is resized through, and its array


def source(name_or_path: str, **wanted: Unpack[Wanted]) -> Source:
    """Return the spec of the images of a manifest; files are fetched and read if they are not.

    A phantom is only described here; `ensure` draws it.

    Raises:
        ManifestError: there is no such manifest, it does not fit, or groups are missing.
        FetchError, SourceError: see `ready`.
    """
    found = catalog.asked(name_or_path, **wanted)
    if isinstance(found, Request):
        return ready(found)
    check_memory(found)
    return found


def ready(wanted: Request, *, skip_unreadable: bool = False) -> FileSource:
    """Return the spec of a source that is in the store; fetch and read what is missing.

    Raises:
        FetchError: files can neither be found nor fetched; the message says how to get them.
        SourceError: see `prepared_source`; or one image would not fit into the memory.
    """
    if spec := up_to_date(wanted):
        return spec
    processes = workers.number()
    capacity.check_memory(
        processes * READING * wanted.image_px**2,
        what=f"reading images of {wanted.image_px:,} px in {processes} processes",
        mend=f"{capacity.SMALLER}, or set MEDTRANSFER_WORKERS to a smaller number",
    )
    fetch_files(wanted)
    return prepared_source(wanted, skip_unreadable=skip_unreadable)


def fetch_files(wanted: Request) -> list[Path]:
    """Fetch every file of a published source that a request needs; return where they are.

    Archives of images that lie in the source's folder are unpacked there, once.

    Raises:
        FetchError: a file can neither be found nor fetched, or images must be got by hand; the
            message holds the steps.
    """
    manifest = wanted.manifest
    if not isinstance(manifest, Published):
        return []
    steps = manifest.by_hand.replace("{folder}", str(wanted.root))
    try:
        files = manifest.files_for(wanted.image_px)
        found = [download.fetch(file, folder=wanted.root) for file in files]
    except FetchError as error:
        raise FetchError(f"{manifest.name}: {error}\n{steps}".rstrip()) from error
    for archive in sorted(wanted.root.glob(ARCHIVES)):
        mark = archive.with_name(archive.name + ".unpacked")
        if not mark.exists():
            download.extract_tar(archive, into=wanted.root)
            mark.touch()
    folders = [wanted.root / name for name in manifest.folders]
    if missing := [str(folder) for folder in folders if not any(folder.glob("*"))]:
        raise FetchError(
            f"{manifest.name}: no images in {', '.join(missing)}; get them by hand:\n{steps}"
        )
    return found


def prepared_source(wanted: Request, *, skip_unreadable: bool = False) -> FileSource:
    """Return the spec of a source whose images are in the store; read them if they are not.

    What was read so far survives a kill, and a second process waits for the first. Files whose
    size or time of change differs from what was read before are read anew.

    Raises:
        SourceError: tables or images cannot be used, and all of them are named in a report; or
            there is not enough room on the disk.
        SplitError: the sets that the tables name cannot serve (see `splits` and `classes`).
    """
    with _alone(wanted.place):
        if spec := up_to_date(wanted):
            return spec
        reader = wanted.reader()
        index = reader.index()
        check_counts(index, wanted.manifest)
        check_sets(index, labels=wanted.manifest.label_names)
        index = limited(index, images=wanted.limit)
        _check_disk(wanted, images=len(index))
        seen = stamps(reader)
        draft = Draft(wanted.place / "draft", plan={"stamps": seen, "index": digest(index)})
        draft.fill(wanted, reader, index["image"].tolist())
        _refuse_unreadable(wanted, draft, images=len(index), skip=skip_unreadable)
        reader.check(index.assign(source=draft.column("source")))
        spec = _publish(wanted, draft, index)
        _remember(wanted, content=spec.content, stamps=seen, unreadable=len(draft.problems))
        shutil.rmtree(draft.folder, ignore_errors=True)
        return spec


def check_sets(index: pd.DataFrame, *, labels: Sequence[str]) -> None:
    """Refuse an index whose published sets cannot be used by any study.

    Raises:
        SplitError: see `splits.published` and `classes.check`.
    """
    sets = {NEEDED[0]: np.ones(len(index), bool), **splits.published(index)}
    classes.check(index, labels=labels, sets=sets, needed=NEEDED)


@contextlib.contextmanager
def _alone(place: Path) -> Iterator[None]:
    place.mkdir(parents=True, exist_ok=True)
    lock = FileLock(place / "lock")
    try:
        lock.acquire(timeout=0.5)
    except Timeout:
        print(f"another process is preparing {place.name}; waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def up_to_date(wanted: Request) -> FileSource | None:
    """Return the spec of what was read, if the store has it and its files are as they were.

    Files that are gone are as they were: the store no longer needs them.
    """
    now, before = stamps(wanted.reader()), catalog.record(wanted).get("stamps", {})
    return catalog.recorded(wanted) if now.items() <= before.items() else None


def stamps(reader: Reader[Any]) -> dict[str, list[int]]:
    """Return size and time of change (ns) of every file that is watched and there."""
    found = {}
    for path in reader.watched():
        with contextlib.suppress(FileNotFoundError):  # reading says it better
            stat = path.stat()
            found[os.path.relpath(path, reader.root)] = [stat.st_size, stat.st_mtime_ns]
    return found


def limited(index: pd.DataFrame, *, images: int | None) -> pd.DataFrame:
    """Return about `images` rows of an index: whole groups, every set in its share.

    Which groups stay depends on their names alone, so a larger limit keeps what a smaller one has.
    None keeps all.
    """
    if images is None or images >= len(index):
        return index
    share = images / len(index)
    kept = np.zeros(len(index), bool)
    order = index["group"].map(lambda group: hashlib.sha256(str(group).encode()).hexdigest())
    for _, rows in index.assign(order=order).groupby("split"):
        sizes = rows.groupby("order").size()  # sorted by the digest: a fixed shuffle
        before = sizes.cumsum() - sizes
        chosen = sizes.index[before < share * len(rows)]
        kept[rows.index[rows["order"].isin(chosen)]] = True
    return index[kept].reset_index(drop=True)


def _check_disk(wanted: Request, *, images: int) -> None:
    needed = images * wanted.image_px**2 * wanted.manifest.image.channels
    begun = wanted.place / "draft" / ARRAY
    there = begun.stat().st_blocks * 512 if begun.is_file() else 0
    what = f"{images} images of {wanted.image_px} px"
    capacity.check_disk(needed - there, what=what, place=wanted.place)


def _refuse_unreadable(wanted: Request, draft: Draft, *, images: int, skip: bool) -> None:
    """Report what cannot be used, and refuse it unless it is to be left out."""
    import pandas as pd

    problems = draft.problems
    report = wanted.place / "unreadable.csv"
    pd.DataFrame({"image": [*problems], "reason": [*problems.values()]}).to_csv(report, index=False)
    if problems and (not skip or len(problems) == images):
        where = f"; all are listed in {report}"
        raise SourceError(unusable(wanted, problems, images=images, where=where))


def unusable(wanted: Request, problems: Mapping[str, str], *, images: int, where: str = "") -> str:
    """Return in words that images cannot be used: name -> why, of so many; and what to do."""
    named = listed(f"{name} ({why})" for name, why in problems.items())
    return (
        f"{len(problems)} of {images} images cannot be used{where}: {named}. "
        f"Correct them, or leave them out: `{wanted.command} --skip-unreadable`"
    )


def _publish(wanted: Request, draft: Draft, index: pd.DataFrame) -> FileSource:
    """Bring what was read to the store, with the checksums of every image in its index."""
    index = index.assign(**{name: draft.column(name) for name in CHECKSUMS})
    usable = index["pixels"] != ""
    kept = index[usable].reset_index(drop=True)
    spec = wanted.spec(digest(kept))
    if not store.has(spec):
        with store.draft(spec, unreadable=len(draft.problems)) as place:
            draft.place(usable.to_numpy(), place / ARRAY)
            write_index(place, kept)
    return spec


def _remember(wanted: Request, **found: Any) -> None:
    """Write down what was read (see `catalog.record`), in one step."""
    scratch = wanted.place / f".prepared-{os.getpid()}"
    scratch.write_text(json.dumps(found))
    os.replace(scratch, wanted.place / "prepared.json")
