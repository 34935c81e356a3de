"""Curves over questions: what is left after so many, and when a protection is used up."""

import numpy as np
import pytest
from studies import IMAGES, LABELS, answers

from medtransfer import store
from medtransfer.analysis import questions
from medtransfer.analysis.selection import OTHER, SAME
from medtransfer.measures.predictions import Predictions
from medtransfer.scoring.queries import FILE, Queries

HOW = {"resamples": 30}
CHECKPOINTS = (0, 1, 3, 7)


@pytest.fixture
def asked(toy, publish_answers):
    """Maker of a search after whose checkpoints so many % of the AUC are left."""
    source = toy.source(content="asked")
    on = {name: toy.development(name=name, source=source) for name in ("d1", "d2")}
    target = toy.training(development=on["d1"])
    rng = np.random.default_rng(0)
    names = tuple(f"image{n}" for n in range(IMAGES))
    publish_answers(target, labels=LABELS, clean=answers(1, rng))

    def make(left, *, architecture=None, search="square", seed=0):
        begun = None
        if architecture:
            surrogate = toy.training(development=on["d2"], architecture=architecture, seed=5)
            begun = toy.attack(surrogate, method="PGD", epsilon=0.02)
        spec = Queries(
            target=target,
            start=begun,
            epsilon=0.02,
            search=search,
            checkpoints=CHECKPOINTS,
            seed=seed,
        )
        logits = np.stack([answers(each / 100, rng) for each in left])
        kept = Predictions(
            labels=target.labels,
            images=names,
            groups=names,
            truth=LABELS,
            clean=answers(1, rng),
            attacked=logits[-1],
        )
        with store.draft(spec) as place:
            kept.write(place)
            np.savez(place / FILE, logits=logits, asked=np.full(IMAGES, CHECKPOINTS[-1]))
        return spec

    return make


def test_a_curve_says_what_is_left_after_so_many_questions(asked):
    left = (80, 80, 50, 20)
    table = questions.curves([asked(left, architecture="tiny")], **HOW)
    assert table["questions"].tolist() == list(CHECKPOINTS)
    assert table["percent"].tolist() == pytest.approx(left, abs=2)
    assert (table["percent_low"] <= table["percent"]).all()
    assert (table["percent"] <= table["percent_high"]).all()
    assert table["flips"].iloc[1:].is_monotonic_increasing and table["flips"].iloc[-1] > 0.3
    assert set(table["asked"]) == {7}


def test_searches_are_told_apart_by_where_they_begin(asked):
    specs = [
        asked((90, 80, 70, 60)),
        asked((95, 90, 85, 80), search="stripes"),
        asked((60, 60, 50, 40), architecture="tiny"),
        asked((80, 80, 70, 60), architecture="tiny_wide"),
        asked((90, 80, 70, 40), seed=1),
    ]
    table = questions.curves(specs, **HOW)
    kinds = table[["begins", "relation"]].drop_duplicates().itertuples(index=False)
    assert [tuple(kind) for kind in kinds] == [
        ("square", questions.ALONE),
        ("stripes", questions.ALONE),
        ("square from PGD", SAME),
        ("square from PGD", OTHER),
    ]
    alone = table[table["begins"] == "square"]
    assert alone["percent"].iloc[-1] == pytest.approx(50, abs=2)
    assert (alone["searches"] == 2).all()


@pytest.mark.parametrize(
    ("limit", "expected"),
    [(80, 0), (65, 1.83), (50, 3), (20, 7), (10, float("inf"))],
)
def test_a_protection_is_used_up_where_the_curve_meets_its_level(
    asked, toy, publish_answers, limit, expected
):
    """Between 1 and 3 questions halfway on log(1 + questions): sqrt(2 x 4) - 1 = 1.83."""
    spec = asked((80, 80, 50, 20), architecture="tiny_wide")
    same = toy.training(development=spec.start.surrogates[0].development, seed=6)
    cell = toy.cell(same, spec.target, method="PGD", epsilon=0.02)
    rng = np.random.default_rng(1)
    publish_answers(cell, labels=LABELS, clean=answers(1, rng), attacked=answers(limit / 100, rng))
    value, low, high = questions.used_up([spec], [cell], begun="square from PGD", **HOW)
    assert value == pytest.approx(expected, abs=0.4)
    assert low <= value <= high


def test_what_was_not_asked_is_not_compared(asked):
    with pytest.raises(ValueError, match="no search 'square from DI' from another architecture"):
        questions.used_up([asked((80, 80, 50, 20))], [], begun="square from DI", **HOW)
