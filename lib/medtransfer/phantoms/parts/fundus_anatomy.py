"""Anatomy of a synthetic eye: retina, macula, optic disc and vessels.

Coordinates are those of the field of view: x to the right, y down, its edge at radius 1; every eye
is drawn as a right eye. Pictures are float32, shape (3, image_px, image_px), 0 to 1.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from .stamps import cloud, stamp, windows


def rgb(red: float, green: float, blue: float) -> np.ndarray:
    """A colour that broadcasts over pictures, shape (3, 1, 1), float32."""
    return np.array([red, green, blue], np.float32)[:, None, None]


BLOND, DARK = rgb(0.84, 0.46, 0.24), rgb(0.56, 0.25, 0.11)  # retina of little and much melanin
_HAZE = 0.03  # of the full range: harmless uneven light
_ARTERY, _VEIN = rgb(0.08, 0.42, 0.42), rgb(0.30, 0.60, 0.52)  # light absorbed
_DISC, _CUP = rgb(1.12, 0.83, 0.52), rgb(1.0, 0.92, 0.74)
_MACULA, _SHEEN, _MOTTLE = rgb(0.75, 1.1, 1.2), rgb(0.05, 0.06, 0.03), rgb(0.6, 1.0, 1.0)


class Pigment(NamedTuple):
    """What the eyes of a patient share; lengths in field-of-view units."""

    colour: np.ndarray  # (3, 1, 1) retina, 0 to 1
    tessellation: float
    disc_radius: float
    cup: float  # cup-to-disc ratio


class Eye(NamedTuple):
    """Landmarks of one eye, (x, y) each."""

    disc: np.ndarray
    fovea: np.ndarray


class Vessels(NamedTuple):
    """Straight pieces of vessels: ends (N, 2) each and half width (N,)."""

    start: np.ndarray
    end: np.ndarray
    half_width: np.ndarray


class Buds(NamedTuple):
    """Where and how B vessels begin: origin (B, 2) and, of shape (B,), the rest."""

    origin: np.ndarray
    heading: np.ndarray  # radians
    turn: np.ndarray  # radians over the whole length
    length: np.ndarray
    half_width: np.ndarray


def landmarks(rng: np.random.Generator) -> Eye:
    """Disc on the nasal side, and fovea two and a half disc diameters temporal to it."""
    disc = np.array([0.48, 0.0]) + rng.normal(0, 0.035, 2)
    return Eye(disc=disc, fovea=disc + np.array([-0.60, 0.06]) + rng.normal(0, 0.02, 2))


def retina(rng: np.random.Generator, pigment: Pigment, eye: Eye, *, image_px: int) -> np.ndarray:
    """Healthy retina without vessels: choroid, a harmless uneven light, macula, disc and cup."""
    mottle = 0.035 * cloud(rng, cells=4, image_px=image_px)
    mottle += np.float32(pigment.tessellation) * cloud(rng, cells=22, image_px=image_px)
    image = pigment.colour * (1 + _MOTTLE * mottle)
    haze = rgb(*(_HAZE * rng.normal(0, [0.5, 0.7, 0.7])))
    image += haze * bump(rng.uniform(-0.7, 0.7, 2), rng.uniform(0.25, 0.5), image_px=image_px)
    macula = 0.22 * bump(eye.fovea, 0.2, image_px=image_px)
    macula += 0.20 * bump(eye.fovea, 0.07, image_px=image_px)
    image *= 1 - rng.uniform(0.7, 1.2) * _MACULA * macula
    sheen = bump(eye.disc, 2.4 * pigment.disc_radius, image_px=image_px)
    image += rng.uniform(0.3, 1.2) * _SHEEN * sheen
    radius = np.array([pigment.disc_radius])
    rim = blobs(rng, eye.disc[None], radius, soft=0.16, irregular=0.05, image_px=image_px)
    image = mix(image, _DISC * pigment.colour[0], 0.95 * rim / rim.max())
    cup = bump(
        eye.disc + np.array([0.01, 0]), 0.8 * pigment.disc_radius * pigment.cup, image_px=image_px
    )
    return mix(image, _CUP, 0.75 * cup)


def vessel_tree(rng: np.random.Generator, eye: Eye) -> tuple[Vessels, Vessels]:
    """Arteries and veins: arcades above and below the macula, nasal vessels, and their branches."""
    buds, vein = _trunks(rng, eye), np.repeat([False, True], 6)
    pieces, is_vein = [], []
    for steps, children, wander in ((26, 4, 0.05), (10, 2, 0.10), (6, 0, 0.15)):
        vessels, heading = grow(rng, buds, steps=steps, wander=wander)
        pieces.append(vessels)
        is_vein.append(np.repeat(vein, steps))
        if children:
            vein = np.repeat(vein, children)
            buds = _branches(rng, vessels, heading, buds.length, children=children)
    tree = Vessels(*(np.concatenate(part) for part in zip(*pieces, strict=True)))
    from_fovea = np.hypot(*(tree.end - eye.fovea).T)
    calibre = tree.half_width * np.clip((from_fovea - 0.07) / 0.12, 0, 1)  # avascular zone
    keep, vein = (calibre > 5e-4) & (np.hypot(*tree.end.T) < 1.02), np.concatenate(is_vein)
    tree = tree._replace(half_width=calibre)
    arteries, veins = (Vessels(*(part[keep & kind] for part in tree)) for kind in (~vein, vein))
    return arteries, veins


def _trunks(rng: np.random.Generator, eye: Eye) -> Buds:
    """Twelve vessels that leave the disc: six arteries, six veins, upper and lower in turn."""
    # A row each: temporal arcade, nasal vessel, small macular vessel; of the arteries, the veins.
    heading = np.array([1.55, 1.05, 2.3, 1.75, 0.85, 2.5])[:, None] + rng.normal(0, 0.10, (6, 2))
    turn = np.array([1.75, -0.6, 0.75, 1.5, -0.5, 0.55])[:, None] + rng.normal(0, 0.15, (6, 2))
    length = np.array([1.7, 0.9, 0.55, 1.7, 0.9, 0.5])[:, None] * rng.uniform(0.9, 1.1, (6, 2))
    half_width = np.array([0.014, 0.011, 0.005, 0.019, 0.014, 0.006])[:, None] * [1, 1.05]
    return Buds(
        origin=eye.disc + rng.normal(0, 0.015, (12, 2)),
        heading=(heading * [-1, 1]).ravel(),  # y runs down, so upper vessels head to negative y
        turn=(turn * [-1, 1]).ravel(),
        length=length.ravel(),
        half_width=half_width.ravel(),
    )


def grow(
    rng: np.random.Generator, buds: Buds, *, steps: int, wander: float
) -> tuple[Vessels, np.ndarray]:
    """Curved, tapering vessels of `steps` pieces each, and their headings, shape (B, steps).

    `wander` is the standard deviation in radians by which a piece leaves the smooth curve.
    """
    along = np.linspace(0, 1, steps)
    drift = rng.normal(0, wander, (len(buds.length), steps)).cumsum(1)
    drift -= drift.mean(1, keepdims=True)
    heading = buds.heading[:, None] + buds.turn[:, None] * along + 0.6 * drift
    stride = np.stack([np.cos(heading), np.sin(heading)], -1)
    stride *= (buds.length / steps)[:, None, None]
    end = buds.origin[:, None] + stride.cumsum(1)
    taper = buds.half_width[:, None] * (1 - 0.65 * along)
    return Vessels((end - stride).reshape(-1, 2), end.reshape(-1, 2), taper.ravel()), heading


def _branches(
    rng: np.random.Generator,
    parents: Vessels,
    heading: np.ndarray,
    length: np.ndarray,
    *,
    children: int,
) -> Buds:
    """Side branches, spread along every parent."""
    vessels, steps = heading.shape
    slots = (np.arange(children) + rng.uniform(0.2, 0.95, (vessels, children))) / children
    where = (np.arange(vessels)[:, None] * steps + (slots * (steps - 1)).astype(int)).ravel()
    side = rng.choice([-1.0, 1.0], len(where))
    return Buds(
        origin=parents.end[where],
        heading=heading.ravel()[where] + side * rng.uniform(0.5, 1.0, len(where)),
        turn=-side * rng.uniform(0, 0.6, len(where)),
        length=np.repeat(length, children) * rng.uniform(0.25, 0.5, len(where)),
        half_width=parents.half_width[where] * rng.uniform(0.45, 0.7, len(where)),
    )


def draw_vessels(image: np.ndarray, arteries: Vessels, veins: Vessels) -> np.ndarray:
    """The picture with the vessels on it: veins are darker and lie on top."""
    image_px = image.shape[-1]
    image = image * (1 - _ARTERY * vessel_cover(arteries, image_px=image_px))
    return image * (1 - _VEIN * vessel_cover(veins, image_px=image_px))


def vessel_cover(vessels: Vessels, *, image_px: int) -> np.ndarray:
    """Share of every pixel (0 to 1) that vessels cover, right also for those below a pixel."""
    start, end = ((p.astype(np.float32) + 1) * (image_px / 2) for p in (vessels.start, vessels.end))
    radius = (vessels.half_width.astype(np.float32) * (image_px / 2))[:, None, None]
    half_px = int(np.ceil(np.abs(end - start).max() / 2 + radius.max() + 0.5))
    place = windows((start + end) / 2, half_px=half_px, image_px=image_px)
    along_x, along_y = (end - start).T[:, :, None, None]
    from_x, from_y = place.x - start[:, 0, None, None], place.y - start[:, 1, None, None]
    square = along_x**2 + along_y**2 + np.float32(1e-9)
    part = np.clip(from_x * (along_x / square) + from_y * (along_y / square), 0, 1)
    distance = np.sqrt((from_x - part * along_x) ** 2 + (from_y - part * along_y) ** 2)
    cover = np.clip(radius + 0.5 - distance, 0, np.minimum(1, 2 * radius))
    return stamp(place, cover, image_px=image_px)


def blobs(
    rng: np.random.Generator,
    centre: np.ndarray,
    radius: np.ndarray,
    *,
    soft: float,
    irregular: float,
    image_px: int,
) -> np.ndarray:
    """Opacity (0 to 1) of N uneven spots at centre (N, 2) with radius (N,).

    `soft` is the width of their edge and `irregular` the deviation of their outline, in radii.
    """
    number = len(radius)
    stretch = (1 + irregular * rng.uniform(0, 1.2, number)).astype(np.float32)
    turns = np.exp(1j * rng.uniform(0, 2 * np.pi, (4, number))).astype(np.complex64)
    opacity = rng.uniform(0.55, 1, number).astype(np.float32)[:, None, None]
    if not number:
        return np.zeros((image_px, image_px), np.float32)
    middle, size = ((centre + 1) * (image_px / 2)).astype(np.float32), radius * (image_px / 2)
    half_px = int(np.ceil((size * stretch).max() * (1 + irregular) * (1 + soft / 2) + 1))
    place = windows(middle, half_px=half_px, image_px=image_px)
    spot = (place.x - middle[:, 0, None, None]) + 1j * (place.y - middle[:, 1, None, None])
    spot *= turns[0, :, None, None]
    spot.real /= stretch[:, None, None]
    distance, size = np.abs(spot) + np.float32(1e-6), size.astype(np.float32)[:, None, None]
    outline = size * (1 + irregular * _wave(spot / distance, turns[1:, :, None, None]))
    cover = np.clip((outline - distance) / np.maximum(1, soft * size) + 0.5, 0, 1)
    return stamp(place, cover * np.minimum(opacity, np.pi * size**2), image_px=image_px)


def _wave(direction: np.ndarray, phases: np.ndarray) -> np.ndarray:
    """Uneven outline: second, third and fifth harmonic of the direction (unit complex numbers)."""
    second = direction * direction
    third = second * direction
    fifth = second * third
    return (0.5 * second * phases[0] + 0.6 * third * phases[1] + 0.3 * fifth * phases[2]).real


@lru_cache(maxsize=16)
def grid(image_px: int) -> tuple[np.ndarray, np.ndarray]:
    """x of shape (1, image_px) and y of shape (image_px, 1) of the pixel centres, float32."""
    line = (np.arange(image_px, dtype=np.float32) + 0.5) / image_px * 2 - 1
    return line[None, :], line[:, None]


def bump(centre: np.ndarray, radius: float, *, image_px: int) -> np.ndarray:
    """Gaussian hill of height 1, shape (image_px, image_px), float32."""
    (x, y), (middle_x, middle_y), width = grid(image_px), centre.tolist(), float(radius)
    hill = np.exp(-0.5 * ((y - middle_y) / width) ** 2)
    return hill * np.exp(-0.5 * ((x - middle_x) / width) ** 2)


def mix(image: np.ndarray, colour: np.ndarray, opacity: np.ndarray) -> np.ndarray:
    """The picture under a layer of one colour (3, 1, 1) with opacity (image_px, image_px)."""
    return image + opacity * (colour - image)
