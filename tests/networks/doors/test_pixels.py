"""What a model gets of an image that a file can hold."""

import dataclasses
import io
import warnings

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

from medtransfer.data.datamodule import to_unit
from medtransfer.networks.contract import Contract, Step
from medtransfer.networks.doors import pixels
from medtransfer.networks.doors.gradients import Behind

PLAIN = Contract(
    labels=("A",),
    outputs="logits",
    head="independent",
    size=(32, 32),
    channels=3,
    layout="nchw",
    colours="rgb",
    low=0.0,
    high=255.0,
    mean=(),
    std=(),
    fit="pad",
    centre=1.0,
    interpolation="bilinear",
    chain=(),
)
RNG = np.random.default_rng(0)
SMOOTH = np.asarray(
    Image.fromarray(RNG.integers(0, 256, (6, 6, 3), np.uint8)).resize((32, 32), Image.BICUBIC)
)


def other(**changes):
    return dataclasses.replace(PLAIN, **changes)


def test_every_grey_level_comes_back_from_where_attacks_are_made():
    images = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    np.testing.assert_array_equal(pixels.pictures(to_unit(images)), images)


def test_what_lies_between_grey_levels_is_rounded_and_clipped():
    images = torch.tensor([-1.2, -1 + 0.4 / 127.5, -1 + 0.6 / 127.5, 1.2]).view(1, 1, 2, 2)
    np.testing.assert_array_equal(pixels.pictures(images).ravel(), [0, 0, 1, 255])


def test_a_model_may_take_pixels_as_they_are():
    found = pixels.prepared(PLAIN, SMOOTH[None])
    assert found.dtype == torch.float32 and found.shape == (1, 3, 32, 32)
    np.testing.assert_array_equal(found[0].permute(1, 2, 0), SMOOTH)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(32, 32), (16, 24)])
def test_pixels_that_may_not_be_written_to_give_no_warning(channels, size):
    images = np.ascontiguousarray(SMOOTH[None, ..., :1])
    images.setflags(write=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        torch.set_warn_always(True)
        try:
            found = pixels.prepared(other(channels=channels, size=size), images)
        finally:
            torch.set_warn_always(False)
    assert found.shape == (1, channels, *size)


def test_range_mean_and_std_are_those_of_torchvision():
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    found = pixels.prepared(other(high=1.0, mean=mean, std=std), SMOOTH[None])
    steps = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)]
    torch.testing.assert_close(found[0], v2.Compose(steps)(SMOOTH))


def test_blue_may_come_first_and_mean_counts_in_that_order():
    of = other(colours="bgr", mean=(1.0, 2.0, 3.0), std=(1.0, 1.0, 1.0))
    found = pixels.prepared(of, SMOOTH[None])[0]
    expected = np.moveaxis(SMOOTH[..., ::-1].astype(float) - [1, 2, 3], -1, 0)
    np.testing.assert_allclose(found, expected)


def test_grey_images_may_go_to_a_model_of_colours_and_not_the_other_way():
    grey = SMOOTH[None, ..., :1]
    found = pixels.prepared(PLAIN, grey)
    assert found.shape == (1, 3, 32, 32) and (found[:, 0] == found[:, 2]).all()
    with pytest.raises(ValueError, match="colour"):
        pixels.prepared(other(channels=1), SMOOTH[None])


@pytest.mark.parametrize("name", ["bilinear", "bicubic", "nearest", "lanczos", "box"])
def test_another_size_is_resized_as_pillow_does(name):
    found = pixels.shown(other(size=(20, 20), interpolation=name), SMOOTH[None])[0]
    expected = Image.fromarray(SMOOTH).resize((20, 20), Image.Resampling[name.upper()])
    np.testing.assert_array_equal(found, expected)


def test_the_central_share_is_that_of_evaluation_transforms():
    found = pixels.shown(other(size=(24, 24), centre=0.875, fit="crop"), SMOOTH[None])[0]
    steps = [v2.Resize(27), v2.CenterCrop(24)]  # 24 / 0.875 = 27.4
    expected = v2.Compose(steps)(Image.fromarray(SMOOTH))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("fit", "columns"), [("pad", 16), ("crop", 32), ("stretch", 32)])
def test_an_image_that_is_not_as_wide_as_high(fit, columns):
    white = np.full((1, 32, 32, 3), 255, np.uint8)
    found = pixels.shown(other(size=(16, 32), fit=fit), white)[0]
    assert found.shape == (16, 32, 3)
    assert (found.any(-1).sum(0).max(), found.any(-1).sum(1).max()) == (16, columns)
    if fit == "pad":
        assert not found[:, :8].any() and not found[:, 24:].any() and (found[:, 8:24] == 255).all()


def test_a_chain_is_what_its_steps_are_one_after_the_other():
    chain = (Step(name="resize", value=24), Step(name="jpeg", value=70))
    found = pixels.delivered(chain, SMOOTH[None])[0]
    file = io.BytesIO()
    Image.fromarray(SMOOTH).resize((24, 24), Image.BILINEAR).save(file, "JPEG", quality=70)
    np.testing.assert_array_equal(found, np.asarray(Image.open(file)))
    grey = pixels.delivered(chain, SMOOTH[None, ..., :1])
    assert grey.shape == (1, 24, 24, 1)
    assert pixels.delivered((), SMOOTH[None])[0] is not None


def test_an_unknown_step_is_refused():
    with pytest.raises(ValueError, match="no step 'blur'; allowed: jpeg, resize"):
        pixels.delivered((Step(name="blur", value=1),), SMOOTH[None])


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"high": 1.0, "mean": (0.4, 0.5, 0.6), "std": (0.2, 0.3, 0.4), "colours": "bgr"},
        {"size": (24, 24), "centre": 0.875, "fit": "crop"},
        {"size": (16, 32)},
    ],
)
def test_gradients_go_through_what_the_model_gets(changes):
    """The differentiable way is the door without rounding: half a grey level of difference."""
    of = other(**changes)
    seen = []
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.LazyLinear(1))
    network.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    images = to_unit(SMOOTH[None]).requires_grad_()
    Behind(network, of, ["A"])(images).sum().backward()
    assert images.grad.abs().sum() > 0
    wanted, std = pixels.prepared(of, SMOOTH[None]), min(of.std or (1.0,))
    grey = (of.high - of.low) / 255 / std
    assert (seen[0] - wanted).abs().max() <= 2.1 * grey
    if not changes.get("size"):
        torch.testing.assert_close(seen[0], wanted, atol=1e-4, rtol=1e-4)
