"""The command line: what a user sees when things go right and wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from medtransfer import cli, paths, store
from medtransfer.compute import run
from medtransfer.report import html as report
from medtransfer.report import notebooks as execute
from medtransfer.study import schema as profiles


def test_a_mistake_gives_a_message_and_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "radiology", "--profile", "no-such-profile"]) == 1
    error = capsys.readouterr().err
    assert "no-such-profile" in error
    assert "smoke, default" in error
    assert "Traceback" not in error


def test_an_unknown_factor_is_named_with_the_allowed_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["run", "radiology", "colour", "--profile", "smoke"]) == 1
    error = capsys.readouterr().err
    assert "colour" in error
    assert "initialization_and_data" in error


def test_ctrl_c_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "clean_drafts", interrupted)
    assert cli.main(["clean-drafts"]) == 130
    assert "same command" in capsys.readouterr().err


def test_report_without_executed_notebooks_says_what_to_run(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["report", "--profile", "smoke"]) == 1
    assert "make reproduce" in capsys.readouterr().err


def test_an_unknown_notebook_is_named() -> None:
    with pytest.raises(ValueError, match=r"99.*00_study_design"):
        execute.find(numbers=["99"])


@pytest.fixture
def notebook(tmp_path: Path) -> Callable[[str, str], Path]:
    """Maker of a notebook with a parameter cell and one more cell."""

    def make(name: str, code: str) -> Path:
        cells = [
            new_code_cell('profile = "default"', metadata={"tags": ["parameters"]}),
            new_code_cell(code),
        ]
        kernel = {"kernelspec": {"name": "python3", "display_name": "x", "language": "python"}}
        nbformat.write(new_notebook(cells=cells, metadata=kernel), tmp_path / name)
        return tmp_path / name

    return make


REFUSES = "assert profile != 'smoke', 'refused'"


def test_a_failed_notebook_does_not_take_its_place(notebook: Callable[[str, str], Path]) -> None:
    path = notebook("99_broken.ipynb", REFUSES)
    with pytest.raises(execute.ExecutionError, match=r"99_broken.ipynb.*refused"):
        execute.execute(path, profile="smoke", folder="smoke")
    assert not (paths.executed("smoke") / "99_broken.ipynb").exists()
    done = execute.execute(path, profile="other", folder="other")
    assert done.name == "99_broken.ipynb"


def test_one_failed_notebook_does_not_keep_the_others_from_running(
    notebook: Callable[[str, str], Path],
) -> None:
    broken, whole = notebook("98_broken.ipynb", REFUSES), notebook("99_whole.ipynb", "1 + 1")
    with pytest.raises(execute.ExecutionError, match=r"98_broken.ipynb.*refused") as caught:
        execute.execute_all([broken, whole], profile="smoke", folder="smoke")
    assert "99_whole" not in str(caught.value)
    assert (paths.executed("smoke") / "99_whole.ipynb").exists()


def test_a_limit_reaches_every_notebook(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: dict[str, object] = {}
    monkeypatch.setattr(run, "everything", lambda profile, domains: asked.update(first=profile))
    monkeypatch.setattr(
        execute, "execute_all", lambda notebooks, *, profile, folder: asked.update(named=profile)
    )
    monkeypatch.setattr(report, "build", lambda name: f"pages of {name}")
    assert cli.main(["reproduce", "2", "--profile", "medmnist", "--limit", "300", "1"]) == 0
    assert "pages of medmnist-limit300x1" in capsys.readouterr().out
    found = profiles.profile(str(asked["named"]))
    assert found == asked["first"]
    assert found.image_limit == 300
