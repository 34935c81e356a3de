"""Chest phantom: frontal radiographs drawn by code, with the fifteen labels of ChestX-ray14.

The images are synthetic and make no medical claim. They carry what the study needs: patients with
follow-up films that resemble each other, findings that occur together, and disease that shows at
several scales. A patient is a ``group``, a film is an ``index`` from 0 to ``count - 1``; equal
arguments always give equal labels and pixels, whatever was drawn before.
"""

from collections.abc import Mapping
from functools import cache

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from .parts.canvas import shrink
from .parts.chest_anatomy import build_scene, optical_depth
from .parts.chest_body import RESHAPE, draw_body
from .parts.chest_film import develop, draw_exposure, expose
from .parts.chest_findings import CHANGE

LABELS: tuple[str, ...] = (
    "No Finding",
    "Cardiomegaly",
    "Emphysema",
    "Edema",
    "Hernia",
    "Pneumothorax",
    "Effusion",
    "Mass",
    "Fibrosis",
    "Atelectasis",
    "Consolidation",
    "Pleural_Thickening",
    "Nodule",
    "Pneumonia",
    "Infiltration",
)
CHANNELS = 1
VERSION = 2

CONTRAST = 1.0
"""Multiplies the strength of every sign, focal and wide, in density and in shape.

1 makes most findings plain to a reader at 224 px and some subtle; lower values make the task
harder. 0 draws a normal chest whatever the labels say.
"""

MIN_IMAGE_PX = 32

_OVERSAMPLING = 1.5  # most edges are softer than a pixel already; the rest is for thin lines

_DOMAIN = 0xC4E57
_COUNT, _SICK, _FILM_SICK, _SEVERITY, _BODY, _FILM, _SITE, _FILM_SITE = range(8)  # streams

_PREVALENCE = {
    "Cardiomegaly": 0.09,
    "Emphysema": 0.08,
    "Edema": 0.08,
    "Hernia": 0.065,
    "Pneumothorax": 0.09,
    "Effusion": 0.15,
    "Mass": 0.08,
    "Fibrosis": 0.07,
    "Atelectasis": 0.13,
    "Consolidation": 0.08,
    "Pleural_Thickening": 0.08,
    "Nodule": 0.09,
    "Pneumonia": 0.07,
    "Infiltration": 0.16,
}

# Loadings of the findings on what causes them: general illness, failing heart, airways, tumour,
# infection, scars. What is left of each variance is the finding's own.
_LOADING = {
    "Cardiomegaly": (0.36, 0.65, 0.0, 0.0, 0.0, 0.0),
    "Emphysema": (0.32, 0.0, 0.70, 0.0, 0.0, 0.0),
    "Edema": (0.44, 0.65, 0.0, 0.0, 0.15, 0.0),
    "Hernia": (0.24, 0.0, 0.0, 0.0, 0.0, 0.15),
    "Pneumothorax": (0.32, 0.0, 0.65, 0.0, 0.0, 0.0),
    "Effusion": (0.48, 0.45, 0.0, 0.35, 0.15, 0.0),
    "Mass": (0.36, 0.0, 0.0, 0.70, 0.0, 0.0),
    "Fibrosis": (0.28, 0.0, 0.15, 0.0, 0.0, 0.70),
    "Atelectasis": (0.52, 0.20, 0.0, 0.15, 0.0, 0.0),
    "Consolidation": (0.44, 0.0, 0.0, 0.0, 0.65, 0.0),
    "Pleural_Thickening": (0.28, 0.0, 0.0, 0.15, 0.0, 0.70),
    "Nodule": (0.32, 0.0, 0.0, 0.70, 0.0, 0.0),
    "Pneumonia": (0.40, 0.0, 0.0, 0.0, 0.70, 0.0),
    "Infiltration": (0.44, 0.10, 0.0, 0.0, 0.55, 0.0),
}
_WEIGHTS = np.array([_LOADING[name] for name in LABELS[1:]])  # (14, 6)
_OWN = np.sqrt(1 - (_WEIGHTS**2).sum(axis=1))
_PATIENT_SHARE = 0.65  # of the variance that a patient's films have in common


