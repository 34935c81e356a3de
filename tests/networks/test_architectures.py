"""The registry: every architecture takes images in [-1, 1] and gives logits."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from medtransfer.errors import UsageError
from medtransfer.networks.architectures import ARCHITECTURES, architecture
from medtransfer.networks.model import Classifier

pytestmark = pytest.mark.slow

SIDES = {
    "efficientnet_lite0": 32,
    "efficientnet_lite0_stride8": 32,
    "mobilenet_v2": 32,
    "mobilenet_v2_stride8": 32,
    "densenet121": 32,
    "inception_v3": 75,
    "densenet121_keras": 32,
    "inception_v3_keras": 75,
}


@pytest.fixture(scope="module", params=SIDES)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def model(name):
    torch.manual_seed(0)
    return Classifier(name, outputs=4).eval().requires_grad_(False)


def images(name, *, channels=3, number=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shape = (number, channels, SIDES[name], SIDES[name])
    return torch.rand(shape, generator=generator) * 2 - 1


def test_colour_and_grey_images_become_logits(name, model):
    for channels in (1, 3):
        logits = model(images(name, channels=channels))
        assert logits.shape == (2, 4)
        assert torch.isfinite(logits).all()


def test_a_grey_image_is_a_colour_image_of_equal_channels(name, model):
    grey = images(name, channels=1)
    assert torch.allclose(model(grey), model(grey.repeat(1, 3, 1, 1)), atol=1e-5)


def test_training_mode_gives_logits_of_the_same_shape(name):
    model = Classifier(name, outputs=1).train()
    assert model(images(name)).shape == (2, 1)


def test_too_small_images_are_refused(name, model):
    side = SIDES[name]
    small = torch.zeros(1, 3, side - 1, side)
    message = rf"images of {side - 1} px; {name} needs at least {side} px: raise image_px"
    with pytest.raises(UsageError, match=message):
        model(small)


def test_normalisation_stands_inside_and_is_that_of_the_weights(name, model):
    seen = []
    hook = model.network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    model(images(name))
    hook.remove()
    unit = (images(name) + 1) / 2
    entry = ARCHITECTURES[name]
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (entry.mean, entry.std))
    assert torch.allclose(seen[0], (unit - mean) / std, atol=1e-5)


def test_the_head_is_the_last_layer(name, model):
    heads = [key for key in model.network.state_dict() if key.startswith(model.head)]
    assert len(heads) == 2
    assert {len(model.network.state_dict()[key]) for key in heads} == {4}


def test_normalisation_is_no_part_of_what_is_stored(name, model):
    assert all(key.startswith("network.") for key in model.state_dict())


def test_the_seed_decides_the_start(name):
    def first(seed):
        torch.manual_seed(seed)
        return torch.cat([p.flatten() for p in Classifier(name, outputs=1).parameters()])

    assert torch.equal(first(1), first(1))
    assert not torch.equal(first(1), first(2))


def test_batch_norms_follow_within_a_short_training(model):
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    assert {module.momentum for module in norms} == {0.1}
    assert len(norms) > 10


def test_average_pools_of_the_keras_inception_count_only_what_the_image_holds():
    network = Classifier("inception_v3_keras", outputs=1).eval().network
    block, seen = network.Mixed_5b, []
    block.branch_pool.conv.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    maps = torch.rand(1, 192, 5, 4)
    block(maps)
    pooled = F.avg_pool2d(maps, kernel_size=3, stride=1, padding=1, count_include_pad=False)
    assert torch.allclose(seen[0], pooled, atol=1e-6)
    wrong = F.avg_pool2d(maps, kernel_size=3, stride=1, padding=1)
    assert not torch.allclose(seen[0], wrong, atol=1e-2)


def test_the_keras_networks_have_the_names_of_the_plain_ones():
    for name in ("densenet121", "inception_v3"):
        plain, keras = (
            Classifier(each, outputs=2).state_dict() for each in (name, name + "_keras")
        )
        assert list(plain) == list(keras)


@pytest.mark.parametrize(
    ("name", "epsilon"), [("densenet121_keras", 1.001e-5), ("inception_v3_keras", 1e-3)]
)
def test_batch_norms_of_the_keras_networks_have_its_epsilon(name, epsilon):
    modules = Classifier(name, outputs=1).modules()
    assert {module.eps for module in modules if isinstance(module, nn.BatchNorm2d)} == {epsilon}


def test_an_unknown_architecture_is_refused_with_the_known_ones():
    with pytest.raises(UsageError, match=r"no architecture 'vgg'; allowed: .*densenet121, .*incep"):
        architecture("vgg")
