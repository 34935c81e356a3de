"""Iterative attacks: their pieces against closed forms, identities, and laws of any attack."""

import dataclasses
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from medtransfer.attacks import iterative, loop, transforms
from medtransfer.attacks.attack import Attack
from medtransfer.attacks.fgsm import FGSM
from medtransfer.attacks.iterative import METHODS, Iterative
from medtransfer.attacks.method import craft, method
from medtransfer.attacks.pgd import PGD
from medtransfer.errors import UsageError
from medtransfer.scoring.transfer import TOLERANCE, MeanLogits

EPSILON = 0.06
SHORT = {"epsilon": EPSILON, "steps": 4, "step_size": 0.02}
PIECES = {
    **METHODS,
    "NI": {"momentum": 1.0, "look": "momentum"},
    "PI": {"momentum": 1.0, "look": "gradient"},
    "TI": {"momentum": 1.0, "kernel": 5},
    "SI": {"momentum": 1.0, "copies": 3, "transform": "scale", "strength": 2.0},
    "UN": {"momentum": 1.0, "copies": 3, "radius": 1.5},
}


def iterated(called="MI", **changes):
    return Iterative(called=called, **{**SHORT, **PIECES.get(called, {}), **SHORT, **changes})


@pytest.fixture(params=PIECES)
def piece(request):
    return iterated(request.param)


class Linear(nn.Module):
    """Logits W x + b of flattened images."""

    def __init__(self, weights, bias=0.0):
        super().__init__()
        self.weights = torch.as_tensor(weights, dtype=torch.float32)
        self.bias = torch.as_tensor(bias, dtype=torch.float32)
        self.eval()

    def forward(self, images):
        return images.flatten(1) @ self.weights.T + self.bias


# --- the pieces against numbers ------------------------------------------------------------------

GOLDEN = Linear([[-3, 0, 0, 5], [-5, 5, 2, 5]], [-1, 0])
"""Two findings, four pixels: the last pixel tells the methods apart."""


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, [-1, 1, 1, 0.75]),
        ({"momentum": 1.0}, [-1, 1, 1, -1]),
        ({"momentum": 1.0, "look": "momentum"}, [-1, 1, 1, -0.75]),
        ({"momentum": 1.0, "look": "gradient"}, [-1, 1, 1, -0.25]),
        ({"copies": 3, "transform": "scale", "strength": 2.0}, [-1, 1, 1, 0.25]),
        ({"momentum": 1.0, "flatness": 0.5}, [0.75, 1, 1, -1]),
    ],
    ids=["PGD", "MI", "NI", "PI", "SI", "PGN"],
)
def test_a_vector_worked_out_by_hand_separates_the_methods(plain, changes, expected):
    made = Iterative(called="it", epsilon=1.0, steps=5, step_size=0.25, **changes)
    found = plain.one(GOLDEN, torch.zeros(1, 1, 2, 2), torch.tensor([[1.0, 0.0]]), made)
    assert found.flatten().tolist() == expected


def test_the_gradient_of_the_golden_vector(plain):
    found = plain.gradient(GOLDEN, torch.zeros(1, 1, 2, 2), torch.tensor([[1.0, 0.0]]))
    assert found.flatten().numpy() == pytest.approx([-0.30682426, 2.5, 1, -1.15529289], abs=1e-6)


def test_momentum_sums_gradients_by_their_size_and_not_their_signs():
    """Gradients (4, 1) and then (-1, 1) go on in both directions; their signs would cancel."""
    running = loop.Loop(iterated("MI"))
    gradients = [torch.tensor(each).view(1, 1, 1, 2) for each in ((4.0, 1.0), (-1.0, 1.0))]
    steps = [running.normalize(loop.ep.astensor(each), x=None, bounds=None) for each in gradients]
    assert [step.raw.flatten().tolist() for step in steps] == [[1, 1], [1, 1]]
    assert running.sum.flatten().tolist() == pytest.approx([0.6, 1.4])


