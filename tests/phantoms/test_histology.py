"""Synthetic stained patches: one stain to a slide, the label about the central third."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtransfer.phantoms import histology
from medtransfer.phantoms.parts.histology_tissue import CENTRE_HALF, Tissue, grid, tumour_depth


def micrograph(tissue: Tissue, *, contrast: float = 1.0) -> np.ndarray:
    """Patch 0 of a slide with a tissue of choice, as float."""
    image = histology._micrograph(4, 0, 0, image_px=96, tissue=tissue, contrast=contrast)
    return image.astype(float)


def tumour_map(group: int, index: int, *, positive: bool) -> np.ndarray:
    """Where a patch has tumour, (96, 96) bool."""
    return tumour_depth(histology._tissue(4, group, index, positive=positive), *grid(96)) > 0


@pytest.mark.parametrize("image_px", [32, 64, 97])
def test_shape_type_and_range(image_px: int) -> None:
    image = histology.draw(seed=0, group=1, index=0, image_px=image_px)
    assert image.shape == (image_px, image_px, histology.CHANNELS)
    assert image.dtype == np.uint8
    assert np.ptp(image) > 60


def test_an_image_does_not_depend_on_what_was_drawn_before() -> None:
    keys = [(group, index) for group in range(3) for index in range(2)]
    forth = {k: histology.draw(seed=2, group=k[0], index=k[1], image_px=32) for k in keys}
    histology._slide.cache_clear()
    for key in reversed(keys):
        again = histology.draw(seed=2, group=key[0], index=key[1], image_px=32)
        np.testing.assert_array_equal(again, forth[key])


@pytest.mark.parametrize("other", [{"seed": 1}, {"group": 1}, {"index": 1}])
def test_every_part_of_the_key_matters(other: dict[str, int]) -> None:
    key = {"seed": 0, "group": 0, "index": 0}
    first = histology.draw(**key, image_px=32)
    assert not np.array_equal(first, histology.draw(**(key | other), image_px=32))


def test_same_tissue_at_every_size() -> None:
    for index in range(4):
        large = histology.draw(seed=0, group=2, index=index, image_px=192).astype(float)
        small = histology.draw(seed=0, group=2, index=index, image_px=96).astype(float)
        halved = large.reshape(96, 2, 96, 2, 3).mean((1, 3))
        assert np.corrcoef(halved.ravel(), small.ravel())[0, 1] > 0.95


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**31), group=st.integers(0, 2**31))
def test_label_law(seed: int, group: int) -> None:
    number = histology.count(seed=seed, group=group)
    assert 10 <= number <= 18
    label = histology.labels(seed=seed, group=group, index=number - 1)
    assert label.shape == (len(histology.LABELS),)
    assert label.dtype == np.uint8
    assert label[0] in (0, 1)


def test_half_of_the_patches_are_positive_and_slides_differ() -> None:
    share = np.array(
        [
            np.mean([histology.labels(seed=1, group=g, index=i)[0] for i in range(10)])
            for g in range(120)
        ]
    )
    assert 0.42 < share.mean() < 0.58
    assert share.std() > 0.12


def test_the_label_asks_about_the_central_third() -> None:
    centre = np.arange(96)
    centre = np.abs((centre + 0.5) / 96 - 0.5) < CENTRE_HALF
    third = np.ix_(centre, centre)
    hard = 0
    for group in range(40):
        assert tumour_map(group, 0, positive=True)[third].any()
        negative = tumour_map(group, 0, positive=False)
        assert not negative[third].any()
        hard += negative.any()
    assert 2 <= hard <= 18, "some negatives have tumour beside the centre, most have none"


def test_a_negative_with_tumour_beside_it_has_an_unchanged_centre() -> None:
    plans = [histology._tissue(4, 0, i, positive=False) for i in range(24)]
    plan = next(p for p in plans if p.nest is not None and not p.central)
    change = np.abs(micrograph(plan) - micrograph(plan._replace(nest=None))).max(-1)
    assert change[32:64, 32:64].max() == 0
    assert change.max() > 20


def test_tumour_changes_the_image_and_more_with_contrast() -> None:
    plan = histology._tissue(4, 0, 0, positive=True)._replace(own=0, neighbour=0)
    plan = plan._replace(nest=(0.5, 0.5, 0.9))
    bare = plan._replace(nest=None)
    lymphocytes = micrograph(bare)[32:64, 32:64]
    faint, plain = (micrograph(plan, contrast=c)[32:64, 32:64] for c in (0.0, 1.0))
    assert np.abs(plain - lymphocytes).mean() > 10
    # Paler nuclei: the darkest tenth of the pixels is lighter; without contrast it is much alike.
    dark = [np.percentile(patch.mean(-1), 10) for patch in (lymphocytes, faint, plain)]
    assert dark[2] - dark[0] > 15
    assert abs(dark[1] - dark[0]) < 0.5 * (dark[2] - dark[0])


def test_a_slide_has_one_stain() -> None:
    lymphoid = histology._tissue(4, 0, 0, positive=False)._replace(own=0, neighbour=0, nest=None)

    def mean_colour(group: int, index: int) -> np.ndarray:
        image = histology._micrograph(4, group, index, image_px=32, tissue=lymphoid, contrast=1)
        return image.mean((0, 1))

    colour = np.array([[mean_colour(g, i) for i in range(4)] for g in range(12)])
    within = colour.std(1).mean()
    between = colour.mean(1).std(0).mean()
    assert between > 3 * within


@pytest.mark.parametrize("image_px", [31, 0, -64])
def test_too_small_a_picture(image_px: int) -> None:
    with pytest.raises(ValueError, match="at least 32 pixels"):
        histology.draw(seed=0, group=0, index=0, image_px=image_px)


@pytest.mark.parametrize("index", [-1, 40])
def test_no_patch_beyond_the_count(index: int) -> None:
    with pytest.raises(ValueError, match="has the patches 0 to"):
        histology.labels(seed=0, group=0, index=index)
