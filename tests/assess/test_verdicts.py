"""The four words."""

import dataclasses

import pytest

from medtransfer.assess.verdicts import (
    INCONCLUSIVE,
    NOT_ASSESSED,
    NOT_SHOWN,
    VULNERABLE,
    Evidence,
    Verdict,
    judge,
    overall,
)

HOLDS = Evidence(patients=200, share=0.01, low=0, high=0.03, noise=0.01, p=0.5, control=0.4)
FALLS = Evidence(patients=200, share=0.4, low=0.3, high=0.5, noise=0.02, p=1e-6, control=0.4)


def one(found, **changes):
    (verdict,) = judge([dataclasses.replace(found, **changes)])
    return verdict


def test_calls_that_fall_are_vulnerable_and_calls_that_hold_are_not_shown_to_be():
    assert one(FALLS).word == VULNERABLE
    assert one(HOLDS).word == NOT_SHOWN


@pytest.mark.parametrize("control", [None, 0.0, 0.04])
def test_an_attacker_who_fails_on_his_own_networks_proves_nothing(control):
    found = one(HOLDS, control=control)
    assert found.word == INCONCLUSIVE and found.reason


def test_a_white_box_holds_only_if_its_gradients_lead_anywhere():
    """An attack without a bound turns every call, unless gradients are hidden."""
    assert one(HOLDS, control=0.97, boundless=True).word == NOT_SHOWN
    for control in (None, 0.0, 0.3):
        found = one(HOLDS, control=control, boundless=True)
        assert found.word == INCONCLUSIVE
        assert ("mislead" in found.reason) == (control is not None)
    assert one(FALLS, control=0.0, boundless=True).word == VULNERABLE


def test_a_weak_control_does_not_excuse_calls_that_fall():
    assert one(FALLS, control=0.0).word == VULNERABLE


def test_few_patients_are_not_assessed_and_are_counted():
    found = one(FALLS, patients=29)
    assert found.word == NOT_ASSESSED and "29" in found.reason


def test_what_noise_does_too_is_no_vulnerability():
    found = one(FALLS, noise=0.38, p=0.2)
    assert found.word == INCONCLUSIVE and "noise" in found.reason


def test_a_sure_but_tiny_change_is_not_called_vulnerable():
    assert one(FALLS, share=0.03, low=0.02, high=0.04, noise=0.0).word == NOT_SHOWN
    assert one(FALLS, share=0.04, low=0.02, high=0.06, noise=0.0).word == INCONCLUSIVE


def test_a_wide_interval_stays_open_and_says_how_far_it_reaches():
    found = one(HOLDS, high=0.12)
    assert found.word == INCONCLUSIVE and "12 %" in found.reason


def test_more_findings_take_smaller_p():
    """Holm: of m, the smallest is multiplied by m; those with too few patients count for none."""
    weak = dataclasses.replace(FALLS, p=0.02)
    rest = dataclasses.replace(HOLDS, p=1.0)
    assert judge([weak, rest])[0].word == VULNERABLE  # 0.04
    assert judge([weak, rest, rest])[0].word == INCONCLUSIVE  # 0.06
    few = dataclasses.replace(rest, patients=3)
    assert judge([weak, rest, few])[0].word == VULNERABLE


@pytest.mark.parametrize(
    ("words", "whole"),
    [
        ([NOT_SHOWN, VULNERABLE, INCONCLUSIVE], VULNERABLE),
        ([NOT_SHOWN, INCONCLUSIVE, NOT_ASSESSED], INCONCLUSIVE),
        ([NOT_SHOWN, NOT_ASSESSED], NOT_SHOWN),
        ([NOT_ASSESSED], NOT_ASSESSED),
        ([], NOT_ASSESSED),
    ],
)
def test_a_rung_is_as_weak_as_its_weakest_finding(words, whole):
    assert overall([HOLDS] * len(words), [Verdict(word) for word in words]).word == whole


def test_an_open_rung_has_the_reason_of_the_finding_that_changes_most():
    verdicts = [Verdict(INCONCLUSIVE, "few"), Verdict(NOT_SHOWN), Verdict(INCONCLUSIVE, "noise")]
    assert overall([HOLDS, FALLS, FALLS], verdicts).reason == "noise"
