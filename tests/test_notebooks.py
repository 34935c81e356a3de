"""The contract of the notebooks: one claim each, one parameter, nothing for the library."""

from __future__ import annotations

import ast
import inspect
import re
from itertools import product
from pathlib import Path

import nbformat
import pytest
from studies import STUDIED

from medtransfer import chapters, paths
from medtransfer.domains import DOMAINS
from medtransfer.report.notebooks import YOURS
from medtransfer.study.factors import FACTORS

NOTEBOOKS = sorted(paths.notebooks().glob("*.ipynb"))
OWN = sorted(paths.notebooks().glob("own/*.ipynb"))
FIRST = [str(DOMAINS[name].number) for name in STUDIED]
SECOND = [str(factor.number) for factor in FACTORS.values()]
NUMBERS = ("00", "05", *("".join(digits) for digits in product(FIRST, SECOND)), "90", "95")


def code(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.fixture(params=[*NOTEBOOKS, *OWN], ids=lambda path: path.stem)
def notebook(request: pytest.FixtureRequest) -> nbformat.NotebookNode:
    path: Path = request.param
    read = nbformat.read(path, as_version=4)
    nbformat.validate(read)
    return read


def test_every_number_has_its_notebook() -> None:
    assert [path.name[:2] for path in NOTEBOOKS] == sorted(NUMBERS)
    assert [path.stem for path in OWN] == [f"{f.number}_{name}" for name, f in FACTORS.items()]


# What a domain's notebook may speak of, and one for anybody's images may not.
OF_ONE_DOMAIN = (
    *("phantom", "lymph", "tumour", "metasta", "radiograph", "lung", "chest", "effusion"),
    *("scanner", "retina", "fundus", "photograph", "eye", "diabet", "slide", "patch", "stain"),
    *("tissue", "hospital", "laborator", "patient", "finding "),
)


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.stem)
def test_a_notebook_of_any_domain_speaks_of_none(path: Path) -> None:
    book = nbformat.read(path, as_version=4)
    prose = "\n".join(c.source for c in book.cells if c.cell_type == "markdown").lower()
    prose = prose.replace("a group (a patient, a slide, an eye) is never divided", "")
    assert [word for word in OF_ONE_DOMAIN if word in prose] == []
    assert book.cells[0].source.startswith(YOURS)


def test_begins_with_a_question_as_its_title(notebook: nbformat.NotebookNode) -> None:
    first = notebook.cells[0]
    assert first.cell_type == "markdown"
    assert first.source.startswith("# ")
    assert first.source.splitlines()[0].endswith("?")


def test_profile_is_the_only_parameter_and_a_literal(notebook: nbformat.NotebookNode) -> None:
    tagged = [cell for cell in code(notebook) if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1
    assert tagged[0] == code(notebook)[0], "papermill injects its value after this cell"
    assignment, *others = ast.parse(tagged[0].source).body
    assert isinstance(assignment, ast.Assign)
    assert [target.id for target in assignment.targets] == ["profile"]
    assert ast.literal_eval(assignment.value) == "default"
    of_any = notebook.cells[0].source.startswith(YOURS)
    assert [ast.unparse(each) for each in others] == ["domain = 'radiology'"] * of_any
    assert tagged[0].metadata["nbmake"]["mock"] == {"profile": "smoke"}


def test_is_short_and_defines_nothing(notebook: nbformat.NotebookNode) -> None:
    assert len(code(notebook)) <= 15
    forbidden = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.While)
    for cell in code(notebook):
        nodes = list(ast.walk(ast.parse(cell.source)))
        assert not [node for node in nodes if isinstance(node, forbidden)], cell.source


def test_imports_only_the_library_and_what_shows(notebook: nbformat.NotebookNode) -> None:
    allowed = {"medtransfer", "pandas", "matplotlib", "IPython"}
    if notebook.cells[0].source.startswith("# Attack an image"):
        allowed.add("torch")  # its five lines are what it is for
    for cell in code(notebook):
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Import):
                assert {alias.name.split(".")[0] for alias in node.names} <= allowed
            if isinstance(node, ast.ImportFrom):
                assert node.module is not None
                assert node.module.split(".")[0] in allowed


