"""From files to a prepared source: read in parallel, once, and taken up again after a kill."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, as_completed
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from filelock import FileLock, Timeout
from tqdm import tqdm

from medtransfer import store
from medtransfer.data import counts
from medtransfer.data.images import write_index
from medtransfer.data.limit import limited
from medtransfer.data.readers.reader import SHOWN, Reader, SourceError, sha256
from medtransfer.data.request import Request, remember, spec_of, stamps, up_to_date
from medtransfer.executors import local as workers
from medtransfer.specs import FileSource

CHUNK = 64
# So few images are not worth the start of worker processes.
FEW = 256
SPARE_BYTES = 100 * 2**20
CHECKSUMS = ["source", "pixels"]


def prepared_source(request: Request, *, skip_unreadable: bool = False) -> FileSource:
    """Return the spec of a source whose images are in the store; read them if they are not.

    What was read so far survives a kill, and a second process waits for the first. Files whose
    size or time of change differs from what was read before are read anew.

    Raises:
        SourceError: tables or images cannot be used, and all of them are named in a report; or
            there is not enough room on the disk.
    """
    with _alone(request.place):
        if spec := up_to_date(request):
            return spec
        reader = request.reader()
        index = reader.index()
        counts.check(index, request.manifest)
        index = limited(index, images=request.limit)
        _check_room(request, images=len(index))
        seen = stamps(reader)
        draft = request.place / "draft"
        done = _resume(draft, plan={"stamps": seen, "index": digest(index), "chunk": CHUNK})
        _read(request, reader, index, draft=draft, done=done)
        return _publish(request, index, seen=seen, done=done, skip_unreadable=skip_unreadable)


@contextlib.contextmanager
def _alone(place: Path) -> Iterator[None]:
    place.mkdir(parents=True, exist_ok=True)
    lock = FileLock(place / "lock")
    try:
        lock.acquire(timeout=0.5)
    except Timeout:
        print(f"another process prepares {place.name}; waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _check_room(request: Request, *, images: int) -> None:
    needed = images * _bytes(request)
    free = shutil.disk_usage(request.place).free
    draft = request.place / "draft" / "images.npy"
    free += draft.stat().st_blocks * 512 if draft.is_file() else 0
    if free < needed + SPARE_BYTES:
        raise SourceError(
            f"{images} images of {request.image_px} px take {needed / 2**30:.1f} GiB, and "
            f"{request.place} has {free / 2**30:.1f} GiB left; free some space, or set "
            "MEDTRANSFER_HOME to a folder on a larger disk"
        )


def _bytes(request: Request) -> int:
    return request.image_px**2 * request.manifest.image.channels


Done = dict[int, dict[str, Any]]


def _resume(draft: Path, *, plan: dict[str, Any]) -> Done:
    """Return the chunks (first row -> record) that an earlier run of the same plan read."""
    with contextlib.suppress(OSError, ValueError):
        np.load(draft / "images.npy", mmap_mode="r")  # it may have been cut off
        if json.loads((draft / "plan.json").read_text()) == plan:
            lines = (draft / "chunks.jsonl").read_text().splitlines()
            return {record["first"]: record for record in _whole(lines)}
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    (draft / "chunks.jsonl").touch()
    (draft / "plan.json").write_text(json.dumps(plan))
    return {}


def _whole(lines: Sequence[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        with contextlib.suppress(ValueError):  # a kill cut the last line
            yield json.loads(line)


def digest(index: pd.DataFrame) -> str:
    """Return the sha256 of an index."""
    return sha256(index.to_csv(index=False).encode())


def _read(
    request: Request, reader: Reader, index: pd.DataFrame, *, draft: Path, done: Done
) -> None:
    """Read what `done` lacks into the draft's array, and note every chunk there and in `done`."""
    shape = (len(index), request.image_px, request.image_px, request.manifest.image.channels)
    path = draft / "images.npy"
    if not done:
        _reserve(path, shape)
    names = index["image"].tolist()
    left = [first for first in range(0, len(names), CHUNK) if first not in done]
    bar = tqdm(total=len(names), desc=f"reading {request.manifest.name}", unit="image")
    bar.update(len(names) - sum(len(names[first : first + CHUNK]) for first in left))
    bad = sum(len(record["problems"]) for record in done.values())
    with bar, (draft / "chunks.jsonl").open("a") as log:
        if log.tell():
            log.write("\n")  # after a line that a kill may have cut
        for record in _records(request, reader, names, left=left, path=path):
            log.write(json.dumps(record) + "\n")
            log.flush()
            done[record["first"]] = record
            bad += len(record["problems"])
            bar.update(len(record["source"]))
            bar.set_postfix_str(f"{bad} unreadable" if bad else "", refresh=False)


