"""Notebooks run headlessly: whole or not at all, and quiet unless something is wrong."""

from __future__ import annotations

from pathlib import Path

import facts
import nbformat
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

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


def written(folder: Path, *sources: str, name: str = "10_x.ipynb") -> notebooks.Notebook:
    parameters = new_code_cell('profile = "default"', metadata={"tags": ["parameters"]})
    book = new_notebook(cells=[parameters, *map(new_code_cell, sources)])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "p", "language": "python"}
    (folder / name).parent.mkdir(exist_ok=True)
    nbformat.write(book, folder / name)
    return notebooks.Notebook(folder / name, (folder / name).stem)


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
    broken = written(folder, "1 / 0")
    with pytest.raises(ExecutionError, match=r"10_x\.ipynb failed in cell .* ZeroDivisionError"):
        notebooks.execute(broken, profile="smoke", folder="s")
    assert notebooks.executed("s") == []
    assert [p.name for p in paths.executed("s").iterdir()] == ["10_x.running.ipynb"]


def test_notebooks_are_found_by_their_first_digits(folder: Path) -> None:
    for name in ("10_x.ipynb", "11_y.ipynb", "20_z.ipynb", "90_s.ipynb", "scratch.ipynb"):
        written(folder, name=name)
    assert numbers(DRAWN) == ["10", "11", "20", "90"]
    assert numbers({"radiology": "phantom_chest"}) == ["20", "90"]
    assert numbers(DRAWN, "1") == ["10", "11"]
    with pytest.raises(UsageError, match="no notebook begins with '4'; there are 10_x, 11_y"):
        numbers(DRAWN, "4")


DRAWN = {"ophthalmology": "phantom_fundus", "radiology": "phantom_chest"}


def numbers(sources: dict[str, str], *begin: str) -> list[str]:
    return [each.name[:2] for each in notebooks.find(numbers=begin, sources=sources)]


@pytest.fixture
def hospital(tmp_path: Path) -> str:
    path = tmp_path / "hospital.yaml"
    path.write_text(yaml.safe_dump(facts.folder_facts(title="Hands {x}", domain="radiology")))
    return str(path)


def test_images_of_ones_own_have_the_notebooks_that_name_no_disease(
    folder: Path, hospital: str
) -> None:
    for name in ("10_eyes.ipynb", "20_lungs.ipynb", "90_s.ipynb", "own/0_p.ipynb", "own/1_i.ipynb"):
        written(folder, name=name)
    found = notebooks.find(sources={"ophthalmology": "phantom_fundus", "radiology": hospital})
    assert [each.name for each in found] == ["10_eyes", "20_radiology_p", "21_radiology_i", "90_s"]
    assert {each.title for each in found if each.domain} == {"Hands {x}"}
    kept = notebooks.without(found, {"radiology": {"initialization": "no positives"}})
    assert [each.name[:2] for each in kept] == ["10", "20", "90"]
    with pytest.raises(UsageError, match="no notebook is left: no positives"):
        notebooks.without(found[2:3], {"radiology": {"initialization": "no positives"}})


def test_the_assessment_waits_where_images_are_ones_own(folder: Path, hospital: str) -> None:
    for name in ("90_s.ipynb", "95_your_model.ipynb", "own/0_p.ipynb"):
        written(folder, name=name)
    own = {"ophthalmology": "phantom_fundus", "radiology": hospital}
    assert "95" in numbers(DRAWN) and "95" not in numbers(own)
    assert notebooks.waits((), own) and not notebooks.waits((), DRAWN)
    assert numbers(own, "95") == ["95"] and not notebooks.waits(("95",), own)


def test_a_notebook_of_any_domain_is_executed_with_its_domain_and_title(
    folder: Path, hospital: str
) -> None:
    written(folder, "print(profile, domain)", name="own/0_p.ipynb")
    book = nbformat.read(folder / "own/0_p.ipynb", as_version=4)
    book.cells[0].source += '\ndomain = "pathology"'
    book.cells.insert(0, new_markdown_cell("# Your images: how faint?\n\nYour images: here."))
    nbformat.write(book, folder / "own/0_p.ipynb")
    (notebook,) = notebooks.find(sources={"radiology": hospital})
    done = notebooks.execute(notebook, profile="smoke", folder="s")
    assert done.name == "20_radiology_p.ipynb"
    cells = nbformat.read(done, as_version=4).cells
    assert cells[0].source == "# Hands {x}: how faint?\n\nYour images: here."
    assert cells[-1].outputs[0].text == "smoke radiology\n"
