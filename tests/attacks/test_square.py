"""Square: an attack that asks, within its budget, its questions, and whatever the batch."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from medtransfer.attacks import square
from medtransfer.attacks.square import SQUARE, STRIPES, Questions, search
from medtransfer.errors import SanityError

EPSILON = 0.1


class Linear:
    """One finding: z = w x + b, a row of w for each finding."""

    def __init__(self, outputs=1, pixels=3 * 8 * 8, bias=0.0):
        self.weights = torch.randn(outputs, pixels, generator=torch.Generator().manual_seed(0))
        self.bias, self.calls = bias, 0

    def __call__(self, images):
        self.calls += 1
        return images.flatten(1) @ self.weights.T + self.bias


def batch(number=4, outputs=1, spread=0.5):
    generator = torch.Generator().manual_seed(1)
    images = (torch.rand(number, 3, 8, 8, generator=generator) * 2 - 1) * spread
    return images, torch.ones(number, outputs), [f"image{n}" for n in range(number)]


def run(answer, images, labels, names, *, most=30, start=None, **options):
    ask = Questions(answer, images=len(images), most=most)
    options = {"epsilon": EPSILON, **options}
    return ask, list(search(ask, images, labels, start=start, names=names, **options))


@pytest.mark.parametrize("kind", [SQUARE, STRIPES])
@pytest.mark.parametrize("outputs", [1, 3])
def test_the_loss_never_falls_and_the_budget_holds_at_every_question(kind, outputs):
    answer, (images, labels, names) = Linear(outputs), batch(outputs=outputs)
    images[0], images[1, 0] = 1.0, -1.0
    ask, found = run(answer, images, labels, names, kind=kind)
    assert [number for number, _ in found] == list(range(31))
    assert (ask.asked == 30).all()
    losses = [square._loss(answer(best), labels) for _, best in found]
    for before, after in pairwise(losses):
        assert (after >= before).all()
    assert losses[-1].mean() > losses[0].mean()
    assert (losses[-1] > losses[0]).all() or kind == STRIPES, "the first may be the luckiest"
    for _, best in found:
        assert (best - images).abs().max() <= EPSILON + 1e-6
        assert best.abs().max() <= 1


def test_the_target_answers_no_more_than_its_cap():
    answer, (images, labels, names) = Linear(), batch()
    run(answer, images, labels, names, most=7)
    assert answer.calls == 7
    ask = Questions(answer, images=4, most=2)
    ask(images), ask(images)
    with pytest.raises(SanityError, match="more than 2 questions of an image"):
        ask(images)


def test_of_a_linear_target_it_takes_no_more_than_there_is_and_nearly_all():
    answer, (images, labels, names) = Linear(), batch(number=2, spread=0.2)
    most = EPSILON * answer.weights.abs().sum().item()
    before = answer(images)
    _, found = run(answer, images, labels, names, most=3000)
    moved = (before - answer(found[-1][1])).flatten()
    assert (moved <= most + 1e-3).all()
    assert (moved >= 0.97 * most).all()


def test_a_search_beats_as_many_random_stripes():
    answer, (images, labels, names) = Linear(), batch(number=8)
    left = [
        answer(run(answer, images, labels, names, most=100, kind=kind)[1][-1][1]).mean()
        for kind in (SQUARE, STRIPES)
    ]
    assert left[0] < left[1]


def test_it_begins_with_stripes_of_the_whole_budget():
    answer, (images, labels, names) = Linear(), batch()
    _, [(number, first), *_] = run(answer, images, labels, names)
    moved = first - images
    assert number == 0 and answer.calls == 30, "of the start nobody has asked yet"
    assert torch.allclose(moved.abs(), torch.tensor(EPSILON), atol=1e-6)
    assert torch.allclose(moved, moved[:, :, :1].expand_as(moved), atol=1e-6), "vertical"
    assert (moved[0] - moved[1]).abs().max() > 0.1, "each image its own"


def test_it_begins_where_it_is_told_and_asks_of_that_first():
    answer, (images, labels, names) = Linear(), batch()
    start = images - EPSILON * answer.weights.sign().view(1, 3, 8, 8)
    shown = []
    _, found = run(
        lambda given: shown.append(given) or answer(given), images, labels, names, start=start
    )
    assert torch.equal(found[0][1], start)
    assert torch.equal(shown[0], start)
    torch.testing.assert_close(found[-1][1], start), "nothing is better"


@pytest.mark.parametrize("kind", [SQUARE, STRIPES])
def test_an_image_fares_alike_in_every_batch(kind):
    answer, (images, labels, names) = Linear(), batch()
    _, whole = run(answer, images, labels, names, kind=kind)
    torch.manual_seed(5)
    some = [3, 1]
    _, part = run(answer, images[some], labels[some], [names[n] for n in some], kind=kind)
    assert torch.equal(part[-1][1], whole[-1][1][some])
    _, other = run(answer, images, labels, names, kind=kind, seed=1)
    assert not torch.equal(other[-1][1], whole[-1][1])


def test_images_do_not_share_their_squares():
    answer, (images, labels, _) = Linear(), batch(number=2)
    images[1] = images[0]
    _, found = run(answer, images, labels, ["a", "b"], start=images)
    _, same = run(answer, images, labels, ["a", "a"], start=images)
    assert not torch.equal(found[-1][1][0], found[-1][1][1])
    assert torch.equal(same[-1][1][0], same[-1][1][1])


@pytest.mark.parametrize("bias", [-100.0, 100.0], ids=["all wrong at the start", "all sure"])
def test_it_survives_targets_that_say_the_same_of_everything(bias):
    answer, (images, labels, names) = Linear(bias=bias), batch()
    ask, found = run(answer, images, labels, names)
    assert found[-1][1].isfinite().all() and (ask.asked == 30).all()


def test_an_image_of_which_nothing_changes_ends_nothing_for_the_others():
    answer, (images, labels, names) = Linear(), batch()
    seen = torch.tensor([1.0, 0.0, 1.0, 1.0])[:, None]

    def blind(given):
        return answer(given) * seen

    ask, found = run(blind, images, labels, names)
    _, alone = run(answer, images, labels, names)
    others = [0, 2, 3]
    assert torch.equal(found[-1][1][others], alone[-1][1][others])
    assert torch.equal(found[-1][1][1], found[0][1][1]), "it stays where it began"
    assert (ask.asked == 30).all()


def test_images_that_the_target_gets_wrong_already_are_searched_as_well():
    answer, (images, labels, names) = Linear(), batch()
    labels = (answer(images) <= 0).float()
    _, found = run(answer, images, labels, names)
    losses = [square._loss(answer(each), labels) for each in (found[0][1], found[-1][1])]
    assert (losses[1] > losses[0]).all()


def test_squares_become_smaller_and_fit_into_any_image():
    images = torch.zeros(1, 1, 6, 20)
    sizes = []
    for share in (0.8, 0.1, 0.001):
        moved = square._squared(images, images, EPSILON, [np.random.default_rng(0)], share=share)
        sizes.append(int((moved != 0).sum()))
    assert sizes == [36, 9, 1]
