"""What a network sees: floats in [-1, 1], augmented by (seed, epoch, image) and by nothing else."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from medtransfer.data.datamodule import (
    AUGMENTATIONS,
    DevelopmentData,
    EpochOrder,
    PlainImages,
    TrainingImages,
    to_unit,
)

ALL = tuple(AUGMENTATIONS)


@pytest.fixture
def prepared(toy, publish_images):
    return publish_images(toy.source(labels=("sick", "rare")), number=30, groups=10)


def training(prepared, *, rows=None, augmentation=ALL, seed=3):
    rows = np.arange(20) if rows is None else np.asarray(rows)
    return TrainingImages(prepared, rows, augmentation=augmentation, seed=seed)


def batches(prepared, *, workers=0, epochs=2, batch_size=8):
    data = DevelopmentData(
        training(prepared),
        PlainImages(prepared, np.arange(20, 30)),
        batch_size=batch_size,
        workers=workers,
    )
    loader, found = data.train_dataloader(), []
    for epoch in range(epochs):
        loader.sampler.set_epoch(epoch)
        found += list(loader)
    return found + list(data.val_dataloader())


# --- the pixel contract --------------------------------------------------------------------------


@given(hnp.arrays(np.uint8, (2, 3, 4, 3)))
def test_images_are_floats_from_minus_one_to_one_with_channels_first(images):
    unit = to_unit(images)
    assert unit.shape == (2, 3, 3, 4)
    assert unit.dtype == torch.float32
    assert unit.abs().max() <= 1
    expected = images.transpose(0, 3, 1, 2) / 127.5 - 1
    np.testing.assert_allclose(unit.numpy(), expected, atol=1e-6)


def test_black_is_minus_one_and_white_is_one():
    ends = np.array([0, 255], np.uint8).reshape(1, 2, 1)
    assert to_unit(ends).flatten().tolist() == [-1.0, 1.0]


def test_eight_bits_come_back_unchanged():
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    back = ((to_unit(grey) + 1) * 127.5).round().numpy().astype(np.uint8)
    assert np.array_equal(back[0], grey[..., 0])


# --- augmentation --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(("side", "channels"), [(32, 3), (33, 1), (8, 3)])
def test_an_augmentation_keeps_shape_and_values(name, side, channels):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, size=(side, side, channels), dtype=np.uint8)
    for seed in range(12):
        changed = AUGMENTATIONS[name](image, np.random.default_rng(seed))
        assert changed.shape == image.shape
        assert changed.dtype == np.uint8
        assert set(np.unique(changed)) <= set(np.unique(image))


@pytest.mark.parametrize(("name", "kinds"), [("mirror", 2), ("flip", 2), ("turn", 4)])
def test_an_augmentation_has_its_full_range(name, kinds):
    image = np.arange(64, dtype=np.uint8).reshape(8, 8, 1)
    found = {
        AUGMENTATIONS[name](image, np.random.default_rng(seed)).tobytes() for seed in range(60)
    }
    assert len(found) == kinds
    assert image.tobytes() in found


def test_mirror_and_flip_are_not_the_same():
    image = np.arange(64, dtype=np.uint8).reshape(8, 8, 1)
    mirrored = {
        AUGMENTATIONS["mirror"](image, np.random.default_rng(s)).tobytes() for s in range(9)
    }
    assert image[:, ::-1].tobytes() in mirrored
    flipped = {AUGMENTATIONS["flip"](image, np.random.default_rng(s)).tobytes() for s in range(9)}
    assert image[::-1].tobytes() in flipped


def test_a_shift_goes_a_sixteenth_both_ways_and_repeats_the_border():
    image = np.zeros((32, 32, 1), np.uint8)
    image[16, 16] = 255
    image[0] = 9
    where = set()
    for seed in range(300):
        shifted = AUGMENTATIONS["shift"](image, np.random.default_rng(seed))
        row, column = np.argwhere(shifted[..., 0] == 255)[0] - 16
        where.add((int(row), int(column)))
        assert row < 0 or (shifted[: row + 1] == 9).all()
    assert where == {(row, column) for row in range(-2, 3) for column in range(-2, 3)}


def test_what_is_drawn_depends_on_seed_epoch_and_row_alone(prepared):
    alone, among = training(prepared, rows=[7]), training(prepared)
    first = among[0, 7][0]
    for item in ((0, 3), (1, 7), (0, 0)):
        among[item]  # draws in between
    np.random.seed(1)
    torch.manual_seed(1)
    assert torch.equal(among[0, 7][0], first)
    assert torch.equal(alone[0, 0][0], first)


@pytest.mark.parametrize("change", ["seed", "epoch", "row"])
def test_what_is_drawn_changes_with_each_of_them(prepared, change):
    same = np.broadcast_to(prepared.images[:1], prepared.images.shape)
    object.__setattr__(prepared, "images", same)  # every row shows the same image
    images = training(prepared)
    other = training(prepared, seed=4)
    draws = {
        "seed": [(images[0, k][0], other[0, k][0]) for k in range(20)],
        "epoch": [(images[0, k][0], images[1, k][0]) for k in range(20)],
        "row": [(images[0, 0][0], images[0, k][0]) for k in range(1, 20)],
    }[change]
    different = [not torch.equal(a, b) for a, b in draws]
    assert np.mean(different) > 0.5


def test_no_augmentation_gives_the_image_itself(prepared):
    image, label = training(prepared, rows=[4, 5], augmentation=())[3, 1]
    assert torch.equal(image, to_unit(prepared.images[5]))
    assert label.tolist() == prepared.targets[5].tolist()


def test_labels_belong_to_their_images(prepared):
    images = training(prepared, rows=np.arange(29, 9, -1))
    for position in range(20):
        assert torch.equal(
            images[0, position][1], torch.from_numpy(prepared.targets[29 - position])
        )


def test_an_unknown_augmentation_is_refused(prepared):
    with pytest.raises(ValueError, match=r"no augmentation .*zoom.*allowed: shift, mirror"):
        training(prepared, augmentation=("shift", "zoom"))


# --- order and batches ---------------------------------------------------------------------------


@given(st.integers(1, 200), st.integers(0, 2**32 - 1), st.integers(0, 50))
def test_every_image_comes_once_per_epoch(length, seed, epoch):
    order = EpochOrder(length, seed=seed)
    order.set_epoch(epoch)
    items = list(order)
    assert {asked for asked, _ in items} == {epoch}
    assert sorted(position for _, position in items) == list(range(length))
    assert items == list(order)


def test_the_order_changes_with_epoch_and_seed():
    def positions(seed, epoch):
        order = EpochOrder(50, seed=seed)
        order.set_epoch(epoch)
        return tuple(position for _, position in order)

    assert len({positions(s, e) for s in range(3) for e in range(3)}) == 9


def test_batches_are_the_same_with_any_number_of_loading_processes(prepared):
    alone, helped = batches(prepared), batches(prepared, workers=2)
    assert len(alone) == len(helped) == 5
    for (images, labels), (images2, labels2) in zip(alone, helped, strict=True):
        assert torch.equal(images, images2)
        assert torch.equal(labels, labels2)


@pytest.mark.parametrize(("batch_size", "sizes"), [(8, [8, 8]), (19, [19]), (20, [20]), (32, [20])])
def test_no_small_last_batch_meets_batch_normalisation(prepared, batch_size, sizes):
    found = batches(prepared, epochs=1, batch_size=batch_size)[:-1]
    assert [len(images) for images, _ in found] == sizes


def test_validation_images_are_all_there_as_they_are(prepared):
    images, labels = batches(prepared, epochs=0)[0]
    assert torch.equal(images, to_unit(prepared.images[20:30]))
    assert torch.equal(labels, torch.from_numpy(prepared.targets[20:30]))
