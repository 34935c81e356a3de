"""Notebooks run headlessly by papermill; a copy is kept only if it ran to its end."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from medtransfer import paths
from medtransfer.domains import DOMAINS
from medtransfer.errors import ExecutionError, UsageError
from medtransfer.executors import local as workers
from medtransfer.report import fresh, wording
from medtransfer.study.factors import FACTORS

if TYPE_CHECKING:
    from nbformat import NotebookNode

AT_ONCE = 4  # a kernel holds half a gigabyte
RUNNING = ".running.ipynb"
YOURS = "# Your images:"
"""How the titles of notebooks begin that serve any domain."""
ASSESSMENT = "95"
"""The number of the notebook that trains and attacks beyond what the study has."""


@dataclass(frozen=True)
class Notebook:
    """A notebook and what it is executed as.

    Attributes:
        path: of the file.
        name: of the executed copy, without its ending; it begins with the number of the notebook.
        domain: whose images it shows, where the file serves any domain; else "".
        title: of these images.
    """

    path: Path
    name: str
    domain: str = ""
    title: str = ""


def find(*, numbers: Sequence[str] = (), sources: Mapping[str, str]) -> list[Notebook]:
    """Return the notebooks of a study in sequence, all or those whose names begin so.

    A domain whose images are the user's own has the notebooks in `own/`, which speak of no disease
    and no organ; so has a domain without notebooks of its own. Among all, the assessment may be
    absent (see `waits`).

    Args:
        numbers: the first digits of some.
        sources: of a profile: domain -> name or path of a manifest.

    Raises:
        UsageError: a number names no notebook of the study.
    """
    told = sorted(paths.notebooks().glob("[0-9][0-9]_*.ipynb"))
    domains = {str(row.number): name for name, row in DOMAINS.items()}
    known = [Notebook(path, path.stem) for path in told if path.name[0] not in domains]
    for domain, source in sources.items():
        number = str(DOMAINS[domain].number)
        words = [path for path in told if path.name[0] == number]
        known += [Notebook(path, path.stem) for path in words if not wording.own(source)]
        if wording.own(source) or not words:
            known += _of_any_domain(domain, number, wording.title(source))
    known.sort(key=lambda notebook: notebook.name)
    for number in numbers:
        if not any(notebook.name.startswith(number) for notebook in known):
            raise UsageError(
                f"no notebook begins with {number!r}; there are {', '.join(n.name for n in known)}"
            )
    if waits(numbers, sources):
        return [each for each in known if not each.name.startswith(ASSESSMENT)]
    return [n for n in known if not numbers or n.name.startswith(tuple(numbers))]


def waits(numbers: Sequence[str], sources: Mapping[str, str]) -> bool:
    """Return whether the assessment runs only on request: images of one's own may be large."""
    return not numbers and any(map(wording.own, sources.values()))


def _of_any_domain(domain: str, number: str, title: str) -> list[Notebook]:
    found = sorted(paths.notebooks().glob("own/[0-9]_*.ipynb"))
    return [
        Notebook(path, f"{number}{path.stem[0]}_{domain}{path.stem[1:]}", domain, title)
        for path in found
    ]


def without(
    notebooks: Sequence[Notebook], left_out: Mapping[str, Mapping[str, str]]
) -> list[Notebook]:
    """Return notebooks but those of factors that are left out.

    Args:
        left_out: domain -> factor -> why.

    Raises:
        UsageError: none is left.
    """
    numbers = {
        f"{DOMAINS[domain].number}{FACTORS[name].number}": why
        for domain, factors in left_out.items()
        for name, why in factors.items()
    }
    kept = [each for each in notebooks if each.name[:2] not in numbers]
    if not kept:
        raise UsageError(f"no notebook is left: {next(iter(numbers.values()))}")
    return kept


