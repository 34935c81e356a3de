"""The claims as Markdown, and as the page of results quotes them."""

from __future__ import annotations

import re

import pytest
import verdict_rows

from medtransfer import paths
from medtransfer.errors import ReportError
from medtransfer.report import recommendations, verdicts


def table_of(markdown: str) -> list[str]:
    return [line for line in markdown.splitlines() if line.startswith("|")]


def test_sentences_stand_before_the_table_and_all_domains_before_each() -> None:
    text = verdicts.as_markdown(verdict_rows.judged(domains=("radiology", "pathology")))
    assert text.startswith("- **C1** An attack crafted on a public pre-trained network")
    lines = table_of(text)
    assert lines[0] == "| | all domains | radiology | pathology |"
    assert len(lines) == 2 + 2 * 4 + 1, "a row per claim and part"
    assert lines[2].startswith(
        "| **C1** pre-training of both raises transferability<br>all pairs | supported<br>4.2 (3.0 "
        "to 5.5)<br>p < 0.0001 |"
    )
    assert lines[4].endswith("|  |  |"), "C2 has no row per domain"


@pytest.mark.parametrize("verdict", verdict_rows.VERDICTS)
def test_whatever_came_out_there_are_no_gaps_and_every_doubt_has_its_reason(verdict: str) -> None:
    claims = verdict_rows.judged(verdict)
    text = verdicts.as_markdown(claims)
    assert "nan" not in text.lower() and "undecided" not in text
    reasons = [line for line in text.splitlines() if line.startswith("- C")]
    assert len(reasons) == (0 if verdict == "supported" else len(claims))
    for reason in reasons:
        assert verdict in reason and verdict_rows.WHY in reason
    shown = verdicts.as_frame(claims)
    assert not shown.isna().any(axis=None) and "nan" not in shown.to_string().lower()


def test_what_was_written_is_read_again() -> None:
    folder = paths.rendered("smoke")
    folder.mkdir(parents=True)
    claims = verdict_rows.judged("at chance")
    claims.to_csv(folder / verdicts.TABLE, index=False, float_format="%.6g")
    read = verdicts.read("smoke")
    assert read is not None
    assert verdicts.as_markdown(read) == verdicts.as_markdown(claims)


def test_without_a_synthesis_the_message_says_what_to_run() -> None:
    assert verdicts.read("smoke") is None
    with pytest.raises(ReportError, match="make reproduce PROFILE=smoke"):
        verdicts.needed("smoke")


def test_the_page_of_results_quotes_the_committed_figures() -> None:
    claims = verdicts.written(paths.REPOSITORY / "figures")
    assert claims is not None
    page = (paths.REPOSITORY / "docs" / "results.md").read_text()
    if verdicts.as_markdown(claims) not in page:
        pytest.fail("docs/results.md: replace the claims by what `medtransfer verdicts` prints")


def test_the_page_of_defences_quotes_the_committed_figures() -> None:
    folder = paths.REPOSITORY / "figures"
    claims, defended = verdicts.written(folder), verdicts.defended(folder / "defences")
    assert claims is not None and defended is not None
    page = (paths.REPOSITORY / "docs" / "defences.md").read_text()
    if recommendations.as_markdown(claims, defended) not in page:
        pytest.fail("docs/defences.md: replace the card and the table by what `verdicts` prints")


def test_every_number_of_the_answer_in_the_readme_is_one_of_the_results() -> None:
    readme = (paths.REPOSITORY / "README.md").read_text()
    answer = readme.split("## What comes out")[1].split("\n## ")[0]
    pages = [paths.REPOSITORY / "docs" / name for name in ("results.md", "defences.md")]
    found = " ".join(page.read_text() for page in pages)
    numbers = re.findall(r"\d+\.\d+", re.sub(r"\]\([^)]*\)", "", answer))
    assert len(numbers) >= 4
    assert {*numbers} <= {*re.findall(r"\d+\.\d+", found)}