def test_the_second_point_lies_downhill_and_rewards_flatness():
    """On a quadratic the mixed gradient is that of the loss less a part of its slope."""
    curve, slope = torch.diag(torch.tensor([10.0, 0.1])), torch.tensor([1.0, 1.0])

    def loss(images):
        point = images.raw.flatten()
        return loop.ep.astensor(slope @ point - point @ curve @ point / 2)

    flat = 0.5
    running = loop.Loop(iterated("PGN", radius=0.0, copies=1, step_size=0.001, flatness=flat))
    start = torch.tensor([0.05, 0.0]).view(1, 1, 1, 2)
    running.epsilon = 0.0
    _, found = running.value_and_grad(loss, loop.ep.astensor(start))
    first = slope - curve @ start.flatten()
    second = slope - curve @ (start.flatten() - 0.001 * first / first.abs().mean())
    expected = (1 - flat) * first + flat * second
    assert found.raw.flatten().numpy() == pytest.approx(expected.numpy(), abs=1e-6)
    assert found.raw.flatten()[0] > first[0], "a step downhill, where the slope is larger here"


@pytest.mark.parametrize(("side", "share"), [(5, 0.598), (3, 0.978)])
def test_the_kernel_is_a_gaussian_of_three_deviations(side, share):
    point = torch.zeros(1, 2, 9, 9)
    point[0, 0, 4, 4] = 1.0
    found = loop.smoothed(point, side)
    line = np.exp(-(np.linspace(-3, 3, side) ** 2) / 2)
    line /= line.sum()
    reach = side // 2
    middle = found[0, 0, 4, 4 - reach : 4 + reach + 1]
    assert middle.numpy() == pytest.approx(line * line[reach], abs=1e-6)
    assert middle[reach] / middle.sum() == pytest.approx(line[reach], abs=1e-6)
    assert line[reach] == pytest.approx(share, abs=1e-3), "of 3 px almost all stays"
    assert found[0, 1].abs().max() == 0, "channels are apart"
    assert found.sum() == pytest.approx(1, abs=1e-6)


# --- one output, linear: what every method without a transform comes to --------------------------


@pytest.mark.parametrize("called", ["PGD100", "MI", "NI", "PI", "UN", "PGN"])
@pytest.mark.parametrize("truth", [0.0, 1.0])
def test_on_a_linear_network_all_of_them_are_fgsm(plain, called, truth):
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(1, 48, generator=generator) * 0.1
    images = (torch.rand(2, 3, 4, 4, generator=generator) - 0.5) * 0.8
    labels = torch.full((2, 1), truth)
    net = Linear(weights)
    found = plain.one(net, images, labels, iterated(called))
    moved = (net(found) - net(images)).flatten().tolist()
    expected = (1 - 2 * truth) * min(EPSILON, 4 * 0.02) * weights.abs().sum().item()
    assert moved == pytest.approx([expected] * 2, rel=1e-4)
    torch.testing.assert_close(found, plain.one(net, images, labels, FGSM(epsilon=EPSILON)))


def _shared(number, *, pixels=20_000, seed=0):
    """A target's weights, and those of some surrogates: a common part and one of their own."""
    generator = torch.Generator().manual_seed(seed)
    common = torch.randn(pixels, generator=generator)
    own = torch.randn(number + 1, pixels, generator=generator)
    target, *surrogates = (common + each for each in own)
    return target, surrogates


@pytest.mark.parametrize(("number", "ratio"), [(1, 0.500), (2, 0.577), (3, 0.612), (10, 0.674)])
def test_what_transfers_between_linear_networks_has_a_closed_form(plain, number, ratio):
    assert ratio == pytest.approx(1 / np.sqrt(2 * (1 + 1 / number)), abs=6e-4)
    target, surrogates = _shared(number)
    nets = [Linear(weights[None]) for weights in surrogates]
    images, labels = torch.zeros(1, 1, 100, 200), torch.zeros(1, 1)
    found = plain.one(MeanLogits(nets).eval(), images, labels, iterated("MI"))
    moved = Linear(target[None])(found).item() / (EPSILON * target.abs().sum().item())
    assert moved == pytest.approx(ratio, abs=0.01)
    signs = torch.stack(surrogates).sum(0).sign()
    assert moved == pytest.approx((signs @ target / target.abs().sum()).item(), abs=1e-4)


