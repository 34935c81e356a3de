"""What findings change in the layers of a chest, each drawn where and how it occurs.

Each has a focal sign and, as in patients, a wide and faint one, since both are what classifiers
learn from. ``strength`` is about 0.5 (subtle) to 1.3 (florid); ``place`` draws what stays with
the patient (side, site, size), ``now`` what changes between two films. Findings that also change
the chest's shape start from the same ``place`` there (`chest_body.RESHAPE`), so their first draw
from it is the side.
"""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from .canvas import Field, bell, blurred, clouds, curves, edge, inside_circle, strokes
from .chest_anatomy import Scene
from .chest_body import LEFT, RIGHT, SIDES, one_side


def _sides(place: Generator, *, both: float) -> tuple[int, ...]:
    """Return one side, or both with this probability."""
    side = one_side(place)
    return SIDES if place.random() < both else (side,)


def _onset(strength: float) -> float:
    """Return 0 without the finding and 1 from the subtle ones on, for signs that come whole."""
    return min(1.0, 2 * strength)


def _patch(scene: Scene, centre: tuple[float, float], radii: tuple[float, float]) -> Field:
    """Return a soft ellipse, 1 in the middle, about 0.6 at its radii."""
    return bell(scene.x - centre[0], radii[0]) * bell(scene.y - centre[1], radii[1])


def _ball(scene: Scene, centre: tuple[float, float], radius: float, softness: float) -> Field:
    """Return the depth of a sphere, 1 at its centre, with an edge of this softness."""
    inside = inside_circle(scene.x - centre[0], scene.y - centre[1], radius)
    return edge(inside, softness) * (0.65 + np.float32(0.7 / radius) * np.maximum(inside, 0))


def _veil(scene: Scene, side: int, centre: float, width: float) -> Field:
    """Return a wide haze in one lung about a height (0 apex, 1 diaphragm)."""
    return scene.fields[side] * bell(scene.height - centre, width)


def _lucent(scene: Scene, strength: float, place: Generator, now: Generator) -> None:
    """Emphysema: too much air, few vessels in the periphery."""
    scene.air *= np.float32(1 + 0.17 * strength)
    periphery = edge(np.abs(scene.x) - 0.14, 0.1)
    scene.vessels *= 1 - np.float32(min(0.8, 0.6 * strength)) * periphery


def _edema(scene: Scene, strength: float, place: Generator, now: Generator) -> None:
    """Bat-wing haze about the hila, blurred vessels, short septal lines at the lateral bases."""
    wing = 0.17 + 0.03 * place.normal()
    cloud = 1 + 0.22 * clouds(place.normal(size=(9, 9)), scene.px)
    for side in SIDES:
        bat = _patch(scene, (side * wing, 0.47), (0.085, 0.15))
        scene.density += 0.23 * strength * bat * cloud * scene.fields[side]
    scene.density += 0.05 * strength * scene.lungs * edge(scene.height - 0.3, 0.6)
    scene.vessels = blurred(scene.vessels, 0.008 * _onset(strength) * scene.px)
    n = 7
    y = np.concatenate([np.linspace(0.72, 1.04, n)] * 2) + 0.01 * place.normal(size=2 * n)
    wall = scene.body.half_width * np.repeat([RIGHT, LEFT], n)
    down = scene.body.apex + y * (scene.body.dome_right - scene.body.apex)
    start, end = np.stack([0.98 * wall, down], 1), np.stack([0.86 * wall, down + 0.004], 1)
    lines = scene.frame.place(curves(start, end, np.zeros(2 * n), 1))
    kerley = strokes(lines, width=0.004, value=0.8, px=scene.px)
    scene.density += 0.22 * strength * kerley * scene.lungs


def _hernia(scene: Scene, strength: float, place: Generator, now: Generator) -> None:
    """A round mass behind the heart, air above a fluid level, and haze of the lung about it."""
    radius = 0.072 + 0.024 * place.random() + 0.018 * strength
    centre = (place.uniform(-0.02, 0.06), scene.body.dome_left - 0.35 * radius)
    r = np.hypot(scene.x - centre[0], 1.12 * (scene.y - centre[1]))
    sac = edge(radius - r, 0.012)
    level = centre[1] - radius * now.uniform(-0.15, 0.15)
    gas = edge(0.82 * radius - r, 0.014) * edge(level - scene.y, 0.008)
    scene.density += strength * (0.5 * sac - 1.3 * gas + 0.12 * bell(r - 0.92 * radius, 0.009))
    wide = _patch(scene, centre, (0.18, 0.10)) * scene.lungs
    scene.density += 0.28 * strength * wide * (1 - gas)


