"""Signs of diabetic retinopathy on a synthetic retina, by grade 0 to 4.

Coordinates and pictures are those of the anatomy; every function returns a new picture. `contrast`
scales the strength of the signs: at 0 they are invisible.
"""

import numpy as np

from .fundus_anatomy import (
    Buds,
    Eye,
    Vessels,
    blobs,
    bump,
    grid,
    grow,
    mix,
    rgb,
    vessel_cover,
)
from .stamps import cloud

# Fewest and most lesions of a kind at grades 0 to 4.
_MICROANEURYSMS = ((0, 0), (3, 8), (8, 20), (20, 40), (15, 35))
_HAEMORRHAGES = ((0, 0), (0, 0), (2, 7), (10, 24), (6, 20))
_EXUDATE_CLUSTERS = ((0, 0), (0, 0), (0, 2), (1, 4), (0, 4))
_COTTON_WOOL = ((0, 0), (0, 0), (0, 1), (1, 5), (0, 4))
_WIDE = (0.0, 0.026, 0.0483, 0.0576, 0.0618)  # oedema and ischaemia, in parts of the full range

_BLOOD = rgb(0.42, 0.80, 0.75)  # light absorbed
_EXUDATE, _COTTON = rgb(1.0, 0.90, 0.50), rgb(0.97, 0.86, 0.66)
_OEDEMA, _PALLOR = rgb(0.5, 1.2, 1.0), rgb(-0.4, 1.0, 1.2)


def beaded(rng: np.random.Generator, veins: Vessels, *, contrast: float) -> Vessels:
    """Veins of sausage-like calibre, a sign of severe ischaemia."""
    bead = np.sin(np.arange(len(veins.half_width)) * 1.9 + rng.uniform(0, 6)) > 0
    return veins._replace(half_width=veins.half_width * (1 + 0.5 * min(contrast, 1.5) * bead))


def add_wide_signs(
    rng: np.random.Generator, image: np.ndarray, eye: Eye, *, severity: int, contrast: float
) -> np.ndarray:
    """Macular oedema as a greyish haze, and pallor of an ischaemic sector of the periphery."""
    image_px = image.shape[-1]
    amplitude = contrast * _WIDE[severity] * np.exp(rng.normal(0, 0.45, 2))
    centre, radius = eye.fovea + rng.normal(0, 0.08, 2), rng.uniform(0.28, 0.4)
    towards = rng.uniform(0, 2 * np.pi)
    if not amplitude.any():
        return image
    x, y = grid(image_px)
    sector = np.clip(0.4 + x * float(np.cos(towards)) + y * float(np.sin(towards)), 0, 1)
    pallor = sector * np.clip((x**2 + y**2 - 0.2) / 0.5, 0, 1)
    image = image + float(amplitude[0]) * _OEDEMA * bump(centre, radius, image_px=image_px)
    return image + float(amplitude[1]) * _PALLOR * pallor


def add_focal_signs(
    rng: np.random.Generator, image: np.ndarray, eye: Eye, *, severity: int, contrast: float
) -> np.ndarray:
    """Blood, new vessels, cotton-wool spots and exudates, as many as the grade has."""
    # Some eyes show their lesions plainly, others barely.
    strength = min(contrast, 1.2) * float(np.clip(np.exp(rng.normal(-1.0, 0.3)), 0.15, 0.5))
    if severity == 0 or contrast <= 0:
        return image
    image = image * (1 - strength * _BLOOD * _bleeding(rng, eye, severity, image.shape[-1]))
    if severity == 4:
        image = _add_new_vessels(rng, image, eye, strength=strength)
        image = image * (1 - strength * _BLOOD * _large_bleeding(rng, image.shape[-1]))
    image = mix(image, _COTTON, 0.75 * strength * _cotton_wool(rng, eye, severity, image.shape[-1]))
    return mix(image, _EXUDATE, 0.85 * strength * _exudates(rng, eye, severity, image.shape[-1]))


