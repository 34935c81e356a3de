"""The layers of a healthy chest: lungs, heart, vessels, bones and soft tissue.

Layers are optical depths in the coordinates of `chest_body`; their sum is what the rays cross.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator

from .canvas import (
    Field,
    Frame,
    bell,
    clouds,
    curves,
    edge,
    inside_circle,
    strokes,
)
from .chest_body import LEFT, RIGHT, SIDES, Body, chest_wall


@dataclass(kw_only=True)
class Scene:
    """The layers of one radiograph, (px, px) float32 unless said, which findings may change."""

    body: Body
    frame: Frame
    x: Field  # (1, px)
    y: Field  # (px, 1)
    wall: Field  # (px, 1), distance of the inner chest wall from the midline
    height: Field  # 0 at the lung's top, 1 at the dome of its diaphragm
    fields: dict[int, Field]  # each lung as it is seen, 1 inside
    heart: Field
    air: Field = field(init=False)  # share of the lung's air that is there
    vessels: Field = field(init=False)
    density: Field = field(init=False)  # what findings add

    def __post_init__(self) -> None:
        self.air = np.ones((self.px, self.px), np.float32)
        self.vessels = np.zeros_like(self.air)
        self.density = np.zeros_like(self.air)

    @property
    def px(self) -> int:
        """Side of the layers in pixels."""
        return self.x.shape[1]

    @property
    def lungs(self) -> Field:
        """Both lungs, 1 inside."""
        return self.fields[RIGHT] + self.fields[LEFT]

    def spot(self, side: int, *, across: float, height: float) -> tuple[float, float]:
        """Return (x, y) in a lung: ``across`` 0 at the mediastinum, 1 at the chest wall."""
        y = self.body.apex + height * (self.body.dome(side) - self.body.apex)
        wall = float(chest_wall(np.float32(height), self.body.half_width))
        return side * (0.07 + across * (wall - 0.07)), y


def build_scene(*, body: Body, frame: Frame, px: int, place: Generator) -> Scene:
    """Return the healthy layers of this chest; ``place`` draws its vessels."""
    x, y = frame.grid(px)
    height = (y - body.apex) / (body.domes(x) - body.apex)
    middle = (body.dome_right + body.dome_left) / 2
    wall = chest_wall((y - body.apex) / (middle - body.apex), body.half_width)
    both = _lung_fields(body, x, y, wall)
    scene = Scene(
        body=body,
        frame=frame,
        x=x,
        y=y,
        wall=wall,
        height=height,
        fields={side: both * (x > 0 if side == LEFT else x <= 0) for side in SIDES},
        heart=_heart(body, x, y),
    )
    scene.vessels = _vessels(scene, place)
    return scene


def _lung_fields(body: Body, x: Field, y: Field, wall: Field) -> Field:
    a = np.abs(x)
    centre, half = 0.45 * body.half_width, 0.55 * body.half_width
    offset = (a - centre) / half
    fall = np.where(offset > 0, np.float32(body.sulcus), np.float32(0.45 * body.sulcus))
    dome = body.domes(x) + fall * offset * offset * np.sqrt(np.abs(offset))
    top = body.apex + 0.09 * ((a - 0.44 * body.half_width) / (0.4 * body.half_width)) ** 2
    field = edge(wall - a, 0.014) * edge(dome - y, 0.016) * edge(y - top, 0.022)
    return field * edge(a - 0.045, 0.02)


def _heart(body: Body, x: Field, y: Field) -> Field:
    """Return the heart's depth, about 1 at its middle: right atrium and left ventricle."""
    x = x - np.float32(body.pull)
    bottom = body.dome_left + 0.07
    v = np.clip((y - body.heart_top) / (bottom - body.heart_top), 0, 1)
    neck = 0.8 * body.pedicle
    w = np.clip((v - 0.08) * 1.15, 0, 1)
    bulge = 4 * w * (1 - w)
    atrium = neck + (body.heart_right - neck) * bulge * np.sqrt(bulge)
    swell = edge(v - 0.36, 0.72)
    tip = np.sqrt(np.clip(1 - (np.clip(v - 0.72, 0, None) / 0.29) ** 2, 0, 1))
    ventricle = neck + (body.heart_left - neck) * swell * tip
    mask = edge(x + atrium, 0.014) * edge(ventricle - x, 0.014) * edge(v - 0.04, 0.08)
    middle = (2 * x - ventricle + atrium) / (ventricle + atrium)
    return mask * (0.75 + 0.25 * np.clip(1 - middle**2, 0, 1))


