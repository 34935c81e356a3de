"""Claims on stronger attackers as a clinician reads them, and where they stand."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
import verdict_rows

from medtransfer import paths
from medtransfer.analysis import attacker_claims
from medtransfer.report import sentences, verdicts
from medtransfer.report.claims import PARTS, STRONGER

CLAIMS = attacker_claims.CLAIMS


def row(claim: str, part: str = "", **changes: Any) -> dict[str, Any]:
    """Return a supported claim, with some fields changed."""
    return {**verdict_rows.row("C3", part, **changes), "claim": claim, "says": CLAIMS[claim]}


def said(*rows: dict[str, Any]) -> sentences.Told:
    (claim,) = sentences.told(pd.DataFrame(rows))
    return claim


OUTCOMES: dict[str, dict[str, Any]] = {
    "yes": {},
    "no": {"verdict": "not supported"},
    "reversed": {"verdict": "not supported", "low": -9.0, "high": -5.0},
    "open": {"verdict": "no room", "why": verdict_rows.WHY},
}


def test_every_claim_and_part_has_words() -> None:
    assert set(STRONGER) == set(CLAIMS)
    assert set(PARTS) == set(attacker_claims.PLACES)


@pytest.mark.parametrize("claim", CLAIMS)
def test_each_outcome_is_a_sentence_of_its_own(claim: str) -> None:
    part = attacker_claims.PLACES[0] if claim == "C9" else ""
    found = {name: said(row(claim, part, **each)).sentence for name, each in OUTCOMES.items()}
    assert len(set(found.values())) == len(OUTCOMES)
    for sentence in found.values():
        assert sentence[0].isupper() and sentence.endswith(".") and "{" not in sentence
        assert "strongest method that was tried" in sentence
    assert (
        found["open"].startswith("It remains open whether ") and verdict_rows.WHY in found["open"]
    )


def test_both_places_of_an_order_share_a_sentence_where_they_agree() -> None:
    first, second = (row("C9", part) for part in attacker_claims.PLACES)
    agree = said(first, second)
    assert agree.sentence.count(".") == 1 and agree.sentence.startswith("Each protection")
    assert agree.numbers.startswith(
        "First over second: 4.2 points more of the clean AUC than the next (95 % interval"
    )
    differ = said(first, {**second, **OUTCOMES["reversed"]}).sentence
    kept, lost = differ.split(". ")
    assert kept.startswith("The protection that ranks first") and "also protects more" in kept
    assert lost.startswith("The protection that ranks second") and "less than the next" in lost


def test_the_number_comes_second_and_has_its_interval() -> None:
    assert said(row("C7")).numbers == (
        "4.2 points more of the clean AUC are left (95 % interval 3.0 to 5.5), p < 0.0001."
    )


def test_the_first_page_has_them_after_those_of_the_paper() -> None:
    folder = paths.rendered("smoke")
    folder.mkdir(parents=True)
    verdict_rows.judged().to_csv(folder / verdicts.TABLE, index=False)
    alone = verdicts.needed("smoke")
    pd.DataFrame([row("C6"), row("C8")]).to_csv(folder / verdicts.FURTHER[0], index=False)
    both = verdicts.needed("smoke")
    assert list(dict.fromkeys(both["claim"])) == [*dict.fromkeys(alone["claim"]), "C6", "C8"]
    assert both.index.is_unique and (both["part"] != both["part"]).sum() == 0
    text = verdicts.as_markdown(both)
    assert text.index("**C5**") < text.index("**C6** Networks from random weights lose less")
    assert verdicts.FURTHER_UNITS in text
    assert verdicts.FURTHER_UNITS not in verdicts.as_markdown(alone)
