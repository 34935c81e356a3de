"""Synthetic images drawn by code, one module per domain; they make no medical claim.

Every module offers the same five names: `LABELS`, `CHANNELS`, `count(seed, group)`,
`labels(seed, group, index)` and `draw(seed, group, index, image_px)`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

import numpy as np

DRAWINGS = ("fundus", "chest", "histology")


class Phantom(Protocol):
    """What a phantom module offers; deterministic by (seed, group, index)."""

    LABELS: tuple[str, ...]
    CHANNELS: int
    count: Callable[..., int]
    labels: Callable[..., np.ndarray]
    draw: Callable[..., np.ndarray]


def phantom(drawing: str) -> Phantom:
    """Return the phantom module of that name.

    Raises:
        ValueError: there is no such drawing.
    """
    if drawing not in DRAWINGS:
        raise ValueError(f"no phantom is called {drawing!r}; allowed: {', '.join(DRAWINGS)}")
    return cast(Phantom, import_module(f"{__name__}.{drawing}"))


@cache
def content(drawing: str) -> str:
    """Return the sha256 of the code that draws: a changed drawing is another source of images.

    Files of the other drawings, named after them, do not count.
    """
    digest, others = hashlib.sha256(), tuple(name for name in DRAWINGS if name != drawing)
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if path.name.startswith(others):
            continue
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
