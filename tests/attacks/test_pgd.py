"""PGD: the plain loop of projected steps, without a random start."""

import pytest
import torch

from medtransfer.attacks.method import craft
from medtransfer.attacks.pgd import PGD


def plain_loop(plain, model, images, labels, method):
    moved = images.clone()
    for _ in range(method.steps):
        moved = moved + method.step_size * plain.gradient(model, moved, labels).sign()
        moved = images + (moved - images).clamp(-method.epsilon, method.epsilon)
        moved = moved.clamp(-1, 1)
    return moved


@pytest.mark.parametrize("outputs", [1, 4])
@pytest.mark.parametrize(("epsilon", "step_size"), [(0.02, 0.01), (0.025, 0.01), (0.3, 0.07)])
def test_it_is_the_plain_loop(plain, outputs, epsilon, step_size):
    model, (images, labels) = plain.network(outputs=outputs), plain.batch(outputs=outputs)
    method = PGD(epsilon=epsilon, step_size=step_size, steps=7)
    expected = plain_loop(plain, model, images, labels, method)
    found = plain.one(model, images, labels, method)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)


def test_it_has_no_random_start(plain, toy):
    model, (images, labels) = plain.network(), plain.batch()
    method = toy.method("PGD", epsilon=0.05)
    first = plain.one(model, images, labels, method)
    torch.manual_seed(99)
    assert torch.equal(plain.one(model, images, labels, method), first)


def test_every_epsilon_has_its_own_steps(plain, toy):
    """Its projections depend on epsilon, so nothing but the first gradient could be shared."""
    model, (images, labels) = plain.network(), plain.batch()
    methods = [toy.method("PGD", epsilon=epsilon) for epsilon in (0.005, 0.02)]
    for method, found in craft(model, images, labels, methods):
        assert torch.equal(found, plain.one(model, images, labels, method))
