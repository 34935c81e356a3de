"""Notebooks run headlessly by papermill; only a whole one takes its place."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from concurrent.futures import as_completed
from pathlib import Path

from medtransfer import paths
from medtransfer.domains import DOMAINS
from medtransfer.errors import ExecutionError, UsageError
from medtransfer.executors import local as workers

AT_ONCE = 4  # a kernel holds half a gigabyte
RUNNING = ".running.ipynb"


def find(*, numbers: Sequence[str] = (), domains: Collection[str] | None = None) -> list[Path]:
    """Return the notebooks in sequence, all or those whose file name begins with a number given.

    Args:
        numbers: the first digits of some.
        domains: those of a profile; the notebooks of other domains have nothing to show. None
            takes the notebooks of all domains.

    Raises:
        UsageError: a number names no notebook.
    """
    absent = {str(row.number) for name, row in DOMAINS.items() if name not in (domains or DOMAINS)}
    known = [
        path
        for path in sorted(paths.notebooks().glob("[0-9][0-9]_*.ipynb"))
        if path.name[0] not in absent
    ]
    for number in numbers:
        if not any(path.name.startswith(number) for path in known):
            raise UsageError(
                f"no notebook begins with {number!r}; there are {', '.join(p.stem for p in known)}"
            )
    return [p for p in known if not numbers or any(p.name.startswith(n) for n in numbers)]


def execute(notebook: Path, *, profile: str, folder: str) -> Path:
    """Run one notebook with `profile`; return the executed copy in the folder of the profile.

    The copy is written under another name and moved into place when all cells have run, since a
    failed run leaves a broken notebook at its output.

    Raises:
        ExecutionError: a cell failed.
    """
    target = paths.executed(folder) / notebook.name
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_suffix(RUNNING)
    # Kernels start in the notebooks' folder: a profile file is named from the caller's.
    named = str(Path(profile).resolve()) if profile.endswith((".yaml", ".yml")) else profile
    import papermill  # takes a second
    from papermill.exceptions import PapermillExecutionError

    from medtransfer.report.kernel import Kernel

    try:
        papermill.execute_notebook(
            str(notebook),
            str(draft),
            parameters={"profile": named},
            cwd=str(paths.notebooks()),
            kernel_name="python3",
            progress_bar=False,
            kernel_manager_class=Kernel,
        )
    except PapermillExecutionError as error:
        raise ExecutionError(
            f"{notebook.name} failed in cell {error.exec_count}: {error.ename}: {error.evalue}\n"
            f"Its broken copy is {draft}"
        ) from None
    os.replace(draft, target)
    return target


def executed(profile: str) -> list[Path]:
    """Return the notebooks of a profile that have run as a whole, in sequence."""
    found = sorted(paths.executed(profile).glob("[0-9][0-9]_*.ipynb"))
    return [path for path in found if not path.name.endswith(RUNNING)]


def execute_all(notebooks: Sequence[Path], *, profile: str, folder: str) -> None:
    """Run notebooks, two or a few at a time, when all that they show is in the store.

    Those of the first factor, and the synthesis, show most: they begin first, so that none of them
    is alone at the end.

    Raises:
        ExecutionError: some failed; the others are finished.
    """
    from tqdm import tqdm

    number = min(workers.number(), len(notebooks), AT_ONCE)
    failed = []
    ordered = sorted(notebooks, key=lambda path: path.name[1] != "0")
    with workers.processes(number) as pool, tqdm(total=len(notebooks), desc="notebooks") as bar:
        running = {
            pool.submit(execute, path, profile=profile, folder=folder): path for path in ordered
        }
        for future in as_completed(running):
            bar.set_postfix_str(running[future].stem)
            bar.update()
            if error := future.exception():
                failed.append(str(error))
    if failed:
        raise ExecutionError("\n".join(failed))
