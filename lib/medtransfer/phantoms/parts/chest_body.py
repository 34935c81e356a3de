"""The measures of a chest, how they vary, and what disease makes of them.

Coordinates are those of `canvas.Frame`: x = 0 on the midline, x < 0 is the patient's right
(the picture's left), y = 0 at the top and 1 at the bottom.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from .canvas import Field, edge

RIGHT, LEFT = -1, 1  # the patient's sides, as the sign of x
SIDES = (RIGHT, LEFT)


@dataclass(frozen=True, kw_only=True)
class Body:
    """Measures of one chest in fractions of the picture's side; y grows downwards."""

    half_width: float  # from the midline to the inner chest wall at its widest
    apex: float  # y of the lung tops
    dome_right: float  # y of the top of each diaphragm
    dome_left: float
    sulcus: float  # how far the lateral angle lies below the dome
    heart_right: float  # from the midline to each border of the heart
    heart_left: float
    heart_top: float
    pull: float  # displacement of heart and mediastinum, > 0 towards the patient's left
    pedicle: float  # half width of the upper mediastinum
    knob: float  # radius of the aortic knob
    rib_spacing: float
    rib_phase: float
    rib_slope: float
    bone: float  # strength of the bones
    fat: float  # soft tissue outside the ribs
    breast: float  # 0 for none
    vascularity: float
    texture: float
    bubble: float  # gas in the stomach, under the left diaphragm

    def dome(self, side: int) -> float:
        """Return the y of the diaphragm's top on this side."""
        return self.dome_right if side == RIGHT else self.dome_left

    def domes(self, x: Field) -> Field:
        """Return the y of the diaphragm's top at every x, smooth across the midline."""
        return self.dome_right + np.float32(self.dome_left - self.dome_right) * edge(x, 0.14)

    @property
    def cardiothoracic_ratio(self) -> float:
        """Width of the heart over the inner width of the thorax."""
        return (self.heart_right + self.heart_left) / (2 * self.half_width)


def chest_wall(height: np.ndarray, half_width: float) -> Field:
    """Return the distance from the midline to the inner chest wall at these lung heights."""
    above = np.clip(1 - height / np.float32(1.05), 0, 1)
    swell = 1 - above * above * np.sqrt(above)
    root = np.sqrt(swell)
    return np.float32(0.42 * half_width) + np.float32(0.58 * half_width) * root * np.sqrt(root)


def one_side(place: Generator) -> int:
    """Return RIGHT or LEFT with equal chance."""
    return LEFT if place.random() < 0.5 else RIGHT


def draw_body(*, place: Generator, now: Generator) -> Body:
    """Return a normal chest: ``place`` varies patients, ``now`` varies a patient's images."""
    build, habit = place.normal(size=14).tolist(), now.normal(size=5).tolist()
    anterior = place.random() < 0.6  # PA at the wall stand; else AP in bed: larger heart
    half_width = 0.375 + 0.017 * build[0] + 0.004 * habit[0]
    breath = 0.018 * habit[1] - (0 if anterior else 0.02)
    dome_right = 0.74 + 0.025 * build[1] + breath
    ratio = 0.45 + 0.022 * build[2] + 0.006 * habit[2] + (0 if anterior else 0.02)
    share = 0.31 + 0.02 * build[3]
    return Body(
        half_width=half_width,
        apex=0.10 + 0.016 * build[4] + 0.005 * habit[3],
        dome_right=dome_right,
        dome_left=dome_right + 0.028 + 0.006 * build[5],
        sulcus=0.115 + 0.012 * build[6],
        heart_right=2 * half_width * ratio * share,
        heart_left=2 * half_width * ratio * (1 - share),
        heart_top=0.40 + 0.012 * build[7],
        pull=0.004 * habit[4],
        pedicle=0.062 + 0.006 * build[8] + (0 if anterior else 0.006),
        knob=0.041 + 0.005 * build[9],
        rib_spacing=0.083 + 0.005 * build[10],
        rib_phase=float(place.random()),
        rib_slope=0.30 + 0.06 * build[11],
        bone=math.exp(0.2 * build[12]),
        fat=0.065 + 0.045 * float(place.random()) ** 2,
        breast=float(max(0.0, place.uniform(-0.6, 0.8))),
        vascularity=math.exp(0.12 * build[13]),
        texture=float(place.uniform(0.5, 1.2)),
        bubble=float(place.uniform(0.6, 1.2)),
    )


def _large_heart(body: Body, strength: float, place: Generator) -> Body:
    """Cardiothoracic ratio above 0.55, the left border more than the right."""
    ratio = 0.54 + 0.075 * strength
    missing = max(0.0, ratio - body.cardiothoracic_ratio) * min(1.0, 2 * strength)
    growth = 2 * body.half_width * missing
    return replace(
        body,
        heart_left=body.heart_left + 0.72 * growth,
        heart_right=body.heart_right + 0.28 * growth,
        heart_top=body.heart_top - 0.02 * strength,
    )


def _overinflated(body: Body, strength: float, place: Generator) -> Body:
    """Long lungs, low and flat diaphragms, wide rib spaces, a narrow hanging heart."""
    low = 0.045 * strength
    return replace(
        body,
        dome_right=body.dome_right + low,
        dome_left=body.dome_left + low - 0.01 * strength,
        sulcus=body.sulcus * max(0.2, 1 - 0.55 * strength),
        apex=body.apex - 0.01 * strength,
        rib_spacing=body.rib_spacing * (1 + 0.06 * strength),
        heart_left=body.heart_left * (1 - 0.13 * strength),
        heart_right=body.heart_right * (1 - 0.08 * strength),
    )


def _raised_diaphragm(body: Body, strength: float, place: Generator) -> Body:
    """Lost volume: the diaphragm rises and the mediastinum moves to the side of the collapse."""
    side = one_side(place)
    up = 0.055 * strength
    body = replace(body, pull=body.pull + side * 0.014 * strength)
    if side == RIGHT:
        return replace(body, dome_right=body.dome_right - up)
    return replace(body, dome_left=body.dome_left - 1.2 * up)


def _pushed_mediastinum(body: Body, strength: float, place: Generator) -> Body:
    """Air in the pleural space pushes the heart to the other side."""
    return replace(body, pull=body.pull - one_side(place) * 0.014 * strength)


def _displaced_stomach(body: Body, strength: float, place: Generator) -> Body:
    """The stomach has left the abdomen, and its gas bubble with it."""
    return replace(body, bubble=body.bubble * (1 - 0.9 * min(1.0, 2 * strength)))


def _shrunken(body: Body, strength: float, place: Generator) -> Body:
    """Stiff, small lungs: both diaphragms are high."""
    up = 0.025 * strength
    return replace(body, dome_right=body.dome_right - up, dome_left=body.dome_left - up)


Reshape = Callable[[Body, float, Generator], Body]

RESHAPE: dict[str, Reshape] = {
    "Cardiomegaly": _large_heart,
    "Emphysema": _overinflated,
    "Hernia": _displaced_stomach,
    "Pneumothorax": _pushed_mediastinum,
    "Fibrosis": _shrunken,
    "Atelectasis": _raised_diaphragm,
}
"""Findings that change the shape of the chest, by (body, strength, place)."""