def test_smoothing_carries_a_smooth_common_part_and_costs_the_white_box(plain):
    generator = torch.Generator().manual_seed(0)
    common = loop.smoothed(torch.randn(1, 1, 64, 64, generator=generator), 31).flatten()
    own = torch.randn(2, 64 * 64, generator=generator)
    surrogate, target = (common / common.std() + each for each in own)
    images, labels = torch.zeros(1, 1, 64, 64), torch.zeros(1, 1)
    found = {}
    for side in (1, 15):
        made = iterated("TI", kernel=side)
        moved = plain.one(Linear(surrogate[None]), images, labels, made)
        found[side] = [
            Linear(w[None])(moved).item() / w.abs().sum().item() for w in (surrogate, target)
        ]
    assert found[15][0] < 0.8 * found[1][0]
    assert found[15][1] > 1.2 * found[1][1]


# --- identities, bit for bit, and what must differ -----------------------------------------------


@pytest.fixture
def both(plain):
    return plain.network(), *plain.batch()


def test_without_pieces_it_is_pgd(plain, both):
    made = iterated("it")
    assert torch.equal(plain.one(*both, made), plain.one(*both, PGD(**SHORT)))


def test_one_step_of_epsilon_is_fgsm(plain, both):
    made = Iterative(called="it", epsilon=EPSILON, steps=1, step_size=EPSILON)
    assert torch.equal(plain.one(*both, made), plain.one(*both, FGSM(epsilon=EPSILON)))


@pytest.mark.parametrize(
    "same",
    [
        {"kernel": 1},
        {"copies": 2},
        {"transform": "resize", "strength": 1.0},
        {"transform": "scale", "strength": 2.0},
        {"transform": "scale", "strength": 1.0, "copies": 2},
        {"radius": 0.0, "sigma": 0.0, "flatness": 0.0},
        {"seed": 7},
    ],
    ids=str,
)
def test_a_piece_that_does_nothing_changes_nothing(plain, both, same):
    assert torch.equal(plain.one(*both, iterated(**same)), plain.one(*both, iterated()))


def test_a_spectrum_of_weight_one_changes_nothing(plain, both):
    made = iterated(transform="spectrum", strength=0.0)
    torch.testing.assert_close(
        plain.one(*both, made), plain.one(*both, iterated()), atol=1e-6, rtol=0
    )


def test_an_ensemble_of_one_or_of_the_same_is_the_network(plain, both):
    model, images, labels = both
    alone = plain.one(*both, iterated("DI"))
    for members in ([model], [model, model]):
        found = plain.one(MeanLogits(members).eval(), images, labels, iterated("DI"))
        assert torch.equal(found, alone)


@pytest.mark.parametrize(
    "changes",
    [
        {"momentum": 0.0},
        {"momentum": 0.5},
        {"look": "momentum"},
        {"look": "gradient"},
        {"kernel": 3},
        {"copies": 3, "transform": "scale", "strength": 2.0},
        {"transform": "resize", "strength": 1.25},
        {"transform": "blocks", "strength": 0.0},
        {"transform": "spectrum", "strength": 0.5},
        {"radius": 2.0},
        {"sigma": 1.0},
        {"flatness": 0.5},
        {"steps": 6},
        {"step_size": 0.03},
        {"epsilon": 0.08},
    ],
    ids=str,
)
def test_every_parameter_has_an_effect(plain, both, changes):
    assert not torch.equal(plain.one(*both, iterated(**changes)), plain.one(*both, iterated()))


@pytest.mark.parametrize(
    ("called", "changes"),
    [
        ("DI", {"strength": 1.5}),
        ("DI", {"copies": 2}),
        ("BSR", {"strength": 5.0}),
        ("SSA", {"strength": 0.2}),
        ("SSA", {"sigma": 0.0}),
        ("SI", {"strength": 1.5}),
        ("SI", {"copies": 2}),
        ("TI", {"kernel": 3}),
        ("PGN", {"radius": 1.0}),
        ("PGN", {"flatness": 0.9}),
        *((called, {"seed": 1}) for called in ("DI", "BSR", "SSA", "PGN")),
    ],
    ids=str,
)
def test_so_has_each_of_a_method_of_several(plain, both, called, changes):
    assert not torch.equal(
        plain.one(*both, iterated(called, **changes)), plain.one(*both, iterated(called))
    )


