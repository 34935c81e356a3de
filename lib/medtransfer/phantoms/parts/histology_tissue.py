"""Tissue of a synthetic lymph-node patch: stroma, fat, vessels, and cells by their nuclei.

Places and sizes are in patch sides (x to the right, y down, 0 to 1). A picture of a stain has the
shape (image_px, image_px) and the unit of optical density. Where tissues and nests lie is a
function of x and y, so that cells and pixels agree at every size.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from .stamps import cloud, stamp, windows

CENTRE_HALF = 1 / 6  # half the side of the central third, which the label asks about
TISSUES = (0.52, 0.16, 0.2, 0.12)  # how common: lymphocytes, germinal centre, stroma, fat
_STROMA, _FAT = 2, 3

_LYMPHOCYTE = 0.034  # radius of a nucleus: about 3 px of 96, as in patches of 0.97 um a pixel
_SPACING = 0.078  # of lymphocytes in crowded tissue
_MARGIN = 0.08  # by which a nest keeps out of the centre: no nucleus may reach in either


class Tissue(NamedTuple):
    """Plan of a patch."""

    own: int  # index into TISSUES
    neighbour: int
    towards: float  # direction of the neighbour, radians
    offset: float  # of the border from the middle
    fibre: float  # direction of the stroma, radians
    waves: tuple[tuple[float, ...], ...]  # frequency x and y, phase, height: ragged edges
    fat: tuple[tuple[float, ...], ...]  # middles of fat cells
    nest: tuple[float, ...] | None  # x, y and radius of the tumour
    central: bool  # whether the tumour may enter the central third


class Nuclei(NamedTuple):
    """N nuclei; every array but the first has shape (N,)."""

    centre: np.ndarray  # (N, 2)
    radius: np.ndarray
    stretch: np.ndarray  # long axis over short axis
    density: np.ndarray  # units of stain
    pallor: np.ndarray  # 0 solid to 1 a hollow ring
    nucleolus: np.ndarray  # units of stain
    lobes: np.ndarray  # deviation of the outline, radii
    axis: np.ndarray  # radians


def tumour_depth(tissue: Tissue, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Distance into the tumour nest, negative outside."""
    if tissue.nest is None:
        return np.full(np.broadcast_shapes(x.shape, y.shape), -1, np.float32)
    middle_x, middle_y, radius = tissue.nest
    depth = radius - np.hypot(x - middle_x, y - middle_y) + _ragged(tissue, x, y)
    if not tissue.central:
        from_centre = np.maximum(np.abs(x - 0.5), np.abs(y - 0.5)) - CENTRE_HALF
        depth = np.minimum(depth, from_centre - _MARGIN)
    return depth


