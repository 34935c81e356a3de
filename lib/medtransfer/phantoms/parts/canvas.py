"""Drawing in unit coordinates: soft edges, clouds and tapered strokes at any resolution.

Everything is given as fractions of the picture's side, x to the right and y down, and is
rasterised last, so that the same parameters give the same picture at every ``image_px``.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Field = NDArray[np.float32]

_STROKE_SCALE = 2  # strokes are drawn this much finer and averaged, since PIL has hard edges


@dataclass(frozen=True, kw_only=True)
class Frame:
    """How a subject stands before the camera: the map between subject and picture.

    The subject's coordinates have their origin on its midline at the top of the picture.

    Args:
        shift: (x, y) displacement, in fractions of the picture's side.
        angle: clockwise rotation about the picture's centre, in radians, at most about 0.1.
        zoom: magnification about the picture's centre.
    """

    shift: tuple[float, float] = (0.0, 0.0)
    angle: float = 0.0
    zoom: float = 1.0

    def grid(self, px: int) -> tuple[Field, Field]:
        """Return the subject's x (1, px) and y (px, 1) at the pixels' centres, before `turn`.

        They broadcast against each other; what depends on one alone stays one line of pixels,
        which is most of this module's speed, and why rotation comes after drawing.
        """
        axis = (np.arange(px, dtype=np.float32) + np.float32(0.5)) / np.float32(px) - 0.5
        x, y = (axis - self.shift[0]) / self.zoom, (axis - self.shift[1]) / self.zoom + 0.5
        return x[None, :], y[:, None]

    def place(self, points: NDArray) -> NDArray:
        """Return where the subject's points (..., 2) lie in the picture, before `turn`."""
        return (points - [0.0, 0.5]) * self.zoom + np.array(self.shift) + 0.5

    def turn(self, image: Field) -> Field:
        """Return the square image rotated about its centre; its margin continues outwards."""
        px = image.shape[0]
        margin = math.ceil(abs(math.sin(self.angle)) * px / 2) + 2
        centre, cos, sin = px / 2, math.cos(self.angle), math.sin(self.angle)
        across = (cos, sin, margin + centre * (1 - cos - sin))
        down = (-sin, cos, margin + centre * (1 + sin - cos))
        inside = np.arange(-margin, px + margin).clip(0, px - 1)
        padded = Image.fromarray(image[inside[:, None], inside])
        turned = padded.transform(
            (px, px), Image.Transform.AFFINE, across + down, resample=Image.Resampling.BILINEAR
        )
        return np.asarray(turned, dtype=np.float32)


def edge(distance: NDArray, softness: float) -> Field:
    """Return 0 outside and 1 inside, smooth over ``softness`` about distance 0 (inside > 0)."""
    ramp = distance * np.float32(1 / softness)
    ramp += np.float32(0.5)
    ramp.clip(0, 1, out=ramp)
    slope = ramp * np.float32(-2)
    slope += 3
    slope *= ramp
    slope *= ramp
    return slope


def bell(distance: NDArray, width: float) -> Field:
    """Return a bump of height 1 at distance 0 that falls as a Gaussian of this width."""
    scaled = distance * np.float32(0.5**0.5 / width)
    scaled *= scaled
    np.negative(scaled, out=scaled)
    return np.exp(scaled, out=scaled)


def inside_circle(dx: Field, dy: Field, radius: float) -> Field:
    """Return about the distance to the circle about (0, 0), > 0 inside; exact at its line."""
    return (np.float32(radius**2) - dx * dx - dy * dy) * np.float32(0.5 / radius)


def clouds(knots: NDArray, px: int) -> Field:
    """Return smooth noise (px, px): the values of the square array ``knots``, interpolated.

    The number of knots fixes the size of a cloud, so the noise is the same at every ``px``.
    """
    image = Image.fromarray(knots.astype(np.float32))
    return np.asarray(image.resize((px, px), Image.Resampling.BICUBIC), dtype=np.float32)


def curves(start: NDArray, end: NDArray, bend: NDArray, pieces: int) -> NDArray:
    """Return (n, pieces + 1, 2) points on arcs from ``start`` to ``end``, both (n, 2).

    ``bend`` (n,) is the sideways excursion at the middle as a fraction of the length.
    """
    along = end - start
    sideways = np.stack([-along[:, 1], along[:, 0]], axis=1)
    s = (np.arange(pieces + 1) / pieces)[None, :, None]
    bulge = (bend[:, None] * sideways)[:, None]
    return start[:, None] + s * along[:, None] + 4 * s * (1 - s) * bulge


def strokes(points: NDArray, *, width: NDArray | float, value: NDArray | float, px: int) -> Field:
    """Return (px, px) in [0, 1] with polylines on black; where they cross, the brighter wins.

    Args:
        points: (n, k, 2) picture coordinates as fractions of the side.
        width: (n,) or one for all, as a fraction of the side.
        value: (n,) or one for all, brightness in [0, 1].
        px: side of the result.
    """
    side, n = px * _STROKE_SCALE, len(points)
    lines = (points * side).reshape(n, -1)
    breadth = np.broadcast_to(width, n) * side
    # A stroke thinner than a pixel is drawn a pixel wide and as much fainter.
    ink = np.clip(255 * value * np.minimum(breadth, 1), 0, 255).astype(int)
    order = np.argsort(ink, kind="stable")
    thickness = np.maximum(np.rint(breadth), 1).astype(int)
    image = Image.new("L", (side, side))
    pen = ImageDraw.Draw(image)
    for line, colour, broad in zip(
        lines[order].tolist(), ink[order].tolist(), thickness[order].tolist(), strict=True
    ):
        pen.line(line, fill=colour, width=broad)
    return np.asarray(image.reduce(_STROKE_SCALE), dtype=np.float32) / np.float32(255)


def blurred(image: NDArray, sigma_px: float | tuple[float, ...], *, truncate: float = 4) -> NDArray:
    """Return the image under a Gaussian that is cut off at `truncate` times its width."""
    from scipy.ndimage import gaussian_filter  # slow to import, and only drawing needs it

    return gaussian_filter(image, sigma_px, truncate=truncate)


def shrink(image: Field, px: int) -> Field:
    """Return the square image averaged over areas to (px, px)."""
    small = Image.fromarray(image).resize((px, px), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float32)
