"""Content-addressed results: a spec names a directory, which appears whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import platform
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from medtransfer import paths
from medtransfer.specs import Spec

PACKAGES = ("torch", "torchvision", "pytorch-lightning", "timm", "foolbox", "numpy")
DRAFT = ".draft-"


class StoreError(RuntimeError):
    """A result is missing, cannot be written, or is not what its directory says."""


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
    try:
        found = json.loads((place / "spec.json").read_text())
    except FileNotFoundError:
        raise StoreError(
            f"the store has no {type(spec).__name__} {spec.key[:12]}; ask for it with ensure()"
        ) from None
    except ValueError as error:
        raise StoreError(f"{place}/spec.json is damaged; delete {place} and run again") from error
    if found != spec.description:
        raise StoreError(f"{place} holds another spec than asked for; delete it and run again")
    return place


def run_record(spec: Spec) -> dict[str, Any]:
    """Return what is known of the run that made a result: versions, host, seconds, git revision."""
    return json.loads((find(spec) / "run.json").read_text())


@contextlib.contextmanager
def draft(spec: Spec, **facts: Any) -> Iterator[Path]:
    """Yield an empty directory; publish it as the result of `spec` when the block succeeds.

    The draft lies beside the target and is moved there by one rename, so that a kill leaves a
    dot-directory and nothing published. Losing a race against another process is no error.
    `facts` go to `run.json`.

    Raises:
        StoreError: the disk is full or the store cannot be written.
    """
    target, start = directory(spec), time.perf_counter()
    place = target.parent / f"{DRAFT}{spec.key[:12]}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    try:
        place.mkdir(parents=True)
        yield place
        record = {**provenance(), "seconds": time.perf_counter() - start, **facts}
        (place / "run.json").write_text(json.dumps(record, indent=1))
        (place / "spec.json").write_text(json.dumps(spec.description, indent=1))
        _publish(place, target)
    except OSError as error:
        raise _explain(error, place) from error
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _publish(place: Path, target: Path) -> None:
    try:
        os.rename(place, target)
    except OSError as error:
        lost_race = error.errno in (errno.EEXIST, errno.ENOTEMPTY)
        if not (lost_race and (target / "spec.json").is_file()):
            raise


def _explain(error: OSError, place: Path) -> Exception:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreError(f"the disk of {place.parent} is full; free some space and run again")
    if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
        return StoreError(f"cannot write to {place.parent}; set MEDTRANSFER_HOME to another folder")
    return error


def clean_drafts() -> int:
    """Delete the drafts that killed runs left behind; return how many. No run may be going on."""
    found = list(paths.store().glob(f"*/*/{DRAFT}*"))
    for place in found:
        shutil.rmtree(place, ignore_errors=True)
    return len(found)


def provenance() -> dict[str, Any]:
    """Return where and on what this process runs: git revision, versions, host, date (UTC)."""
    return {**_machine(), "date": datetime.now(UTC).isoformat(timespec="seconds")}


@cache
def _machine() -> dict[str, Any]:
    return {
        "git": _revision(),
        "host": platform.node(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
    }


def _revision() -> str:
    command = ["git", "-C", str(paths.REPOSITORY), "describe", "--always", "--dirty", "--abbrev=12"]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        return subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=10
        ).stdout.strip()
    return "unknown"