class Watched(nn.Module):
    """A network that keeps what it is shown."""

    def __init__(self, inner):
        super().__init__()
        self.inner, self.shown = inner, []

    def forward(self, images):
        self.shown.append(images.detach())
        return self.inner(images)


@pytest.mark.parametrize("epsilon", [0.01, 0.06])
def test_offsets_are_as_large_as_so_many_epsilons(plain, both, epsilon):
    model, images, labels = both
    for changes, least, most in (({"radius": 3.0}, 2.9, 3.0), ({"sigma": 1.0}, 2.0, 6.0)):
        watched = Watched(model).eval()
        plain.one(watched, images, labels, iterated(epsilon=epsilon, copies=2, **changes))
        for shown in watched.shown[:2]:
            away = (shown - images).abs().max().item() / epsilon
            assert least <= away <= most + 1e-4
        assert not torch.equal(*watched.shown[:2]), "each copy has noise of its own"


# --- laws of any attack --------------------------------------------------------------------------


def test_it_stays_in_its_budget_at_every_step(plain, both, piece):
    model, images, labels = both
    images[0], images[1, 0] = 1.0, -1.0
    for steps in range(1, 5):
        found = plain.one(model, images, labels, dataclasses.replace(piece, steps=steps))
        assert (found - images).abs().max() <= EPSILON + TOLERANCE
        assert found.abs().max() <= 1
        assert all((a != b).any() for a, b in zip(found, images, strict=True)), "each moves"
    assert (found - images).abs().max() == pytest.approx(EPSILON, abs=1e-6), "and uses it"
    assert torch.equal(plain.one(model, images, labels, piece.family), images), "epsilon 0"


@pytest.mark.parametrize("shape", [(1, 9, 13), (3, 12, 12), (3, 7, 10)], ids=str)
def test_it_takes_images_of_any_shape(plain, piece, shape):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(shape[0], 2, 3), nn.Flatten(), nn.LazyLinear(2)).eval()
    images = torch.rand(2, *shape) - 0.5
    model(images)
    model.requires_grad_(False)
    found = plain.one(model, images, torch.tensor([[1.0, 0.0], [0.0, 1.0]]), piece)
    assert found.shape == images.shape


def test_an_image_fares_alike_in_every_batch_and_order(plain, both, piece):
    model, images, labels = (each.double() if hasattr(each, "double") else each for each in both)
    whole = plain.one(model, images, labels, piece)
    order = [2, 0]
    part = plain.one(model, images[order], labels[order], piece)
    torch.testing.assert_close(part, whole[order], atol=1e-9, rtol=0)


def test_it_draws_by_its_seed_and_touches_no_global_state(plain, both, piece):
    torch.manual_seed(1)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    first = plain.one(*both, piece)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (np.random.get_state()[1] == before[1]).all()
    torch.manual_seed(2)
    assert torch.equal(plain.one(*both, piece), first)


def test_two_runs_of_one_loop_are_alike(both):
    """The momentum of the first run is none of the second's."""
    import foolbox

    model, images, labels = both
    running = loop.Loop(iterated("DI"))
    answers = foolbox.PyTorchModel(model, bounds=(-1, 1), device="cpu")
    first, second = (running.run(answers, images, labels, epsilon=EPSILON) for _ in range(2))
    assert torch.equal(first, second)


def test_copies_and_steps_draw_apart():
    running, other = (loop.Loop(iterated("DI")) for _ in range(2))
    other.step = 1
    drawn = [
        torch.rand(3, generator=each._draws("transform", copy)).tolist()
        for each in (running, other)
        for copy in (0, 1)
    ]
    assert len({tuple(each) for each in drawn}) == 4


class Times(nn.Module):
    """Another network's logits, times a constant, or every finding twice."""

    def __init__(self, inner, times):
        super().__init__()
        self.inner, self.times = inner, times

    def forward(self, images):
        return self.inner(images).repeat(1, self.times)


