"""Synthetic patches of lymph-node sections stained with haematoxylin and eosin (H&E).

A slide (group) has one stain, one scanner and one tumour; its patches differ in tissue: crowded
lymphocytes, germinal centres, fibrous stroma, fat, vessels, and nests of metastatic tumour. As in
PatchCamelyon the label asks for tumour in the central third only. The patches serve to run the
study offline and make no medical claim.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from .parts.canvas import blurred
from .parts.histology_tissue import (
    CENTRE_HALF,
    TISSUES,
    Tissue,
    background,
    grid,
    normal_cells,
    nuclei_stain,
    tumour_cells,
    tumour_depth,
    vessel,
)
from .parts.stamps import cloud

LABELS: tuple[str, ...] = ("Tumour",)
CHANNELS = 3
VERSION = 2

# How far tumour departs from the lymphoid tissue around it, in size, pallor, shape and stain of its
# cells: 0 draws tumour like lymphocytes, 1 like a plain textbook picture. Tunes the difficulty.
CONTRAST = 0.36

_DOMAIN = 72_101  # keeps these random streams apart from those of the other phantoms
_SLIDE, _COUNT, _LABEL, _PATCH, _CELLS, _TUMOUR, _NOISE, _REACTING = range(8)

_FEWEST, _MOST = 10, 18  # patches of a slide
_HARD_NEGATIVES = 0.2  # share of the negative patches with tumour outside the central third

# Absorption of red, green and blue by one unit of stain; each slide departs a little.
_HAEMATOXYLIN, _EOSIN = np.array([0.62, 0.70, 0.33]), np.array([0.12, 0.80, 0.38])
_RED_CELL = np.array([0.10, 0.85, 0.75], np.float32)[:, None, None]

# Tissue that holds a tumour takes the stain a little differently far around it: a wide and faint
# sign beside the focal ones. How much more it absorbs, and what of red, green and blue.
REACTION = 0.037
_REACTION_COLOUR = np.array([1.0, 0.5, -0.3], np.float32)[:, None, None]
_REACTION_REACH = 0.22  # sigma, patch sides


class _Slide(NamedTuple):
    """What the patches of a slide share: laboratory, scanner, and the tumour's character."""

    haematoxylin: np.ndarray  # (3, 1, 1) absorption, thickness of the section included
    eosin: np.ndarray  # (3, 1, 1)
    white: np.ndarray  # (3, 1, 1) empty glass, 0 to 1
    blur: float  # sigma, patch sides
    noise: float
    tumour_share: float  # of the patches
    atypia: float  # how far the tumour departs from normal cells, about 1
    fibre: float  # direction, radians
    crowding: float  # of lymphocytes, 0 to 1


def count(*, seed: int, group: int) -> int:
    """Number of patches of a slide, 10 to 18."""
    return int(_stream(_COUNT, seed, group).integers(_FEWEST, _MOST, endpoint=True))


def labels(*, seed: int, group: int, index: int) -> np.ndarray:
    """Label of a patch, shape (1,), uint8: 1 if tumour lies in the central third of the patch.

    Draws no image. Raises ValueError for an index outside the slide's count.
    """
    number = count(seed=seed, group=group)
    if not 0 <= index < number:
        raise ValueError(f"index is {index}: slide {group} has the patches 0 to {number - 1}.")
    share = _slide(seed, group).tumour_share
    return np.array([_stream(_LABEL, seed, group, index).random() < share], dtype=np.uint8)


def draw(*, seed: int, group: int, index: int, image_px: int) -> np.ndarray:
    """A stained patch, shape (image_px, image_px, 3), uint8, RGB, 0 to 255.

    The same tissue at every size; only the pixel noise differs. Tumour cells are larger, paler and
    more irregular than lymphocytes, with nucleoli, in crowded nests whose cytoplasm takes the stain
    a little differently; some negatives hold tumour outside the central third. Raises ValueError if
    image_px is below 32 or the index is outside the slide's count.
    """
    if image_px < 32:
        raise ValueError(f"image_px is {image_px}: a patch needs at least 32 pixels a side.")
    positive = bool(labels(seed=seed, group=group, index=index)[0])
    tissue = _tissue(seed, group, index, positive=positive)
    return _micrograph(seed, group, index, image_px=image_px, tissue=tissue, contrast=CONTRAST)


