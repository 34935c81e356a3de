"""The eight checks of gradients: each fails when what it looks for is there."""

import pytest

from medtransfer.analysis.masks import failed
from medtransfer.scoring import masking

SOUND = {
    masking.ZERO: 0.0,
    masking.NONE: 0.9,
    masking.ONE_STEP: 0.3,
    masking.HALF: 0.4,
    masking.PGD: 0.2,
    masking.TWICE: 0.19,
    masking.RANDOM_STARTS: 0.2,
    masking.NOISE: 0.88,
    masking.WITHOUT: 0.5,
    masking.LARGE: 0.0,
}
LEFT = {"A0": 99.0, "A2": 60.0, "A3": 50.0, "A5": 20.0}


def test_a_plain_network_passes():
    assert failed(SOUND, LEFT) == []


@pytest.mark.parametrize(
    ("measured", "left", "said"),
    [
        ({masking.LARGE: 0.4}, {}, "without a budget"),
        ({masking.HALF: 0.1}, {}, "larger epsilon or more steps"),
        ({masking.TWICE: 0.3}, {}, "larger epsilon or more steps"),
        ({}, {"A3": 10.0}, "another network attacks better"),
        ({masking.ONE_STEP: 0.1}, {}, "one step attacks better"),
        ({masking.ZERO: 0.1}, {}, "no gradient"),
        ({masking.RANDOM_STARTS: 0.1}, {}, "random starts"),
        ({masking.WITHOUT: 0.1}, {}, "without gradients"),
        ({masking.NOISE: 0.1}, {}, "uniform noise"),
    ],
)
def test_each_check_fails_alone(measured, left, said):
    (words,) = failed(SOUND | measured, LEFT | left)
    assert said in words


def test_noise_of_the_attacker_is_no_rival_of_the_owner():
    assert failed(SOUND, LEFT | {"A0": 10.0}) == []


def test_two_points_are_no_failure():
    assert failed(SOUND | {masking.ONE_STEP: 0.185}, LEFT | {"A3": 18.5}) == []
