"""Chapters: what notebooks call; whole ones run with the notebooks themselves."""

import ast
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import facts
import nbformat
import numpy as np
import pandas as pd
import pytest
import upstream
import verdict_rows
import yaml
from IPython.display import Image
from PIL import Image as Picture
from studies import LABELS, Maker, answers

from medtransfer import chapters, paths
from medtransfer.analysis import sanity
from medtransfer.analysis.attacker_claims import CLAIMS
from medtransfer.chapters import Design, DevelopmentData, Initialization, Perturbation, Synthesis
from medtransfer.domains import DOMAINS, Domain
from medtransfer.errors import UsageError
from medtransfer.networks.trained import RANDOM
from medtransfer.report.tables import LEFT, ordered
from medtransfer.report.verdicts import FURTHER
from medtransfer.report.wording import described, points
from medtransfer.study.factors import FACTORS

OTHERS = ("Design", "OneImage", "Synthesis", "YourModel")
NAMES = [name for name in chapters.__all__ if name not in OTHERS]
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
    for profile, says in (
        ("smoke", "one training of each kind"),
        ("default", "2 or 3 of each kind"),
    ):
        chapter = Perturbation(profile, domain="pathology")
        answer = chapter.say(lambda: "x").data
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
def own(tmp_path, monkeypatch, imagenet_files):
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


@pytest.fixture
def small(own, tiny_architectures):
    """The same study with one small network, from random weights alone."""
    profile = yaml.safe_load(Path(own).read_text())
    profile |= {"name": "small", "architectures": ["tiny"], "recipes": {"imagenet": None}}
    place = Path(own).with_name("small.yaml")
    place.write_text(yaml.safe_dump(profile))
    return str(place)


@pytest.mark.slow
@pytest.mark.parametrize("number", ["00", "20", "22", *(f"own/{n}" for n in range(6))])
def test_a_page_breaks_in_no_profile(small, in_process, number):
    """One network, one start, other labels: what the profile lacks is said, nothing raised."""
    (path,) = paths.notebooks().glob(f"{number}_*.ipynb")
    said, names = [], {"profile": small, "domain": "dermatology"}
    for cell in nbformat.read(path, as_version=4).cells[2:]:
        if cell.cell_type == "code":
            source = cell.source.replace('domain="radiology"', 'domain="dermatology"')
            *steps, last = ast.parse(source).body
            exec(compile(ast.Module(steps, []), path.name, "exec"), names)
            if isinstance(last, ast.Expr):
                said.append(eval(compile(ast.Expression(last.value), path.name, "eval"), names))
            else:
                exec(compile(ast.Module([last], []), path.name, "exec"), names)
    if number == "00":
        return
    answer = said[-2].data
    if number == "own/5":  # no start is compared
        assert "**Noise and vote** changes what is left" in answer and "nan" not in answer
        return
    said = ("both are random", "random networks", "**At chance:**")
    assert any(each in answer for each in said)
    assert "Nothing can be said here: this profile has no pairs with" in answer
    assert "pre-trained" not in answer.replace("initialization pre-trained", "")
    assert "nan" not in answer


def test_what_compares_targets_at_chance_is_not_said(studied, publish_answers, toy, home):
    """The fall of an AUC of 0.5 is no fall, whatever its interval says."""
    chapter = DevelopmentData("smoke", domain="pathology")
    truth = np.arange(60)[:, None] % 2
    guesses, sees = np.zeros((60, 1)), truth + 0.1
    both = {"method": "PGD", "epsilon": 0.02}
    sides = {"surrogate_initialization": "random"}, {"surrogate_initialization": "imagenet"}
    for clean, blind in ((guesses, True), (sees, False)):
        seed = 10 * blind
        cells = [
            toy.cell(toy.training(initialization=start, seed=seed), target, **both)
            for target in [toy.training(seed=seed + 5)]
            for start in ("random", "imagenet")
        ]
        for cell, after in zip(cells, (truth, -truth), strict=True):
            publish_answers(cell, labels=truth, clean=clean, attacked=after)
        chapter.cells = tuple(cells)
        said = chapter.compare(*sides, **both).data
        answer = chapter.say(chapter._sight, lambda: "An answer.").data
        assert ("Nothing can be said here: the clean AUC of targets" in said) is blind
        assert ("0.50 (0.50 to 0.50)" in said) is blind, "with the clean AUC and its interval"
        assert ("**At chance:**" in answer) is blind
        assert ("difference: **+100 points" in said) is not blind


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ({"method": "CW"}, "no pairs with CW"),
        ({"target_data": "d3"}, "no pairs with target data d3"),
    ],
)
def test_what_a_profile_does_not_have_is_said_and_is_no_fault_of_ours(studied, where, says):
    chapter = DevelopmentData("smoke", domain="pathology")
    chapter.cells = studied.cells
    with pytest.raises(UsageError, match=says):
        chapter.table("relation", **where)
    assert says in chapter.compare({"delivery": "float"}, {"delivery": "control"}, **where).data