def _bleeding(rng: np.random.Generator, eye: Eye, severity: int, image_px: int) -> np.ndarray:
    """Opacity of microaneurysms (crisp red dots) and of dot and blot haemorrhages."""
    spots = _scattered(rng, _MICROANEURYSMS[severity], around=eye.fovea, spread=0.45)
    size = rng.uniform(0.008, 0.014, len(spots))
    dots = blobs(rng, spots, size, soft=0.3, irregular=0.1, image_px=image_px)
    spots = _scattered(rng, _HAEMORRHAGES[severity], around=0 * eye.fovea, spread=0.5)
    size = rng.gamma(2.5, 0.007, len(spots)) + 0.010
    blots = blobs(rng, spots, size, soft=0.6, irregular=0.28, image_px=image_px)
    return np.maximum(0.8 * dots, 0.9 * blots)


def _cotton_wool(rng: np.random.Generator, eye: Eye, severity: int, image_px: int) -> np.ndarray:
    """Opacity of infarcts of the nerve fibre layer, around the disc."""
    spots = _scattered(rng, _COTTON_WOOL[severity], around=0.6 * eye.disc, spread=0.4)
    size = rng.uniform(0.035, 0.07, len(spots))
    return blobs(rng, spots, size, soft=0.9, irregular=0.3, image_px=image_px)


def _exudates(rng: np.random.Generator, eye: Eye, severity: int, image_px: int) -> np.ndarray:
    """Opacity of hard exudates: incomplete rings of waxy drops around leaks near the macula."""
    rings = [np.empty((0, 2))]
    for _ in range(rng.integers(*_EXUDATE_CLUSTERS[severity], endpoint=True)):
        leak = eye.fovea + rng.normal(0, 0.22, 2)
        drops, reach = rng.integers(7, 20), rng.uniform(0.05, 0.13)
        angle = rng.uniform(0, 2 * np.pi) + rng.uniform(0, 4, drops)
        ring = np.stack([np.cos(angle), np.sin(angle)], 1) * reach
        rings.append(leak + ring * rng.uniform(0.6, 1.2, (drops, 1)))
    spots = np.concatenate(rings)
    size = rng.gamma(2, 0.004, len(spots)) + 0.004
    return blobs(rng, spots, size, soft=0.2, irregular=0.25, image_px=image_px)


def _scattered(
    rng: np.random.Generator, bounds: tuple[int, int], *, around: np.ndarray, spread: float
) -> np.ndarray:
    """Between bounds[0] and bounds[1] places, shape (N, 2), inside the field of view."""
    places = around + rng.normal(0, spread, (rng.integers(*bounds, endpoint=True), 2))
    beyond = np.hypot(places[:, 0], places[:, 1])[:, None] / 0.85
    return places / np.maximum(beyond, 1) ** 1.6


def _add_new_vessels(
    rng: np.random.Generator, image: np.ndarray, eye: Eye, *, strength: float
) -> np.ndarray:
    """A tangle of fine new vessels on the disc or along an arcade."""
    twigs, away = 18, [rng.uniform(-0.6, -0.2), rng.choice([-0.5, 0.5])]
    root = eye.disc if rng.random() < 0.6 else eye.disc + away
    buds = Buds(
        origin=root + rng.normal(0, 0.05, (twigs, 2)),
        heading=rng.uniform(0, 2 * np.pi, twigs),
        turn=rng.normal(0, 2.5, twigs),
        length=rng.uniform(0.12, 0.32, twigs),
        half_width=np.full(twigs, 0.006),
    )
    tuft, _ = grow(rng, buds, steps=12, wander=0.55)
    return image * (1 - 0.8 * strength * _BLOOD * vessel_cover(tuft, image_px=image.shape[-1]))


def _large_bleeding(rng: np.random.Generator, image_px: int) -> np.ndarray:
    """Opacity of preretinal blood (a boat with a level top) or of diffuse vitreous blood."""
    x, y = grid(image_px)
    place = rng.uniform([-0.5, 0.1], [0.5, 0.6])
    if rng.random() < 0.6:
        width, depth = rng.uniform(0.2, 0.38), rng.uniform(0.12, 0.22)
        level = np.clip((y - place[1]) / 0.02 + 0.5, 0, 1)  # blood sinks: a flat top
        bowl = 1 - ((x - place[0]) / width) ** 2 - (np.maximum(y - place[1], 0) / depth) ** 2
        return (0.95 * level * np.clip(bowl * 5, 0, 1)).astype(np.float32)
    veil = np.clip(0.6 + 0.3 * cloud(rng, cells=5, image_px=image_px), 0, 1)
    return 0.7 * veil * bump(place, rng.uniform(0.3, 0.5), image_px=image_px)
