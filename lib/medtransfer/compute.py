"""`ensure`: closes the gap between the specs that should exist and what the store holds.

Work runs on local processes, or on the Dask cluster named by DASK_SCHEDULER_ADDRESS; both are a
`concurrent.futures.Executor`.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from typing import Any

from tqdm import tqdm

from medtransfer import store
from medtransfer.specs import Cell, EpsilonChoice, PhantomSource, Source, Spec, Training


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


STORED = (Source, Training, Cell, EpsilonChoice)


def ensure(specs: Iterable[Spec]) -> None:
    """Make every spec, and everything that it needs, exist in the store.

    What the store has is skipped, so a second call returns at once and a killed run loses no more
    than the units in flight. One progress bar shows what is done, failed and left.

    Raises:
        ComputeError: units failed; all others are finished and kept.
        StoreError: a source of images is missing and is not a phantom.
    """
    missing = _missing(specs)
    if not missing:
        return
    with executor() as pool:
        for spec in missing:
            if isinstance(spec, PhantomSource):
                from medtransfer.data.prepare import prepare_phantom  # heavy, only when needed

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
    spec = unit.specs[0]
    if isinstance(spec, Training):
        from medtransfer.models.training import train

        train(spec)
    elif isinstance(spec, Cell):
        from medtransfer.evaluation.transfer import score

        score([cell for cell in unit.specs if isinstance(cell, Cell)])
    elif isinstance(spec, EpsilonChoice):
        from medtransfer.evaluation.choice import choose

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
                if error := future.exception():
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
    if isinstance(spec, Training):
        d = spec.development
        return f"train {spec.architecture} {spec.initialization} on {d.source.domain} {d.name}"
    if isinstance(spec, Cell):
        return f"{spec.attack.method} crafted on: {describe(spec.attack.surrogate)[6:]}"
    if isinstance(spec, EpsilonChoice):
        return "choice of epsilon"
    return f"{type(spec).__name__} {spec.key[:12]}"


@contextlib.contextmanager
def executor() -> Iterator[Executor]:
    """Yield where work runs: the Dask cluster of DASK_SCHEDULER_ADDRESS, or local processes.

    Inside the block every `ensure` uses the same workers, whose start takes seconds.
    """
    global _open
    if _open is not None:
        yield _open
        return
    with _new_executor() as _open:
        try:
            yield _open
        finally:
            _open = None


_open: Executor | None = None


@contextlib.contextmanager
def _new_executor() -> Iterator[Executor]:
    address = os.environ.get("DASK_SCHEDULER_ADDRESS")
    if address:
        from distributed import Client

        with Client(address) as client:
            yield client.get_executor(pure=False, retries=2)
        return
    with processes(workers(), start=_start_worker) as pool:
        yield pool


@contextlib.contextmanager
def processes(number: int, *, start: Callable[[], None] | None = None) -> Iterator[Executor]:
    """Yield local worker processes that end when this process ends, however that happens.

    Each calls `start` first. An error inside the block, Ctrl-C too, stops them at once.
    """
    pool = ProcessPoolExecutor(
        number, mp_context=get_context("spawn"), initializer=_begin, initargs=(start,)
    )
    try:
        yield pool
    except BaseException:
        _stop(pool)
        raise
    pool.shutdown()


def _stop(pool: ProcessPoolExecutor) -> None:
    """End the workers now: after Ctrl-C nothing may go on."""
    processes = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()


def workers() -> int:
    """Return how many processes work: MEDTRANSFER_WORKERS, or one per core (or GPU).

    On two cores, two processes of one thread each train 1.7 times as much as one of two threads.
    """
    asked = os.environ.get("MEDTRANSFER_WORKERS")
    if asked is not None:
        if not asked.isdigit() or int(asked) < 1:
            raise ValueError(f"MEDTRANSFER_WORKERS is {asked!r}; it must be a number from 1")
        return int(asked)
    if shutil.which("nvidia-smi"):
        import torch  # takes seconds, so only where there may be a GPU

        if torch.cuda.is_available():
            return torch.cuda.device_count()
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _begin(start: Callable[[], None] | None) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if start is not None:
        start()


def _start_worker() -> None:
    import torch

    _keep_memory()
    if torch.cuda.is_available():
        torch.cuda.set_device(os.getpid() % torch.cuda.device_count())
    else:
        torch.set_num_threads(1)
    torch.set_flush_denormal(True)


def _end_with_parent() -> None:
    """A worker whose parent was killed ends too."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _keep_memory() -> None:
    """Keep freed memory in the process: returning it at every layer costs a third of the speed."""
    if not sys.platform.startswith("linux"):
        return
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL("libc.so.6").mallopt
        for option, value in ((-4, 0), (-1, 2**31 - 1), (-2, 256 * 2**20)):
            mallopt(option, value)  # M_MMAP_MAX, M_TRIM_THRESHOLD, M_TOP_PAD
