"""Paragraphs of the synthesis."""

from __future__ import annotations

from pathlib import Path

import facts
import pandas as pd
import pytest
import verdict_rows
import yaml

from medtransfer.report import conclusions

FIRST = {"measure": "share that is taken", "value": -0.1, "low": -0.48, "high": 0.31, "p": 0.64}
CORRELATIONS = pd.DataFrame(
    [
        {**FIRST, "overall": 0.2, "points": 24},
        {**FIRST, "measure": "fall", "overall": 0.1, "points": 24},
    ]
)


@pytest.mark.parametrize("verdict", verdict_rows.VERDICTS)
def test_the_paragraph_on_the_gain_reads_right_whatever_the_verdict(verdict: str) -> None:
    judged = verdict_rows.judged(verdict)
    said = conclusions.gain(CORRELATIONS, judged[judged["claim"] == "C2"])
    assert "24 points" in said and "-0.10 (-0.48 to 0.31), p = 0.64 within domains" in said
    assert "0.20 over all points" in said and "fall, rank correlation" in said
    assert "undecided" not in said and "nan" not in said.lower()
    if verdict not in ("supported", "not supported"):
        assert verdict_rows.reason(verdict) in said


def test_without_points_it_says_that_there_are_none() -> None:
    judged = verdict_rows.judged()
    said = conclusions.gain(CORRELATIONS.iloc[:0], judged[judged["claim"] == "C3"].iloc[:0])
    assert said == f"No correlation is known: {conclusions.NOTHING}."
    assert conclusions.NOTHING in conclusions.within(CORRELATIONS.iloc[:0])


@pytest.mark.parametrize("verdict", verdict_rows.VERDICTS)
def test_a_defender_is_told_every_claim_and_how_it_came_out(verdict: str) -> None:
    said = conclusions.defence(verdict_rows.judged(verdict))
    for claim in verdict_rows.SAYS:
        assert f"{claim}: " in said
    assert "undecided" not in said and "nan" not in said.lower()
    open_ = verdict not in ("supported", "not supported")
    assert ("could not be decided" in said) is open_


def test_a_claim_that_was_not_judged_is_said_not_to_be() -> None:
    judged = verdict_rows.judged()
    assert "C2 was not judged" in conclusions.defence(judged[judged["claim"] != "C2"])


def test_phantoms_are_spoken_of_where_images_are_phantoms_alone(tmp_path: Path) -> None:
    hospital = tmp_path / "hospital.yaml"
    hospital.write_text(yaml.safe_dump(facts.folder_facts()))
    drawn, own = {"radiology": "phantom_chest"}, {"pathology": str(hospital)}
    assert "All images here are drawn by code" in conclusions.phantoms(drawn)
    assert "The images of radiology are drawn by code" in conclusions.phantoms(drawn | own)
    assert conclusions.phantoms(own) == ""
