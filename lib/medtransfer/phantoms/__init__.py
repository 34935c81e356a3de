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
from typing import NamedTuple, Protocol, cast

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
    for path in sorted(Path(__file__).parent.glob("[a-z]*.py")):
        if path.name.startswith(others):
            continue
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


class Sample(NamedTuple):
    """Images of a phantom, uint8 (N, px, px, C), with a title each."""

    images: np.ndarray
    titles: list[str]


def sample(drawing: str, *, number: int, image_px: int, seed: int) -> Sample:
    """Return the first images of a phantom, at most two of each patient or slide, to look at."""
    drawn, images, titles = phantom(drawing), [], []
    for group in range(number):
        for index in range(min(2, drawn.count(seed=seed, group=group))):
            where = {"seed": seed, "group": group, "index": index}
            images.append(drawn.draw(**where, image_px=image_px))
            positive = np.flatnonzero(drawn.labels(**where))
            found = ", ".join(drawn.LABELS[k].replace("_", " ") for k in positive)
            first = drawn.LABELS[0]
            titles.append(found or f"no {first[0].lower()}{first[1:]}")
    return Sample(np.stack(images[:number]), titles[:number])
