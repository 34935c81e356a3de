"""Transforms of images: shape, linearity, the exact adjoint, and what each is at its weakest."""

import pytest
import torch
from scipy.fft import dctn, idctn

from medtransfer.attacks import transforms
from medtransfer.attacks.iterative import WEAKEST
from medtransfer.attacks.transforms import TRANSFORMS

STRENGTH = {"scale": 2.0, "resize": 1.4, "blocks": 24.0, "spectrum": 0.5}
SHAPES = ((2, 3, 12, 12), (1, 1, 9, 16), (2, 3, 15, 8))


def drawing(seed=0):
    return torch.Generator().manual_seed(seed)


def images(shape=SHAPES[0], seed=0):
    return torch.rand(shape, generator=drawing(seed), dtype=torch.float64) * 2 - 1


@pytest.fixture(params=TRANSFORMS)
def name(request):
    return request.param


def changed(name, given, *, strength=None, seed=0, copy=1):
    return TRANSFORMS[name](
        given, STRENGTH[name] if strength is None else strength, copy, drawing(seed)
    )


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("seed", range(5))
def test_shape_and_type_stay(name, shape, seed):
    for given in (images(shape), images(shape).float()):
        found = changed(name, given, seed=seed)
        assert found.shape == given.shape and found.dtype == given.dtype
        assert found.isfinite().all()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_it_is_linear_and_autograd_gives_its_adjoint(name, shape, seed):
    first, second, way = images(shape), images(shape, 1), images(shape, 2)
    zero = changed(name, torch.zeros(shape, dtype=torch.float64), seed=seed)
    both = changed(name, 0.3 * first - 2 * second, seed=seed) - zero
    apart = [changed(name, each, seed=seed) - zero for each in (first, second)]
    torch.testing.assert_close(both, 0.3 * apart[0] - 2 * apart[1], atol=1e-12, rtol=0)
    point = first.clone().requires_grad_()
    (back,) = torch.autograd.grad((changed(name, point, seed=seed) * way).sum(), point)
    there, here = (apart[0] * way).sum(), (first * back).sum()
    assert there.item() == pytest.approx(here.item(), abs=1e-12 * first.numel())


def test_at_its_weakest_it_changes_nothing(name):
    found = changed(name, images(), strength=WEAKEST[name])
    if name == "blocks":  # still shuffled: the same pixels, elsewhere
        found, expected = found.flatten(2).sort().values, images().flatten(2).sort().values
        torch.testing.assert_close(found, expected, atol=0, rtol=0)
    else:
        torch.testing.assert_close(found, images(), atol=1e-12, rtol=0)


def test_one_block_that_is_not_turned_is_the_image():
    assert torch.equal(transforms.blocks(images(), 0.0, 0, drawing(), strips=1), images())


def test_grey_stays_grey(name):
    grey = torch.zeros(SHAPES[0])
    assert torch.equal(changed(name, grey), grey)


def test_every_image_of_a_batch_is_changed_alike(name):
    given = images((4, 3, 12, 12))
    torch.testing.assert_close(
        changed(name, given)[[2, 0]], changed(name, given[[2, 0]]), atol=1e-12, rtol=0
    )


def test_draws_differ_by_seed_and_use_no_global_state(name):
    state = torch.get_rng_state()
    one, same, other = (changed(name, images(), seed=seed) for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert torch.equal(state, torch.get_rng_state())
    assert torch.equal(one, other) is (name == "scale"), "scaling draws nothing"


@pytest.mark.parametrize("copy", range(3))
def test_scaling_halves_once_for_each_copy(copy):
    assert torch.equal(changed("scale", images(), copy=copy), images() / 2**copy)


def test_resizing_frames_in_grey_and_keeps_the_picture():
    white = torch.ones(1, 1, 20, 20)
    means = []
    for seed in range(40):
        found = changed("resize", white, strength=1.5, seed=seed)
        assert found.min() >= 0 and found.max() <= 1
        means.append(found.mean().item())
    assert min(means) < 0.55, "at times the image fills 20 of 30 px"
    assert max(means) > 0.9, "at times nearly all of the frame"
    assert len(set(means)) > 5


@pytest.mark.parametrize("seed", range(6))
def test_a_frame_fits_an_image_that_is_not_square(seed):
    """Height and width shrink alike, wherever the picture lies in its frame."""
    found = changed("resize", torch.ones(1, 1, 20, 60), strength=1.5, seed=seed)[0, 0]
    high, wide = ((found.amax(dim) > 0.5).float().mean().item() for dim in (1, 0))
    assert high == pytest.approx(wide, abs=0.08)


def test_blocks_move_and_turn_by_at_most_their_angle():
    given = images((1, 1, 16, 16))
    moved = [transforms.blocks(given, 0.0, 0, drawing(seed)) for seed in range(8)]
    assert any(not torch.equal(each, given) for each in moved)
    ramp = torch.linspace(-0.5, 0.5, 21, dtype=torch.float64).expand(1, 1, 21, 21)
    for seed in range(5):
        turned = transforms.blocks(ramp, 24.0, 0, drawing(seed), strips=1)
        middle = turned[0, 0, 8:13, 8:13]
        down, right = middle.diff(dim=0).mean(), middle.diff(dim=1).mean()
        angle = torch.rad2deg(torch.atan2(down, right)).abs()
        assert 0 < angle < 24
        assert torch.hypot(down, right).item() == pytest.approx(1 / 20, rel=0.01), "not stretched"


def test_a_turn_of_a_block_that_is_not_square_stretches_nothing():
    ramp = torch.linspace(-0.5, 0.5, 31, dtype=torch.float64).expand(1, 1, 11, 31)
    turned = transforms._turned(ramp, 24.0, drawing(3))
    middle = turned[0, 0, 4:7, 13:18]
    down, right = middle.diff(dim=0).mean(), middle.diff(dim=1).mean()
    assert torch.hypot(down, right).item() == pytest.approx(1 / 30, rel=0.01)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_spectrum_is_that_of_the_cosine_transform(shape):
    mask = 1 + 0.5 * (2 * torch.rand(shape[1:], generator=drawing()) - 1)
    spectrum = dctn(images(shape).numpy(), axes=(2, 3), norm="ortho")
    expected = idctn(spectrum * mask.numpy(), axes=(2, 3), norm="ortho")
    found = changed("spectrum", images(shape))
    torch.testing.assert_close(found, torch.from_numpy(expected), atol=1e-9, rtol=0)
