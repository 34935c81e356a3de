"""Notebooks run headlessly: whole or not at all, and quiet unless something is wrong."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from medtransfer import paths
from medtransfer.errors import ExecutionError, UsageError
from medtransfer.report import notebooks

pytestmark = pytest.mark.slow

# The kernel's last answer is out, but it has not yet left the question.
LINGERS = """
import asyncio, inspect, time
kernel = get_ipython().kernel
answer = kernel.shell_handlers["kernel_info_request"]
async def lingering(*message):
    result = answer(*message)
    if inspect.isawaitable(result):
        await result
    time.sleep(0.7)
kernel.shell_handlers["kernel_info_request"] = lingering
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "notebooks"
    place.mkdir()
    monkeypatch.setattr(paths, "notebooks", lambda: place)
    return place


def written(folder: Path, *sources: str, name: str = "10_x.ipynb") -> Path:
    parameters = new_code_cell('profile = "default"', metadata={"tags": ["parameters"]})
    book = new_notebook(cells=[parameters, *map(new_code_cell, sources)])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "p", "language": "python"}
    nbformat.write(book, folder / name)
    return folder / name


def test_a_run_that_succeeds_leaves_nothing_on_the_terminal(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    done = notebooks.execute(written(folder, LINGERS, "profile"), profile="smoke", folder="s")
    shown = capfd.readouterr()
    assert "Kernel" not in shown.err and "KeyboardInterrupt" not in shown.err, shown.err
    cells = nbformat.read(done, as_version=4).cells
    assert cells[-1].outputs[0].data["text/plain"] == "'smoke'"
    assert notebooks.executed("s") == [done]


def test_what_a_kernel_has_to_say_is_shown(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    says = 'get_ipython().kernel.log.error("no space left")'
    notebooks.execute(written(folder, says), profile="smoke", folder="s")
    assert "no space left" in capfd.readouterr().err


def test_a_broken_notebook_is_named_and_does_not_count_as_executed(folder: Path) -> None:
    path = written(folder, "1 / 0")
    with pytest.raises(ExecutionError, match=r"10_x\.ipynb failed in cell .* ZeroDivisionError"):
        notebooks.execute(path, profile="smoke", folder="s")
    assert notebooks.executed("s") == []
    assert [p.name for p in paths.executed("s").iterdir()] == ["10_x.running.ipynb"]


def test_notebooks_are_found_by_their_first_digits(folder: Path) -> None:
    for name in ("10_x.ipynb", "11_y.ipynb", "20_z.ipynb", "90_s.ipynb", "scratch.ipynb"):
        written(folder, name=name)
    assert [path.name[:2] for path in notebooks.find()] == ["10", "11", "20", "90"]
    of_radiology = notebooks.find(domains=["radiology"])
    assert [path.name[:2] for path in of_radiology] == ["20", "90"]
    assert [path.name[:2] for path in notebooks.find(numbers=["1"])] == ["10", "11"]
    with pytest.raises(UsageError, match="no notebook begins with '4'; there are 10_x, 11_y"):
        notebooks.find(numbers=["4"])