def test_saying_every_finding_twice_changes_nothing(plain, both, piece):
    model, images, labels = (each.double() for each in both)
    twice = plain.one(Times(model, 2).eval(), images, labels.repeat(1, 2), piece)
    torch.testing.assert_close(twice, plain.one(model, images, labels, piece), atol=1e-9, rtol=0)


class Mirrored(nn.Module):
    """A network that sees images mirrored."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, images):
        return self.inner(images.flip(-1))


@pytest.mark.parametrize("called", ["PGD100", "MI", "NI", "PI", "TI", "SI"])
def test_a_mirrored_world_has_the_mirrored_perturbation(plain, both, called):
    model, images, labels = (each.double() for each in both)
    made = iterated(called)
    found = plain.one(Mirrored(model).eval(), images.flip(-1), labels, made)
    torch.testing.assert_close(
        found.flip(-1), plain.one(model, images, labels, made), atol=1e-9, rtol=0
    )


def test_the_order_of_surrogates_does_not_matter(plain, both, piece):
    _, images, labels = (each.double() if hasattr(each, "double") else each for each in both)
    nets = [plain.network(seed=seed).double() for seed in (1, 2, 3)]
    one, other = (
        plain.one(MeanLogits(order).eval(), images, labels, piece) for order in (nets, nets[::-1])
    )
    torch.testing.assert_close(one, other, atol=1e-6, rtol=0)


@pytest.mark.parametrize("logit", [0.0, 40.0], ids=["constant", "sure"])
def test_without_a_gradient_images_stay_as_they_are(plain, piece, logit):
    images, labels = plain.batch(outputs=1)
    net = Linear(torch.zeros(1, 432), [logit])
    found = plain.one(net, images, torch.ones_like(labels), piece)
    assert torch.equal(found, images)


def test_after_a_step_without_a_gradient_it_goes_on():
    """And no image takes another's share: one of the two has a gradient from the first step on."""
    running = loop.Loop(iterated("MI"))
    gradients = torch.tensor([[[[0.0, 0.0]]], [[[2.0, -2.0]]]])
    steps = [
        running.normalize(loop.ep.astensor(each), x=None, bounds=None).raw.flatten(1).tolist()
        for each in (gradients, gradients.flip(0))
    ]
    assert steps == [[[0, 0], [1, -1]], [[1, -1], [1, -1]]]


