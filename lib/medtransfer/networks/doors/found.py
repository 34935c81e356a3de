"""Where the files of a user's model are: known by their sha256, compared whenever opened."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from medtransfer import paths
from medtransfer.errors import TargetError


def checksum(files: Sequence[Path]) -> str:
    """Return the sha256 of a file; of several, that of the lines `sha256  name` of all of them.

    Raises:
        TargetError: a file cannot be read.
    """
    found = [_sha256(path) for path in files]
    if len(found) == 1:
        return found[0]
    lines = sorted(f"{each}  {path.name}\n" for each, path in zip(found, files, strict=True))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise TargetError(f"{path} cannot be read: {error.strerror}") from error


def remember(sha256: str, path: Path, files: Sequence[Path]) -> None:
    """Record where the model of a checksum is, and the files that it consists of."""
    place = _place(sha256)
    place.parent.mkdir(parents=True, exist_ok=True)
    scratch = place.with_suffix(f".{os.getpid()}")
    known = {"path": str(path.resolve()), "files": [str(each.resolve()) for each in files]}
    scratch.write_text(json.dumps(known))
    os.replace(scratch, place)


def path(sha256: str) -> Path:
    """Return the path of the model of that checksum.

    Raises:
        TargetError: nobody brought it, or its files are gone or changed.
    """
    try:
        known = json.loads(_place(sha256).read_text())
        where, files = Path(known["path"]), [Path(each) for each in known["files"]]
    except Exception as error:
        raise TargetError(
            f"no model with the sha256 {sha256} was brought here; run `medtransfer assess check`"
        ) from error
    if (now := checksum(files)) != sha256:
        raise TargetError(
            f"{where} changed since it was brought: its sha256 was {sha256}, now it is {now}. "
            "Bring the file back, or begin again with `medtransfer assess check`"
        )
    return where


def _place(sha256: str) -> Path:
    return paths.brought() / f"{sha256}.json"
