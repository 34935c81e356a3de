"""Sentences of claims: written from the table alone, for each verdict."""

from __future__ import annotations

import pandas as pd
import pytest
import verdict_rows

from medtransfer.report.sentences import effect, number, told


def said(*rows: dict[str, object]) -> str:
    (claim,) = told(pd.DataFrame(rows))
    return claim.sentence


@pytest.mark.parametrize("claim", verdict_rows.SAYS)
def test_each_outcome_has_its_own_sentence(claim: str) -> None:
    part = verdict_rows.PARTS.get(claim, ("random",))[0]
    below = {"low": -9.0, "high": -5.0} if claim != "C5" else {"low": 80.0, "high": 90.0}
    outcomes = [
        said(verdict_rows.row(claim, part)),
        said(verdict_rows.row(claim, part, verdict="not supported")),
        said(verdict_rows.row(claim, part, verdict="not supported", **below)),
        said(verdict_rows.row(claim, part, verdict="no room", why=verdict_rows.WHY)),
    ]
    assert len(set(outcomes)) == (3 if claim == "C5" else 4), "noise that harms has no opposite"
    for sentence in outcomes:
        assert sentence[0].isupper() and sentence.endswith(".") and "{" not in sentence


@pytest.mark.parametrize("verdict", verdict_rows.VERDICTS)
def test_what_is_said_has_no_gaps_and_nothing_is_merely_undecided(verdict: str) -> None:
    for claim in told(verdict_rows.judged(verdict)):
        shown = f"{claim.sentence} {claim.numbers} {claim.exceptions}".lower()
        assert "nan" not in shown.replace("resonance", "") and "undecided" not in shown
        undecided = verdict not in ("supported", "not supported")
        assert (verdict_rows.reason(verdict) in claim.sentence) is undecided, "it says why in words"
        assert claim.sentence.startswith("It remains open whether ") is undecided


def test_where_targets_are_at_chance_no_effect_is_shown() -> None:
    whole = verdict_rows.row("C1", "all pairs", value=90.0, low=80.0, high=99.0)
    blind = {**whole, "verdict": "at chance", "why": verdict_rows.WHY}
    assert effect(whole) == "90 (80 to 99)" and effect(blind) == ""
    (claim,) = told(pd.DataFrame([blind]))
    assert (
        verdict_rows.reason("at chance") in claim.sentence
        and "90" not in claim.sentence + claim.numbers
    )


def test_halves_that_agree_share_a_sentence_and_others_do_not() -> None:
    agree = said(verdict_rows.row("C3", "random"), verdict_rows.row("C3", "pre-trained"))
    assert agree.count(".") == 1
    assert "whether networks start from random weights or are pre-trained" in agree
    no_room = verdict_rows.row("C3", "pre-trained", verdict="no room", why=f"{verdict_rows.WHY}.")
    differ = said(verdict_rows.row("C3", "random"), no_room)
    first, second = differ.split(". ")
    assert first.endswith("does less harm, where networks start from random weights")
    assert second == (
        "It remains open whether an attacker who lacks the images that a system was developed on "
        f"does less harm, where networks are pre-trained: {verdict_rows.WHY}."
    )


def test_another_architecture_is_named_where_it_stands_alone() -> None:
    other = verdict_rows.row("C1", "other architecture")
    assert said(other).startswith(
        "An attack crafted on a public pre-trained network of another architecture does more harm"
    )
    both = said(verdict_rows.row("C1", "all pairs"), other)
    assert "network, even of another architecture, does more harm" in both


def test_the_number_has_its_interval_its_unit_and_p() -> None:
    assert number(verdict_rows.row("C3", "random")) == (
        "random: 4.2 points more of the clean AUC are left (95 % interval 3.0 to 5.5), p < 0.0001"
    )
    reverse = verdict_rows.row("C3", "random", value=-4.25, low=-5.5, high=3.0)
    assert number(reverse).startswith(
        "random: 4.2 points less of the clean AUC are left (95 % interval -3.0 to 5.5)"
    )
    correlated = verdict_rows.row("C2", "", value=-0.081, low=-0.48, high=0.3, p_holm=0.64)
    assert number(correlated) == ("rank correlation -0.08 (95 % interval -0.48 to 0.30), p = 0.64")


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"value": 31.2, "low": 20.0, "high": 42.0}, "31 (20 to 42)"),
        ({"value": 99.77, "low": 99.61, "high": 99.93}, "99.8 (99.6 to 99.9)"),
        ({"value": -0.3, "low": -20.0, "high": 19.0}, "0 (-20 to 19)"),
        ({"value": float("nan")}, ""),
    ],
)
def test_an_effect_has_as_many_digits_as_its_interval_bears(
    changes: dict[str, float], shown: str
) -> None:
    assert effect(verdict_rows.row("C3", "random", **changes)) == shown


def test_domains_that_came_out_otherwise_are_named() -> None:
    table = pd.DataFrame(
        [
            *(verdict_rows.row("C4", part) for part in ("random", "pre-trained")),
            verdict_rows.row("C4", "random", "radiology", verdict="no room"),
            verdict_rows.row("C4", "pre-trained", "radiology"),
            verdict_rows.row("C4", "random", "pathology"),
            verdict_rows.row("C4", "pre-trained", "pathology", verdict="not supported"),
        ]
    )
    (claim,) = told(table)
    assert claim.exceptions == (
        "Different in radiology (random: no room) and pathology (pre-trained: not supported)."
    )
    (alone,) = told(table[table["domain"] == "radiology"])
    assert "remains open" in alone.sentence and not alone.exceptions, "one domain is all there is"
