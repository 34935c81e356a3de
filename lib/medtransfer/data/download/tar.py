"""Archives of images: regular files alone, and none outside the folder."""

from __future__ import annotations

import gzip
import tarfile
from pathlib import Path

from tqdm import tqdm

from medtransfer.data.download.beside import BLOCK, place
from medtransfer.errors import FetchError


def extract_tar(archive: Path, *, into: Path) -> int:
    """Extract the regular files of a .tar.gz; return how many it holds.

    Files that are there in the right size are not written again.

    Raises:
        FetchError: the archive is damaged, or holds links, devices or paths that lead out.
    """
    number = 0
    try:
        with gzip.open(archive) as content, tarfile.open(fileobj=content, mode="r:") as tar:
            for member in tqdm(tar, desc=archive.name, unit="file"):
                number += _extract(tar, member, into=into)
            while content.read(BLOCK):  # to the end, where gzip keeps its checksum
                pass
    except Exception as error:  # tarfile raises whatever the bytes of strangers lead to
        raise FetchError(f"{archive}: not a whole and safe .tar.gz: {error}") from error
    return number


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, *, into: Path) -> bool:
    """Return whether the member is a regular file, which is there afterwards."""
    path = place(into, member.name)
    if member.isdir():
        return False
    if not member.isreg():
        raise FetchError(f"{member.name!r} is neither a file nor a folder")
    if not (path.is_file() and path.stat().st_size == member.size):
        tar.extract(member, into, filter="data")
    return True
