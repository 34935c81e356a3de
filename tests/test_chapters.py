"""Chapters: what notebooks call; whole ones run with the notebooks themselves."""

import facts
import numpy as np
import pandas as pd
import pytest
import upstream
import verdict_rows
import yaml
from IPython.display import Image
from PIL import Image as Picture

from medtransfer import chapters, paths
from medtransfer.chapters import Design, DevelopmentData, Perturbation, Synthesis
from medtransfer.domains import DOMAINS, Domain
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


@pytest.fixture
def own(tmp_path, monkeypatch):
    """The profile of somebody else's study: one domain that we do not have, with their labels."""
    monkeypatch.setitem(DOMAINS, "dermatology", Domain(number=4, augmentation=(), colour="#117733"))
    rng = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    table = pd.DataFrame({"file": [f"{number:03d}.png" for number in range(96)]})
    table["patient"] = table.index // 2
    table[["mole", "scar"]] = rng.integers(0, 2, size=(96, 2))
    table.to_csv(tmp_path / "labels.csv", index=False)
    for name in table["file"]:
        pixels = rng.integers(0, 255, (32, 32, 3), np.uint8)
        Picture.fromarray(pixels).save(tmp_path / "images" / name)
    labels = [{"name": name, "meaning": "m"} for name in ("Naevus", "Old_Scar")]
    manifest = facts.folder_facts(domain="dermatology", task="multi-label", labels=labels)
    manifest |= {"label_columns": ["mole", "scar"], "group_column": "patient"}
    manifest |= {"group_noun": "patient"}
    (tmp_path / "skin.yaml").write_text(yaml.safe_dump(manifest))
    profile = {"name": "own", "extends": "smoke", "sources": {"dermatology": "skin.yaml"}}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump({**profile, "groups": {}, "image_px": 32}))
    return str(tmp_path / "own.yaml")


def test_the_design_shows_whatever_domains_and_labels_a_profile_has(own, in_process):
    design = Design(own)
    assert design.domains == ("dermatology",)
    assert isinstance(design.sheet("dermatology"), Image)
    titles = pd.read_csv(paths.rendered("own") / "00_dermatology.csv")["title"]
    assert len(titles) == 24
    assert {"Naevus", "Naevus, Old Scar"} <= set(titles)
    assert list(design.frequency().index) == ["Naevus", "Old_Scar"]
    for shown in (design.profile(), design.sizes(), design.units(), design.catalogue()):
        assert len(shown) > 0
    assert {domain for domain, _ in design.counts().index} == {"dermatology"}
    assert {domain for domain, _ in design.sizes().index} == {"dermatology"}


def test_a_chapter_opens_for_a_domain_of_ones_own(own, in_process):
    chapter = Perturbation(own, domain="dermatology")
    assert chapter.number == "40"
    assert "96 images of 48 patients, 32 px, 2 labels" in chapter.images().data
    assert "over patients" in chapter.say(["x"]).data


@pytest.mark.parametrize("domains", [["dermatology"], ["dermatology", "radiology"]])
def test_the_synthesis_concludes_for_any_number_of_domains(own, domains):
    synthesis = Synthesis(own)
    synthesis.domains = domains
    judged = verdict_rows.judged("no room", domains=domains)
    several = judged["domain"].isin(domains) if len(domains) == 1 else judged["claim"] != "C2"
    synthesis.judged = judged[several]
    said = synthesis.answer().data
    assert "C2 was not judged" in said
    for shown in (said, synthesis.sentences().data, synthesis.reasons().data):
        assert verdict_rows.WHY in shown and "undecided" not in shown
    assert list(synthesis.verdicts().columns)[-len(domains) :] == domains


def test_the_synthesis_speaks_of_phantoms_where_images_are_phantoms_alone(own):
    for profile, drawn in (("smoke", True), (own, False)):
        synthesis = Synthesis(profile)
        shown = synthesis.images().data + synthesis.phantoms().data
        assert ("phantoms, drawn by code" in shown) is drawn
        assert ("What these phantoms can and cannot say" in shown) is drawn
    assert shown == "Images: skin."
