"""What is kept beside a file during its download, and afterwards.

Beside NAME may lie `NAME.part` (a download that is not done) and hidden companions: `.NAME.json`
(NAME was checked), `.NAME.part.json` (what the part is the beginning of) and `.NAME.lock` (one
process at a time brings NAME).
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from medtransfer.errors import FetchError

BLOCK = 1 << 18  # bytes; a cut loses at most one block


def check(
    path: Path, *, md5: str | None = None, sha256: str | None = None, size: int | None = None
) -> None:
    """Compare a file with what is known about it; a checksum may be known only by its beginning.

    Raises:
        FetchError: it is another; the message says what was found and what was expected.
    """
    found_size = path.stat().st_size
    if size is not None and found_size != size:
        raise FetchError(f"{path}: has {found_size:,} bytes, the manifest says {size:,}")
    for name, expected in (("md5", md5), ("sha256", sha256)):
        if expected is not None and not (found := digest(path, name)).startswith(expected):
            raise FetchError(f"{path}: {name} is {found}, the manifest says {expected}")


def digest(path: Path, name: str) -> str:
    """Return the checksum of a file by the algorithm `name` ("md5", "sha256")."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, name).hexdigest()


def place(folder: Path, name: str) -> Path:
    """Return the path of `name` in `folder`, and nowhere else."""
    path = Path(os.path.normpath(folder / name))
    if os.path.isabs(name) or not path.is_relative_to(os.path.normpath(folder)):
        raise FetchError(f"{name!r} leads out of {folder}")
    return path


def part_of(path: Path) -> Path:
    """Return where a download is kept until it is whole."""
    return path.with_name(f"{path.name}.part")


def drop(part: Path) -> None:
    """Delete a part, after the record beside it."""
    hidden(part, "json").unlink(missing_ok=True)
    part.unlink(missing_ok=True)


def size_of(path: Path) -> int:
    """Return the bytes of a file, 0 if there is none."""
    return path.stat().st_size if path.is_file() else 0


def hidden(path: Path, ending: str) -> Path:
    """Return the hidden companion of a file."""
    return path.with_name(f".{path.name}.{ending}")


def recall(path: Path) -> dict[str, Any]:
    """Return the record beside a file; a missing or damaged one is empty."""
    try:
        return json.loads(hidden(path, "json").read_text())
    except (OSError, ValueError):
        return {}
