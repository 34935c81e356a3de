"""Content-addressed results: a spec names a directory, which appears whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from medtransfer import paths
from medtransfer.errors import StoreError
from medtransfer.provenance import provenance
from medtransfer.specs import Spec

DRAFT = ".draft-"


def directory(spec: Spec) -> Path:
    """Return the directory that holds, or will hold, the result of `spec`."""
    return paths.store() / type(spec).__name__.lower() / spec.key[:2] / spec.key


def has(spec: Spec) -> bool:
    """Return whether the store holds the result of `spec`."""
    return (directory(spec) / "spec.json").is_file()


def find(spec: Spec) -> Path:
    """Return the directory of a published result, after comparing its `spec.json` with `spec`.

    Raises:
        StoreError: nothing is there, or what is there was made from another spec.
    """
    place = directory(spec)
    if not os.path.lexists(place):
        raise StoreError(
            f"the store has no {type(spec).__name__} {spec.key[:12]}; ask for it with ensure()"
        )
    if read_json(place / "spec.json") != spec.description:
        raise StoreError(f"{place} holds a different spec than asked for; delete it and run again")
    return place


def check_free(spec: Spec) -> None:
    """Raise StoreError if the folder for the result of `spec` holds something else."""
    place = directory(spec)
    if os.path.lexists(place) and not has(spec):
        raise StoreError(f"{place} is not a result: it has no spec.json; delete it and run again")


def run_record(spec: Spec) -> dict[str, Any]:
    """Return what is known of the run that made a result: versions, host, seconds, git revision.

    Raises:
        StoreError: there is no such result, or its record is damaged.
    """
    return read_json(find(spec) / "run.json")


@contextlib.contextmanager
def reading(spec: Spec, name: str) -> Iterator[Path]:
    """Yield the path of a file of a published result, which has the size that it was written with.

    A table that was cut off may still be readable, and then gives other numbers.

    Raises:
        StoreError: there is no such result, or the block cannot read the file.
    """
    place = find(spec)
    written = read_json(place / "run.json").get("bytes", {})
    with explained(place / name) as path:
        size = path.stat().st_size
        if size != written.get(name, size):
            raise ValueError(f"it has {size} bytes, {written[name]} were written")
        yield path


def read_json(path: Path) -> Any:
    """Return what a JSON file of a result holds.

    Raises:
        StoreError: the file is missing or damaged.
    """
    with explained(path):
        return json.loads(path.read_text())


@contextlib.contextmanager
def explained(path: Path) -> Iterator[Path]:
    """Raise StoreError, with what to delete, if the block cannot read a file of a result."""
    try:
        yield path
    except Exception as error:
        raise StoreError(
            f"{path} is damaged ({error}); delete {path.parent} and run again"
        ) from error


@contextlib.contextmanager
def draft(spec: Spec, **facts: Any) -> Iterator[Path]:
    """Yield an empty directory; publish it as the result of `spec` when the block succeeds.

    The draft lies beside the target and is moved there by one rename, so that a kill leaves a
    dot-directory and nothing published. Losing a race against another process is not an error.
    `run.json` holds the run's provenance, its seconds, the spec's `effort` and, as `work`, the
    seconds of each kind of work in it (all of them as `effort` unless told); then `facts`.

    Raises:
        StoreError: the disk is full, the store cannot be written, or something that is no result
            lies where the result belongs.
    """
    target, start = directory(spec), time.perf_counter()
    place = target.parent / f"{DRAFT}{spec.key[:12]}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    try:
        place.mkdir(parents=True)
        yield place
        seconds, effort = time.perf_counter() - start, getattr(spec, "effort", None)
        taken = {} if effort is None else {"effort": effort, "work": {effort: seconds}}
        record = {**provenance(), "seconds": seconds, **taken, **facts}
        record["bytes"] = {path.name: path.stat().st_size for path in sorted(place.iterdir())}
        (place / "run.json").write_text(json.dumps(record, indent=1))
        (place / "spec.json").write_text(json.dumps(spec.description, indent=1))
        _publish(place, spec)
    except Exception as error:
        if remedy := _remedy(error, place):
            raise StoreError(f"{remedy} ({error})") from error
        raise
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _publish(place: Path, spec: Spec) -> None:
    try:
        os.rename(place, directory(spec))
    except OSError:
        check_free(spec)
        if not has(spec):  # else a race was lost, which is no error
            raise


def _remedy(error: Exception, place: Path) -> str | None:
    """Return what to do about a draft that could not be written, None if nothing is known."""
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.ENOSPC, errno.EDQUOT) or _full(place):
        return f"the disk of {place.parent} is full; free some space and run again"
    if number in (errno.EACCES, errno.EROFS, errno.EPERM):
        return f"cannot write to {place.parent}; set MEDTRANSFER_HOME to another folder"
    above = next(folder for folder in place.parents if os.path.lexists(folder))
    if not above.is_dir():
        return f"{above} is not a folder, but results belong there; delete it and run again"
    return None


def _full(place: Path) -> bool:
    """Return whether a draft filled its disk: few libraries hand on the number of that error."""
    return place.is_dir() and shutil.disk_usage(place).free == 0


@contextlib.contextmanager
def mark() -> Iterator[str]:
    """Yield the name of a file that is in the store as long as the block lasts.

    A process that sees it there (`sees`) has the same store, by whatever path.
    """
    place = paths.store() / f".mark-{uuid.uuid4().hex}"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.touch()
    try:
        yield place.name
    finally:
        place.unlink(missing_ok=True)


def sees(mark: str) -> bool:
    """Return whether a mark is in the store."""
    return (paths.store() / mark).exists()


def clean_drafts() -> int:
    """Delete the drafts that killed runs left behind; return how many. Only while nothing runs."""
    found = list(paths.store().glob(f"*/*/{DRAFT}*"))
    for place in found:
        shutil.rmtree(place, ignore_errors=True)
    return len(found)
