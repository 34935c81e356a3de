"""The page and the documents, from a document alone."""

import html
import json

import pytest

from medtransfer.assess import modelcard, report, sentences, verdicts
from medtransfer.assess.document import Assessment
from medtransfer.assess.rungs import RUNGS

SHARES = {"outsider": 0.3, "source": 0.02, "architecture": 0.2}


def overall(share, budget):
    return {
        "budget": budget,
        "share": share,
        "low": max(0, share - 0.02),
        "high": share + 0.02,
        "noise": 0.01,
        "verdict": verdicts.VULNERABLE if share > 0.1 else verdicts.NOT_SHOWN,
    }


def rung(row, word, reason=""):
    share = SHARES.get(row.identifier)
    result = {
        "budget": 4,
        "finding": "<i>Mass</i>",
        "kind": "misses",
        "images": 90,
        "groups": 50,
        **{name: share for name in ("share", "low", "high", "strongest", "noise", "p", "control")},
        "verdict": word,
        "reason": reason,
    }
    return {
        **{n: getattr(row, n) for n in ("number", "identifier", "name", "who", "knows")},
        **{n: getattr(row, n) for n in ("owasp", "nist", "atlas")},
        "verdict": word,
        "reason": reason,
        "method": "PGD" if share else "",
        "surrogates": [{"name": "a network", "key": "0" * 64, "auc": 0.9}] if share else [],
        "chosen": 0,
        "smallest": 2 if word == verdicts.VULNERABLE else None,
        "worst": "<i>Mass</i>, hidden" if share else "",
        "overall": [overall(share, 2), overall(share, 4)] if share else [],
        "results": [result] if share else [],
        "training_seconds": 10.0 if share else None,
        "crafting_seconds": 2.0 if share else None,
    }


WORDS = {
    "outsider": verdicts.VULNERABLE,
    "source": verdicts.NOT_SHOWN,
    "architecture": verdicts.INCONCLUSIVE,
}


@pytest.fixture
def found():
    """An assessment with every word in it, whose names are not to be trusted."""
    words = [(row, WORDS.get(row.identifier, verdicts.NOT_ASSESSED)) for row in RUNGS]
    return Assessment.model_validate(
        {
            "tool": {
                **{n: "x" for n in ("version", "revision", "host", "python", "command")},
                "date": "2026-01-01T00:00:00+00:00",
                "versions": {"torch": "2"},
            },
            "tester": {},
            "system": {
                "name": "cxr",
                "title": "<script>alert(1)</script>",
                "sha256": "ab" * 32,
                "outputs": "probabilities",
                "one_of_many": False,
                "thresholds": [{"finding": "Mass", "value": 0.3, "origin": "owner"}],
                "image_px": 64,
                "channels": 1,
                "path": "saved as JPEG of quality 90",
            },
            "images": {
                "title": "Images",
                "phantom": True,
                "groups": "patients",
                "test_images": 400,
                "test_groups": 100,
                "calibration_images": 100,
                "attacker_images": 500,
                "development_images": None,
            },
            "clean": [
                {
                    "finding": "Mass",
                    "positives": 50,
                    "negatives": 350,
                    "auc": 0.9,
                    "low": 0.85,
                    "high": float("nan"),
                    "declared": None,
                    "sensitivity": 0.8,
                    "specificity": 0.9,
                }
            ],
            "budgets": [2, 4],
            "headline": 4,
            "least": 0.05,
            "methods": {"FGSM": {}, "PGD": {"steps": 20, "step_size": 0.01}},
            "resamples": 100,
            "target_calls": 12345,
            "seconds": 61,
            "rungs": [
                rung(row, word, "a reason" * (word != verdicts.VULNERABLE)) for row, word in words
            ],
            "contrasts": [
                {
                    "knowledge": "architecture",
                    "having": "architecture",
                    "without": "source",
                    "value": 0.18,
                    "low": 0.1,
                    "high": 0.26,
                    "p": 0.001,
                }
            ],
            "notes": ["a note"],
        }
    )