def _pneumothorax(scene: Scene, strength: float, place: Generator, now: Generator) -> None:
    """A black rim without vessels over apex and side, bounded by the thin line of the pleura."""
    side = one_side(place)
    lung = scene.fields[side]
    rim = 0.045 + 0.055 * min(strength, 1.3) * now.uniform(0.8, 1.2)
    lateral = scene.wall - np.abs(scene.x) - rim * np.clip(1.15 - 0.75 * scene.height, 0.2, 1.2)
    apical = scene.y - scene.body.apex - 1.25 * rim
    round_off = np.float32(0.09)
    corner = np.hypot(np.maximum(round_off - lateral, 0), np.maximum(round_off - apical, 0))
    inner = round_off - corner  # > 0 in the collapsed lung, whose apex is rounded
    outside = edge(-inner, 0.008) * lung
    scene.vessels *= 1 - np.float32(_onset(strength)) * outside
    scene.air *= 1 + np.float32(0.28 * strength) * outside
    scene.density += strength * lung * (0.30 * bell(inner, 0.0045) + 0.06 * edge(inner, 0.02))


def _effusion(scene: Scene, strength: float, place: Generator, now: Generator) -> None:
    """Fluid at the base: homogeneous, no angle, the upper border rising to the wall."""
    for side in _sides(place, both=0.35):
        top = 0.045 + 0.13 * strength * now.uniform(0.6, 1.1)
        toward = np.clip(np.abs(scene.x) / scene.wall, 0, 1)
        base = scene.body.dome(side) + 0.055
        surface = base - top * (0.25 + 0.85 * (toward * toward) ** 2)
        fluid = edge(scene.y - surface, 0.022) * scene.fields[side]
        scene.density += 0.72 * min(1.2, 0.55 + 0.5 * strength) * _onset(strength) * fluid
        scene.vessels *= 1 - 0.8 * _onset(strength) * fluid
        scene.density += 0.055 * strength * _veil(scene, side, 0.85, 0.3)


def _mass(scene: Scene, strength: float, place: Generator, now: Generator) -> None:
    """One lobulated opacity wider than 3 cm, with haze in the lobe that it narrows."""
    side = one_side(place)
    height = place.uniform(0.18, 0.8)
    centre = scene.spot(side, across=place.uniform(0.3, 0.75), height=height)
    radius = 0.036 + 0.022 * place.random() + 0.008 * strength
    lobes = [(0.0, 0.0)] + [tuple(v) for v in 0.38 * radius * place.normal(size=(2, 2))]
    shape = np.maximum.reduce(
        [
            _ball(scene, (centre[0] + dx, centre[1] + dy), radius * (1 - 0.2 * (i > 0)), 0.012)
            for i, (dx, dy) in enumerate(lobes)
        ]
    )
    scene.density += 0.42 * min(strength, 1.2) * shape * edge(scene.fields[side] - 0.3, 0.6)
    scene.density += 0.085 * strength * _veil(scene, side, height, 0.22)


def _nodule(scene: Scene, strength: float, place: Generator, now: Generator) -> None:
    """One to three small round opacities and a full hilum on their side."""
    side = one_side(place)
    for i in range(int(place.integers(1, 4))):
        lung = side if i < 2 else -side
        height = place.uniform(0.2, 0.88)
        centre = scene.spot(lung, across=place.uniform(0.35, 0.85), height=height)
        radius = place.uniform(0.017, 0.026) + 0.003 * strength
        scene.density += 0.38 * strength * _ball(scene, centre, radius, 0.011)
        scene.density += 0.075 * strength * _patch(scene, centre, (0.08, 0.08)) * scene.lungs
    hilum = (side * 0.095, 0.44 - 0.012 * side)
    scene.density += 0.20 * strength * _patch(scene, hilum, (0.034, 0.05)) * scene.fields[side]


def _fibrosis(scene: Scene, strength: float, place: Generator, now: Generator) -> None:
    """A net of coarse lines, densest at the bases and under the pleura."""
    n = 260
    side = np.where(place.random(n) < 0.5, RIGHT, LEFT)
    height = 1.08 - 0.8 * place.random(n) ** 1.5
    across = 1 - 0.75 * place.random(n) ** 1.3
    start = np.stack(
        [
            side * across * scene.body.half_width * 0.98,
            scene.body.apex + height * (scene.body.dome_right - scene.body.apex),
        ],
        axis=1,
    )
    turn = place.uniform(0, 2 * np.pi, n)
    length = place.uniform(0.018, 0.045, n)[:, None]
    end = start + length * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    arcs = scene.frame.place(curves(start, end, 0.3 * place.normal(size=n), 2))
    net = strokes(arcs, width=0.0045, value=0.9, px=scene.px)
    scene.density += 0.26 * strength * net * scene.lungs
    toward = np.clip(np.abs(scene.x) / scene.wall, 0, 1) ** 2
    haze = edge(scene.height - 0.6, 0.7) * (0.4 + 0.6 * toward) * scene.lungs
    scene.density += 0.085 * strength * haze


