"""The contact sheet: images of every set and label, as a network will see them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = 6
STEP = 1.1, 1.4  # from an image to the next, and to the one below, in sides of an image
LONGEST = 24  # characters in a line below an image


def spread(
    index: pd.DataFrame, *, labels: Sequence[str], sets: Mapping[str, np.ndarray]
) -> np.ndarray:
    """Return the rows of an index (int64) in a random order that begins with some of every kind.

    An image's kind is the first set that holds it, and the rarest of its positive labels.

    Args:
        sets: name -> rows.
    """
    truth = index[list(labels)].to_numpy()
    rarest = truth.sum(axis=0).argsort(kind="stable")
    positive = np.full(len(index), -1)
    member = np.full(len(index), -1)
    for label in rarest[::-1]:
        positive[truth[:, label] > 0] = label
    for number, rows in reversed([*enumerate(sets.values())]):
        member[rows] = number
    kind = member * (len(labels) + 1) + positive
    shuffled = np.random.default_rng(0).permutation(len(index))
    seen: dict[int, int] = {}
    turn = np.zeros(len(index), int)
    for row in shuffled:
        turn[row] = seen[kind[row]] = seen.get(kind[row], -1) + 1
    return shuffled[np.argsort(turn[shuffled], kind="stable")]


def draw(path: Path, pictures: Sequence[np.ndarray], lines: Sequence[Sequence[str]]) -> None:
    """Write images, uint8 (px, px, C), as a PNG, a few lines of text below each."""
    from matplotlib.figure import Figure

    rows = -(-len(pictures) // COLUMNS)
    width, height = COLUMNS * STEP[0], rows * STEP[1]
    figure = Figure(figsize=(2 * width, 2 * height), dpi=100)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
    axes.axis("off")
    for number, (pixels, text) in enumerate(zip(pictures, lines, strict=True)):
        left = number % COLUMNS * STEP[0] + (STEP[0] - 1) / 2
        top = number // COLUMNS * STEP[1] + (STEP[0] - 1) / 2
        axes.imshow(
            np.broadcast_to(pixels, (*pixels.shape[:2], 3)),
            extent=(left, left + 1, top + 1, top),
            interpolation="nearest",
        )
        said = "\n".join(map(_short, text))
        below: Any = {"ha": "center", "va": "top", "fontsize": 8, "parse_math": False}
        axes.text(left + 0.5, top + 1.03, said, **below)
    axes.set(xlim=(0, width), ylim=(height, 0), aspect="auto")
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # letters that the font lacks
        figure.savefig(path)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"…{text[1 - LONGEST :]}"