def test_the_first_page_says_every_word_with_its_number(found):
    text = html.unescape(report.rendered(found))
    for word in verdicts.WORDS:
        assert word in text
    for said in ("30 % (28 to 32)", "+18 points (+10 to +26)", "12,345", "a note", "a reason"):
        assert said in text
    first, *_ = text.split("<h2>")
    for row in found.rungs:
        assert row.name in first and row.knows in first


@pytest.mark.parametrize(
    ("sides", "said"),
    [
        ({"specificity": 0.13}, "most test images without Mass positive (specificity 13 %)"),
        ({"sensitivity": 0.2}, "most test images with Mass negative (sensitivity 20 %)"),
        ({"sensitivity": None, "specificity": 0.5}, ""),
        ({}, ""),
    ],
)
def test_a_threshold_at_which_calls_say_little_is_named(found, sides, said):
    clean = (found.clean[0].model_copy(update=sides),)
    text = report.rendered(found.model_copy(update={"clean": clean}))
    thresholds = text.split("<dt>Thresholds</dt>")[1].split("</dd>")[0]
    assert ("at this threshold the model calls" in thresholds) == bool(said)
    assert said in thresholds


def test_names_of_others_are_text_and_no_markup(found):
    text = report.rendered(found)
    assert "<script>" not in text and "&lt;script&gt;" in text
    assert "<i>Mass</i>" not in text


def test_words_that_promise_too_much_stand_nowhere(found):
    text = report.rendered(found).lower()
    for word in ("robust", "secure", "certified", "compliant", "score: "):
        assert word not in text


def test_what_is_not_shown_is_never_said_to_be_absent(found):
    said = " ".join(sentences.summary(found))
    assert "no proof" in said
    assert "vulnerable to an outsider" in said
    assert "remains open" in said


def test_the_summary_names_who_succeeds_with_least_and_who_changes_most(found):
    more = {"outsider": 0.3, "source": 0.4, "architecture": 0.2}
    rungs = []
    for row in found.rungs:
        share = more.get(row.identifier)
        if share is not None:
            whole = [type(row.overall[0]).model_validate(overall(share, b)) for b in (2, 4)]
            row = row.model_copy(update={"verdict": verdicts.VULNERABLE, "overall": tuple(whole)})
        rungs.append(row)
    said = " ".join(sentences.summary(found.model_copy(update={"rungs": tuple(rungs)})))
    assert (
        "vulnerable to an outsider with public images of another source, who changes 30 %" in said
    )
    assert "Of the 3 attackers who succeed, this one knows least; most calls are changed by" in said
    assert "images of the same source: 40 % (38 to 42)" in said


def test_the_document_comes_back_as_it_was_written(found, tmp_path):
    page = report.write(found, tmp_path)
    assert report.read(tmp_path) == found
    assert page.read_text() == report.rendered(found)
    written = json.loads((tmp_path / "assessment.json").read_text())
    assert written["clean"][0]["high"] is None  # what JSON cannot hold


def test_the_schema_names_every_field_of_the_document(found, tmp_path):
    report.write(found, tmp_path)
    schema = json.loads((tmp_path / "assessment.schema.json").read_text())
    assert {*schema["properties"]} == {*json.loads(found.model_dump_json())}


def test_the_model_card_has_a_metric_with_its_interval_for_every_rung_that_was_tried(found):
    (component,) = modelcard.fragment(found)["components"]
    assert component["type"] == "machine-learning-model"
    metrics = component["modelCard"]["quantitativeAnalysis"]["performanceMetrics"]
    changed = [each for each in metrics if each["type"].startswith("correct calls changed at 4")]
    assert len(changed) == len(SHARES)
    assert changed[0]["confidenceInterval"] == {"lowerBound": "0.2800", "upperBound": "0.3200"}
    assert "verdict: vulnerable" in changed[0]["slice"]
    assert metrics[0] == {"type": "AUC", "value": "0.9000", "slice": "Mass"}
