"""The chosen epsilon: the smallest that works on validation images while noise does no harm."""

import shutil

import numpy as np
import pandas as pd
import pytest

from medtransfer import paths
from medtransfer.errors import StoreError
from medtransfer.scoring import epsilon as choice
from medtransfer.scoring.epsilon import EpsilonChoice

LABELS = [[1], [1], [0], [0]]
CLEAN = [[2.0], [3.0], [0.0], [1.0]]  # AUC 1
ATTACKED = {  # AUC, which is also the share of the clean one -> logits
    1.0: CLEAN,
    0.75: [[2.0], [0.5], [0.0], [1.0]],
    0.5: [[2.0], [-1.0], [0.0], [1.0]],
    0.0: [[0.0], [0.1], [2.0], [3.0]],
}


@pytest.fixture
def spec(toy, publish_answers):
    """Maker of a choice among epsilons that leave so much of each of some pairs.

    Control noise leaves everything, or what `noise` says for an epsilon.
    """

    def make(left, *, remaining=0.75, harmless=0.9, noise=None):
        cells = []
        for epsilon, values in left.items():
            for value in values:
                surrogate = toy.training(seed=len(cells))
                after = {"float": value, "control": (noise or {}).get(epsilon, 1.0)}
                for delivery, share in after.items():
                    cell = toy.cell(
                        surrogate, epsilon=epsilon, images="validation", delivery=delivery
                    )
                    publish_answers(cell, labels=LABELS, clean=CLEAN, attacked=ATTACKED[share])
                    cells.append(cell)
        return EpsilonChoice(cells=tuple(cells), remaining=remaining, harmless=harmless)

    return make


@pytest.mark.parametrize(
    ("left", "epsilon"),
    [
        ({0.01: [1.0], 0.02: [0.75], 0.03: [0.5]}, 0.02),  # at most: the bound itself is enough
        ({0.03: [0.5], 0.02: [0.75], 0.01: [1.0]}, 0.02),  # in any order
        ({0.01: [1.0], 0.02: [1.0], 0.03: [0.0]}, 0.03),
        ({0.01: [0.5], 0.02: [1.0], 0.03: [0.5]}, 0.01),
        ({0.01: [1.0, 0.5], 0.02: [0.5, 0.5]}, 0.01),  # the mean counts
        ({0.01: [1.0, 0.75], 0.02: [1.0, 0.0]}, 0.02),
        ({0.01: [1.0], 0.02: [1.0]}, 0.02),  # none is strong enough
    ],
)
def test_the_smallest_epsilon_that_is_strong_enough_is_chosen(spec, left, epsilon):
    made = spec(left)
    EpsilonChoice.make([made])
    assert choice.chosen(made) == epsilon


@pytest.mark.parametrize(
    ("left", "noise", "epsilon"),
    [
        ({0.01: [1.0], 0.02: [0.75], 0.03: [0.5]}, {0.03: 0.5}, 0.02),
        ({0.01: [1.0], 0.02: [1.0], 0.03: [0.5]}, {0.03: 0.75}, 0.02),  # weak, but harmless
        ({0.01: [1.0], 0.02: [0.5]}, {0.01: 0.5, 0.02: 0.5}, 0.01),  # none is harmless
    ],
)
def test_an_epsilon_at_which_noise_harms_is_not_chosen(spec, left, noise, epsilon):
    made = spec(left, noise=noise)
    EpsilonChoice.make([made])
    assert choice.chosen(made) == epsilon


def test_the_bounds_belong_to_the_choice(spec):
    made = spec({0.01: [0.75], 0.02: [0.5]}, remaining=0.6)
    EpsilonChoice.make([made])
    assert choice.chosen(made) == 0.02
    made = spec({0.01: [0.75], 0.02: [0.5]}, noise={0.02: 0.75}, remaining=0.6, harmless=0.7)
    EpsilonChoice.make([made])
    assert choice.chosen(made) == 0.02


def test_the_curves_that_it_was_read_from_are_kept(spec):
    made = spec({0.01: [1.0, 0.75], 0.02: [0.5, 0.0]}, noise={0.02: 0.75})
    EpsilonChoice.make([made])
    expected = pd.DataFrame(
        {"epsilon": [0.01, 0.02], "control": [1.0, 0.75], "float": [0.875, 0.25]}
    )
    pd.testing.assert_frame_equal(choice.sweep(made), expected)


@pytest.mark.parametrize(
    ("left", "noise", "says"),
    [
        (
            {0.01: [1.0], 0.02: [0.75, 0.5], 0.03: [0.0]},
            {0.03: 0.5},
            "the smallest epsilon at which an attack leaves at most 75 % of the clean AUC; there "
            "the attack leaves 62 % of the clean AUC and noise 100 %",
        ),
        (
            {0.01: [1.0], 0.02: [1.0], 0.03: [0.5]},
            {0.03: 0.75},
            "no attack whose size is harmless as noise leaves at most 75 % of the clean AUC, "
            "so the largest harmless epsilon was taken; there the attack leaves 100 % of the "
            "clean AUC and noise 100 %",
        ),
        (
            {0.01: [0.75], 0.02: [0.5]},
            {0.01: 0.75, 0.02: 0.5},
            "noise does harm at every candidate, so the smallest was taken; there the attack "
            "leaves 75 % of the clean AUC and noise 75 %",
        ),
    ],
    ids=["rule met", "no attack works", "noise does harm"],
)
def test_a_choice_is_explained_with_what_was_taken_if_no_epsilon_meets_the_rule(
    spec, left, noise, says
):
    made = spec(left, noise=noise)
    EpsilonChoice.make([made])
    assert choice.explained(made) == says


def test_the_reason_is_that_of_the_choice_itself(spec):
    """It is read from what was stored: no cell is asked again."""
    made = spec({0.01: [1.0], 0.02: [0.5]}, noise={0.02: 0.75}, harmless=0.75)
    EpsilonChoice.make([made])
    shutil.rmtree(paths.store() / "cell")
    assert (choice.chosen(made), choice.explained(made)[:12]) == (0.02, "the smallest")


@pytest.mark.parametrize("ask", [choice.chosen, choice.explained, choice.sweep])
def test_a_choice_that_was_not_made_is_named(spec, ask):
    with pytest.raises(StoreError, match="has no EpsilonChoice"):
        ask(spec({0.01: [1.0]}))


def test_a_network_that_is_always_wrong_does_not_end_the_study(toy, publish_answers):
    cells = [toy.cell(images="validation", delivery=kind) for kind in ("float", "control")]
    for cell in cells:
        publish_answers(cell, labels=LABELS, clean=-np.array(CLEAN), attacked=CLEAN)
    made = EpsilonChoice(cells=tuple(cells), remaining=0.5, harmless=0.9)
    EpsilonChoice.make([made])
    assert choice.chosen(made) == 0.02