def test_two_selections_are_compared_in_numbers(studied):
    chapter = DevelopmentData("smoke", domain="pathology")
    chapter.cells = studied.cells
    both = {"method": "FGSM", "epsilon": 0.02, "relation": "same architecture"}
    first, second = {"delivery": "control"}, {"delivery": "float"}
    said = chapter.compare(first, second, **both).data
    difference = chapter.contrast(first, second, **both)
    assert said.startswith("FGSM, same architecture, at 0.02 (2.55 grey levels of 255)")
    assert f"- control noise: {chapter.left(**both, **first)}" in said
    assert f"difference: **{points(difference)}**" in said


def test_rows_stand_from_large_data_to_small_and_from_same_to_other():
    rows = [("d1/10", "other architecture"), ("d1/2", "other architecture"), ("d1/2", "white box")]
    table = pd.DataFrame(rows, columns=["target_data", "relation"])
    found = ordered(table, by=["target_data", "relation"])
    assert found.index.tolist() == [2, 1, 0]
    strange = pd.DataFrame({"target_data": ["mine", "d2"]})  # no name of ours: by the alphabet
    assert ordered(strange, by=["target_data"])["target_data"].tolist() == ["d2", "mine"]


def test_the_depth_of_networks_is_set_against_the_size_of_images():
    design = Design("default")
    fitting = design.networks(image_px=40)
    assert (fitting["fits"] == "yes").all()
    assert fitting.equals(design.networks().loc[fitting.index]), "40 px is the profile's size"
    design.settings = design.settings.model_copy(update={"architectures": ("mobilenet_v2",)})
    (row,) = design.networks(image_px=40).to_dict("records")
    assert (row["stride"], row["last map"]) == (32, "2 x 2")
    assert "too few" in row["fits"]
    (row,) = design.networks(image_px=224).to_dict("records")
    assert (row["last map"], row["fits"]) == ("7 x 7", "yes")


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
    assert "over patients" in chapter.say(lambda: "x").data


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


def test_the_design_says_what_images_these_are(own, in_process):
    mine = Design(own).images().data
    assert "**t** (`mine`): 96 images of 48 patients, 32 px, 2 labels" in mine
    assert "**Naevus**, m; **Old Scar**, m" in mine and "phantom" not in mine.lower()
    drawn = Design("smoke").images().data
    assert "without patients" in drawn and "cotton-wool spots" in drawn


def test_the_synthesis_speaks_of_phantoms_where_images_are_phantoms_alone(own):
    for profile, drawn in (("smoke", True), (own, False)):
        synthesis = Synthesis(profile)
        synthesis.domains = []  # nothing is drawn or read
        shown = synthesis.images().data + synthesis.phantoms().data
        assert ("phantoms, drawn by code" in shown) is drawn
        assert ("What these phantoms can and cannot say" in shown) is drawn
    assert shown == "Images: t.", "its title"


def test_of_targets_at_chance_no_percentage_is_said(toy, publish_answers):
    def clean(target):
        return 0.5 if target.initialization == RANDOM else 1.0

    studies = Maker(toy, publish_answers)(
        lambda cell: 0 if cell.target.initialization == RANDOM else 40,
        clean=clean,
        domains=("pathology",),
    )
    chapter = Initialization("smoke", domain="pathology")
    chapter.cells = tuple(studies["pathology"]["initialization"])
    said = chapter.by_start(method="PGD", relation="same architecture")
    assert re.fullmatch(
        r"60 % \([^)]*\) of the clean AUC is left if both are pre-trained and nothing can be "
        r"said if both are random, because targets are at chance",
        said,
    )
    with pytest.raises(UsageError, match="does not exclude chance"):
        chapter.left(method="PGD", target_initialization=RANDOM)
    table = chapter.table("target_initialization", method="PGD")
    assert table.loc["random", LEFT] == "at chance"
    assert table.loc["pre-trained", LEFT].startswith("60 %")


def test_sanity_has_no_percentage_of_targets_at_chance(toy, publish_answers, monkeypatch):
    studies = Maker(toy, publish_answers)(
        lambda cell: 0 if cell.target.initialization == RANDOM else 40,
        clean=lambda target: 0.5 if target.initialization == RANDOM else 1.0,
        domains=("pathology",),
    )
    chapter = Perturbation("smoke", domain="pathology")
    chapter.cells = tuple(studies["pathology"]["perturbation"])
    chapter.frame = pd.DataFrame()
    places = [("pathology", "PGD", 0.04, start) for start in ("imagenet", RANDOM)]
    index = pd.MultiIndex.from_tuples(places, names=sanity.WHERE)
    rungs = pd.DataFrame({"same": [60.04, 98.0], sanity.FLAGS: ["", "odd"]}, index=index)
    monkeypatch.setattr(sanity, "check", lambda frame: None)
    monkeypatch.setattr(sanity, "strengths", lambda frame: rungs)
    found = chapter.sanity()
    assert found["same"].tolist() == [60.0, "at chance"]
    assert found[sanity.FLAGS].tolist() == ["", "odd"]
    assert [where[-1] for where in found.index] == ["pre-trained", "random"]


