"""Many small things on one picture: each is computed in its own window, all windows at once.

Places are given in pixels from the picture's upper left corner, x to the right and y down, so the
caller scales its own coordinates; a thing outside the picture leaves no trace.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np


class Windows(NamedTuple):
    """Square windows of w pixels a side around N centres."""

    flat: np.ndarray  # (N, w, w) position in a canvas that has a border of one pixel
    x: np.ndarray  # (N, 1, w) float32, pixel centres
    y: np.ndarray  # (N, w, 1) float32


def windows(centre_px: np.ndarray, *, half_px: int, image_px: int) -> Windows:
    """Windows of 2 * half_px + 1 pixels around centre_px (N, 2)."""
    reach = np.arange(-half_px, half_px + 1)
    pixel = np.floor(centre_px).astype(np.int64).T[:, :, None] + reach
    column, row = np.clip(pixel, -1, image_px) + 1  # the border collects what lies outside
    flat = row[:, :, None] * (image_px + 2) + column[:, None, :]
    x, y = pixel.astype(np.float32) + np.float32(0.5)
    return Windows(flat=flat, x=x[:, None, :], y=y[:, :, None])


def stamp(place: Windows, value: np.ndarray, *, image_px: int) -> np.ndarray:
    """Picture (image_px, image_px), float32: the greatest of the values (N, w, w), at least 0."""
    canvas = np.zeros((image_px + 2) ** 2, np.float32)
    np.maximum.at(canvas, place.flat.ravel(), value.astype(np.float32, copy=False).ravel())
    return canvas.reshape(image_px + 2, image_px + 2)[1:-1, 1:-1]


def cloud(rng: np.random.Generator, *, cells: int, image_px: int) -> np.ndarray:
    """Smooth random field (image_px, image_px), float32, mean 0 and variance about 1.

    Its bumps are 1 / cells of the picture wide, and the same at every image_px.
    """
    knots = rng.standard_normal((cells + 3, cells + 3), np.float32)
    weights = _spline(image_px, cells)
    return weights @ (2 * knots) @ weights.T


@lru_cache(maxsize=64)
def _spline(image_px: int, cells: int) -> np.ndarray:
    """Weights of cubic B-splines on `cells` knot spans, shape (image_px, cells + 3)."""
    at = (np.arange(image_px)[:, None] + 0.5) / image_px * cells + 1
    gap = np.abs(at - np.arange(cells + 3))
    near, far = 2 / 3 - gap**2 + gap**3 / 2, np.clip(2 - gap, 0, None) ** 3 / 6
    return np.where(gap < 1, near, far).astype(np.float32)
