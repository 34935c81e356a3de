"""Worker processes of this machine, as an executor; `executor()` may choose a cluster instead."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from typing import Any

from medtransfer.errors import UsageError
from medtransfer.executors.cluster import Cluster


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
    if address := os.environ.get("DASK_SCHEDULER_ADDRESS"):
        with Cluster(address, start=_start_worker) as cluster:
            yield cluster
        return
    with processes(number(), start=_start_worker) as pool:
        yield pool


@contextlib.contextmanager
def processes(many: int, *, start: Callable[[], None] | None = None) -> Iterator[Executor]:
    """Yield local worker processes that end when this process ends, however that happens.

    Each calls `start` first. An error inside the block, Ctrl-C too, stops them at once.
    """
    pool = _Pool(many, mp_context=get_context("spawn"), initializer=_begin, initargs=(start,))
    try:
        yield pool
    except BaseException:
        _stop(pool)
        raise
    pool.shutdown()


class _Pool(ProcessPoolExecutor):
    """Processes that Ctrl-C does not reach: their parent stops them, and alone says so."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        with _no_interrupt():
            return super().submit(fn, *args, **kwargs)


@contextlib.contextmanager
def _no_interrupt() -> Iterator[None]:
    """Let Ctrl-C wait until the processes that start in the block are known.

    They inherit that it is blocked. In this process it may reach another thread, of which Python
    would tell the main one at once: so the handler only takes a note.
    """
    noted: list[int] = []
    main = threading.current_thread() is threading.main_thread()
    handler = signal.signal(signal.SIGINT, lambda number, _: noted.append(number)) if main else None
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if main:
            signal.signal(signal.SIGINT, handler)
    if noted:
        raise KeyboardInterrupt


def _stop(pool: ProcessPoolExecutor) -> None:
    """End the workers now: after Ctrl-C nothing may go on."""
    processes = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()


def number() -> int:
    """Return how many processes work: MEDTRANSFER_WORKERS, or one per core (or GPU).

    On two cores, two processes of one thread each train 1.7 times as much as one of two threads.

    Raises:
        UsageError: MEDTRANSFER_WORKERS is not a number of at least 1.
    """
    asked = os.environ.get("MEDTRANSFER_WORKERS")
    if asked is not None:
        if not asked.isdigit() or int(asked) < 1:
            raise UsageError(
                f"MEDTRANSFER_WORKERS is {asked!r}; it must be a whole number, at least 1"
            )
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


def return_memory() -> None:
    """Give back the memory that a unit of work freed: in pieces it would pile up over many."""
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL("libc.so.6").malloc_trim(0)
