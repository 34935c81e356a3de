"""FGSM: one signed step, as Foolbox makes it, from one gradient for all epsilons."""

import foolbox
import numpy as np
import pytest
import torch
from foolbox.attacks import LinfFastGradientAttack

from medtransfer.attacks.fgsm import FGSM
from medtransfer.attacks.loss import MultiLabelLoss
from medtransfer.attacks.method import craft

EPSILONS = (0.0, 0.004, 0.01, 0.02, 0.03, 0.06, 0.5)


class FoolboxOwn(MultiLabelLoss, LinfFastGradientAttack):
    """The whole attack of Foolbox, of which the method takes the gradient alone."""


def test_it_is_one_signed_step(plain):
    model, (images, labels) = plain.network(), plain.batch()
    gradient = plain.gradient(model, images, labels)
    expected = (images + 0.03 * gradient.sign()).clamp(-1, 1)
    assert torch.equal(plain.one(model, images, labels, FGSM(epsilon=0.03)), expected)


@pytest.mark.parametrize("outputs", [1, 4])
def test_many_epsilons_are_each_of_them_alone_and_foolbox_own(plain, outputs):
    model, (images, labels) = plain.network(outputs=outputs), plain.batch(outputs=outputs)
    methods = [FGSM(epsilon=epsilon) for epsilon in EPSILONS]
    together = dict(craft(model, images, labels, methods))
    assert list(together) == methods
    wrapped = foolbox.PyTorchModel(model, bounds=(-1, 1), device="cpu")
    for method, adversarial in together.items():
        assert torch.equal(adversarial, plain.one(model, images, labels, method))
        own = FoolboxOwn(random_start=False).run(wrapped, images, labels, epsilon=method.epsilon)
        torch.testing.assert_close(adversarial, own, atol=1e-7, rtol=0)


def test_all_epsilons_share_one_gradient(plain):
    model, (images, labels) = plain.network(), plain.batch()
    passes = []
    model[0].register_full_backward_hook(lambda *_: passes.append(1))
    methods = [FGSM(epsilon=epsilon) for epsilon in EPSILONS]
    assert len(list(craft(model, images, labels, methods))) == len(EPSILONS)
    assert len(passes) == 1


def test_epsilon_is_in_units_of_the_image_range(plain):
    """0.02 moves a grey pixel by 2.55 of 255 levels."""
    images = torch.zeros(1, 3, 12, 12)
    moved = plain.one(plain.network(), images, torch.zeros(1, 3), FGSM(epsilon=0.02))
    assert np.isclose((moved.abs().max() * 127.5).item(), 2.55, atol=1e-3)


@pytest.mark.parametrize("change", [{"steps": 2}, {"step_size": 0.5}])
def test_it_knows_neither_steps_nor_their_size(change):
    with pytest.raises(TypeError, match=next(iter(change))):
        FGSM(epsilon=0.02, **change)
