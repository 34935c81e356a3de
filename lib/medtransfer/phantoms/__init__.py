"""Synthetic images drawn by code, one module per drawing; they make no medical claim.

Every module beside this file is a drawing and offers the same names: `LABELS`, `CHANNELS`,
`VERSION`, `count(seed, group)`, `labels(seed, group, index)` and `draw(seed, group, index,
image_px)`. What drawings are made of lies in `parts`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import NamedTuple, Protocol, cast

import numpy as np


class Phantom(Protocol):
    """What a drawing offers; deterministic by (seed, group, index).

    `VERSION` is raised whenever a pixel or label becomes another one: what was drawn before is
    then another source of images.
    """

    LABELS: tuple[str, ...]
    CHANNELS: int
    VERSION: int
    count: Callable[..., int]
    labels: Callable[..., np.ndarray]
    draw: Callable[..., np.ndarray]


@cache
def drawings() -> tuple[str, ...]:
    """Return the names of all drawings, without importing any."""
    return tuple(sorted(module.name for module in iter_modules(__path__) if not module.ispkg))


def phantom(drawing: str) -> Phantom:
    """Return the drawing of that name.

    Raises:
        ValueError: there is none.
    """
    if drawing not in drawings():
        raise ValueError(f"no phantom is called {drawing!r}; allowed: {', '.join(drawings())}")
    return cast(Phantom, import_module(f"{__name__}.{drawing}"))


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
