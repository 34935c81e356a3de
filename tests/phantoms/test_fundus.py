"""Synthetic fundus photographs: one eye at every size, graded, and shown to be so."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtransfer.phantoms import fundus

GRADES = np.array(
    [[fundus.grade(seed=5, group=g, index=i) for i in (0, 1)] for g in range(400)]
)  # (patients, eyes)


def photograph(*, severity: int, contrast: float = 1.0, group: int = 3) -> np.ndarray:
    """The same right eye at a grade of choice, as float."""
    image = fundus._photograph(5, group, 1, image_px=64, severity=severity, contrast=contrast)
    return image.astype(float)


def change(severity: int, *, eyes: int = 8) -> np.ndarray:
    """What disease of a grade does to the pictures of some eyes, (eyes, 64, 64, 3)."""
    return np.array(
        [
            photograph(severity=severity, group=g) - photograph(severity=0, group=g)
            for g in range(eyes)
        ]
    )


@pytest.mark.parametrize("image_px", [32, 64, 97])
def test_shape_type_and_range(image_px: int) -> None:
    image = fundus.draw(seed=0, group=1, index=0, image_px=image_px)
    assert image.shape == (image_px, image_px, fundus.CHANNELS)
    assert image.dtype == np.uint8
    assert image.max() > 100
    assert image[0, 0].max() == 0, "the corner lies outside the field of view"


def test_an_image_does_not_depend_on_what_was_drawn_before() -> None:
    keys = [(group, index) for group in range(3) for index in (0, 1)]
    forth = {k: fundus.draw(seed=2, group=k[0], index=k[1], image_px=32) for k in keys}
    fundus._patient.cache_clear()
    for key in reversed(keys):
        again = fundus.draw(seed=2, group=key[0], index=key[1], image_px=32)
        np.testing.assert_array_equal(again, forth[key])


@pytest.mark.parametrize("other", [{"seed": 1}, {"group": 1}, {"index": 1}])
def test_every_part_of_the_key_matters(other: dict[str, int]) -> None:
    key = {"seed": 0, "group": 0, "index": 0}
    first = fundus.draw(**key, image_px=32)
    assert not np.array_equal(first, fundus.draw(**(key | other), image_px=32))


def test_same_eye_at_every_size() -> None:
    large = fundus.draw(seed=0, group=2, index=1, image_px=128).astype(float)
    small = fundus.draw(seed=0, group=2, index=1, image_px=64).astype(float)
    halved = large.reshape(64, 2, 64, 2, 3).mean((1, 3))
    assert np.corrcoef(halved.ravel(), small.ravel())[0, 1] > 0.98


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**31), group=st.integers(0, 2**31), index=st.integers(0, 1))
def test_referable_means_grade_two_or_more(seed: int, group: int, index: int) -> None:
    grade = fundus.grade(seed=seed, group=group, index=index)
    label = fundus.labels(seed=seed, group=group, index=index)
    assert 0 <= grade <= 4
    assert label.shape == (len(fundus.LABELS),)
    assert label.dtype == np.uint8
    assert label[0] == (grade >= 2)
    assert fundus.count(seed=seed, group=group) == 2


def test_prevalence() -> None:
    assert 0.33 < (GRADES >= 2).mean() < 0.43
    assert set(GRADES.ravel().tolist()) == {0, 1, 2, 3, 4}


def test_the_eyes_of_a_patient_are_alike_but_not_equal() -> None:
    left, right = GRADES.T
    assert 0.7 < np.corrcoef(left, right)[0, 1] < 0.97
    assert (left != right).any()


@pytest.mark.parametrize(("index", "half"), [(0, slice(8, 32)), (1, slice(32, 56))])
def test_the_disc_is_nasal(index: int, half: slice) -> None:
    """Left on the picture for the left eye, right for the right eye: the brightest green."""
    eyes = [
        fundus._photograph(5, group, index, image_px=64, severity=0, contrast=1)
        for group in range(12)
    ]
    green = np.mean(eyes, axis=0)[28:37, :, 1].mean(0)
    assert green[8:56].max() == green[half].max()


def test_signs_grow_with_the_grade() -> None:
    size = [np.abs(change(severity)).mean() for severity in range(5)]
    assert size[0] == 0
    assert size[1] > 0
    assert size[2] > 1.7 * size[1]
    assert min(size[3:]) > 1.3 * size[2]


def test_without_contrast_every_grade_looks_healthy() -> None:
    healthy = photograph(severity=0)
    for severity in range(5):
        np.testing.assert_array_equal(photograph(severity=severity, contrast=0), healthy)


def test_the_signs_are_focal_and_wide() -> None:
    strength = np.abs(change(3)).max(-1) / 255
    focal, wide = strength > 0.08, (strength > 0.008) & (strength < 0.08)
    assert np.median(focal.mean((1, 2))) < 0.1
    assert focal.any((1, 2)).mean() > 0.8, "plain lesions in most eyes"
    assert wide.mean() > 0.25, "a faint change over a quarter of the picture"


@pytest.mark.parametrize("image_px", [31, 0, -64])
def test_too_small_a_picture(image_px: int) -> None:
    with pytest.raises(ValueError, match="at least 32 pixels"):
        fundus.draw(seed=0, group=0, index=0, image_px=image_px)


@pytest.mark.parametrize("index", [-1, 2])
def test_no_third_eye(index: int) -> None:
    with pytest.raises(ValueError, match="two eyes"):
        fundus.labels(seed=0, group=0, index=index)
