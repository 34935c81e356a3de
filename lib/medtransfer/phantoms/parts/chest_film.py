"""The film: how a chest stands before it, is exposed, developed and grained.

The grey of a film is 1 - exp(-D) of the optical depth D, so that what lies behind dense tissue
shows little.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from .canvas import Field, Frame, blurred


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """How one film was taken and processed."""

    frame: Frame
    gain: float  # multiplies the optical depth
    gamma: float
    white: float  # grey of full density
    fog: float  # grey that scattered radiation adds, more at the bottom
    tilt: float  # uneven exposure from left to right
    noise: float  # standard deviation of the grain, in fractions of full grey, at 64 px
    blur: float  # in fractions of the picture's side


def draw_exposure(*, now: Generator) -> Exposure:
    """Return how one film is taken: position, exposure, processing, grain and blur."""
    habit = now.normal(size=9).tolist()
    return Exposure(
        frame=Frame(
            shift=(0.014 * habit[0], 0.012 * habit[1]),
            angle=0.022 * habit[2],
            zoom=1 + 0.02 * habit[3],
        ),
        gain=math.exp(0.09 * habit[4]),
        gamma=math.exp(0.10 * habit[5]),
        white=min(max(0.93 + 0.03 * habit[6], 0.84), 1.0),
        fog=abs(0.025 * habit[7]),
        tilt=0.03 * habit[8],
        noise=float(now.uniform(0.007, 0.015)),
        blur=float(now.uniform(0.0012, 0.004)),
    )


def expose(depth: Field, exposure: Exposure, *, x: Field) -> Field:
    """Return how much the film stays bright, 0 (all light came through) to 1."""
    return 1 - np.exp(np.float32(-1.08 * exposure.gain) * depth * (1 + exposure.tilt * x))


def develop(bright: Field, exposure: Exposure, *, grain: Field) -> NDArray[np.uint8]:
    """Return the film as uint8 (px, px, 1), with its contrast curve, fog, blur and grain."""
    grey = 0.02 + 0.98 * exposure.white * bright ** np.float32(exposure.gamma)
    px = grey.shape[0]
    down = np.linspace(0.5, 1.5, px, dtype=np.float32)[:, None]
    grey = blurred(grey + exposure.fog * down * (1 - grey), exposure.blur * px)
    return np.rint(np.clip(grey + exposure.noise * grain, 0, 1) * 255).astype(np.uint8)[..., None]
