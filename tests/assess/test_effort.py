"""How many questions and how much time an assessment takes."""

import dataclasses
import time
from types import SimpleNamespace

import pytest

from medtransfer.assess import effort, plan, run, setting
from medtransfer.assess.effort import Pace
from medtransfer.assess.plan import Step
from medtransfer.assess.rungs import RUNGS
from medtransfer.networks.trained import IMAGENET

BY_NAME = {rung.identifier: rung for rung in RUNGS}


@pytest.fixture
def asked(planned):
    """The assessment of a pre-trained network of the smallest study; nothing is computed."""
    domain = planned.domains[0]
    target = planned.network(
        domain, architecture=planned.profile.architectures[0], initialization=IMAGENET
    )
    return setting.of_study(planned, domain, target=target, title="A network of the study")


def step(found, name):
    return next(each for each in plan.ladder(found) if each.rung.identifier == name)


def test_every_image_that_the_target_is_asked_about_counts(asked):
    found, white = step(asked, "initialization"), step(asked, "white_box")
    numbers = {"images": 100, "calibration": 7, "attacker": 40}
    attacks = asked.replicates * len(asked.budgets) * 2
    assert effort.target_calls(asked, [found], **numbers) == 100 * (1 + attacks) + 7
    own = len(asked.budgets) * 2  # of one surrogate, the target; its control is on calibration
    assert effort.target_calls(asked, [white], **numbers) == 100 * (1 + own) + 2 * 7
    asking = Step(BY_NAME["asking"], found.trained, found.surrogates)
    assert effort.target_calls(asked, [asking], **numbers) == 100 * (1 + attacks) + 7 + 40
    untried = Step(BY_NAME["asking"], reason="not asked for")
    assert effort.target_calls(asked, [untried], **numbers) == 107


@pytest.fixture
def counted(asked, monkeypatch):
    """As if the source had 30 images to train with, 20 for validation and 50 for the test."""
    sizes = SimpleNamespace(train=range(30), validation=range(20), test=range(50))
    monkeypatch.setattr(effort, "_parts", lambda development: sizes)
    monkeypatch.setattr(effort.store, "has", lambda spec: False)
    return asked


def test_work_is_counted_in_gradients(counted):
    """By hand: epochs of training, every method once, the dearest at every budget, answers."""
    found = step(counted, "initialization")
    gradients, answers = effort.missing(counted, found)
    networks, budgets = counted.replicates, len(counted.budgets)
    pairs = networks * (networks - 1)
    # Steps, times the copies of DI, and the two points of PGN.
    costs = {"FGSM": 1, "PGD": 2, "MI": 2, "DI": 2, "BSR": 1, "SSA": 1, "PGN": 2}
    assert {*costs} == {*counted.methods}
    # Smoke trains for four steps of 16 images: two epochs of 30, of which one batch is whole.
    epochs = effort._training(found.trained[0]) / 30
    dearest, others = max(costs.values()), budgets - 1
    own = networks * 20 * (sum(costs.values()) + others * dearest)
    crafting = own + networks * 50 * budgets * dearest
    asking = pairs * 2 * 20 * (len(costs) + others) / 3  # a third of a gradient each
    assert gradients == pytest.approx(networks * epochs * 30 + crafting + asking)
    assert answers == networks * budgets * 2 * 50


def test_what_the_store_has_costs_nothing(counted, monkeypatch):
    monkeypatch.setattr(effort.store, "has", lambda spec: True)
    assert effort.missing(counted, step(counted, "initialization")) == (0, 0)


def test_a_rung_is_begun_if_it_would_end_in_time(counted, monkeypatch):
    found = step(counted, "initialization")
    gradients, answers = effort.missing(counted, found)
    monkeypatch.setattr(effort.local, "number", lambda: 2)
    known = {found.trained[0].effort: 0.01}
    seconds = (gradients * 0.01 + answers * 0.1) / 2
    now = time.perf_counter()
    for slack, fits in ((60, True), (-60, False)):
        pace = Pace(now + seconds + slack, answer=0.1, gradient=dict(known))
        assert pace.suffices(counted, found) is fits
    pace.correct(expected=10, spent=20)
    assert pace.gradient[found.trained[0].effort] == pytest.approx(0.02)
    # A kind of network that nobody trained is taken to be as slow as the slowest known.
    other = dataclasses.replace(found.trained[0], architecture="another")
    slow = Pace(0, gradient={"training a": 1.0, "training b": 2.0})
    steps = Step(found.rung, (other,) * 3, found.surrogates)
    assert slow.seconds(counted, steps) == pytest.approx(effort.missing(counted, steps)[0] * 2 / 2)


def test_short_of_time_the_methods_of_most_gradients_go_first(counted, monkeypatch):
    steps = [step(counted, "initialization"), step(counted, "development")]
    monkeypatch.setattr(run, "ensure", lambda specs, stage: None)
    monkeypatch.setattr(Pace, "learn", lambda pace, network: None)
    gradients = {name: counted.study.method(name, 0.0).gradients for name in counted.methods}
    assert [*counted.tried] == sorted(counted.tried, key=gradients.__getitem__)
    known = {steps[0].trained[0].effort: 1.0}
    whole = sum(Pace(0, gradient=known).seconds(counted, each) for each in steps)
    by_time = {}
    for share in (0.01, 0.4, 0.6, 0.8, 1.1):
        pace = Pace(time.perf_counter() + share * whole, gradient=known)
        found = run._affordable(counted, steps, pace)
        assert {*found.tried} | {*found.without} == {*counted.methods}
        assert found.tried == counted.tried[: len(found.tried)]  # those of most are gone
        assert pace.suffices(found, *steps) or len(found.tried) == 2
        by_time[share] = len(found.tried)
    assert by_time[0.01] == 2 and by_time[1.1] == len(counted.methods)
    assert len({*by_time.values()}) > 2, by_time
    white = [step(counted, "white_box")]
    assert run._affordable(counted, white, Pace(time.perf_counter() + 1)) == counted
    said = run._without(dataclasses.replace(counted, without=("DI", "PGD")))
    assert "do without DI and PGD" in said


@pytest.mark.parametrize(("minutes", "tried"), [(None, 4), (17, 4), (10, 2), (4.1, 1), (3, 0)])
def test_rungs_that_would_not_end_in_time_are_left_out(minutes, tried, monkeypatch):
    """Each takes four minutes."""
    clock = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(
        run, "ensure", lambda specs, stage: [clock.append(clock.pop() + 60 * s) for s in specs]
    )
    monkeypatch.setattr(run.plan, "rehearsals", lambda *_: {0: 1})
    monkeypatch.setattr(run.plan, "controls", lambda *_, **__: {0: 1})
    monkeypatch.setattr(run.plan, "cells", lambda *_, **__: {0: 2})
    monkeypatch.setattr(run.controls, "chosen", lambda *_: "PGD")
    monkeypatch.setattr(run.controls, "of", lambda *_: None)
    monkeypatch.setattr(Pace, "seconds", lambda *_: 240.0)
    monkeypatch.setattr(Pace, "learn", lambda *_: None)
    steps = [Step(rung, surrogates=("a network",)) for rung in RUNGS[:4]]
    pace = None if minutes is None else Pace(60 * minutes)
    assert len(run._tried(SimpleNamespace(), steps, pace, lambda _: None)) == tried
    said = run._left(steps[-1])
    assert not said.surrogates and "time" in said.reason