def standing(
    notebooks: Sequence[Notebook], *, profile: str, folder: str, made_of: str
) -> list[Notebook]:
    """Return the notebooks whose executed copies another run would give again.

    Args:
        made_of: what their results come from (see `fresh.ingredients`).
    """
    return [
        each
        for each in notebooks
        if fresh.stands(
            _target(each, folder),
            fresh.fingerprint(*_asked(each, profile), made_of),
            figures=paths.rendered(folder),
        )
    ]


def _target(notebook: Notebook, folder: str) -> Path:
    return paths.executed(folder) / f"{notebook.name}.ipynb"


def _asked(notebook: Notebook, profile: str) -> tuple[NotebookNode, dict[str, str]]:
    """Return what is executed, with its parameters."""
    import nbformat

    # Kernels start in the notebooks' folder: a profile file is named from the caller's.
    named = str(Path(profile).resolve()) if profile.endswith((".yaml", ".yml")) else profile
    book, parameters = nbformat.read(notebook.path, as_version=4), {"profile": named}
    if notebook.domain:
        parameters["domain"] = notebook.domain
        book.cells[0].source = book.cells[0].source.replace(YOURS, f"# {notebook.title}:", 1)
    return book, parameters


def execute(notebook: Notebook, *, profile: str, folder: str, made_of: str = "") -> Path:
    """Run one notebook with `profile`; return the executed copy in the folder of the profile.

    One that serves any domain gets its domain as well, and the title of the images as its own.

    The copy is written under another name and moved into place when all cells have run, since a
    failed run leaves a broken notebook at its output.

    Args:
        made_of: what its results come from (see `fresh.ingredients`); "" where nobody will ask.

    Raises:
        ExecutionError: a cell failed.
    """
    target = _target(notebook, folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_suffix(RUNNING)
    import nbformat
    import papermill  # takes a second
    from papermill.exceptions import PapermillExecutionError

    from medtransfer.report.kernel import Kernel

    book, parameters = _asked(notebook, profile)
    fingerprint = fresh.fingerprint(book, parameters, made_of)
    try:
        done = papermill.execute_notebook(
            book,
            str(draft),
            parameters=parameters,
            cwd=str(paths.notebooks()),
            kernel_name="python3",
            progress_bar=False,
            kernel_manager_class=Kernel,
        )
    except PapermillExecutionError as error:
        raise ExecutionError(
            f"{target.name} failed in cell {error.exec_count}: {error.ename}: {error.evalue}\n"
            f"Its broken copy is {draft}"
        ) from None
    written = paths.rendered(folder).glob(f"{notebook.name[:2]}_*")
    done.metadata[fresh.MARK] = fresh.mark(fingerprint, figures=(path.name for path in written))
    nbformat.write(done, draft)
    os.replace(draft, target)
    return target


def executed(profile: str) -> list[Path]:
    """Return the notebooks of a profile that have run as a whole, in sequence."""
    found = sorted(paths.executed(profile).glob("[0-9][0-9]_*.ipynb"))
    return [path for path in found if not path.name.endswith(RUNNING)]


def execute_all(
    notebooks: Sequence[Notebook], *, profile: str, folder: str, made_of: str = ""
) -> None:
    """Run notebooks, two or a few at a time, when all that they show is in the store.

    The assessment trains and attacks, those of the first factor and the synthesis show most: they
    begin first, so that none of them is alone at the end.

    Raises:
        ExecutionError: some failed; the others are finished.
    """
    from tqdm import tqdm

    number = min(workers.number(), len(notebooks), AT_ONCE)
    failed = []
    ordered = sorted(notebooks, key=lambda each: (each.name[:2] != ASSESSMENT, each.name[1] != "0"))
    with (
        workers.processes(number) as pool,
        tqdm(total=len(notebooks), desc="3 of 3, notebooks") as bar,
    ):
        running = {
            pool.submit(execute, each, profile=profile, folder=folder, made_of=made_of): each
            for each in ordered
        }
        for future in as_completed(running):
            bar.set_postfix_str(running[future].name)
            bar.update()
            if error := future.exception():
                failed.append(str(error))
    if failed:
        raise ExecutionError("\n".join(failed))
