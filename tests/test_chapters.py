"""Chapters: what notebooks call; whole ones run with the notebooks themselves."""

import pandas as pd
import pytest
import upstream

from medtransfer import chapters
from medtransfer.chapters import DevelopmentData, Perturbation
from medtransfer.report.wording import described
from medtransfer.study.factors import FACTORS

NAMES = [name for name in chapters.__all__ if name not in ("Design", "Synthesis")]
CHAPTERS = [getattr(chapters, name) for name in NAMES]


def test_every_factor_has_its_chapter():
    assert {chapter.factor for chapter in CHAPTERS} == set(FACTORS)


@pytest.mark.parametrize(
    ("chapter", "domain", "number"),
    [(Perturbation, "ophthalmology", "10"), (DevelopmentData, "pathology", "32")],
)
def test_figures_are_numbered_as_their_notebook(chapter, domain, number):
    assert chapter("smoke", domain=domain).number == number


def test_opening_a_chapter_computes_nothing(monkeypatch):
    monkeypatch.setattr("medtransfer.compute.ensure.ensure", lambda specs: pytest.fail("computed"))
    for chapter in CHAPTERS:
        chapter("smoke", domain="radiology")


def test_what_one_training_cannot_say_is_said():
    for profile, says in (("default", "one training of each kind"), ("extended", "3 of each kind")):
        chapter = Perturbation(profile, domain="pathology")
        answer = chapter.say(["x"]).data
        assert says in answer and "slides" in answer


def test_a_notebook_says_that_its_images_are_phantoms(in_process):
    said = Perturbation("smoke", domain="pathology").images().data
    assert "of 12 slides, 32 px, 1 label" in said
    assert "phantoms" in said and "nothing about any clinical system" in said


def test_a_notebook_says_what_must_be_known_of_published_images():
    index = pd.DataFrame({"group": ["a", "a", "b"]})
    said = described(upstream.facts("chestmnist"), index=index, image_px=64)
    assert "3 images, 64 px, 14 labels" in said, "nobody knows whose images these are"
    assert "phantom" not in said
    assert "- No patients are stated in the files" in said and "CC BY 4.0" in said
