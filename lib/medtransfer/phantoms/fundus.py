"""Synthetic colour fundus photographs, graded for diabetic retinopathy.

A patient (group) has two eyes, the left at index 0 and the right at index 1; the optic disc of a
right eye stands on the right of the picture. The pictures follow the lesions of the International
Clinical Diabetic Retinopathy scale, as focal signs and as wide low-contrast ones. They serve to
run the study offline and make no medical claim.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from .parts.canvas import blurred
from .parts.fundus_anatomy import (
    BLOND,
    DARK,
    Pigment,
    draw_vessels,
    grid,
    landmarks,
    retina,
    rgb,
    vessel_tree,
)
from .parts.fundus_signs import add_focal_signs, add_wide_signs, beaded

LABELS: tuple[str, ...] = ("Referable DR",)
CHANNELS = 3
VERSION = 4

# Strength of every sign of disease: 0 removes them all, 1 is a plain textbook picture. It scales
# opacity and amplitude, not the number of lesions, so it tunes how hard the task is.
CONTRAST = 0.9

_DOMAIN = 70_117  # keeps these random streams apart from those of the other phantoms
_PATIENT, _GRADE, _EYE, _LESIONS, _NOISE = range(5)

# Standard normal quantiles of 45, 62, 84 and 94 %: 38 % of eyes are referable (grade 2 to 4).
# Screening sets hold fewer; enriched so that a few hundred test images give a usable AUC.
_GRADE_CUTS = (-0.126, 0.305, 0.994, 1.555)
_EYE_CORRELATION = 0.88  # of the latent severity

_VEIL, _LEAK = rgb(0.75, 0.62, 0.5), rgb(0.7, 0.8, 1.0)
_APERTURE_PX = 0.35  # sigma by which a pixel itself averages the scene


class _Patient(NamedTuple):
    """What both eyes share: the patient's pigment and the camera of the visit."""

    pigment: Pigment
    tint: np.ndarray  # (3, 1, 1) white balance times exposure
    vignette: float
    blur: float  # sigma, field-of-view units
    noise: float
    flat: float  # |y| beyond which the camera cuts the field of view


def count(*, seed: int, group: int) -> int:
    """Number of images of a patient: always 2, the left eye (index 0) and the right eye (1)."""
    return 2


def grade(*, seed: int, group: int, index: int) -> int:
    """Severity on the International Clinical DR scale, 0 (none) to 4 (proliferative).

    The two eyes of a patient share most of their latent severity, so grades agree often, not
    always. Raises ValueError for an index other than 0 or 1.
    """
    if index not in (0, 1):
        raise ValueError(f"index is {index}: a patient has two eyes, 0 (left) and 1 (right).")
    shared = _stream(_GRADE, seed, group).standard_normal()
    own = _stream(_GRADE, seed, group, index + 1).standard_normal()
    latent = np.sqrt(_EYE_CORRELATION) * shared + np.sqrt(1 - _EYE_CORRELATION) * own
    return int(np.searchsorted(_GRADE_CUTS, latent))


def labels(*, seed: int, group: int, index: int) -> np.ndarray:
    """Label of one eye, shape (1,), uint8: 1 if the retinopathy is referable (grade 2 or more).

    Draws no image. Raises ValueError for an index other than 0 or 1.
    """
    return np.array([grade(seed=seed, group=group, index=index) >= 2], dtype=np.uint8)


def draw(*, seed: int, group: int, index: int, image_px: int) -> np.ndarray:
    """Photograph of one eye, shape (image_px, image_px, 3), uint8, RGB, 0 to 255.

    The same eye at every size; only the pixel noise differs. Grade 1 has microaneurysms; 2 adds
    haemorrhages and hard exudates; 3 has many, with cotton-wool spots and venous beading; 4 adds
    new vessels and preretinal or vitreous blood. Macular haze and peripheral pallor grow with the
    grade. Raises ValueError if image_px is below 32 or the index is not 0 or 1.
    """
    if image_px < 32:
        raise ValueError(f"image_px is {image_px}: a fundus needs at least 32 pixels a side.")
    severity = grade(seed=seed, group=group, index=index)
    return _photograph(seed, group, index, image_px=image_px, severity=severity, contrast=CONTRAST)


