"""What is asked to be read from files, and what is known of it from an earlier time."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medtransfer import paths, store
from medtransfer.data import readers as sources
from medtransfer.data.readers.reader import Reader, sha256
from medtransfer.data.schema import ImageFacts, Published
from medtransfer.specs import FileSource

PROSE = {
    *("title", "addresses", "licence", "citation", "verified", "verification"),
    *("files", "by_hand", "caveats", "counts", "group_rule"),
}


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
        # Published sources are the same wherever they lie; prose may be mended.
        root = "" if isinstance(self.manifest, Published) else self.root.resolve()
        facts = f"{self.manifest.model_dump_json(exclude=PROSE)}|{root}|{self.limit}"
        name = f"{self.manifest.name}-{self.image_px}px-{sha256(facts.encode())[:8]}"
        return paths.prepared() / name

    def reader(self) -> Reader:
        """Return what reads the images."""
        return sources.reader_of(self.manifest, root=self.root, image_px=self.image_px)


def up_to_date(request: Request) -> FileSource | None:
    """Return the spec of what was read, if the store has it and its files are as they were.

    Files that are gone are as they were: the store no longer needs them.
    """
    now, before = stamps(request.reader()), record(request).get("stamps", {})
    return known(request) if now.items() <= before.items() else None


def known(request: Request) -> FileSource | None:
    """Return the spec of what was read, if the store has it, whatever became of the files."""
    content = record(request).get("content")
    spec = spec_of(request, content=content) if content else None
    return spec if spec is not None and store.has(spec) else None


def record(request: Request) -> dict[str, Any]:
    """Return `content`, `stamps` and the number of `unreadable` images; {} if nothing was read."""
    with contextlib.suppress(OSError, ValueError):
        found = json.loads((request.place / "prepared.json").read_text())
        return found if isinstance(found, dict) else {}
    return {}


def remember(
    request: Request, *, content: str, stamps: dict[str, list[int]], unreadable: int
) -> None:
    """Write down what was read, in one step."""
    found = {"content": content, "stamps": stamps, "unreadable": unreadable}
    scratch = request.place / f".prepared-{os.getpid()}"
    scratch.write_text(json.dumps(found))
    os.replace(scratch, request.place / "prepared.json")


def stamps(reader: Reader) -> dict[str, list[int]]:
    """Return size and time of change (ns) of every file that is watched and there."""
    found = {}
    for path in reader.watched():
        with contextlib.suppress(FileNotFoundError):  # reading says it better
            stat = path.stat()
            found[os.path.relpath(path, reader.root)] = [stat.st_size, stat.st_mtime_ns]
    return found


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
