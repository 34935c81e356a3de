"""Methods of attack and crafting: inside the budget, image by image, on any network."""

import dataclasses
from zlib import crc32

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from medtransfer.attacks.fgsm import FGSM
from medtransfer.attacks.method import Method, craft, method
from medtransfer.attacks.pgd import PGD
from medtransfer.errors import AttackError, UsageError
from medtransfer.scoring.transfer import TOLERANCE, MeanLogits

NAMES = ("FGSM", "PGD")


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Speckle(Method):
    """Moves every pixel by epsilon, up or down at random; an image always in the same way."""

    seed: int = 0

    def perturb(self, model, images, labels):
        moved = []
        for image in images:
            drawn = torch.Generator().manual_seed(crc32(image.numpy().tobytes()) + self.seed)
            sign = torch.randint(0, 2, image.shape, generator=drawn) * 2 - 1
            moved.append((image + self.epsilon * sign).clamp(-1, 1))
        return torch.stack(moved)


# --- methods -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("named", "found"), [("FGSM", FGSM), ("PGD", PGD)])
def test_a_method_is_found_by_its_name(named, found):
    assert method(named) is found


@pytest.mark.parametrize(
    "wrong",
    [
        *("CW", "fgsm", "di", "", "Method", "Iterative", "Loop", "Attack", "MultiLabelLoss"),
        *("loss", "../pgd", "os.path"),
    ],
)
def test_an_unknown_method_is_refused_with_the_known_ones(wrong):
    known = "BSR, DI, FGSM, MI, PGD, PGD100, PGN, SSA"
    with pytest.raises(UsageError, match=f"no method of attack '{wrong}'; allowed: {known}$"):
        method(wrong)


def test_a_family_is_what_all_epsilons_share(toy, name):
    small, large = (toy.method(name, epsilon=epsilon) for epsilon in (0.01, 0.06))
    assert small != large
    assert small.family == large.family
    assert small.family.epsilon == 0


@pytest.mark.parametrize("change", [{"steps": 4}, {"step_size": 0.02}])
def test_other_parameters_make_another_family(toy, change):
    assert toy.method("PGD", **change).family != toy.method("PGD").family


def test_the_same_method_may_have_another_epsilon():
    found = PGD(epsilon=0.02, step_size=0.01, steps=3).at(0.06)
    assert found == PGD(epsilon=0.06, step_size=0.01, steps=3)


@pytest.mark.parametrize(
    ("made", "traits"),
    [
        (FGSM(epsilon=0.02), {"method": "FGSM", "epsilon": 0.02}),
        (
            PGD(epsilon=0.02, step_size=0.01, steps=3),
            {"method": "PGD", "epsilon": 0.02, "step_size": 0.01, "steps": 3},
        ),
        (Speckle(epsilon=0.02, seed=4), {"method": "Speckle", "epsilon": 0.02, "seed": 4}),
    ],
    ids=lambda value: value.name if isinstance(value, Method) else "",
)
def test_tables_name_a_method_and_all_its_parameters(made, traits):
    assert made.traits == traits


# --- the budget ----------------------------------------------------------------------------------


@given(
    seed=st.integers(0, 10_000),
    outputs=st.integers(1, 5),
    epsilon=st.floats(0, 0.7, allow_subnormal=False),
    spread=st.sampled_from([0.0, 0.5, 1.0]),
    name=st.sampled_from(NAMES),
)
def test_an_attack_stays_in_its_budget_and_in_the_range(
    plain, toy, seed, outputs, epsilon, spread, name
):
    model = plain.network(outputs=outputs, seed=seed)
    images, labels = plain.batch(outputs=outputs, seed=seed, spread=spread)
    images[0], images[1, 0] = 1.0, -1.0  # white and black as well
    made = toy.method(name, epsilon=epsilon, step_size=0.1)
    adversarial = plain.one(model, images, labels, made)
    assert adversarial.shape == images.shape
    assert adversarial.dtype == torch.float32
    assert (adversarial - images).abs().max() <= epsilon + TOLERANCE
    assert adversarial.abs().max() <= 1
    assert torch.isfinite(adversarial).all()


def test_the_tolerance_is_far_below_a_grey_level():
    assert TOLERANCE < 2 / 255 / 1000


def test_at_epsilon_zero_nothing_changes(plain, toy, name):
    images, labels = plain.batch()
    assert torch.equal(plain.one(plain.network(), images, labels, toy.method(name).family), images)


# --- what attacks are ----------------------------------------------------------------------------


def test_methods_of_all_kinds_come_with_their_own_images(plain, toy):
    model, (images, labels) = plain.network(), plain.batch()
    methods = [
        toy.method("PGD", epsilon=0.02),
        toy.method("FGSM", epsilon=0.02),
        Speckle(epsilon=0.05),
        toy.method("PGD", epsilon=0.04),
        toy.method("PGD", epsilon=0.02, steps=9),
        toy.method("FGSM", epsilon=0.06),
    ]
    found = dict(craft(model, images, labels, methods))
    assert set(found) == set(methods)
    for made, adversarial in found.items():
        assert torch.equal(adversarial, plain.one(model, images, labels, made))
        assert 0 < (adversarial - images).abs().max() <= made.epsilon + TOLERANCE