def _ragged(tissue: Tissue, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Unevenness of borders, standard deviation about 0.05."""
    turn = 2 * np.pi
    waves = (h * np.cos(turn * a * x + turn * b * y + c) for a, b, c, h in tissue.waves)
    return sum(waves, start=np.float32(0))


def _shares(tissue: Tissue, x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
    """Share of each of TISSUES, 0 to 1: the patch's own, and beyond a ragged border the other."""
    towards_x, towards_y = float(np.cos(tissue.towards)), float(np.sin(tissue.towards))
    beyond = (x - 0.5) * towards_x + (y - 0.5) * towards_y - tissue.offset
    other = np.clip((beyond + 1.5 * _ragged(tissue, y, x)) / 0.06 + 0.5, 0, 1)
    return [
        (tissue.own == kind) * (1 - other) + (tissue.neighbour == kind) * other
        for kind in range(len(TISSUES))
    ]


def _fat_wall(tissue: Tissue, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """1 on the thin membranes between fat cells, 0 in their bodies, which washing has emptied."""
    if _FAT not in (tissue.own, tissue.neighbour):
        return np.float32(0)
    far = np.stack([np.hypot(x - a, y - b) for a, b in tissue.fat])
    far.partition(1, axis=0)
    return np.clip(1.4 - (far[1] - far[0]) / 0.022, 0, 1)


def background(
    rng: np.random.Generator, tissue: Tissue, *, image_px: int
) -> tuple[np.ndarray, np.ndarray]:
    """Haematoxylin and eosin between the nuclei."""
    x, y = grid(image_px)
    lymphoid, germinal, stroma, fat = _shares(tissue, x, y)
    grain, patches = (cloud(rng, cells=cells, image_px=image_px) for cells in (24, 5))
    wall = _fat_wall(tissue, x, y)
    pink = (lymphoid * 0.36 + germinal * 0.42) * (1 + 0.25 * grain + 0.15 * patches)
    blue = (lymphoid * 0.22 + germinal * 0.16) * (1 + 0.3 * grain) + stroma * 0.06
    if _STROMA in (tissue.own, tissue.neighbour):
        across = x * float(np.sin(tissue.fibre)) - y * float(np.cos(tissue.fibre))
        across = 2 * np.pi * (across + 0.4 * _ragged(tissue, x, y) + 0.02 * patches)
        fibres = np.sin(8 * across) + 0.8 * np.sin(19 * across + patches)
        pink = pink + stroma * np.maximum(0.62 + 0.13 * fibres + 0.12 * patches, 0.03)
    return blue + fat * 0.12 * wall, pink + fat * 0.55 * wall


def normal_cells(rng: np.random.Generator, tissue: Tissue, *, crowding: float) -> Nuclei:
    """Lymphocytes, the larger and paler cells of germinal centres, and spindle cells of stroma."""
    centre = _packed(rng, _SPACING)
    x, y = centre.T
    lymphoid, germinal, stroma, fat = _shares(tissue, x, y)
    chance = crowding * (0.97 * lymphoid + 0.72 * germinal) + 0.24 * stroma
    chance = chance + 0.25 * fat * _fat_wall(tissue, x, y)
    chance = np.where(tumour_depth(tissue, x, y) > 0, 0.06, chance)  # a few among the tumour
    keep, number = rng.random(len(x)) < chance, len(x)
    spindle, pale = (stroma + fat) > 0.5, germinal > 0.5
    cells = Nuclei(
        centre=centre,
        radius=_LYMPHOCYTE * (1 + 0.22 * pale) * np.exp(rng.normal(0, 0.10, number)),
        stretch=1 + rng.gamma(2, 0.07, number) + spindle * rng.uniform(0.4, 1.8, number),
        density=rng.uniform(1.7, 2.4, number) * (1 - 0.28 * pale),
        pallor=rng.uniform(0.0, 0.3, number) + 0.2 * pale,
        nucleolus=0.2 * pale * rng.random(number),
        lobes=rng.uniform(0, 0.06, number),
        axis=spindle * tissue.fibre + rng.normal(0, np.where(spindle, 0.3, 2), number),
    )
    return Nuclei(*(part[keep] for part in cells))


def tumour_cells(rng: np.random.Generator, tissue: Tissue, *, odd: float) -> Nuclei:
    """Crowded, large, pale, uneven nuclei with nucleoli, wherever the nest is.

    `odd` is the departure from lymphocytes: 0 none, 1 plain.
    """
    centre = _packed(rng, _SPACING * (1 + 0.5 * odd))
    centre = centre[tumour_depth(tissue, *centre.T) > 0]
    number = len(centre)
    return Nuclei(
        centre=centre,
        radius=_LYMPHOCYTE * (1 + 0.55 * odd) * np.exp(rng.normal(0, 0.08 + 0.1 * odd, number)),
        stretch=1 + rng.gamma(2, 0.07 + 0.1 * odd, number),
        density=rng.uniform(1.7, 2.4, number) * np.clip(1 - 0.38 * odd, 0.3, 1),
        pallor=np.clip(rng.uniform(0.0, 0.3, number) + 0.45 * odd, 0, 0.8),
        nucleolus=odd * rng.uniform(0, 1.4, number),
        lobes=rng.uniform(0, 0.06 + 0.08 * odd, number),
        axis=rng.uniform(0, np.pi) + rng.normal(0, 0.9, number),
    )


def vessel(rng: np.random.Generator, *, image_px: int) -> tuple[np.ndarray, np.ndarray]:
    """Lumen (0 to 1) and red cells of a small vessel, in one patch of six, beside the centre."""
    angle, size, shape = rng.uniform([0, 0.07, 0.6], [2 * np.pi, 0.13, 1.6]).tolist()
    present, packed = rng.random() < 1 / 6, int(rng.integers(4, 14))
    if not present:
        return np.zeros((2, image_px, image_px), np.float32)
    middle = 0.5 + 0.4 * np.array([np.cos(angle), np.sin(angle)])
    x, y = grid(image_px)
    reach = np.hypot((x - float(middle[0])) * shape, (y - float(middle[1])) / shape)
    lumen = np.clip((size - reach) / 0.02 + 0.5, 0, 1)
    spread = 0.7 * size * np.array([1 / shape, shape])
    discs = Nuclei(
        centre=middle + rng.uniform(-1, 1, (packed, 2)) * spread,
        radius=np.full(packed, 0.033),
        stretch=1 + rng.uniform(0, 0.4, packed),
        density=rng.uniform(0.7, 1.1, packed),
        pallor=np.full(packed, 0.35),  # a dimple
        nucleolus=np.zeros(packed),
        lobes=np.full(packed, 0.03),
        axis=rng.uniform(0, np.pi, packed),
    )
    return lumen, lumen * nuclei_stain(discs, image_px=image_px)


def _packed(rng: np.random.Generator, spacing: float) -> np.ndarray:
    """Places (N, 2) of cells packed side by side over the patch and a little beyond."""
    rows, columns = np.arange(-0.06, 1.06, spacing * 0.87), np.arange(-0.06, 1.06, spacing)
    x = columns + spacing / 2 * (np.arange(len(rows)) % 2)[:, None]
    places = np.stack(np.broadcast_arrays(x, rows[:, None]), -1).reshape(-1, 2)
    return places + rng.normal(0, 0.17 * spacing, places.shape)


@lru_cache(maxsize=16)
def grid(image_px: int) -> tuple[np.ndarray, np.ndarray]:
    """x of shape (1, image_px) and y of shape (image_px, 1) of the pixel centres, float32."""
    line = (np.arange(image_px, dtype=np.float32) + 0.5) / image_px
    return line[None, :], line[:, None]


def nuclei_stain(cells: Nuclei, *, image_px: int) -> np.ndarray:
    """Picture of the nuclei; where two overlap, the darker counts."""
    if not len(cells.radius):
        return np.zeros((image_px, image_px), np.float32)
    reach = (cells.radius * np.sqrt(cells.stretch)).max() * 1.1
    place = windows(cells.centre * image_px, half_px=int(reach * image_px + 1), image_px=image_px)
    part = Nuclei(*(value.astype(np.float32)[..., None, None] for value in cells))
    x, y = place.x - part.centre[:, 0] * image_px, place.y - part.centre[:, 1] * image_px
    cosine, sine, root = np.cos(part.axis), np.sin(part.axis), np.sqrt(part.stretch)
    size = part.radius * image_px
    u = x * (cosine / root / size) + y * (sine / root / size)  # 1 at the end of the long axis
    v = y * (cosine * root / size) - x * (sine * root / size)
    square = u * u + v * v
    distance = np.sqrt(square)
    outline = 1 + part.lobes * (u * u - 3 * v * v) * u / (0.3 + distance * square)
    edge = np.clip((outline - distance) * size + 0.5, 0, 1)
    inner = part.density * (1 - part.pallor * np.clip(1.35 - 1.3 * square, 0, 1))
    spot = ((u - 0.3) ** 2 + v * v) / np.float32(0.09)
    stain = edge * (inner + part.nucleolus * np.clip(1.5 - spot, 0, 1))
    return stamp(place, stain, image_px=image_px)