def _rng(stream: int, *key: int) -> Generator:
    return np.random.default_rng((_DOMAIN, stream, *key))


def count(*, seed: int, group: int) -> int:
    """Return how many radiographs this patient has: 1 to 8, about 3 on average.

    Raises:
        ValueError: If ``seed`` or ``group`` is negative (from NumPy).
    """
    return 1 + int(_rng(_COUNT, seed, group).binomial(7, 0.29))


def labels(*, seed: int, group: int, index: int) -> NDArray[np.uint8]:
    """Return the findings of one radiograph, (15,) uint8 of 0 and 1 in the order of ``LABELS``.

    Nothing is drawn. A patient's lasting illness and the state on the day make correlated
    Gaussians, and a finding is present above the threshold of its prevalence. Prevalences are
    higher than in ChestX-ray14 for the rare findings, so that a few hundred films test each.
    "No Finding" is 1 exactly when all others are 0.

    Raises:
        ValueError: If an argument is negative (from NumPy).
    """
    lasting = _rng(_SICK, seed, group).normal(size=6 + len(_OWN))
    today = _rng(_FILM_SICK, seed, group, index).normal(size=6 + len(_OWN))
    latent = np.sqrt(_PATIENT_SHARE) * lasting + np.sqrt(1 - _PATIENT_SHARE) * today
    present = _WEIGHTS @ latent[:6] + _OWN * latent[6:] > _thresholds()
    return np.concatenate([[not present.any()], present]).astype(np.uint8)


@cache
def _thresholds() -> NDArray[np.float64]:
    from scipy.stats import norm  # slow to import, and only labels need it

    return norm.ppf([1 - _PREVALENCE[name] for name in LABELS[1:]])


def draw(*, seed: int, group: int, index: int, image_px: int) -> NDArray[np.uint8]:
    """Return one radiograph, (image_px, image_px, 1) uint8: dark air, bright dense tissue.

    The patient's right is on the left of the picture. Anatomy and findings are the same at every
    ``image_px``; only the grain of the film differs.

    Raises:
        ValueError: If ``image_px`` is below 32, or another argument is negative (from NumPy).
    """
    present = labels(seed=seed, group=group, index=index)[1:]
    strength = CONTRAST * _rng(_SEVERITY, seed, group, index).uniform(0.55, 1.25, size=len(_OWN))
    findings = {
        name: float(s) for name, s, p in zip(LABELS[1:], strength, present, strict=True) if p
    }
    return _render(seed=seed, group=group, index=index, image_px=image_px, findings=findings)


def _render(
    *, seed: int, group: int, index: int, image_px: int, findings: Mapping[str, float]
) -> NDArray[np.uint8]:
    """Return the radiograph of this patient with exactly these findings and strengths."""
    if image_px < MIN_IMAGE_PX:
        raise ValueError(
            f"image_px is {image_px}, but a chest phantom needs at least {MIN_IMAGE_PX} pixels "
            f"a side: ask for image_px >= {MIN_IMAGE_PX}"
        )
    patient, film = _rng(_BODY, seed, group), _rng(_FILM, seed, group, index)
    body, exposure = draw_body(place=patient, now=film), draw_exposure(now=film)
    # Each use of a finding's stream starts anew, so that its side is the same for body and layers.
    for name, reshape in RESHAPE.items():
        if name in findings:
            body = reshape(body, findings[name], _site(name, seed, group))
    px = round(_OVERSAMPLING * image_px)
    scene = build_scene(body=body, frame=exposure.frame, px=px, place=patient)
    for name, change in CHANGE.items():
        if name in findings:
            now = _rng(_FILM_SITE, LABELS.index(name), seed, group, index)
            change(scene, findings[name], _site(name, seed, group), now)
    depth = optical_depth(scene, place=patient)
    bright = shrink(exposure.frame.turn(expose(depth, exposure, x=scene.x)), image_px)
    grain = film.standard_normal(bright.shape, dtype=np.float32)
    return develop(bright, exposure, grain=grain)


def _site(name: str, seed: int, group: int) -> Generator:
    return _rng(_SITE, LABELS.index(name), seed, group)
