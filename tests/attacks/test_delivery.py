"""What reaches the target: the crafted image, what a file can hold, and the shuffled control."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from medtransfer.attacks.delivery import CONTROL, EIGHT_BIT, FLOAT, OTHER, Lender, deliver
from medtransfer.units import grey_levels

LEVELS = {0.01: 1, 0.02: 2, 0.03: 3, 0.04: 5, 0.05: 6, 0.06: 7}


def images(*, number=3, seed=0, low=0, high=256):
    grey = np.random.default_rng(seed).integers(low, high, size=(number, 3, 8, 8))
    return torch.from_numpy(grey).float() / 127.5 - 1


def fgsm(clean, epsilon, *, seed=0):
    generator = torch.Generator().manual_seed(seed)
    sign = torch.randint(0, 2, clean.shape, generator=generator) * 2 - 1
    return (clean + epsilon * sign).clamp(-1, 1)


def names(number=3):
    return [f"image{n}" for n in range(number)]


def levels(values):
    return (values + 1) * 127.5


def test_as_crafted_is_as_crafted():
    clean = images()
    adversarial = fgsm(clean, 0.02)
    assert torch.equal(deliver(FLOAT, clean, adversarial, names=names()), adversarial)


@pytest.mark.parametrize(("epsilon", "whole"), LEVELS.items())
def test_a_file_holds_the_whole_grey_levels_of_the_budget(epsilon, whole):
    clean = images(low=10, high=245)
    held = deliver(EIGHT_BIT, clean, fgsm(clean, epsilon), names=names())
    moved = (levels(held) - levels(clean)).abs()
    torch.testing.assert_close(moved, torch.full_like(moved, whole), atol=1e-3, rtol=0)


@given(
    st.integers(0, 1000), st.floats(0, 0.3), st.sampled_from(["sign", "free"]), st.integers(0, 5)
)
def test_eight_bits_are_exact_and_within_the_budget(seed, epsilon, kind, spread):
    clean = images(seed=seed)
    clean[0], clean[1] = 1.0, -1.0
    if kind == "sign":
        adversarial = fgsm(clean, epsilon, seed=spread)
    else:
        free = torch.rand(clean.shape, generator=torch.Generator().manual_seed(spread)) * 2 - 1
        adversarial = (clean + epsilon * free).clamp(-1, 1)
    held = deliver(EIGHT_BIT, clean, adversarial, names=names())
    grey = levels(held)
    torch.testing.assert_close(grey, grey.round(), atol=1e-4, rtol=0)
    assert held.min() >= -1 and held.max() <= 1
    assert (held - clean).abs().max() <= grey_levels(epsilon) * 2 / 255 + 1e-6
    # it goes the way that was crafted, and no further
    assert ((held - clean) * (adversarial - clean) >= -1e-6).all()
    assert ((held - clean).abs() <= (adversarial - clean).abs() + 1e-4).all()
    # saving and reading changes nothing more
    saved = grey.round().numpy().astype(np.uint8)
    torch.testing.assert_close(torch.from_numpy(saved).float() / 127.5 - 1, held)


def test_nothing_is_darkened_where_nothing_was_moved():
    clean = images()
    assert torch.equal(
        levels(deliver(EIGHT_BIT, clean, clean.clone(), names=names())).round(),
        levels(clean).round(),
    )


@given(st.integers(0, 1000), st.floats(0.001, 0.2))
def test_the_control_is_the_same_perturbation_elsewhere(seed, epsilon):
    clean = images(seed=seed, low=40, high=215)  # far from the ends, so nothing is clipped
    free = torch.rand(clean.shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    adversarial = clean + epsilon * free
    control = deliver(CONTROL, clean, adversarial, names=names())
    for k in range(3):
        before, after = ((x[k] - clean[k]).flatten() for x in (adversarial, control))
        torch.testing.assert_close(before.sort().values, after.sort().values, atol=1e-6, rtol=0)
        assert not torch.allclose(before, after, atol=epsilon / 100)


def test_the_control_goes_over_channels_as_well():
    clean = torch.zeros(1, 3, 8, 8)
    adversarial = clean.clone()
    adversarial[:, 0] = 0.02  # red alone
    moved = deliver(CONTROL, clean, adversarial, names=["a"])
    assert (moved.flatten(2).amax(2) > 0).all()


def test_the_control_stays_in_the_range():
    clean = images()
    clean[0], clean[1] = 1.0, -1.0
    control = deliver(CONTROL, clean, fgsm(clean * 0.5, 0.06), names=names())
    assert control.abs().max() <= 1


def test_the_shuffle_belongs_to_the_image_and_not_to_its_batch():
    clean = images(number=4)
    adversarial = fgsm(clean, 0.05)
    whole = deliver(CONTROL, clean, adversarial, names=names(4))
    torch.manual_seed(7)
    some = [3, 1]
    part = deliver(CONTROL, clean[some], adversarial[some], names=["image3", "image1"])
    assert torch.equal(part, whole[some])
    other = deliver(CONTROL, clean[some], adversarial[some], names=["image0", "image2"])
    assert not torch.equal(other, part)


def test_every_image_needs_a_name():
    clean = images()
    with pytest.raises(ValueError, match="shorter"):
        deliver(CONTROL, clean, clean, names=["only one"])


def test_an_unknown_delivery_is_refused_with_the_known_ones():
    clean = images()
    with pytest.raises(
        ValueError, match="no delivery 'jpeg'; allowed: float, 8-bit, control, other"
    ):
        deliver("jpeg", clean, clean, names=names())


def perturbations(number):
    """A perturbation for each image, by which it is known again."""
    return torch.arange(1.0, number + 1).view(-1, 1, 1, 1).expand(-1, 1, 2, 2)


def lent(*batches):
    lend = Lender()
    return [int(each) for batch in batches for each in lend(batch)[:, 0, 0, 0]]


@pytest.mark.parametrize("number", [2, 3, 7, 99, 100, 101, 230])
def test_every_image_gets_the_perturbation_of_another(number):
    found = lent(perturbations(number))
    own = range(1, number + 1)
    assert len(found) == number
    assert all(given != each for given, each in zip(found, own, strict=True))
    assert set(found) <= set(own)


@pytest.mark.parametrize("sizes", [[100, 100, 30], [100, 130], [150, 1, 79], [100, 20, 110]])
def test_no_batch_decides_whose_it_is(sizes):
    whole = perturbations(230)
    assert lent(*whole.split(sizes)) == lent(whole)


def test_an_image_alone_has_nobody_to_borrow_from():
    with pytest.raises(ValueError, match="needs two images"):
        lent(perturbations(1))


def test_a_borrowed_perturbation_keeps_its_shape_and_stays_in_the_range():
    clean = images(low=20, high=235)
    adversarial = fgsm(clean, 0.03)
    found = deliver(OTHER, clean, adversarial, names=names(), lend=Lender())
    moved, own = found - clean, adversarial - clean
    torch.testing.assert_close(moved, own[[1, 0, 1]], atol=1e-6, rtol=0)
    clean[0], clean[1] = 1.0, -1.0
    found = deliver(OTHER, clean, fgsm(clean * 0.5, 0.06), names=names(), lend=Lender())
    assert found.abs().max() <= 1


@pytest.mark.parametrize("kind", [FLOAT, EIGHT_BIT, CONTROL, OTHER])
def test_what_was_crafted_is_not_changed(kind):
    clean = images()
    adversarial = fgsm(clean, 0.03)
    kept = clean.clone(), adversarial.clone()
    deliver(kind, clean, adversarial, names=names(), lend=Lender())
    assert torch.equal(clean, kept[0]) and torch.equal(adversarial, kept[1])
