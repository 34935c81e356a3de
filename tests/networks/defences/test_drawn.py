"""Random versions: drawn by the image and their number alone, averaged, and attacked by others."""

import numpy as np
import pytest
import torch

from medtransfer.networks.defences.drawn import ANSWERING, ATTACKING
from medtransfer.networks.defences.noise import Noise
from medtransfer.networks.defences.resized import Resized


def drawn(kind, inner, *, draws=4, seed=3, **parameters):
    return kind(development=inner.development, inner=inner, draws=draws, seed=seed, **parameters)


@pytest.fixture(params=[(Noise, {"sigma": 0.1}), (Resized, {"room": 0.1})])
def defence(request, known):
    kind, parameters = request.param
    return drawn(kind, known(), **parameters)


def test_draws_depend_on_the_image_and_the_number_alone(defence, images):
    opened = defence.open()
    together = opened.logits(images)
    torch.manual_seed(11)
    np.random.seed(11)
    turned = opened.logits(images.flip(0)).flip(0)
    torch.testing.assert_close(turned, together, rtol=1e-5, atol=1e-6)
    versions = defence.version(images, 2)
    alone = torch.cat([defence.version(image, 2) for image in images.split(1)])
    assert torch.equal(versions, alone)
    assert torch.equal(defence.version(images.flip(0), 2).flip(0), versions)
    assert not torch.equal(defence.version(images, 1), versions)


def test_another_seed_and_another_image_draw_anew(known, images):
    one, other = (drawn(Noise, known(), sigma=0.1, seed=seed) for seed in (1, 2))
    assert not torch.equal(one.version(images, 0), other.version(images, 0))
    nearly = images * 0.999
    noise = one.version(images, 0) - images, one.version(nearly, 0) - nearly
    inside = images.abs() < 0.5
    correlated = np.corrcoef(noise[0][inside].numpy(), noise[1][inside].numpy())[0, 1]
    assert abs(correlated) < 0.05


def test_the_answer_is_the_mean_over_the_versions(defence, images):
    inner = defence.inner.open()
    by_hand = sum(inner.logits(defence.version(images, n)) for n in range(4)) / 4
    torch.testing.assert_close(defence.open().logits(images), by_hand)


def test_an_attack_has_other_draws_than_the_answer(defence, images):
    opened = defence.open()
    with torch.no_grad():
        assert not torch.equal(opened.module(images), opened.logits(images))
    kinds = [defence.version(images, 0, purpose=purpose) for purpose in (ANSWERING, ATTACKING)]
    assert not torch.equal(*kinds)


def test_one_draw_without_noise_is_the_network_itself(known, images):
    defence = drawn(Noise, known(), draws=1, sigma=0.0)
    assert torch.equal(defence.open().logits(images), defence.inner.open().logits(images))


def test_versions_stay_in_the_image_range_and_have_one_size(defence, images):
    for number in range(4):
        version = defence.version(images, number)
        assert version.abs().max() <= 1
        assert version.shape[:2] == images.shape[:2]
    assert len({defence.version(images, n).shape for n in range(4)}) == 1


def test_a_resized_image_is_all_there(known):
    white = torch.ones(1, 3, 32, 32)
    defence = drawn(Resized, known(), room=0.25)
    sizes = set()
    for number in range(12):
        seen = defence.version(white, number)
        assert seen.shape == (1, 3, 40, 40)
        rows = (seen[0, 0] > 0).any(1).sum().item()
        assert (seen > 0).sum().item() == 3 * rows**2
        sizes.add(rows)
    assert min(sizes) >= 32 and len(sizes) > 2


def test_the_mean_gradient_converges_with_the_draws(known, images):
    """Its error falls as one over the root of the number of draws."""
    inner = known()

    def gradient(draws, seed):
        inputs = images.clone().requires_grad_()
        drawn(Noise, inner, draws=draws, sigma=0.2, seed=seed).open().module(
            inputs
        ).sum().backward()
        return inputs.grad

    exact = gradient(400, 99)
    error = {
        draws: np.mean([(gradient(draws, seed) - exact).norm().item() for seed in range(6)])
        for draws in (2, 32)
    }
    assert 2.5 < error[2] / error[32] < 5.5  # 4 expected


def test_replicates_differ_in_their_seed(known):
    one, other = (drawn(Noise, known(), sigma=0.1, seed=seed) for seed in (1, 2))
    assert one.kind == other.kind
    assert one.key != other.key
