"""`ensure`: closes the gap between the specs that should exist and what the store holds."""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass
from typing import Any

from tqdm import tqdm

from medtransfer import store
from medtransfer.executors.cluster import ClusterError
from medtransfer.executors.local import executor, return_memory
from medtransfer.specs import (
    Cell,
    EpsilonChoice,
    Imported,
    Network,
    PhantomSource,
    Source,
    Spec,
    Training,
)


class ComputeError(RuntimeError):
    """Some results could not be made; the message names each, everything else is stored."""


@dataclass(frozen=True)
class Unit:
    """Specs that are made together in one process."""

    specs: tuple[Spec, ...]

    @property
    def needs(self) -> set[Spec]:
        """Stored results that must exist before."""
        return {above for spec in self.specs for above in _stored_above(spec)}

    @property
    def name(self) -> str:
        """What the unit makes, for people."""
        return describe(self.specs[0]) + (f" (+{len(self.specs) - 1})" if self.specs[1:] else "")


STORED = (Source, Network, Cell, EpsilonChoice)


def ensure(specs: Iterable[Spec]) -> None:
    """Make every spec, and everything that it needs, exist in the store.

    What the store has is skipped, so a second call returns at once and a killed run loses no more
    than the units in flight. One progress bar shows what is done, failed and left.

    Raises:
        ComputeError: units failed; all others are finished and kept.
        StoreError: a source of images is missing and is not a phantom, or something that is no
            result lies where one belongs.
        ClusterError: the cluster is not there, or a worker of it does not fit.
    """
    missing = _missing(specs)
    if not missing:
        return
    with executor() as pool:
        for spec in missing:
            if isinstance(spec, PhantomSource):
                from medtransfer.data.images import prepare_phantom  # heavy, only when needed

                prepare_phantom(spec, executor=pool)
            elif isinstance(spec, Source):
                store.find(spec)  # explains that it is not there
        _run(_units([spec for spec in missing if not isinstance(spec, Source)]), pool)


def _missing(specs: Iterable[Spec]) -> list[Spec]:
    """Return all absent results, those upstream first, each once."""
    found: dict[Spec, None] = {}

    def visit(spec: Spec) -> None:
        if spec in found or (isinstance(spec, STORED) and store.has(spec)):
            return
        for above in spec.upstream():
            visit(above)
        if isinstance(spec, STORED):
            store.check_free(spec)
            found[spec] = None

    for spec in specs:
        visit(spec)
    return list(found)


def _stored_above(spec: Spec) -> Iterator[Spec]:
    for above in spec.upstream():
        if isinstance(above, STORED):
            yield above
        else:
            yield from _stored_above(above)


def _units(specs: Sequence[Spec]) -> list[Unit]:
    """Return the units of work: all cells of one surrogate, method and images are one."""
    cells: dict[Any, list[Cell]] = defaultdict(list)
    single = []
    for spec in specs:
        if isinstance(spec, Cell):
            cells[spec.attack.surrogate, spec.attack.method, spec.attack.images].append(spec)
        else:
            single.append(Unit((spec,)))
    return single + [Unit(tuple(group)) for group in cells.values()]


def make(unit: Unit) -> None:
    """Make one unit in this process."""
    try:
        _make(unit)
    finally:
        return_memory()


def _make(unit: Unit) -> None:
    spec = unit.specs[0]
    if isinstance(spec, Training):
        from medtransfer.networks.training import train

        train(spec)
        gc.collect()  # a trainer and its network refer to each other, and would stay for long
    elif isinstance(spec, Imported):
        from medtransfer.networks.imported import publish

        publish(spec)
    elif isinstance(spec, Cell):
        from medtransfer.scoring.transfer import score

        score([cell for cell in unit.specs if isinstance(cell, Cell)])
    elif isinstance(spec, EpsilonChoice):
        from medtransfer.scoring.epsilon import choose

        choose(spec)
    else:
        raise TypeError(f"nothing makes a {type(spec).__name__}")


def _run(units: list[Unit], pool: Executor) -> None:
    """Submit every unit when what it needs is there; finish everything; then raise."""
    waiting = list(units)
    running: dict[Future[None], Unit] = {}
    failed: dict[Unit, str] = {}
    bar = tqdm(total=len(units), desc="medtransfer", unit="unit", smoothing=0)
    with bar:
        while waiting or running:
            pending = {spec for unit in [*waiting, *running.values()] for spec in unit.specs}
            for unit in [unit for unit in waiting if not unit.needs & pending]:
                waiting.remove(unit)
                try:
                    running[pool.submit(make, unit)] = unit
                except BrokenExecutor as broken:
                    failed[unit] = f"{type(broken).__name__}: a worker process died"
                    bar.update()
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                unit = running.pop(future)
                error = future.exception()
                if isinstance(error, ClusterError):
                    raise error  # the next unit would meet it, too
                if error:
                    failed[unit] = f"{type(error).__name__}: {error}"
                    for lost in _drop_dependents(waiting, unit):
                        failed[lost] = f"not tried, since {unit.name} failed"
                bar.update()
                bar.set_postfix_str(f"{len(failed)} failed" if failed else unit.name)
    if failed:
        listed = "\n".join(f"- {unit.name}: {why}" for unit, why in failed.items())
        raise ComputeError(
            f"{len(failed)} of {len(units)} units failed; the others are stored. Mend the cause "
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


def describe(spec: Spec) -> str:
    """Return a short name of a spec for people."""
    if isinstance(spec, Network):
        d = spec.development
        verb = "train" if isinstance(spec, Training) else "bring"
        return f"{verb} {spec.architecture} {spec.initialization} on {d.source.domain} {d.name}"
    if isinstance(spec, Cell):
        return f"{spec.attack.method} crafted on: {describe(spec.attack.surrogate)[6:]}"
    if isinstance(spec, EpsilonChoice):
        return "choice of epsilon"
    return f"{type(spec).__name__} {spec.key[:12]}"