def test_reads_and_writes_no_file_by_itself(notebook: nbformat.NotebookNode) -> None:
    text = "\n".join(cell.source for cell in code(notebook))
    for forbidden in (
        "open(",
        "read_csv",
        "read_parquet",
        ".to_csv",
        "Path(",
        "scrapbook",
        "%store",
    ):
        assert forbidden not in text


def headings(notebook: nbformat.NotebookNode) -> list[str]:
    lines = (c.source.splitlines() for c in notebook.cells if c.cell_type == "markdown")
    return [line for part in lines for line in part if line.startswith("## ")]


def test_answers_in_words_and_says_what_it_was_made_on(notebook: nbformat.NotebookNode) -> None:
    last = code(notebook)[-1].source
    assert "provenance()" in last or last == "chapter.made_on()"
    if not notebook.cells[0].source.startswith("# Study design"):
        assert {"## Answer", "## What a defender should conclude"} & set(headings(notebook)[-2:])
        assert code(notebook)[-2].source == "chapter.answer()"


TRIES = "## Three things to try"


def test_ends_with_three_things_to_try_that_are_calls_of_its_chapter(
    notebook: nbformat.NotebookNode,
) -> None:
    if notebook.cells[0].source.startswith("# Synthesis"):
        pytest.skip("the synthesis concludes")
    assert headings(notebook)[-1] == TRIES
    last = notebook.cells[-1].source.removeprefix(TRIES)
    assert len([line for line in last.splitlines() if line.startswith("- ")]) == 3
    (opened,) = (c.source for c in code(notebook) if "import" in c.source and "profile" in c.source)
    chapter = getattr(chapters, opened.splitlines()[0].split()[-1])
    called = re.findall(r"`(chapter\.[^`]+)`", last)
    assert called, "at least one is a cell that can be pasted"
    for line in called:
        (call,) = ast.parse(line).body
        assert isinstance(call, ast.Expr) and isinstance(call.value, ast.Call)
        assert isinstance(call.value.func, ast.Attribute)
        method = getattr(chapter, call.value.func.attr)
        names = [keyword.arg for keyword in call.value.keywords]
        given = [None, *call.value.args]
        inspect.signature(method).bind(*given, **dict.fromkeys(filter(None, names)))


def test_steps_have_arguments_that_a_reader_can_change(notebook: nbformat.NotebookNode) -> None:
    calls = [
        node
        for cell in code(notebook)
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("chapter.")
    ]
    assert sum(bool(call.args or call.keywords) for call in calls) >= 2


def test_no_prose_is_copied_between_notebooks() -> None:
    """But for the headings of the same step and short phrases."""
    seen: dict[str, str] = {}
    for path in (*NOTEBOOKS, *OWN):
        for cell in nbformat.read(path, as_version=4).cells:
            paragraphs = cell.source.split("\n\n") if cell.cell_type == "markdown" else []
            for text in paragraphs:
                if len(text) > 200 and not text.startswith(">"):
                    assert text not in seen, f"{path.stem} repeats {seen[text]}: {text[:60]}"
                    seen[text] = path.stem


def test_says_which_images_it_shows_before_anything_else(notebook: nbformat.NotebookNode) -> None:
    prose = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    first = code(notebook)[1].source  # after the parameters
    assert "phantom" in prose.lower() or first.endswith("chapter.images()")


LABELS = ("Referable DR", "Tumour", "Effusion")
DRAWINGS = ("fundus", "chest", "histology")


def test_names_nothing_that_a_study_of_ones_own_may_lack(notebook: nbformat.NotebookNode) -> None:
    """A notebook of a domain names that domain, and none of them a label or a phantom."""
    text = "\n".join(cell.source for cell in code(notebook)[1:])  # after the parameters
    own = [name for name in DOMAINS if f'domain="{name}"' in text]
    for name in (*DOMAINS, *DRAWINGS, *LABELS):
        assert name in own or f'"{name}"' not in text


def test_is_stripped(notebook: nbformat.NotebookNode) -> None:
    for cell in code(notebook):
        assert cell.outputs == []
        assert cell.execution_count is None
    assert "papermill" not in notebook.metadata
