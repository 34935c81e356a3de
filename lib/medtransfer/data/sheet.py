"""The contact sheet: images of every set and label, as a network will see them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = 6
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
    figure = Figure(figsize=(2.2 * COLUMNS, 2.8 * rows), dpi=100, layout="constrained")
    axes = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for place in axes:
        place.axis("off")
    for place, pixels, text in zip(axes, pictures, lines, strict=False):
        grey = pixels.shape[-1] == 1
        place.imshow(
            pixels[..., 0] if grey else pixels,
            cmap="gray",
            vmin=0,
            vmax=255,
            interpolation="nearest",
        )
        said = "\n".join(map(_short, text))
        place.text(
            *(0.5, -0.03, said),
            transform=place.transAxes,
            ha="center",
            va="top",
            fontsize=8,
            parse_math=False,
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # letters that the font lacks
        figure.savefig(path)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"…{text[1 - LONGEST :]}"