def _photograph(
    seed: int, group: int, index: int, *, image_px: int, severity: int, contrast: float
) -> np.ndarray:
    """Draw an eye as if its grade were `severity`; anatomy and camera stay those of the eye."""
    patient = _patient(seed, group)
    rng, lesions = _stream(_EYE, seed, group, index), _stream(_LESIONS, seed, group, index)
    eye = landmarks(rng)
    arteries, veins = vessel_tree(rng, eye)
    if severity >= 3:
        veins = beaded(lesions, veins, contrast=contrast)
    image = retina(rng, patient.pigment, eye, image_px=image_px)
    image = draw_vessels(image, arteries, veins)
    image = add_wide_signs(lesions, image, eye, severity=severity, contrast=contrast)
    image = add_focal_signs(lesions, image, eye, severity=severity, contrast=contrast)
    if index == 0:
        image = image[:, :, ::-1]
    image = _camera(rng, image, patient)
    noise = _stream(_NOISE, seed, group, index, image_px).standard_normal(image.shape, np.float32)
    image = (image + patient.noise * noise) * _field_of_view(image_px, patient.flat)
    return (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8).transpose(1, 2, 0).copy()


def _stream(*key: int) -> np.random.Generator:
    return np.random.default_rng((_DOMAIN, *key))


@lru_cache(maxsize=16)
def _patient(seed: int, group: int) -> _Patient:
    rng = _stream(_PATIENT, seed, group)
    melanin = rng.beta(2, 2)
    colour = (1 - melanin) * BLOND + melanin * DARK + rng.normal(0, 0.015, (3, 1, 1))
    tint = np.exp(rng.normal(0, [[[0.02]], [[0.03]], [[0.05]]]) + rng.normal(0, 0.05))
    return _Patient(
        pigment=Pigment(
            colour=colour.astype(np.float32),
            tessellation=rng.uniform(0.01, 0.05) * (1.6 - melanin),
            disc_radius=rng.uniform(0.12, 0.15),
            cup=rng.uniform(0.25, 0.6),
        ),
        tint=tint.astype(np.float32),
        vignette=rng.uniform(0.08, 0.22),
        blur=rng.uniform(0.004, 0.011),
        noise=rng.uniform(0.005, 0.014),
        flat=float(rng.choice([1.0, 0.86], p=[0.65, 0.35])),
    )


def _camera(rng: np.random.Generator, image: np.ndarray, patient: _Patient) -> np.ndarray:
    """Light, colour and focus; about one photograph in eight is poor."""
    image_px = image.shape[-1]
    x, y = grid(image_px)
    shift_x, shift_y = rng.normal(0, 0.12, 2).tolist()
    falloff = 1 - patient.vignette * ((x - shift_x) ** 2 + (y - shift_y) ** 2)
    exposure, blur, veil = float(np.exp(rng.normal(0, 0.05))), patient.blur, 0.0
    poor, flaw = rng.random() < 0.125, rng.random(3).tolist()
    if poor:
        exposure *= 0.6 + 0.7 * flaw[0]
        blur += 0.012 * flaw[1]
        veil = 0.15 * flaw[2]
    leak = rng.uniform(0, 0.12) * (rng.random() < 0.15)  # reflex of the lid or iris at the edge
    image = image * (patient.tint * (exposure * (1 - veil))) * falloff + veil * _VEIL
    if leak:
        edge = np.clip((np.sqrt((x - 3 * shift_x) ** 2 + y**2) - 0.75) * 3, 0, 1)
        image = image + leak * _LEAK * edge
    sigma_px = float(np.hypot(blur * image_px / 2, _APERTURE_PX))
    return blurred(image, (0, sigma_px, sigma_px), truncate=3)


@lru_cache(maxsize=16)
def _field_of_view(image_px: int, flat: float) -> np.ndarray:
    x, y = grid(image_px)
    inside = np.clip((0.985 - np.sqrt(x**2 + y**2)) * image_px / 2 + 0.5, 0, 1)
    return inside * np.clip((flat - np.abs(y)) * image_px / 2 + 0.5, 0, 1)
