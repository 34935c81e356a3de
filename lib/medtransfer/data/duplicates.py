"""Duplicate pictures: identical files, or pictures that look the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from medtransfer.data.readers.reader import sha256

SIDE = 16  # of the small pictures that are compared
TAIL = 4096  # bytes at the end of a file
# Two pictures are as good as the same where their distance is so small a share of the usual one;
# distances are 1 - r, with Pearson's r of the small pictures' grey levels.
SHARE = 0.04
MOST = 0.01


def checksums(paths: Sequence[Path]) -> list[str]:
    """Return the sha256 of every file that may be equal to another, "" for the others.

    Only files whose size and last bytes another file shares are read as a whole.
    """
    sizes = [path.stat().st_size if path.is_file() else -1 for path in paths]
    twice = Counter(sizes)
    ends = [
        (size, _end(path, size)) if size >= 0 and twice[size] > 1 else None
        for path, size in zip(paths, sizes, strict=True)
    ]
    alike = Counter(ends)
    return [
        sha256(path.read_bytes()) if end is not None and alike[end] > 1 else ""
        for path, end in zip(paths, ends, strict=True)
    ]


def _end(path: Path, size: int) -> bytes:
    with path.open("rb") as file:
        file.seek(max(size - TAIL, 0))
        return file.read()


def thumbnail(pixels: np.ndarray) -> np.ndarray:
    """Return a picture, uint8 (px, px, C), small and grey: float32 (SIDE * SIDE,)."""
    from PIL import Image

    image = Image.fromarray(pixels if pixels.shape[-1] == 3 else pixels[..., 0]).convert("F")
    small = image.resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(small, np.float32).ravel()


def pairs(thumbnails: np.ndarray, groups: np.ndarray) -> list[tuple[int, int]]:
    """Return the rows of pictures of two groups that look the same, most alike first.

    Brightness and contrast do not count. What is alike depends on the set: photographs of the
    retina resemble each other more than patches of tissue do.

    Args:
        thumbnails: (N, D), see `thumbnail`; constant ones resemble none.
        groups: (N,), of each.
    """
    centred = thumbnails - thumbnails.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    unit = np.divide(centred, lengths, out=np.zeros_like(centred), where=lengths > 0)
    apart = 1 - unit @ unit.T
    first, second = np.triu_indices(len(unit), 1)
    distances = apart[first, second]
    told = (lengths[first] > 0)[:, 0] & (lengths[second] > 0)[:, 0]
    if not told.any():
        return []
    limit = min(MOST, SHARE * float(np.median(distances[told])))
    found = np.flatnonzero((distances < limit) & (groups[first] != groups[second]))
    order = found[np.argsort(distances[found], kind="stable")]
    return [(int(first[row]), int(second[row])) for row in order]