# --- what a notebook waits for before its first line runs -----------------------------------------

PROGRAM = """
import sys
from medtransfer.chapters import {name}
print(*[name for name in ("torch", "torchvision", "torchmetrics", "timm") if name in sys.modules])
"""


@pytest.mark.parametrize("name", ["Design", *NAMES, "Synthesis"])
def test_who_shows_stored_results_does_not_wait_for_pytorch(name):
    command = [sys.executable, "-c", PROGRAM.format(name=name)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


def test_a_chapter_that_is_not_there_is_answered_with_those_that_are():
    with pytest.raises(AttributeError, match="Perturbation, Synthesis"):
        chapters.Perturbations  # noqa: B018


@pytest.mark.slow
def test_the_synthesis_shows_stronger_attackers_of_all_domains(toy, publish_answers):
    from attackings import Attacks

    def on(cell):
        return cell.attack.surrogates[0].development.name

    made = Attacks(toy, publish_answers)
    synthesis = Synthesis("smoke")
    synthesis.attacked = {
        domain: made(lambda cell: 40 if on(cell) == "d1" else 20, domain=domain)
        for domain in ("pathology", "radiology")
    }
    assert isinstance(synthesis.attackers(), Image)
    table = pd.read_csv(paths.rendered("smoke") / "90_attackers.csv")
    assert set(table["domain"]) == {"pathology", "radiology"}
    shown = synthesis.attacker_verdicts()
    assert {claim for claim, *_ in shown.index} == {"C6", "C7", "C8", "C9"}
    assert list(shown.columns) == ["all domains", "pathology", "radiology"]
    assert "C6, all domains" in synthesis.attacker_reasons().data
    assert isinstance(synthesis.attacker_claims(), Image)
    assert set(pd.read_csv(paths.rendered("smoke") / FURTHER[0])["claim"]) == {*CLAIMS}


@pytest.mark.slow
def test_an_answer_on_attackers_has_a_line_for_each_claim_and_folds_the_reasons(
    toy, publish_answers
):
    from attackings import POWER, Attacks

    chapter = chapters.Attackers("smoke", domain="pathology")
    chapter.attacked = Attacks(toy, publish_answers)(lambda cell: POWER[cell.attack.method.name])
    chapter.cells, chapter.searches = tuple(chapter.attacked.cells), ()
    answer = chapter.answer().data
    shown, folded = answer.split("<details>")
    for claim in ("C6", "C7", "C8", "C9, first over second", "C9, second over third"):
        assert shown.count(f"({claim}).") == 1 and f"{claim}: Strongest: DI" in folded
    assert shown.count(" points (C") == 5 and "logits" not in shown
    for kind in ("same architecture", "other architecture, random"):
        assert f"| {kind} | **DI** | " in folded.split("</details>")[1]
    one = chapter.attacked.cells[0].attack.surrogates
    fewer = [c for c in chapter.cells if c.attack.method.name != "DI" or c.attack.surrogates == one]
    chapter.attacked = replace(chapter.attacked, cells=fewer)
    assert "| same architecture | **MI** | " in chapter._strongest(), "who attacks in the claims"


@pytest.mark.slow
def test_attackers_of_equal_strength_have_a_column_and_a_row_of_their_own(toy, publish_answers):
    from attackings import POWER, Attacks

    attacked = Attacks(toy, publish_answers)(lambda cell: POWER[cell.attack.method.name])
    held = []
    for cell in attacked.strongest_cells:
        weaker = cell.attack.method.at(0.005)
        held.append(toy.cell(*cell.attack.surrogates, cell.target, method=weaker))
        clean, after = (answers(each, np.random.default_rng(0)) for each in (1, 0.6))
        publish_answers(held[-1], labels=LABELS, clean=clean, attacked=after)
    synthesis = Synthesis("smoke")
    synthesis.attacked = {"pathology": replace(attacked, matched=held)}
    shown = synthesis.attacker_verdicts()
    assert list(shown.columns) == ["pathology", "pathology, as strong as PGD"]
    assert (shown != "").all(axis=None)
    assert "DI at epsilon 0.005 in place of 0.01" in synthesis.attacker_reasons().data
    synthesis.attackers()
    table = pd.read_csv(paths.rendered("smoke") / "90_attackers.csv")
    assert table["attacker"].iloc[-1] == "DI, as strong as PGD"


def test_without_stronger_attackers_the_synthesis_says_so():
    synthesis = Synthesis("smoke")
    synthesis.attacked = {}
    stale = paths.rendered("smoke") / FURTHER[0]
    stale.parent.mkdir(parents=True)
    stale.write_text("claim")
    assert synthesis.attacker_claims().data == "" and not stale.exists()
    for shown in (synthesis.attackers(), synthesis.attacker_verdicts()):
        assert "names no stronger attackers" in shown.data
    assert "no attacker asks" in synthesis.questions().data