def _vessels(scene: Scene, place: Generator) -> Field:
    """Return pulmonary arteries that leave the hila, fork twice and thin out to the wall."""
    n = 10  # trunks on each side
    side = np.repeat(SIDES, n)
    root = np.stack([side * 0.085, 0.43 - 0.012 * side], axis=1)
    aim = np.tile(np.arange(n) * (1.04 / (n - 1)) + 0.02, 2) + 0.05 * place.normal(size=2 * n)
    reach = place.uniform(0.55, 0.9, 2 * n) * np.where(np.abs(aim - 0.5) < 0.15, 0.8, 1.0)
    across = 0.07 + reach * (chest_wall(aim, scene.body.half_width) - 0.07)
    dome = np.repeat([scene.body.dome(s) for s in SIDES], n)
    far = np.stack([side * across, scene.body.apex + aim * (dome - scene.body.apex)], axis=1)
    thick = curves(root, far, 0.12 * place.normal(size=2 * n), 6)
    root, far = np.repeat(root, 2, axis=0), np.repeat(far, 2, axis=0)
    fork = root + place.uniform(0.25, 0.6, (4 * n, 1)) * (far - root)
    tip = fork + 0.75 * (far - fork) + 0.045 * place.normal(size=(4 * n, 2))
    thin = curves(fork, tip, 0.12 * place.normal(size=4 * n), 2)
    tapering = [thick[:, 0:3], thick[:, 2:5], thick[:, 4:7]]  # each as many points as a twig
    calibre = place.uniform(0.008, 0.014, 2 * n)
    width = [calibre, 0.65 * calibre, 0.35 * calibre, place.uniform(0.003, 0.005, 4 * n)]
    ink = np.repeat([0.62, 0.42, 0.26, 0.26], [2 * n, 2 * n, 2 * n, 4 * n])
    lines = scene.frame.place(np.concatenate([*tapering, thin]))
    tree = strokes(lines, width=np.concatenate(width), value=ink, px=scene.px)
    for side in SIDES:
        hilum = bell(scene.x - side * 0.088, 0.022) * bell(scene.y - 0.44 + 0.012 * side, 0.04)
        tree = tree + 0.6 * hilum
    return tree * np.float32(scene.body.vascularity)


def _soft_tissue(scene: Scene) -> Field:
    body, x, y = scene.body, scene.x, scene.y
    a = np.abs(x)
    trunk = body.half_width + body.fat
    shoulders = np.float32(0.46) * edge(y - 0.085 - 0.13 * a, 0.13) * edge(0.37 - y, 0.22)
    half = np.maximum(0.115 + shoulders, trunk * edge(y - 0.2, 0.2))
    inside = edge(half - a, 0.02)
    chord = np.sqrt(np.clip(1 - (a / half) ** 2, 0.0, 1))
    depth = inside * (0.30 + (0.55 + 0.9 * body.fat + 0.18 * y) * chord)
    breast_top, breast_x = body.dome_right - 0.06, 0.62 * body.half_width
    fold = ((a - breast_x) / 0.17) ** 2 + ((y - breast_top) / 0.15) ** 2
    depth += np.float32(0.22 * body.breast) * edge(1 - fold, 0.5) * inside
    shoulder_joint = bell(a - 0.45, 0.05) * bell(y - 0.19, 0.05)
    return depth + 0.3 * shoulder_joint * inside