def _micrograph(
    seed: int, group: int, index: int, *, image_px: int, tissue: Tissue, contrast: float
) -> np.ndarray:
    """Draw a patch of given tissue; stain, places of normal cells and noise stay the patch's."""
    slide, rng = _slide(seed, group), _stream(_CELLS, seed, group, index)
    blue, pink = background(rng, tissue, image_px=image_px)
    chromatin = 1 + 0.14 * cloud(rng, cells=44, image_px=image_px)
    cells = normal_cells(rng, tissue, crowding=slide.crowding)
    blue = np.maximum(blue, chromatin * nuclei_stain(cells, image_px=image_px))
    if tissue.nest is not None:
        nest, odd = _stream(_TUMOUR, seed, group, index), contrast * slide.atypia
        inside = np.clip(tumour_depth(tissue, *grid(image_px)) / 0.03 + 0.5, 0, 1)
        shift = 1 + 0.35 * odd * nest.uniform(0.3, 1)  # a bluer cytoplasm, poorer in eosin
        body = 0.48 / shift + 0.06 * cloud(nest, cells=16, image_px=image_px)
        blue = blue + inside * (0.13 * shift**1.5 - np.minimum(blue, 0.3))
        pink = pink + inside * (body - pink)
        cells = tumour_cells(nest, tissue, odd=odd)
        blue = np.maximum(blue, chromatin * nuclei_stain(cells, image_px=image_px))
    lumen, red = vessel(rng, image_px=image_px)
    other = _RED_CELL * red
    if tissue.central:
        amount = REACTION * _stream(_REACTING, seed, group, index).uniform(0.4, 1.6)
        other = other + amount * min(1.0, contrast / CONTRAST) * _REACTION_COLOUR * _bump(image_px)
    image = _scan(rng, slide, blue * (1 - lumen), pink * (1 - lumen), other)
    noise = _stream(_NOISE, seed, group, index, image_px).standard_normal(image.shape, np.float32)
    image = np.clip(image + slide.noise * noise, 0, 1)
    return (image * 255 + 0.5).astype(np.uint8).transpose(1, 2, 0).copy()


@lru_cache(maxsize=4)
def _bump(image_px: int) -> np.ndarray:
    """1 in the middle of the patch, falling off to its borders; float32."""
    x, y = grid(image_px)
    return np.exp(-((x - 0.5) ** 2 + (y - 0.5) ** 2) / np.float32(2 * _REACTION_REACH**2))


def _stream(*key: int) -> np.random.Generator:
    return np.random.default_rng((_DOMAIN, *key))


def _colour(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32)[:, None, None]


@lru_cache(maxsize=64)
def _slide(seed: int, group: int) -> _Slide:
    rng = _stream(_SLIDE, seed, group)
    hue = rng.beta(0.8, 0.8)  # from a bluish laboratory to a brownish one
    blue = _HAEMATOXYLIN + (hue - 0.5) * np.array([0.05, 0.0, 0.28]) + rng.normal(0, 0.02, 3)
    pink = _EOSIN + (hue - 0.5) * np.array([-0.04, -0.15, 0.12]) + rng.normal(0, 0.02, 3)
    return _Slide(
        haematoxylin=_colour(blue * rng.uniform(0.75, 1.2)),
        eosin=_colour(pink * rng.uniform(0.65, 1.25)),
        white=_colour(np.array([0.95, 0.94, 0.95]) + rng.normal(0, 0.012, 3)),
        blur=rng.uniform(0.003, 0.010),
        noise=rng.uniform(0.005, 0.016),
        tumour_share=rng.uniform(0.2, 0.8),
        atypia=rng.uniform(0.5, 1.2),
        fibre=rng.uniform(0, np.pi),
        crowding=rng.uniform(0.8, 1.0),
    )


def _tissue(seed: int, group: int, index: int, *, positive: bool) -> Tissue:
    """Tissue of a patch, with a nest in the central third (positive), beside it, or none."""
    rng = _stream(_PATCH, seed, group, index)
    own, neighbour = rng.choice(len(TISSUES), 2, p=TISSUES)
    central = (*rng.uniform(0.5 - CENTRE_HALF, 0.5 + CENTRE_HALF, 2), rng.uniform(0.14, 0.7))
    angle = rng.uniform(0, 2 * np.pi)
    outer = (0.5 + 0.62 * np.cos(angle), 0.5 + 0.62 * np.sin(angle), rng.uniform(0.3, 0.6))
    steps = np.linspace(-0.25, 1.25, 4)
    fat = np.stack(np.meshgrid(steps, steps), -1).reshape(-1, 2) + rng.uniform(-0.17, 0.17, (16, 2))
    hard = not positive and rng.random() < _HARD_NEGATIVES
    nest = central if positive else outer if hard else None
    return Tissue(
        own=int(own),
        neighbour=int(neighbour),
        towards=rng.uniform(0, 2 * np.pi),
        offset=rng.uniform(-0.1, 0.6),
        fibre=_slide(seed, group).fibre,
        waves=tuple(map(tuple, rng.normal(0, [1.6, 1.6, 3.0, 0.03], (5, 4)).tolist())),
        fat=tuple(map(tuple, fat.tolist())),
        nest=None if nest is None else tuple(map(float, nest)),
        central=positive,
    )


def _scan(
    rng: np.random.Generator, slide: _Slide, blue: np.ndarray, pink: np.ndarray, other: np.ndarray
) -> np.ndarray:
    """What the scanner sees: light left by the stains (Beer-Lambert), uneven thickness, focus."""
    image_px = len(blue)
    thickness = 1 + 0.05 * rng.standard_normal() + 0.05 * cloud(rng, cells=3, image_px=image_px)
    stain = slide.haematoxylin * blue + slide.eosin * pink + other
    light = slide.white * np.exp(-stain * thickness)
    sigma_px = slide.blur * image_px
    return blurred(light.astype(np.float32), (0, sigma_px, sigma_px), truncate=3)
