"""Transforms before a network: what is seen, what answers, and how gradients pass."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage

from medtransfer.networks.defences.bits import Bits
from medtransfer.networks.defences.front import straight_through
from medtransfer.networks.defences.jpeg import JPEG
from medtransfer.networks.defences.median import Median


def guarded(kind, inner, **parameters):
    return kind(development=inner.development, inner=inner, **parameters)


@pytest.fixture(params=[(JPEG, {"quality": 75}), (Bits, {"bits": 5}), (Median, {"side": 3})])
def defence(request, known):
    kind, parameters = request.param
    return guarded(kind, known(), **parameters)


def test_the_answer_is_that_of_the_network_to_the_transformed_images(defence, images):
    answered = defence.open().logits(images)
    assert torch.equal(answered, defence.inner.open().logits(defence.transform(images)))
    assert not torch.equal(answered, defence.inner.open().logits(images))


def test_what_an_attack_steps_through_answers_as_the_deployed_system(defence, images):
    opened = defence.open()
    # No grey level that files have: there a difference would round otherwise.
    images = images * 0.9371
    with torch.no_grad():
        assert torch.equal(opened.module(images), opened.logits(images))
    assert torch.equal(opened.module(images.clone().requires_grad_()), opened.logits(images))


def test_gradients_are_those_of_the_network_at_the_transformed_image(known, images):
    for kind, parameters in ((JPEG, {"quality": 50}), (Bits, {"bits": 3})):
        defence = guarded(kind, known(), **parameters)
        found = gradient(defence.open().module, images)
        expected = gradient(defence.inner.open().module, defence.transform(images))
        torch.testing.assert_close(found, expected)
        assert found.abs().max() > 0


def gradient(module, images):
    inputs = images.clone().requires_grad_()
    module(inputs).square().sum().backward()
    return inputs.grad


def test_a_straight_through_value_is_exact_where_a_difference_would_round(images):
    tiny, large = images * 1e-9, images + 3
    assert torch.equal(straight_through(tiny, large), tiny)


@pytest.mark.parametrize("bits", [1, 3, 5, 8])
def test_bits_round_to_so_many_levels_and_do_it_once(known, images, bits):
    defence = guarded(Bits, known(), bits=bits)
    once = defence.transform(images)
    assert len(once.unique()) <= 2**bits
    assert {once.min().item(), once.max().item()} <= {-1.0, 1.0}
    assert torch.equal(defence.transform(once), once)
    assert (once - images).abs().max() <= 1 / (2**bits - 1) + 1e-6


def test_eight_bits_change_nothing(known, images):
    torch.testing.assert_close(guarded(Bits, known(), bits=8).transform(images), images)


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_is_that_of_a_file(known, channels):
    y, x = np.mgrid[:32, :32]
    grey = np.stack([np.uint8(4 * x + 3 * y + 20 * k) for k in range(channels)], axis=-1)
    images = torch.from_numpy(grey).permute(2, 0, 1)[None] / 127.5 - 1
    file = io.BytesIO()
    Image.fromarray(grey.squeeze()).save(file, "JPEG", quality=75)
    read = np.asarray(Image.open(file)).reshape(32, 32, channels)
    seen = guarded(JPEG, known(), quality=75).transform(images)
    seen = ((seen[0].permute(1, 2, 0) + 1) * 127.5).round().numpy()
    np.testing.assert_array_equal(seen, read)
    assert np.abs(seen - grey).max() >= 1, "nothing was compressed"


def test_jpeg_of_the_best_quality_changes_smooth_images_little(known):
    ramp = torch.linspace(-1, 1, 32).expand(1, 3, 32, 32)
    seen = guarded(JPEG, known(), quality=100).transform(ramp)
    assert (seen - ramp).abs().max() < 2.5 / 127.5


def test_jpeg_does_not_depend_on_the_batch(known, images):
    defence = guarded(JPEG, known(), quality=75)
    alone = torch.cat([defence.transform(image) for image in images.split(1)])
    assert torch.equal(defence.transform(images), alone)


@pytest.mark.parametrize("side", [1, 3, 5])
def test_the_median_is_that_of_scipy(known, images, side):
    seen = guarded(Median, known(), side=side).transform(images)
    expected = ndimage.median_filter(images.numpy(), size=(1, 1, side, side), mode="nearest")
    np.testing.assert_array_equal(seen.numpy(), expected)


def test_tables_name_the_defence_and_what_it_defends(defence):
    traits = defence.traits
    assert traits["network"] == type(defence).__name__.lower()
    assert traits["data"] == "d1"
    assert defence.seen == defence.inner.development
    assert defence.kind != defence.inner.kind
    assert "behind" in defence.name


def test_another_strength_is_another_kind(known):
    inner = known()
    kinds = {guarded(JPEG, inner, quality=quality).kind for quality in (50, 75)}
    assert len(kinds) == 2
    alike = [guarded(JPEG, known(seed), quality=75) for seed in (0, 1)]
    assert alike[0].kind == alike[1].kind and alike[0].key != alike[1].key