def _bones(scene: Scene) -> Field:
    body, x, y = scene.body, scene.x, scene.y
    a = np.abs(x)
    cage = edge(scene.wall + 0.022 - a, 0.012) * edge(y - body.apex + 0.03, 0.04)
    cage *= edge(0.93 - y, 0.1)
    reach = a / np.float32(body.half_width)
    back = (y + 0.05 * reach - body.rib_slope * reach**2 * 0.5) / body.rib_spacing + body.rib_phase
    front = (y + 0.22 * reach + 0.1) / (1.25 * body.rib_spacing) + body.rib_phase * 1.7
    ribs = 0.125 * _rib(back) * edge(a - 0.05, 0.04)
    ribs += 0.06 * _rib(front) * edge(reach - 0.45, 0.25) * edge(0.72 - y, 0.1)
    ribs = ribs * cage + 0.09 * bell(a - scene.wall - 0.006, 0.01) * cage
    arch = 0.205 - 0.055 * np.sin(np.clip((a - 0.03) / 0.33, 0, 1) * np.pi * 0.75)
    tube = bell(y - arch, 0.0105) + 0.4 * bell(np.abs(y - arch) - 0.012, 0.004)
    clavicle = 0.26 * tube * edge(a - 0.035, 0.02) * edge(0.36 - a, 0.06)
    blade = bell(a - 0.395 + 0.22 * (y - 0.2), 0.012) * edge(y - 0.17, 0.08) * edge(0.42 - y, 0.1)
    discs = 0.5 + 0.5 * np.sin(y * np.float32(2 * np.pi / 0.052))
    spine = edge(0.042 - a, 0.02) * (0.10 + 0.07 * discs)
    return np.float32(body.bone) * (ribs + clavicle + 0.07 * blade + spine)


def _rib(phase: Field) -> Field:
    """Return a rib per unit of phase: a plateau with brighter margins, as cortical bone has."""
    off = np.abs(phase - np.floor(phase) - np.float32(0.5))
    return edge(0.22 - off, 0.10) * 0.75 + 0.45 * bell(off - 0.19, 0.04)


def _mediastinum(scene: Scene) -> Field:
    body, y = scene.body, scene.y
    x = scene.x - np.float32(body.pull) * edge(y - 0.2, 0.3)
    flare = body.pedicle + 0.03 * edge(0.18 - y, 0.2)
    depth = 0.62 * edge(flare - np.abs(x), 0.03)
    knob = inside_circle(x - body.pedicle + 0.012, y - 0.33, body.knob)
    depth = np.maximum(depth, 0.56 * edge(knob, 0.016))
    trunk = inside_circle(x - body.pedicle + 0.028, 0.55 * (y - 0.41), 0.053)
    depth = np.maximum(depth, 0.5 * edge(trunk, 0.025))
    fork = 0.385 + 0.8 * np.abs(x)
    windpipe = bell(x + 0.004, 0.014) * edge(0.40 - y, 0.05)
    bronchi = bell(y - fork, 0.011) * edge(0.055 - np.abs(x), 0.05)
    return depth - np.maximum(0.3 * windpipe, 0.15 * bronchi)


def optical_depth(scene: Scene, *, place: Generator) -> Field:
    """Return the sum of all layers, (px, px) float32: 0 in air, above 1.5 in the abdomen."""
    lungs = scene.lungs
    mottle = clouds(place.normal(size=(20, 20)), scene.px) * np.float32(0.016 * scene.body.texture)
    depth = _soft_tissue(scene)
    torso = edge(scene.body.half_width + 0.015 - np.abs(scene.x), 0.11)
    below = edge(scene.height - 1.0, 0.1) * (1 - lungs) * torso
    bubble = inside_circle(scene.x - 0.17, 1.7 * (scene.y - scene.body.dome_left - 0.085), 0.06)
    depth += below * (0.75 - 0.45 * scene.body.bubble * edge(bubble, 0.03))
    core = np.maximum(0.62 * scene.heart, _mediastinum(scene) * edge(1.02 - scene.height, 0.2))
    tissue = 0.42 * scene.vessels * scene.air + mottle
    depth += core - lungs * (1 - np.clip(core, 0, 1)) * (0.56 * scene.air - tissue)
    return np.maximum(depth + _bones(scene) * (depth > 0.02) + scene.density, 0)
