"""Searches that ask a target: made together, kept at checkpoints, counted image by image."""

import dataclasses

import numpy as np
import pytest

from medtransfer import store
from medtransfer.attacks.square import SQUARE, STRIPES
from medtransfer.errors import SanityError
from medtransfer.measures import predictions
from medtransfer.scoring import queries, searching, transfer
from medtransfer.scoring.queries import Queries

EPSILON = 0.06


def begun(toy, study, **changes):
    attack = toy.attack(study.bis, method="FGSM", epsilon=EPSILON, **changes)
    return asked(study, start=attack)


def asked(study, **changes):
    fields = {"target": study.target, "start": None, "epsilon": EPSILON, "search": SQUARE}
    return Queries(**{**fields, "checkpoints": (0, 1, 4), **changes})


def test_what_is_answered_is_kept_at_checkpoints_and_counted(copied, toy):
    spec = asked(copied)
    Queries.make([spec])
    found = queries.read(spec)
    number = len(found.predictions)
    assert found.logits.shape == (3, number, 1)
    assert found.asked.tolist() == [4] * number
    assert np.array_equal(found.logits[-1], found.predictions.after)
    truth, logits = found.predictions.truth, found.logits
    loss = np.logaddexp(0, np.where(truth, -logits, logits)).sum(-1)
    assert (loss[2] >= loss[1] - 1e-6).all() and loss[2].mean() > loss[0].mean()
    assert np.array_equal(loss[0], loss[1]), "the first question is about the start"


def test_without_a_question_it_is_the_transferred_attack(copied, toy):
    spec = begun(toy, copied)
    Queries.make([spec])
    cell = toy.cell(copied.bis, copied.target, epsilon=EPSILON)
    transferred, found = predictions.read(cell), queries.read(spec)
    assert np.array_equal(found.logits[0], transferred.after)
    assert np.array_equal(found.predictions.clean, transferred.clean)
    assert found.predictions.images == transferred.images


def test_searches_from_the_same_images_are_made_together(copied, toy, monkeypatch):
    specs = [
        dataclasses.replace(begun(toy, copied), **change)
        for change in ({}, {"target": copied.wide}, {"checkpoints": (2,)})
    ]
    assert len({spec.batch for spec in specs}) == 1
    assert asked(copied).batch != specs[0].batch
    passes, craft = [], transfer.craft
    monkeypatch.setattr(transfer, "craft", lambda *given: passes.append(1) or craft(*given))
    Queries.make(specs)
    assert len(passes) == 1
    alone = dataclasses.replace(specs[1], seed=0)
    assert all(store.has(spec) for spec in (*specs, alone))
    assert queries.read(specs[2]).logits.shape[0] == 1


def test_random_stripes_are_another_search(copied, toy):
    specs = [asked(copied), asked(copied, search=STRIPES), asked(copied, seed=1)]
    assert len({spec.key for spec in specs}) == 3
    for spec in specs:
        Queries.make([spec])
    first, *others = (queries.read(spec).logits for spec in specs)
    assert all(not np.array_equal(first, other) for other in others)


@pytest.mark.parametrize("wrong", [(), (0,), (4, 1), (1, 1), (-1, 4)], ids=str)
def test_checkpoints_rise(study, wrong):
    with pytest.raises(ValueError, match="must rise, from 0, to at least 1"):
        asked(study, checkpoints=wrong)


@pytest.mark.parametrize("change", [{"epsilon": 0.02}, {"images": "validation"}], ids=str)
def test_the_start_is_of_test_images_and_of_the_same_epsilon(toy, study, change):
    attack = toy.attack(study.bis, **{"epsilon": EPSILON, **change})
    with pytest.raises(ValueError, match="its own epsilon"):
        asked(study, start=attack)


def test_a_search_that_leaves_its_budget_is_not_published(copied, monkeypatch):
    spec = asked(copied)

    def wild(ask, clean, labels, **options):
        yield 1, (clean + 0.5).clamp(-1, 1)

    monkeypatch.setattr(searching, "search", wild)
    with pytest.raises(SanityError, match="a search moved a pixel"):
        Queries.make([spec])
    assert not store.has(spec)
