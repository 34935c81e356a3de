"""What a run would give again is not executed again; whatever it comes from, changed, is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from medtransfer import paths
from medtransfer.report import fresh, notebooks
from medtransfer.study import builders

SERVED = {"radiology": ["perturbation"]}


@pytest.fixture
def notebook(tmp_path: Path) -> notebooks.Notebook:
    parameters = new_code_cell('profile = "default"', metadata={"tags": ["parameters"]})
    book = new_notebook(cells=[parameters, new_code_cell("1 + 1")])
    nbformat.write(book, tmp_path / "10_x.ipynb")
    return notebooks.Notebook(tmp_path / "10_x.ipynb", "10_x")


@pytest.fixture
def executed(notebook: notebooks.Notebook, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Its executed copy, beside a figure; what papermill would do is done by hand."""
    import papermill

    monkeypatch.setattr(papermill, "execute_notebook", lambda book, *_, **__: book)
    figures = paths.rendered("s")
    figures.mkdir(parents=True)
    (figures / "10_sweep.png").touch()
    return notebooks.execute(notebook, profile="smoke", folder="s", made_of="all")


def standing(notebook: notebooks.Notebook, **how: str) -> list[notebooks.Notebook]:
    return notebooks.standing([notebook], **{"profile": "smoke", "folder": "s", **how})


def test_an_executed_notebook_stands(notebook: notebooks.Notebook, executed: Path) -> None:
    assert standing(notebook, made_of="all") == [notebook]


def test_one_that_was_never_executed_does_not(notebook: notebooks.Notebook) -> None:
    assert standing(notebook, made_of="all") == []


@pytest.mark.parametrize("how", [{"made_of": "other"}, {"profile": "default"}, {"folder": "t"}])
def test_it_does_not_where_what_it_comes_from_differs(
    notebook: notebooks.Notebook, executed: Path, how: dict[str, str]
) -> None:
    assert standing(notebook, **{"made_of": "all", **how}) == []


def test_it_does_not_when_its_cells_changed(notebook: notebooks.Notebook, executed: Path) -> None:
    book = nbformat.read(notebook.path, as_version=4)
    book.cells[-1].source = "1 + 2"
    nbformat.write(book, notebook.path)
    assert standing(notebook, made_of="all") == []


def test_it_does_not_without_its_figures(notebook: notebooks.Notebook, executed: Path) -> None:
    (paths.rendered("s") / "10_sweep.png").unlink()
    assert standing(notebook, made_of="all") == []


def test_it_does_not_when_its_copy_is_damaged(notebook: notebooks.Notebook, executed: Path) -> None:
    executed.write_text(executed.read_text()[:-20])
    assert standing(notebook, made_of="all") == []


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 77},
        {"resamples": 21},
        {"image_px": dict.fromkeys(("ophthalmology", "radiology", "pathology"), 40)},
    ],
    ids=["trainings", "intervals", "images"],
)
def test_ingredients_are_those_of_the_profile(profile: Any, change: dict[str, Any]) -> None:
    one = profile.model_copy(update={"sources": {"radiology": "phantom_chest"}})
    other = one.model_copy(update=change)
    found = [fresh.ingredients(builders.resolve(each), SERVED) for each in (one, one, other)]
    assert found[0] == found[1] != found[2]


def test_ingredients_are_the_code_and_what_it_uses(
    planned: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = [fresh.ingredients(planned, SERVED)]
    package = tmp_path / "lib" / "medtransfer"
    package.mkdir(parents=True)
    monkeypatch.setattr(paths, "PACKAGE", package)
    for source in ("a = 1", "a = 2"):
        (package / "module.py").write_text(source)
        fresh._code.cache_clear()
        found.append(fresh.ingredients(planned, SERVED))
    monkeypatch.setattr(fresh, "distributions", list)
    found.append(fresh.ingredients(planned, SERVED))
    fresh._code.cache_clear()
    assert len(set(found)) == 4
