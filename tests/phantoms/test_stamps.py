"""Stamps: placed where asked, cut off at the edges."""

import numpy as np
import pytest

from medtransfer.phantoms.parts.stamps import cloud, stamp, windows


def square(centre: tuple[float, float], image_px: int = 8) -> np.ndarray:
    """A picture of one square of 3 by 3 pixels."""
    place = windows(np.array([centre]), half_px=1, image_px=image_px)
    return stamp(place, np.ones((1, 3, 3)), image_px=image_px)


def test_a_window_covers_the_pixels_around_its_centre() -> None:
    place = windows(np.array([[2.5, 4.5]]), half_px=1, image_px=8)
    np.testing.assert_array_equal(place.x.ravel(), [1.5, 2.5, 3.5])
    np.testing.assert_array_equal(place.y.ravel(), [3.5, 4.5, 5.5])
    rows, columns = np.nonzero(square((2.5, 4.5)))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (3, 5, 1, 3)


@pytest.mark.parametrize(
    ("centre", "pixels"),
    [((0.5, 0.5), 4), ((7.5, 3.5), 6), ((8.5, 3.5), 3), ((20.0, 3.5), 0), ((-9.0, -9.0), 0)],
)
def test_what_lies_outside_leaves_no_trace(centre: tuple[float, float], pixels: int) -> None:
    assert square(centre).sum() == pixels


def test_the_greatest_value_counts() -> None:
    place = windows(np.array([[4.5, 4.5], [4.5, 4.5]]), half_px=0, image_px=8)
    assert stamp(place, np.array([[[0.3]], [[0.7]]]), image_px=8).max() == np.float32(0.7)


def test_a_cloud_is_the_same_at_every_size() -> None:
    small, large = (cloud(np.random.default_rng(0), cells=6, image_px=px) for px in (48, 144))
    np.testing.assert_allclose(large[1::3, 1::3], small, atol=1e-4)
    assert 0.4 < small.std() < 2