def _atelectasis(scene: Scene, strength: float, place: Generator, now: Generator) -> None:
    """Plate-like bands above a raised diaphragm and haze of the airless base."""
    side = one_side(place)
    a = np.abs(scene.x)
    for _ in range(int(place.integers(1, 4))):
        height = place.uniform(0.74, 0.95)
        middle = scene.spot(side, across=place.uniform(0.4, 0.6), height=height)
        slope, length = place.uniform(-0.25, 0.45), place.uniform(0.06, 0.1)
        off = scene.y - middle[1] - slope * (a - abs(middle[0])) + 0.8 * (a - abs(middle[0])) ** 2
        band = bell(off, place.uniform(0.006, 0.010)) * bell(a - abs(middle[0]), length)
        scene.density += 0.36 * strength * band * scene.fields[side]
    scene.density += 0.17 * strength * _veil(scene, side, 1.0, 0.2)


def _consolidation(scene: Scene, strength: float, place: Generator, now: Generator) -> None:
    """A lobe full of fluid: dense and patchy, with the air of its bronchi left as dark lines."""
    side = one_side(place)
    height = place.choice([0.28, 0.6, 0.82]) + 0.04 * place.normal()
    centre = scene.spot(side, across=place.uniform(0.4, 0.65), height=height)
    cloud = clouds(place.normal(size=(11, 11)), scene.px)
    lobe = _patch(scene, centre, (0.088, 0.088)) + 0.16 * cloud
    dense = edge(lobe - 0.52, 0.4) * scene.fields[side]
    root = np.array([[side * 0.09, 0.44]])
    end = np.array(centre) + 0.06 * place.normal(size=(5, 2)) + 0.3 * (np.array(centre) - root)
    arcs = scene.frame.place(curves(np.repeat(root, 5, 0), end, 0.1 * place.normal(size=5), 3))
    airways = strokes(arcs, width=0.005, value=0.9, px=scene.px)
    scene.density += 0.42 * min(strength, 1.25) * dense * (1 - 0.6 * airways)
    scene.vessels *= 1 - 0.8 * _onset(strength) * dense
    scene.density += 0.05 * strength * _veil(scene, side, height, 0.25)


def _pleural_thickening(scene: Scene, strength: float, place: Generator, now: Generator) -> None:
    """A bright band along the side wall, an apical cap, and a veil over that lung."""
    toward = scene.wall - np.abs(scene.x)
    for side in _sides(place, both=0.3):
        width = 0.016 + 0.014 * strength
        span = edge(scene.height - place.uniform(0.1, 0.4), 0.1)
        wave = 1 + 0.35 * np.sin(scene.y * 40 + place.uniform(0, 6))
        rind = edge(width * wave - toward, 0.010) * span
        cap = edge(0.045 + 0.02 * strength - (scene.y - scene.body.apex), 0.02)
        scene.density += 0.40 * strength * np.maximum(rind, 0.8 * cap) * scene.fields[side]
        scene.density += 0.08 * strength * _veil(scene, side, 0.7, 0.4)


def _pneumonia(scene: Scene, strength: float, place: Generator, now: Generator) -> None:
    """An ill-defined patchy opacity in one middle or lower zone."""
    side = one_side(place)
    height = place.uniform(0.55, 0.92)
    centre = scene.spot(side, across=place.uniform(0.3, 0.65), height=height)
    cloud = 1 + 0.55 * clouds(place.normal(size=(13, 13)), scene.px)
    zone = _patch(scene, centre, (0.085, 0.09)) * scene.fields[side]
    scene.density += 0.29 * strength * zone * np.clip(cloud, 0.1, 2)
    scene.density += 0.05 * strength * _veil(scene, side, height, 0.25)


def _infiltration(scene: Scene, strength: float, place: Generator, now: Generator) -> None:
    """A faint mottled haze over one or two wide zones."""
    cloud = np.clip(1 + 0.6 * clouds(now.normal(size=(24, 24)), scene.px), 0, 2.5)
    for side in _sides(place, both=0.45):
        zone = _veil(scene, side, place.uniform(0.35, 0.85), 0.27)
        scene.density += 0.17 * strength * zone * cloud


Change = Callable[[Scene, float, Generator, Generator], None]

CHANGE: dict[str, Change] = {
    "Emphysema": _lucent,
    "Edema": _edema,
    "Hernia": _hernia,
    "Pneumothorax": _pneumothorax,
    "Effusion": _effusion,
    "Mass": _mass,
    "Fibrosis": _fibrosis,
    "Atelectasis": _atelectasis,
    "Consolidation": _consolidation,
    "Pleural_Thickening": _pleural_thickening,
    "Nodule": _nodule,
    "Pneumonia": _pneumonia,
    "Infiltration": _infiltration,
}
