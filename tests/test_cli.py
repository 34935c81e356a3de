"""The command line: what a user sees when things go right and wrong, and how soon."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import verdict_rows

from medtransfer import cli, paths, store
from medtransfer.analysis import sanity
from medtransfer.compute import notes, run, sets
from medtransfer.errors import MedtransferError
from medtransfer.report import fresh, html, notebooks
from medtransfer.study import builders
from medtransfer.study.profiles import built_in
from medtransfer.study.schema import profile

MINE = str(Path(__file__).parent / "doors" / "mine.yaml")
HEAVY = ("torch", "foolbox", "matplotlib", "sklearn", "statsmodels", "nbformat", "scipy", "timm")


@pytest.mark.parametrize(
    ("command", "status", "says"),
    [
        (["run", "radiology", "--profile", "no-such-profile"], 1, "no-such-profile.*smoke"),
        (["run", "radiology", "colour", "--profile", "smoke"], 1, "colour.*initialization_and_da"),
        (["run", "dentistry"], 2, "dentistry.*ophthalmology"),
        (["data", "fetch", "no-such-source"], 1, "no-such-source.*chestxray14"),
        (["data", "fetch"], 2, "SOURCE"),
        (["report", "--profile", "smoke"], 1, "make reproduce"),
        (["verdicts", "--profile", "smoke"], 1, "make reproduce PROFILE=smoke"),
        (["verdicts", "--profile", MINE], 1, "`medtransfer reproduce --profile FILE` with the fi"),
        (["report", "--profile", MINE], 1, "`medtransfer reproduce --profile FILE` with the file"),
        (["verify", "--profile", "smoke"], 1, "no result of profile smoke is stored"),
        (["show", "0123"], 1, "0 results have a key that begins with '0123'"),
        (["reproduce", "99", "--profile", "smoke"], 1, "no notebook begins with '99'.*00_study"),
        (["dance"], 2, "dance"),
        ([], 2, "reproduce"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_gives_a_message_and_no_traceback(
    capsys: pytest.CaptureFixture[str], command: list[str], status: int, says: str
) -> None:
    assert cli.main(command) == status
    captured = capsys.readouterr()
    assert re.search(says, captured.err, re.DOTALL)
    assert "Traceback" not in captured.err
    assert captured.out == ""


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (MedtransferError("what to fix"), True),
        (OSError("no disk"), True),
        (BrokenPipeError("of a worker"), True),
        (ValueError("a fault of ours"), False),
        (KeyError("another"), False),
    ],
    ids=repr,
)
def test_only_what_a_user_can_mend_goes_without_its_traceback(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    shown: bool,
) -> None:
    def fails() -> int:
        raise error

    monkeypatch.setattr(store, "clean_drafts", fails)
    if shown:
        assert cli.main(["clean-drafts"]) == 1
        assert capsys.readouterr().err == f"medtransfer: {error}\n"
    else:
        with pytest.raises(type(error)):
            cli.main(["clean-drafts"])


def test_ctrl_c_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "clean_drafts", interrupted)
    assert cli.main(["clean-drafts"]) == 130
    assert "same command" in capsys.readouterr().err


PRINTS = """
import sys
from medtransfer import cli, store
from medtransfer.analysis import sanity

def prints():
    for number in range({lines}):
        print("a line of many", number)
    return 0

