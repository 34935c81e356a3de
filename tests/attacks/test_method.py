"""FGSM and PGD: inside the budget, as Foolbox and as plain torch make them, image by image."""

import foolbox
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from medtransfer.attacks.method import TOLERANCE, AttackError, MultiLabelFGSM, craft

EPSILONS = (0.0, 0.004, 0.01, 0.02, 0.03, 0.06, 0.5)


def conv_net(*, outputs=3, seed=0):
    torch.manual_seed(seed)
    network = nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.Conv2d(6, 6, 3, stride=2),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(24, outputs),
    )
    nn.init.uniform_(network[1].running_mean, -0.3, 0.3)
    nn.init.uniform_(network[1].running_var, 0.5, 1.5)
    return network.eval().requires_grad_(False)


def batch(*, number=4, outputs=3, seed=0, spread=1.0):
    generator = torch.Generator().manual_seed(seed)
    images = (torch.rand(number, 3, 12, 12, generator=generator) * 2 - 1) * spread
    labels = (torch.rand(number, outputs, generator=generator) > 0.5).float()
    return images, labels


def loss(model, images, labels):
    return F.binary_cross_entropy_with_logits(model(images), labels, reduction="sum")


def one(model, images, labels, attack):
    (found,) = craft(model, images, labels, attacks=[attack])
    assert found[0] == attack
    return found[1]


@pytest.fixture(params=["fgsm", "pgd"])
def method(request):
    return request.param


# --- the budget ----------------------------------------------------------------------------------


@given(
    seed=st.integers(0, 10_000),
    outputs=st.integers(1, 5),
    epsilon=st.floats(0, 0.7, allow_subnormal=False),
    spread=st.sampled_from([0.0, 0.5, 1.0]),
    how=st.sampled_from(["fgsm", "pgd"]),
)
def test_an_attack_stays_in_its_budget_and_in_the_range(toy, seed, outputs, epsilon, spread, how):
    model = conv_net(outputs=outputs, seed=seed)
    images, labels = batch(outputs=outputs, seed=seed, spread=spread)
    images[0], images[1, 0] = 1.0, -1.0  # white and black as well
    adversarial = one(model, images, labels, toy.attack(method=how, epsilon=epsilon, step_size=0.1))
    assert adversarial.shape == images.shape
    assert adversarial.dtype == torch.float32
    assert (adversarial - images).abs().max() <= epsilon + TOLERANCE
    assert adversarial.abs().max() <= 1
    assert torch.isfinite(adversarial).all()


def test_the_tolerance_is_far_below_a_grey_level():
    assert TOLERANCE < 2 / 255 / 1000


def test_at_epsilon_zero_nothing_changes(toy, method):
    images, labels = batch()
    assert torch.equal(
        one(conv_net(), images, labels, toy.attack(method=method, epsilon=0.0)), images
    )


# --- what the attacks are ------------------------------------------------------------------------


def test_fgsm_is_one_signed_step(toy):
    model, (images, labels) = conv_net(), batch()
    inputs = images.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(model, inputs, labels), inputs)
    expected = (images + 0.03 * gradient.sign()).clamp(-1, 1)
    assert torch.equal(one(model, images, labels, toy.attack(epsilon=0.03)), expected)


@pytest.mark.parametrize("outputs", [1, 4])
def test_fgsm_of_many_epsilons_is_each_of_them_alone_and_foolbox_own(toy, outputs):
    model, (images, labels) = conv_net(outputs=outputs), batch(outputs=outputs)
    attacks = [toy.attack(epsilon=epsilon) for epsilon in EPSILONS]
    together = dict(craft(model, images, labels, attacks=attacks))
    assert list(together) == attacks
    wrapped = foolbox.PyTorchModel(model, bounds=(-1, 1), device="cpu")
    for attack, adversarial in together.items():
        assert torch.equal(adversarial, one(model, images, labels, attack))
        foolbox_own = MultiLabelFGSM(random_start=False).run(
            wrapped, images, labels, epsilon=attack.epsilon
        )
        torch.testing.assert_close(adversarial, foolbox_own, atol=1e-7, rtol=0)


def plain_pgd(model, images, labels, *, epsilon, step_size, steps):
    moved = images.clone()
    for _ in range(steps):
        moved.requires_grad_()
        (gradient,) = torch.autograd.grad(loss(model, moved, labels), moved)
        moved = moved.detach() + step_size * gradient.sign()
        moved = images + (moved - images).clamp(-epsilon, epsilon)
        moved = moved.clamp(-1, 1)
    return moved


@pytest.mark.parametrize("outputs", [1, 4])
@pytest.mark.parametrize(("epsilon", "step_size"), [(0.02, 0.01), (0.025, 0.01), (0.3, 0.07)])
def test_pgd_is_the_plain_loop(toy, outputs, epsilon, step_size):
    model, (images, labels) = conv_net(outputs=outputs), batch(outputs=outputs)
    attack = toy.attack(method="pgd", epsilon=epsilon, step_size=step_size, steps=7)
    expected = plain_pgd(model, images, labels, epsilon=epsilon, step_size=step_size, steps=7)
    torch.testing.assert_close(one(model, images, labels, attack), expected, atol=1e-6, rtol=0)


def test_pgd_has_no_random_start(toy):
    model, (images, labels) = conv_net(), batch()
    attack = toy.attack(method="pgd", epsilon=0.05)
    first = one(model, images, labels, attack)
    torch.manual_seed(99)
    assert torch.equal(one(model, images, labels, attack), first)


