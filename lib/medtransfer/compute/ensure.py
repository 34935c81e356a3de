"""`ensure` computes the results that should exist and that the store does not hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass
from typing import Any

from medtransfer import store
from medtransfer.compute.progress import Bar, Stage
from medtransfer.errors import ClusterError, ComputeError
from medtransfer.executors.local import executor, return_memory
from medtransfer.specs import Result, Spec

SILENT = 10.0  # seconds without a result, after which the bar says that work goes on
DIED = (
    "a worker process died: perhaps killed for lack of memory (fewer at once: "
    "MEDTRANSFER_WORKERS=1), perhaps because a script calls this outside of "
    '`if __name__ == "__main__":`'
)


@dataclass(frozen=True)
class Unit:
    """Results that are made together in one process."""

    specs: tuple[Result, ...]

    @property
    def needs(self) -> set[Result]:
        """Stored results that must exist before."""
        return {above for spec in self.specs for above in _stored_above(spec)}

    @property
    def title(self) -> str:
        """What the unit makes, for people."""
        return self.specs[0].title + (f" (+{len(self.specs) - 1})" if self.specs[1:] else "")


def ensure(specs: Iterable[Spec], *, stage: Stage | None = None) -> None:
    """Compute every spec that the store does not have, and everything that it needs.

    What the store has is skipped, so a second call returns at once and a killed run loses no more
    than the units in flight. One progress bar shows what is done, failed and left.

    Args:
        stage: of a longer run, for the bar.

    Raises:
        ComputeError: units failed; all others are finished and kept.
        StoreError: the folder for a result holds something else.
        ClusterError: the cluster is not there, or a worker of it does not fit.
    """
    missing = _missing(specs)
    if not missing:
        return
    with executor() as pool:
        _run(_units(missing), pool, stage or Stage())


def _missing(specs: Iterable[Spec]) -> list[Result]:
    """Return all absent results, those upstream first, each once."""
    found: dict[Result, None] = {}

    def visit(spec: Spec) -> None:
        if spec in found or (isinstance(spec, Result) and store.has(spec)):
            return
        for above in spec.upstream():
            visit(above)
        if isinstance(spec, Result):
            store.check_free(spec)
            found[spec] = None

    for spec in specs:
        visit(spec)
    return list(found)


def needed(specs: Iterable[Spec]) -> list[Result]:
    """Return every stored result that some specs need, themselves included, each once."""
    found: dict[Spec, None] = {}

    def visit(spec: Spec) -> None:
        if spec not in found:
            found[spec] = None
            for above in spec.upstream():
                visit(above)

    for spec in specs:
        visit(spec)
    return [spec for spec in found if isinstance(spec, Result)]


def _stored_above(spec: Spec) -> Iterator[Result]:
    for above in spec.upstream():
        if isinstance(above, Result):
            yield above
        else:
            yield from _stored_above(above)


def _units(specs: Sequence[Result]) -> list[Unit]:
    """Return the units of work: results of one class with an equal `batch` are one."""
    batches: dict[Any, list[Result]] = defaultdict(list)
    for spec in specs:
        batches[type(spec), spec.batch].append(spec)
    return [Unit(tuple(batch)) for batch in batches.values()]


def make(unit: Unit) -> None:
    """Make one unit in this process."""
    try:
        type(unit.specs[0]).make(unit.specs)
    finally:
        return_memory()


def _run(units: list[Unit], pool: Executor, stage: Stage) -> None:
    """Submit every unit when what it needs is there; finish everything; then raise."""
    waiting = list(units)
    running: dict[Future[None], Unit] = {}
    failed: dict[Unit, str] = {}
    with Bar(stage, total=len(units)) as bar:
        while waiting or running:
            pending = {spec for unit in [*waiting, *running.values()] for spec in unit.specs}
            for unit in [unit for unit in waiting if not unit.needs & pending]:
                waiting.remove(unit)
                try:
                    running[pool.submit(make, unit)] = unit
                except BrokenExecutor:
                    failed[unit] = DIED
                    bar.update()
            done, _ = wait(running, timeout=SILENT, return_when=FIRST_COMPLETED)
            if not done:
                bar.wait([unit.title for unit in running.values()])
            for future in done:
                unit = running.pop(future)
                error = future.exception()
                if isinstance(error, ClusterError):
                    raise error  # the next unit would meet it, too
                if error:
                    died = isinstance(error, BrokenExecutor)
                    failed[unit] = DIED if died else f"{type(error).__name__}: {error}"
                    for lost in _drop_dependents(waiting, unit):
                        failed[lost] = f"not tried, since {unit.title} failed"
                bar.update()
                left = [spec for each in (*waiting, *running.values()) for spec in each.specs]
                bar.say(unit.specs[0], unit.title, missing=left, failed=len(failed))
    if failed:
        listed = "\n".join(f"- {unit.title}: {why}" for unit, why in failed.items())
        raise ComputeError(
            f"{len(failed)} of {len(units)} units failed; the others are stored. Fix the cause "
            f"and run again:\n{listed}"
        )


def _drop_dependents(waiting: list[Unit], failed: Unit) -> list[Unit]:
    lost: list[Unit] = []
    gone = set(failed.specs)
    while found := [unit for unit in waiting if unit.needs & gone]:
        for unit in found:
            waiting.remove(unit)
            gone |= set(unit.specs)
        lost += found
    return lost