store.clean_drafts = prints
sys.exit(cli.main(["clean-drafts"]))
"""


@pytest.mark.parametrize("lines", [1, 100_000], ids=["at its end", "in between"])
def test_a_reader_who_leaves_ends_a_command_without_a_word(lines: int) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    program = [sys.executable, "-c", PRINTS.format(lines=lines)]
    ended = subprocess.run(program, stdout=writes, stderr=subprocess.PIPE, text=True)
    os.close(writes)
    assert (ended.returncode, ended.stderr) == (141, "")


def test_it_tells_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"medtransfer {version('medtransfer')}\n"


def test_help_lists_commands_and_profiles(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    assert "clean-drafts" in capsys.readouterr().out
    assert cli.main(["run", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert ", ".join(built_in()) in said


WATCHED = """
import sys
from medtransfer import cli
status = cli.main(sys.argv[1:])
print(*{{name.split(".")[0] for name in sys.modules}} & {{*{names}}}, file=sys.stderr)
sys.exit(status)
"""


@pytest.mark.parametrize(
    ("command", "never"),
    [
        (["--help"], (*HEAVY, "pandas", "numpy", "pydantic", "yaml")),
        (["status"], HEAVY),
        (["status", "--profile", "paper"], HEAVY),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_who_wants_to_know_something_does_not_wait_for_libraries(
    command: list[str], never: tuple[str, ...]
) -> None:
    program = [sys.executable, "-c", WATCHED.format(names=never), *command]
    ended = subprocess.run(program, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr.strip()) == (0, "")


@pytest.mark.parametrize("name", built_in())
def test_status_of_an_empty_store_touches_nothing(
    home: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert cli.main(["status", "--profile", name]) == 0
    said = capsys.readouterr().out
    assert "20 radiology, perturbation" in said
    assert "no duration known yet" in said
    assert re.search(r"^notebooks executed: 0 of [1-9]\d*; their time is not counted$", said, re.M)
    assert not home.exists()


def test_a_limit_reaches_every_notebook(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: dict[str, Any] = {}
    monkeypatch.setattr(builders, "resolve", lambda profile, domains: profile)
    monkeypatch.setattr(run, "everything", lambda study, domains, tell: asked.update(study=study))
    monkeypatch.setattr(notes, "before", lambda study, domains: [])
    monkeypatch.setattr(sets, "left_out", lambda study, domain: {})
    monkeypatch.setattr(run, "possible", lambda study, domain: ())
    monkeypatch.setattr(fresh, "ingredients", lambda study, served: "")
    monkeypatch.setattr(
        notebooks, "execute_all", lambda chosen, *, profile, **how: asked.update(named=profile)
    )
    monkeypatch.setattr(html, "build", lambda profile: f"pages of {profile.name}")
    assert cli.main(["reproduce", "2", "--profile", "medmnist", "--limit", "300", "1"]) == 0
    said = capsys.readouterr()
    assert "pages of medmnist-limit300x1" in said.out
    assert "medtransfer status --profile " in said.err, "how to see what is left"
    found = profile(str(asked["named"]))
    assert found == asked["study"]
    assert found.image_limit == 300
    assert "learn next to nothing" in said.out, "one epoch of few images"


def test_verdicts_of_a_profile_that_only_tries_begin_with_that(
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = paths.rendered("smoke")
    folder.mkdir(parents=True)
    verdict_rows.judged("at chance").to_csv(folder / "90_claims.csv", index=False)
    assert cli.main(["verdicts", "--profile", "smoke"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("**The networks of profile smoke are trained for about 4 steps")
    assert "larger images" not in said


def test_a_run_ends_with_means_and_claims_and_rows_only_if_asked(
    studied: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path
) -> None:
    monkeypatch.setattr(builders, "resolve", lambda profile, domains: None)
    monkeypatch.setattr(notes, "before", lambda study, domains, factors: ["a set is small"])
    out = {"development_data": "no positives"}
    monkeypatch.setattr(sets, "left_out", lambda study, domain, factors: out)
    monkeypatch.setattr(run, "factor", lambda study, domain, name: tuple(studied.cells))
    monkeypatch.setattr(run, "chosen_epsilons", lambda study, domain: {"random": 0.02})
    monkeypatch.setattr(sanity, "check", lambda frame: None)
    asked = ["run", "pathology", "perturbation", "development_data", "--profile", "smoke"]
    assert cli.main([*asked, "--csv", str(tmp_path)]) == 0
    said = capsys.readouterr()
    assert said.err == "note: a set is small\n"
    assert "phantom_histology: pathology, perturbation" in said.out
    assert "clean AUC (95 % interval)" in said.out and "development data" not in said.out
    assert "AUC left, % of clean (95 % interval)" in said.out
    assert "FGSM by epsilon" in said.out and "other architecture" in said.out
    assert "pictures: medtransfer reproduce 30 --profile smoke" in said.out
    assert "--csv" not in said.out
    assert said.out.rstrip().rpartition("What this says about the claims:")[1], "it ends so"
    assert "learn next to nothing" in said.out, "the profile is one that only tries"
    assert "validation_auc" not in said.out
    assert [path.name for path in tmp_path.glob("*.csv")] == ["pathology_perturbation.csv"]
    assert cli.main([*asked, "--all"]) == 0
    whole = capsys.readouterr().out
    assert "every pair as a table: the same command with --csv FOLDER" in whole
    assert "validation_auc" in whole and len(whole.splitlines()) > len(said.out.splitlines()) + 10


@pytest.mark.parametrize(
    ("chosen", "says"),
    [
        ({}, ["pre-trained networks: epsilon not chosen", "random networks: epsilon not chosen"]),
        (
            {"random": 0.04},
            ["pre-trained networks: epsilon not chosen", "random networks: epsilon 0.04"],
        ),
        (
            {"imagenet": 0.02, "random": 0.04},
            ["pre-trained networks: epsilon 0.02", "random networks: epsilon 0.04"],
        ),
    ],
    ids=len,
)
def test_until_epsilons_are_chosen_what_is_left_is_a_lower_bound(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    chosen: dict[str, float],
    says: list[str],
) -> None:
    row = {"notebook": "20 radiology, perturbation", "minutes left": 3.0}
    monkeypatch.setattr("medtransfer.compute.status.notebooks", lambda study: [row])
    monkeypatch.setattr("medtransfer.compute.status.epsilons", lambda study, domain: chosen)
    monkeypatch.setattr("medtransfer.compute.status.spent", lambda study: {})
    out = {"radiology": {"initialization": "radiology d1 train has no positive of Mass"}}
    monkeypatch.setattr(sets, "known_left_out", lambda study: out)
    assert cli.main(["status", "--profile", "smoke"]) == 0
    said = capsys.readouterr().out
    assert all(f"radiology, {sentence}" in said for sentence in says)
    assert "notebook 21 (radiology, initialization) is left out: radiology d1 train has" in said
    assert ("all: 3 minutes left" if len(chosen) == 2 else "all: at least 3 minutes left") in said


@pytest.fixture
def deep(tmp_path: Path) -> Any:
    """Maker of a profile of some architecture on images of 32 px."""

    def make(architecture: str) -> str:
        path = tmp_path / "deep.yaml"
        path.write_text(f"name: deep\nextends: smoke\narchitectures: [{architecture}]\n")
        return str(path)

    return make


@pytest.mark.parametrize("command", [["run", "radiology"], ["reproduce", "2"]], ids=" ".join)
def test_networks_too_deep_for_their_images_are_noted_before_any_work(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    deep: Any,
    command: list[str],
) -> None:
    def stop(profile: object, domains: object) -> None:
        raise MedtransferError("work begins")

    monkeypatch.setattr(builders, "resolve", stop)
    assert cli.main([*command, "--profile", deep("mobilenet_v2")]) == 1
    note, end = capsys.readouterr().err.splitlines()
    assert note.startswith("note: mobilenet_v2 leaves fewer than 4 x 4 places of images of 32 px")
    assert note.endswith("or mobilenet_v2_stride8")
    assert end == "medtransfer: work begins"
    assert cli.main([*command, "--profile", deep("mobilenet_v2_stride8")]) == 1
    assert capsys.readouterr().err == "medtransfer: work begins\n"


@pytest.mark.parametrize("command", [["run", "radiology"], ["reproduce", "2"]], ids=" ".join)
def test_a_network_that_does_not_take_its_images_is_refused_before_any_work(
    home: Path, capsys: pytest.CaptureFixture[str], deep: Any, command: list[str]
) -> None:
    assert cli.main([*command, "--profile", deep("inception_v3")]) == 1
    captured = capsys.readouterr()
    assert "images of 32 px; inception_v3 needs at least 75 px: raise image_px" in captured.err
    assert captured.out == ""
    assert not home.exists()
