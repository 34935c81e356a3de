"""Room in memory and on disk: what cannot fit is refused before it starts."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import numpy as np

from medtransfer.errors import SourceError

SPARE_BYTES = 100 * 2**20
SMALLER = "ask for smaller images (image_px)"


def memory() -> int | None:
    """Return the bytes of this machine's memory, None if the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def check_memory(needed: int, *, what: str, mend: str = SMALLER) -> None:
    """Raise SourceError if so many bytes, for `what`, can never fit into this machine's memory."""
    there = memory()
    if there is not None and needed > there:
        raise SourceError(
            f"{what}: {_size(needed)} of memory are needed, this machine has {_size(there)}; {mend}"
        )


def check_disk(needed: int, *, what: str, place: Path) -> None:
    """Raise SourceError if the disk of `place` has too little left for so many bytes."""
    free = shutil.disk_usage(place).free
    if free < needed + SPARE_BYTES:
        raise SourceError(
            f"{what} take {_size(needed)}, and {place} has {_size(free)} left; free some space, "
            f"{SMALLER}, or set MEDTRANSFER_HOME to a folder on a larger disk"
        )


def _size(number: int) -> str:
    return f"{number / 2**30:,.1f} GiB"


def array_file(path: Path, shape: tuple[int, ...]) -> np.memmap:
    """Return a new uint8 array in a file that has its room: a full disk would kill us later.

    Raises:
        SourceError: the disk is full.
    """
    array = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
    if not hasattr(os, "posix_fallocate"):
        return array
    try:
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    except OSError as error:
        path.unlink()
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise SourceError(f"the disk of {path.parent} is full; free some space") from error
        raise
    return array
