"""Guards: each with a case that must stop a verdict, and one that must not."""

import numpy as np
import pytest

from medtransfer.analysis import guards, statistics
from medtransfer.networks.trained import IMAGENET

IMAGES = 40
LABELS = np.arange(IMAGES)[:, None] % 2


def side(*left):
    """Pairs of two trainings on each side that leave so many %."""
    number = len(left)
    return statistics.Pairs(
        values=np.array(left, float),
        draws=np.array(left, float)[:, None] + np.zeros(5),
        targets=[f"t{i}" for i in range(number)],
        surrogates=[f"s{i}" for i in range(number)],
        target_kinds=["t"] * number,
        surrogate_kinds=["s"] * number,
        groups=9,
    )


@pytest.mark.parametrize(
    ("left", "says"),
    [
        ((1, 4), "takes all"),
        ((4.9, 1), "takes all"),
        ((99, 98.5), "takes nothing"),
        ((1, 6), ""),
        ((97, 99), ""),
        ((2, 99), ""),
    ],
)
def test_room_is_needed_on_one_side_at_least(left, says):
    found = guards.no_room([side(each, each) for each in left])
    if not says:
        assert found is None
        return
    verdict, why = found
    assert verdict == guards.NO_ROOM == "no room"
    assert says in why and all(f"{each:g} %" in why for each in left if each != 98.5)


@pytest.mark.parametrize(("clean", "blind"), [(0.5, True), (0.55, True), (0.75, False), (1, False)])
def test_targets_must_exclude_chance(toy, publish_answers, clean, blind):
    cells = [
        toy.cell(toy.training(), toy.training(initialization=IMAGENET, seed=seed))
        for seed in (1, 2)
    ]
    logits = np.where(LABELS > 0, np.arange(IMAGES)[:, None] < clean * IMAGES, 0.5)
    for cell in cells:
        publish_answers(cell, labels=LABELS, clean=logits, attacked=logits)
    found = guards.at_chance(cells, resamples=200)
    if not blind:
        assert found is None
        return
    verdict, why = found
    assert verdict == "at chance"
    assert f"pre-trained tiny on d1: {clean:.2f} (" in why


def test_test_images_of_one_class_are_at_chance_and_say_so(toy, publish_answers):
    cell = toy.cell()
    logits = np.random.default_rng(0).normal(size=LABELS.shape)
    publish_answers(cell, labels=np.ones_like(LABELS), clean=logits, attacked=logits)
    verdict, why = guards.at_chance([cell], resamples=20)
    assert verdict == "at chance" and "no value" in why and "nan" not in why


def test_one_training_of_a_kind_is_not_enough():
    effect = statistics.mean(side(50, 60))
    assert guards.one_training(effect, unit="%") is None
    verdict, why = guards.one_training(statistics.mean(side(50)), unit="% left")
    assert verdict == "one training" and "50 % left" in why


def test_what_is_at_chance_is_said_alike_whatever_the_order(toy, publish_answers):
    cells = [
        toy.cell(toy.training(), toy.training(initialization=start))
        for start in ("random", IMAGENET)
    ]
    for cell in cells:
        publish_answers(cell, labels=LABELS, clean=0.0 * LABELS, attacked=0.0 * LABELS)
    assert guards.at_chance(cells, resamples=20) == guards.at_chance(cells[::-1], resamples=20)