def _reserve(path: Path, shape: tuple[int, ...]) -> None:
    """Make an array file that has its room on the disk: a full one would kill a process later."""
    np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape).flush()
    if not hasattr(os, "posix_fallocate"):
        return
    try:
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    except OSError as error:
        path.unlink()
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise SourceError(f"the disk of {path.parent} is full; free some space") from error
        raise


def _records(
    request: Request, reader: Reader, names: list[str], *, left: list[int], path: Path
) -> Iterator[dict[str, Any]]:
    if not reader.parallel or len(left) * CHUNK < FEW:
        for first in left:
            yield read_chunk(reader, names[first : first + CHUNK], first=first, path=path)
        return
    with workers.processes(workers.number()) as pool:
        futures: list[Future[dict[str, Any]]] = [
            pool.submit(_read_chunk, request, names[first : first + CHUNK], first=first, path=path)
            for first in left
        ]
        for future in as_completed(futures):
            yield future.result()


def _read_chunk(request: Request, names: list[str], *, first: int, path: Path) -> dict[str, Any]:
    return read_chunk(request.reader(), names, first=first, path=path)


def read_chunk(reader: Reader, names: Sequence[str], *, first: int, path: Path) -> dict[str, Any]:
    """Write images into the array file `path` from row `first` on; return their record.

    The record holds `first`, the sha256 of what each image was read from (`source`) and of its
    pixels (`pixels`), "" where it cannot be used, and why (`problems`: name -> reason).
    """
    array = np.lib.format.open_memmap(path, mode="r+")
    record: dict[str, Any] = {"first": first, "source": [], "pixels": [], "problems": {}}
    for row, (name, found) in enumerate(zip(names, reader.pictures(names), strict=True), first):
        if isinstance(found, Exception):
            record["problems"][name] = str(found) or type(found).__name__
            checksums = ("", "")
        else:
            array[row] = found.pixels
            checksums = (found.sha256, checksum(found.pixels))
        for column, value in zip(CHECKSUMS, checksums, strict=True):
            record[column].append(value)
    return record


def checksum(pixels: np.ndarray) -> str:
    """Return the sha256 of an image's pixels."""
    return sha256(np.ascontiguousarray(pixels).data)


def _publish(
    request: Request,
    index: pd.DataFrame,
    *,
    seen: dict[str, list[int]],
    done: Done,
    skip_unreadable: bool,
) -> FileSource:
    chunks = [done[first] for first in sorted(done)]
    problems = {name: why for chunk in chunks for name, why in chunk["problems"].items()}
    report = request.place / "unreadable.csv"
    pd.DataFrame({"image": [*problems], "reason": [*problems.values()]}).to_csv(report, index=False)
    if problems and (not skip_unreadable or len(problems) == len(index)):
        listed = ", ".join(f"{name} ({why})" for name, why in [*problems.items()][:SHOWN])
        raise SourceError(
            f"{len(problems)} of {len(index)} cannot be used; all are listed in {report}: "
            f"{listed}. Mend them, or leave them out: `medtransfer data prepare` with "
            "--skip-unreadable"
        )
    for column in CHECKSUMS:
        index[column] = [value for chunk in chunks for value in chunk[column]]
    kept = index[index["pixels"] != ""].reset_index(drop=True)
    spec = spec_of(request, content=digest(kept))
    draft = request.place / "draft"
    if not store.has(spec):
        with store.draft(spec, unreadable=len(problems)) as place:
            _place(draft / "images.npy", index["pixels"].to_numpy() != "", place / "images.npy")
            write_index(place, kept)
    remember(request, content=spec.content, stamps=seen, unreadable=len(problems))
    shutil.rmtree(draft, ignore_errors=True)
    return spec


def _place(source: Path, kept: np.ndarray, target: Path) -> None:
    """Bring the kept rows of an array file to another place on the same disk."""
    if kept.all():
        try:
            os.link(source, target)
        except OSError:  # not on every file system
            shutil.copyfile(source, target)
        return
    images = np.load(source, mmap_mode="r", allow_pickle=False)
    rows = np.flatnonzero(kept)
    shape = (len(rows), *images.shape[1:])
    _reserve(target, shape)
    out = np.lib.format.open_memmap(target, mode="r+")
    for first in range(0, len(rows), CHUNK):
        out[first : first + CHUNK] = images[rows[first : first + CHUNK]]
    out.flush()
