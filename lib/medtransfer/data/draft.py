"""The array of a source while it is read: in chunks, in parallel, resumed after a kill."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, as_completed
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from medtransfer.data import capacity
from medtransfer.data.catalog import Request, checksum
from medtransfer.data.readers.reader import Reader
from medtransfer.executors import local as workers

CHUNK = 64
# So few images are not worth the start of worker processes.
FEW = 256
CHECKSUMS = ["source", "pixels"]
ARRAY = "images.npy"


class Draft:
    """What was read so far, in a folder of its own.

    Attributes:
        done: first row of a chunk -> its record (see `read_chunk`).
    """

    def __init__(self, folder: Path, *, plan: dict[str, Any]) -> None:
        """Take up the draft in `folder`, or begin anew where it was made by another plan."""
        self.folder, self.path = folder, folder / ARRAY
        plan = {**plan, "chunk": CHUNK}
        self.done: dict[int, dict[str, Any]] = {}
        with contextlib.suppress(OSError, ValueError):
            np.load(self.path, mmap_mode="r")  # it may have been cut off
            if json.loads((folder / "plan.json").read_text()) == plan:
                lines = (folder / "chunks.jsonl").read_text().splitlines()
                self.done = {record["first"]: record for record in _whole(lines)}
                return
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "chunks.jsonl").touch()
        (folder / "plan.json").write_text(json.dumps(plan))

    def fill(self, wanted: Request, reader: Reader[Any], names: Sequence[str]) -> None:
        """Read what is not done, and note every chunk when it is.

        Raises:
            SourceError: the disk is full.
        """
        if not self.done:
            shape = (wanted.image_px, wanted.image_px, wanted.manifest.image.channels)
            capacity.array_file(self.path, (len(names), *shape))
        chunks = {first: names[first : first + CHUNK] for first in range(0, len(names), CHUNK)}
        left = {first: chunk for first, chunk in chunks.items() if first not in self.done}
        bar = tqdm(total=len(names), desc=f"reading {wanted.manifest.name}", unit="image")
        bar.update(len(names) - sum(map(len, left.values())))
        with bar, (self.folder / "chunks.jsonl").open("a") as log:
            if log.tell():
                log.write("\n")  # after a line that a kill may have cut
            for record in _records(wanted, reader, left, path=self.path):
                log.write(json.dumps(record) + "\n")
                log.flush()
                self.done[record["first"]] = record
                bar.update(len(record["source"]))
                bad = sum(len(chunk["problems"]) for chunk in self.done.values())
                bar.set_postfix_str(f"{bad} unreadable" if bad else "", refresh=False)

    @property
    def problems(self) -> dict[str, str]:
        """The images that cannot be used, and why."""
        return {name: why for chunk in self._chunks() for name, why in chunk["problems"].items()}

    def column(self, name: str) -> list[str]:
        """Return the checksums (see `CHECKSUMS`) of all images, in their order."""
        return [value for chunk in self._chunks() for value in chunk[name]]

    def _chunks(self) -> list[dict[str, Any]]:
        return [self.done[first] for first in sorted(self.done)]

    def place(self, kept: np.ndarray, target: Path) -> None:
        """Bring the rows `kept` (N,) bool to an array file elsewhere on the same disk."""
        if kept.all():
            try:
                os.link(self.path, target)
            except OSError:  # not on every file system
                shutil.copyfile(self.path, target)
            return
        images = np.load(self.path, mmap_mode="r", allow_pickle=False)
        rows = np.flatnonzero(kept)
        out = capacity.array_file(target, (len(rows), *images.shape[1:]))
        for number, row in enumerate(rows):  # one by one: they may be larger than the memory
            out[number] = images[row]
        out.flush()


def _whole(lines: Sequence[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        with contextlib.suppress(ValueError):  # a kill cut the last line
            yield json.loads(line)


def _records(
    wanted: Request, reader: Reader[Any], chunks: dict[int, Sequence[str]], *, path: Path
) -> Iterator[dict[str, Any]]:
    if not reader.parallel or len(chunks) * CHUNK < FEW:
        for first, names in chunks.items():
            yield read_chunk(reader, names, first=first, path=path)
        return
    with workers.processes(workers.number()) as pool:
        futures: list[Future[dict[str, Any]]] = [
            pool.submit(_read_chunk, wanted, names, first=first, path=path)
            for first, names in chunks.items()
        ]
        for future in as_completed(futures):
            yield future.result()


def _read_chunk(wanted: Request, names: Sequence[str], *, first: int, path: Path) -> dict[str, Any]:
    return read_chunk(wanted.reader(), names, first=first, path=path)


def read_chunk(
    reader: Reader[Any], names: Sequence[str], *, first: int, path: Path
) -> dict[str, Any]:
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