def test_attacks_of_both_kinds_come_with_their_own_images(toy):
    model, (images, labels) = conv_net(), batch()
    attacks = [
        toy.attack(method="pgd", epsilon=0.02),
        toy.attack(epsilon=0.02),
        toy.attack(method="pgd", epsilon=0.04),
    ]
    found = dict(craft(model, images, labels, attacks=attacks))
    assert set(found) == set(attacks)
    for attack in attacks:
        assert torch.equal(found[attack], one(model, images, labels, attack))


@given(st.integers(0, 1000), st.sampled_from(["fgsm", "pgd"]))
def test_the_loss_rises(toy, seed, how):
    model, (images, labels) = conv_net(seed=seed), batch(seed=seed)
    adversarial = one(model, images, labels, toy.attack(method=how, epsilon=0.01, step_size=0.004))
    for k in range(len(images)):
        before, after = (
            loss(model, x[k : k + 1], labels[k : k + 1]) for x in (images, adversarial)
        )
        assert after > before


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_one_output_and_one_class_still_gives_a_perturbation(toy, method, value):
    model, (images, _) = conv_net(outputs=1), batch(outputs=1)
    labels = torch.full((4, 1), value)
    adversarial = one(model, images, labels, toy.attack(method=method, epsilon=0.02))
    assert ((adversarial - images).abs() > 0).float().mean() > 0.9
    direction = (model(adversarial) - model(images)).flatten()
    assert (direction < 0).all() if value else (direction > 0).all()


@given(st.integers(0, 1000), st.sampled_from(["fgsm", "pgd"]))
def test_an_image_is_attacked_the_same_in_any_batch(toy, seed, how):
    model, (images, labels) = conv_net(seed=seed), batch(number=6, seed=seed)
    attack = toy.attack(method=how, epsilon=0.03)
    whole = one(model, images, labels, attack)
    some = [4, 1]
    part = one(model, images[some], labels[some], attack)
    differing = ((part - whole[some]).abs() > 1e-6).float().mean()
    assert differing < 0.01  # signs of gradients that are zero but for rounding


# --- what an attack leaves alone -----------------------------------------------------------------


def test_the_model_the_images_and_the_labels_are_left_as_they_were(toy, method):
    model, (images, labels) = conv_net(), batch()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    kept = images.clone(), labels.clone()
    one(model, images, labels, toy.attack(method=method))
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert torch.equal(images, kept[0]) and torch.equal(labels, kept[1])
    assert not images.requires_grad and not model.training
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_gradients_are_taken_even_where_they_are_switched_off(toy, method, mode):
    model, (images, labels) = conv_net(), batch()
    attack = toy.attack(method=method, epsilon=0.02)
    expected = one(model, images, labels, attack)
    with mode():
        found = one(model, images, labels, attack)
    assert torch.equal(found, expected)
    assert not torch.equal(found, images)


def test_images_made_in_inference_mode_can_be_attacked(toy, method):
    model, (images, labels) = conv_net(), batch()
    attack = toy.attack(method=method, epsilon=0.02)
    with torch.inference_mode():
        found = one(model, images.clone(), labels.clone(), attack)
    assert torch.equal(found, one(model, images, labels, attack))


# --- what is refused -----------------------------------------------------------------------------


def spoiled(how):
    model, (images, labels) = conv_net(), batch()
    if how == "training mode":
        model.train()
    elif how == "inner training mode":
        model[1].train()
    elif how == "gradients":
        model[0].weight.requires_grad_(True)
    elif how == "nan":
        images[0, 0, 0, 0] = float("nan")
    elif how == "infinite":
        images[0, 0, 0, 0] = float("inf")
    elif how == "0 to 255":
        images = (images + 1) * 127.5
    elif how == "just outside":
        images[0, 0, 0, 0] = 1.00001
    elif how == "label 2":
        labels[0, 0] = 2
    elif how == "soft label":
        labels[0, 0] = 0.5
    elif how == "flat labels":
        labels = labels[:, 0]
    elif how == "other number":
        labels = labels[:-1]
    return model, images, labels


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("training mode", r"model\.eval\(\)"),
        ("gradients", r"requires_grad_\(False\)"),
        ("nan", r"finite and in \[-1, 1\]"),
        ("infinite", r"finite and in \[-1, 1\]"),
        ("0 to 255", "scale them, do not normalise them"),
        ("just outside", r"in \[-1, 1\]"),
        ("label 2", "labels must be 0 or 1"),
        ("soft label", "labels must be 0 or 1"),
        ("flat labels", r"\(N, K\); they are \(4,\)"),
        ("other number", r"\(N, K\); they are \(3, 3\)"),
        ("inner training mode", r"model\.eval\(\)"),
    ],
)
def test_what_would_go_wrong_silently_is_refused(toy, method, how, says):
    model, images, labels = spoiled(how)
    with pytest.raises(AttackError, match=says):
        one(model, images, labels, toy.attack(method=method))


def test_an_unknown_method_is_refused_before_any_work(toy):
    with pytest.raises(AttackError, match="no method 'cw'; allowed: fgsm, pgd"):
        list(craft(nn.Identity(), *batch(), attacks=[toy.attack(method="cw")]))


def test_fgsm_of_many_steps_is_refused(toy):
    from dataclasses import replace

    for change in ({"steps": 2}, {"step_size": 0.5}):
        wrong = replace(toy.attack(epsilon=0.02), **change)
        with pytest.raises(AttackError, match="FGSM is one step of size epsilon"):
            list(craft(conv_net(), *batch(), attacks=[wrong]))


def test_epsilon_is_in_units_of_the_image_range(toy):
    """0.02 moves a grey pixel by 2.55 of 255 levels."""
    images = torch.zeros(1, 3, 12, 12)
    moved = one(conv_net(), images, torch.zeros(1, 3), toy.attack(epsilon=0.02))
    assert np.isclose((moved.abs().max() * 127.5).item(), 2.55, atol=1e-3)
