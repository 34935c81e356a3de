"""The four changes that CONTRIBUTING describes, each made as it says, in one small study.

`attacks/`, `networks/` and `data_manifests/` beside this file hold what a contributor would put
into the rooms of those names; what belongs into a table of the project is one row of it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path

import pytest
import yaml
from conftest import REAL_WEIGHTS, InProcess

from medtransfer import attacks, networks, paths
from medtransfer.analysis import scores, selection
from medtransfer.chapters.chapter import PAIR, Chapter
from medtransfer.compute import run, status
from medtransfer.domains import DOMAINS, Domain
from medtransfer.executors import local
from medtransfer.networks.trained import RANDOM
from medtransfer.report import figures
from medtransfer.scoring import transfer
from medtransfer.study import builders, schema
from medtransfer.study.factors import FACTORS, Factor, Pair, crossed

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
DOMAIN, FACTOR = "endoscopy", "doors"
RULE = json.dumps({"slope": 8.0, "offset": -1.0})
SHA256 = hashlib.sha256(RULE.encode()).hexdigest()


def pairs(study, domain):
    """One surrogate, and two together, against a plain, a defended and a foreign target."""
    from medtransfer.networks.answers import Answers
    from medtransfer.networks.blurred import Blurred

    (plain,) = study.networks(domain, initializations=[RANDOM])
    targets = [
        plain,
        Blurred(development=plain.development, inner=plain, sigma=1.0),
        Answers(development=plain.development, sha256=SHA256),
    ]
    both = study.networks(domain, bis=True)
    alone = [each for each in both if each.initialization == RANDOM]
    return crossed(alone, targets) + [Pair(tuple(both), target) for target in targets]


class Doors(Chapter):
    """The notebook of the factor would call this."""

    factor = FACTOR


@pytest.fixture(scope="module")
def chapter(tmp_path_factory):
    """The chapter of a study with all four changes, everything in it computed."""
    home = tmp_path_factory.mktemp("doors")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDTRANSFER_HOME", str(home))
        # A new file lies in its room.
        patch.setattr(attacks, "__path__", [*attacks.__path__, str(HERE / "attacks")])
        patch.setattr(networks, "__path__", [*networks.__path__, str(HERE / "networks")])
        # A row of a table.
        patch.setitem(DOMAINS, DOMAIN, Domain(number=6, augmentation=("flip",), colour="#117733"))
        patch.setitem(FACTORS, FACTOR, Factor(number=9, pairs=pairs))
        # A profile, as a short diff.
        facts = {
            "name": "doors",
            "extends": "smoke",
            "sources": {DOMAIN: str(HERE / "data_manifests" / "phantom_skin.yaml")},
            "groups": {DOMAIN: 12},
            "image_px": 32,
            "architectures": ["mobilenet_v2"],
            "methods": {"Jitter": {"seed": 3}},
            "resamples": 20,
        }
        profile = home / "doors.yaml"
        profile.write_text(yaml.safe_dump(facts))
        (home / "answers").mkdir()
        (home / "answers" / f"{SHA256}.json").write_text(RULE)
        (home / "weights").symlink_to(REAL_WEIGHTS)
        patch.setattr(local, "_new_executor", lambda: contextlib.nullcontext(InProcess()))
        scores.forget()
        chapter = Doors(str(profile), domain=DOMAIN)
        assert chapter.cells
        yield chapter
        scores.forget()


@pytest.fixture(autouse=True)
def home(chapter, monkeypatch, tmp_path_factory):
    """The home of the study, instead of an empty one for each test."""


def means(chapter, **where):
    return chapter.pooled(*PAIR, **where)


def drawn(table):
    """What the figure of pairs says."""
    figure = figures.pairs(table, by="surrogate_data")

    texts = [axis.get_title(loc="left") for axis in figure.axes]
    return " ".join([*texts, *(t.get_text() for a in figure.axes for t in a.get_yticklabels())])


def test_a_method_is_a_file_and_a_line_of_the_profile(chapter):
    frame = chapter.frame
    jitter = frame[(frame["method"] == "Jitter") & (frame["delivery"] == "float")]
    assert len(jitter) == 6
    assert (jitter["max"] <= jitter["epsilon"] + 1e-6).all() and (jitter["max"] > 0).all()
    assert (jitter["seed"] == 3).all()
    assert "Jitter on" in drawn(means(chapter))
    assert "Jitter at" in chapter.design().columns


def test_several_surrogates_are_one_attack(chapter):
    both = selection.select(chapter.cells, surrogate_initialization="imagenet+random")
    assert len(both) == 9
    assert {len(cell.attack.surrogates) for cell in both} == {2}
    shown = means(chapter, method="PGD")
    assert "imagenet+random" in set(shown["surrogate_initialization"])


def test_a_defence_is_a_file_and_a_row_of_its_factor(chapter):
    shown = means(chapter, method="PGD", surrogate_initialization=RANDOM)
    assert shown["target_network"].tolist().count("blurred") == 1
    assert (shown["pairs"] == 1).all(), "the defended target is averaged with the plain one"
    assert "blurred" in drawn(shown).lower()
    assert "answers" in drawn(shown).lower()
    rows = run.networks({cell.target for cell in chapter.cells}, resamples=20)
    assert len(rows) == 3


def test_a_foreign_network_answers_and_is_not_a_surrogate(chapter):
    frame = chapter.frame
    foreign = frame[frame["target_network"] == "answers"]
    assert len(foreign) == 6
    assert (foreign["target_architecture"] == selection.UNKNOWN).all()
    assert foreign["auc"].notna().all()
    cell = next(c for c in chapter.cells if type(c.target).__name__ == "Answers")
    with pytest.raises(transfer.AttackError, match="gives no gradients"):
        transfer.surrogates(
            type(cell.attack)(method=cell.attack.method, surrogates=(cell.target,), images="test")
        )


def test_a_domain_is_a_row_and_a_manifest(chapter):
    assert chapter.number == "69"
    assert (chapter.frame["domain"] == DOMAIN).all()
    assert "of 12 patients" in chapter.images().data
    study = builders.known(schema.profile(str(paths.home() / "doors.yaml")))
    listed = [row["notebook"] for row in status.notebooks(study)]
    assert "69 endoscopy, doors" in listed
    assert chapter.networks() is not None


def test_no_module_of_the_library_knows_of_them(chapter):
    source = "".join(p.read_text() for p in (paths.REPOSITORY / "lib").rglob("*.py"))
    for name in ("Jitter", "Blurred", "phantom_skin", DOMAIN):
        assert name not in source
    assert set(chapter.frame["target_network"]) == {"training", "blurred", "answers"}