class Blind(nn.Module):
    """A network that says one thing of images whose first pixel is black, whatever is in them."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, images):
        sees = (images.detach()[:, :1, :1, :1] > -1).to(images)
        return self.inner(images * sees)


def test_an_image_without_hope_ends_nothing_for_the_others(plain, both, piece):
    model, images, labels = (each.double() for each in both)
    images[1, 0, 0, 0] = -1.0
    net = Blind(model).eval()
    made = dataclasses.replace(piece, radius=0.0, sigma=0.0)  # offsets would let it see
    found = plain.one(net, images, labels, made)
    others = [0, 2, 3]
    alone = plain.one(net, images[others], labels[others], made)
    torch.testing.assert_close(found[others], alone, atol=1e-9, rtol=0)
    assert (found[others] != images[others]).flatten(1).any(1).all()
    assert found.isfinite().all()


def test_images_that_are_wrong_already_are_made_worse(plain, both, piece):
    model, images, _ = (each.double() for each in both)
    wrong = (model(images) <= 0).double()  # every label is the other one
    before, after = (
        nn.functional.binary_cross_entropy_with_logits(model(each), wrong, reduction="none").sum(1)
        for each in (images, plain.one(model, images, wrong, piece))
    )
    assert (after > before).all()


@pytest.mark.parametrize("times", [1e-6, 1e6])
def test_a_loss_of_another_size_changes_nothing(plain, both, piece, monkeypatch, times):
    model, images, labels = (each.double() for each in both)
    expected = plain.one(model, images, labels, piece)
    inner = loop.Loop.get_loss_fn

    def scaled(self, model, labels):
        found = inner(self, model, labels)
        return lambda images: times * found(images)

    monkeypatch.setattr(loop.Loop, "get_loss_fn", scaled)
    torch.testing.assert_close(plain.one(model, images, labels, piece), expected, atol=1e-9, rtol=0)


def test_the_network_is_left_as_it_was(plain, both, piece):
    """Batch normalisation among it, which would learn from attacked images in training mode."""
    model, images, labels = both
    before = {key: value.clone() for key, value in model.state_dict().items()}
    kept = images.clone(), labels.clone()
    plain.one(model, images, labels, piece)
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert torch.equal(images, kept[0]) and torch.equal(labels, kept[1])
    assert not any(module.training for module in model.modules())


def test_gradients_are_counted(toy, plain, both, piece):
    _, images, labels = both
    nets = [plain.network(seed=seed) for seed in (1, 2)]
    passes = []
    for net in nets:
        net[0].register_full_backward_hook(lambda *_: passes.append(1))
    plain.one(MeanLogits(nets).eval(), images, labels, piece)
    assert len(passes) == 2 * piece.gradients
    attack = Attack(
        method=piece, surrogates=(toy.training(seed=1), toy.training(seed=2)), images="test"
    )
    assert attack.gradients == len(passes)


@pytest.mark.parametrize("made", [FGSM(epsilon=0.02), PGD(**SHORT)], ids=["FGSM", "PGD"])
def test_so_are_those_of_the_papers_methods(plain, both, made):
    model, images, labels = both
    passes = []
    model[0].register_full_backward_hook(lambda *_: passes.append(1))
    plain.one(model, images, labels, made)
    assert len(passes) == made.gradients


@pytest.mark.parametrize("called", METHODS)
def test_no_method_takes_more_than_a_hundred(called):
    assert method(called)(epsilon=0.02).gradients == (20 if called == "MI" else 100)


def test_it_raises_the_loss_of_its_own_surrogate(plain, both, piece):
    model, images, labels = both
    after = [
        plain.loss(model, plain.one(model, images, labels, piece.at(epsilon)), labels).item()
        for epsilon in (0.0, 0.02, EPSILON)
    ]
    assert after[0] < after[1] < after[2]


def test_all_epsilons_of_a_method_may_be_asked_for_at_once(plain, both):
    wanted = [iterated("SSA", epsilon=epsilon) for epsilon in (0.02, 0.06)]
    together = dict(craft(*both, wanted))
    for made, found in together.items():
        assert torch.equal(found, plain.one(*both, made))


# --- names and parameters ------------------------------------------------------------------------


@pytest.mark.parametrize("called", METHODS)
def test_a_method_is_a_line(called):
    made = method(called)(epsilon=0.02, steps=3)
    assert (made.name, made.traits["method"], made.steps) == (called, called, 3)
    assert made.family.epsilon == 0
    assert {name: made.traits[name] for name in METHODS[called] if name != "steps"} == {
        name: value for name, value in METHODS[called].items() if name != "steps"
    }


def test_two_names_are_two_results_and_an_unchanged_parameter_stays_out_of_the_key():
    one = partial(Iterative, epsilon=0.02, momentum=1.0)
    assert one(called="MI") != one(called="mine")
    assert one(called="MI", kernel=1, seed=0, radius=0.0) == one(called="MI")
    assert one(called="MI", kernel=3) != one(called="MI")


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"copies": 0}, "DI: copies is 0; it must be a whole number from 1"),
        ({"copies": 2.5}, "copies is 2.5; it must be a whole number"),
        ({"steps": 0}, "steps is 0"),
        ({"kernel": 4}, "kernel is 4; it must be odd"),
        ({"flatness": 1.5}, "flatness is 1.5; it must be from 0 to 1"),
        ({"strength": 0.9}, "strength is 0.9; it must be at least 1"),
        ({"transform": "turn"}, "transform is 'turn'; it must be one of scale, resize"),
        ({"look": "back"}, 'look is \'back\'; it must be "", "gradient", or "momentum"'),
        ({"look": "momentum", "momentum": 0.0}, "of a method that has momentum"),
    ],
    ids=str,
)
def test_a_parameter_out_of_range_is_refused(wrong, says):
    with pytest.raises(UsageError, match=says):
        iterated("DI", **wrong)


def test_every_transform_may_be_named_and_has_a_weakest_strength():
    assert {*transforms.TRANSFORMS, ""} == {*iterative.WEAKEST}