@given(st.integers(0, 1000), st.sampled_from(NAMES))
def test_the_loss_rises(plain, toy, seed, name):
    model, (images, labels) = plain.network(seed=seed), plain.batch(seed=seed)
    made = toy.method(name, epsilon=0.01, step_size=0.004)
    adversarial = plain.one(model, images, labels, made)
    for k in range(len(images)):
        before, after = (
            plain.loss(model, x[k : k + 1], labels[k : k + 1]) for x in (images, adversarial)
        )
        assert after > before


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_one_output_and_one_class_still_gives_a_perturbation(plain, toy, name, value):
    model, (images, _) = plain.network(outputs=1), plain.batch(outputs=1)
    labels = torch.full((4, 1), value)
    adversarial = plain.one(model, images, labels, toy.method(name, epsilon=0.02))
    assert ((adversarial - images).abs() > 0).float().mean() > 0.9
    direction = (model(adversarial) - model(images)).flatten()
    assert (direction < 0).all() if value else (direction > 0).all()


@given(st.integers(0, 1000), st.sampled_from(NAMES))
def test_an_image_is_attacked_the_same_in_any_batch(plain, toy, seed, name):
    model, (images, labels) = plain.network(seed=seed), plain.batch(number=6, seed=seed)
    made = toy.method(name, epsilon=0.03)
    whole = plain.one(model, images, labels, made)
    some = [4, 1]
    part = plain.one(model, images[some], labels[some], made)
    differing = ((part - whole[some]).abs() > 1e-6).float().mean()
    assert differing < 0.01  # signs of gradients that are zero but for rounding


# --- a method of one's own, a network of any kind -------------------------------------------------


def test_a_new_method_is_a_class_and_no_more(plain):
    model, (images, labels) = plain.network(), plain.batch(spread=0.5)
    found = dict(craft(model, images, labels, [Speckle(epsilon=e) for e in (0.0, 0.1)]))
    still, moved = found.values()
    assert torch.equal(still, images)
    torch.testing.assert_close((moved - images).abs(), torch.full_like(images, 0.1))
    part = plain.one(model, images[[2, 1]], labels[[2, 1]], Speckle(epsilon=0.1))
    assert torch.equal(part, moved[[2, 1]])


def test_a_new_method_cannot_forget_how_it_moves_images():
    @dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
    class Idle(Method):
        pass

    with pytest.raises(TypeError, match="perturb"):
        Idle(epsilon=0.02)


class Brightness(nn.Module):
    """A network without a layer: how bright each channel is."""

    def forward(self, images):
        return images.mean((2, 3))


def test_any_module_can_be_attacked(toy, plain, name):
    images, labels = plain.batch(spread=0.5)
    adversarial = plain.one(Brightness().eval(), images, labels, toy.method(name, epsilon=0.02))
    darker = labels[:, :, None, None] * -2 + 1
    torch.testing.assert_close(adversarial - images, (0.02 * darker).expand_as(images))


class ByHand(nn.Module):
    """The mean of the logits of two networks."""

    def __init__(self, first, second):
        super().__init__()
        self.first, self.second = first, second

    def forward(self, images):
        return (self.first(images) + self.second(images)) / 2


def test_several_networks_are_attacked_on_their_mean_logits(plain, toy, name):
    members, (images, labels) = [plain.network(seed=seed) for seed in (1, 2)], plain.batch()
    made = toy.method(name, epsilon=0.03)
    found = plain.one(MeanLogits(members).eval(), images, labels, made)
    assert torch.equal(found, plain.one(ByHand(*members).eval(), images, labels, made))
    assert not any(torch.equal(found, plain.one(m, images, labels, made)) for m in members)


# --- what an attack leaves alone -----------------------------------------------------------------


def test_the_model_the_images_and_the_labels_are_left_as_they_were(plain, toy, name):
    model, (images, labels) = plain.network(), plain.batch()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    kept = images.clone(), labels.clone()
    plain.one(model, images, labels, toy.method(name))
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert torch.equal(images, kept[0]) and torch.equal(labels, kept[1])
    assert not images.requires_grad and not model.training
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_gradients_are_taken_even_where_they_are_switched_off(plain, toy, name, mode):
    model, (images, labels) = plain.network(), plain.batch()
    made = toy.method(name, epsilon=0.02)
    expected = plain.one(model, images, labels, made)
    with mode():
        found = plain.one(model, images, labels, made)
    assert torch.equal(found, expected)
    assert not torch.equal(found, images)


def test_images_made_in_inference_mode_can_be_attacked(plain, toy, name):
    model, (images, labels) = plain.network(), plain.batch()
    made = toy.method(name, epsilon=0.02)
    with torch.inference_mode():
        found = plain.one(model, images.clone(), labels.clone(), made)
    assert torch.equal(found, plain.one(model, images, labels, made))


# --- what is refused -----------------------------------------------------------------------------


def spoiled(plain, how):
    model, (images, labels) = plain.network(), plain.batch()
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
def test_what_would_go_wrong_silently_is_refused(plain, toy, name, how, says):
    model, images, labels = spoiled(plain, how)
    with pytest.raises(AttackError, match=says):
        plain.one(model, images, labels, toy.method(name))
