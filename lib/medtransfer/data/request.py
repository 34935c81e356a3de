"""What is asked to be read from files, and what is known of it from an earlier time."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medtransfer import paths, store
from medtransfer.data import sources
from medtransfer.data.schema import ImageFacts
from medtransfer.data.sources.reader import Reader, sha256
from medtransfer.specs import FileSource


@dataclass(frozen=True)
class Request:
    """What is to be read: a source, the folder of its files, the size of the images, how many.

    `limit` keeps about so many images, whole groups of every set; None keeps all.
    """

    manifest: ImageFacts
    root: Path
    image_px: int
    limit: int | None = None

    @property
    def place(self) -> Path:
        """The folder of what is known of it, and of what is read so far."""
        facts = f"{self.manifest.model_dump_json()}|{self.root.resolve()}|{self.limit}"
        name = f"{self.manifest.name}-{self.image_px}px-{sha256(facts.encode())[:8]}"
        return paths.prepared() / name

    def reader(self) -> Reader:
        """Return what reads the images."""
        return sources.reader(self.manifest, root=self.root, image_px=self.image_px)


def up_to_date(request: Request) -> FileSource | None:
    """Return the spec of what was read, if the store has it and its files are as they were.

    Files that are all gone are as they were: the store no longer needs them.
    """
    stamp = stamp_of(request.reader())
    return known(request) if stamp in ("", record(request).get("stamp")) else None


def known(request: Request) -> FileSource | None:
    """Return the spec of what was read, if the store has it, whatever became of the files."""
    content = record(request).get("content")
    spec = spec_of(request, content=content) if content else None
    return spec if spec is not None and store.has(spec) else None


def record(request: Request) -> dict[str, Any]:
    """Return `content`, `stamp` and the number of `unreadable` images; {} if nothing was read."""
    with contextlib.suppress(OSError, ValueError):
        found = json.loads((request.place / "prepared.json").read_text())
        return found if isinstance(found, dict) else {}
    return {}


def remember(request: Request, *, content: str, stamp: str, unreadable: int) -> None:
    """Write down what was read, in one step."""
    found = {"content": content, "stamp": stamp, "unreadable": unreadable}
    scratch = request.place / f".prepared-{os.getpid()}"
    scratch.write_text(json.dumps(found))
    os.replace(scratch, request.place / "prepared.json")


def stamp_of(reader: Reader) -> str:
    """Return what changes with the files, "" if there are none."""
    lines = []
    for path in reader.watched():
        with contextlib.suppress(FileNotFoundError):  # reading says it better
            found = path.stat()
            lines.append(f"{path.name}|{found.st_size}|{found.st_mtime_ns}\n")
    return sha256("".join(lines).encode()) if lines else ""


def spec_of(request: Request, *, content: str) -> FileSource:
    """Return the spec of what was read."""
    manifest = request.manifest
    return FileSource(
        manifest=manifest.name,
        domain=manifest.domain,
        content=content,
        image_px=request.image_px,
        channels=manifest.image.channels,
        labels=manifest.label_names,
    )
