"""The workers of a Dask cluster, which DASK_SCHEDULER_ADDRESS names, as an executor."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from tqdm import tqdm

from medtransfer import paths, provenance, store
from medtransfer.errors import ClusterError

if TYPE_CHECKING:
    from distributed import Client

T = TypeVar("T")
PATIENCE = 10  # seconds in which a scheduler must answer
GLANCE = 2  # seconds between two looks at whether anybody works


class Cluster(Executor):
    """The workers of a Dask scheduler; each calls `start` before it works, as local ones do.

    The scheduler is contacted when there is work: a run that finds everything stored needs none.

    Raises:
        ClusterError: when work is submitted, `distributed` is not installed, or no scheduler
            answers; at the end of a `with` block, the scheduler dropped work that it had.
        OSError: when work is submitted, the store cannot be written.
    """

    def __init__(self, address: str, *, start: Callable[[], None]) -> None:
        self._address, self._start = address, start
        self._opened = contextlib.ExitStack()

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        pool, run = self._connection
        return pool.submit(_work, run, fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the cluster; what it has not begun is dropped."""
        with contextlib.suppress(TimeoutError):  # of a scheduler that is gone
            self._opened.close()

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        self.shutdown()
        if isinstance(error, CancelledError):  # we cancel nothing
            raise ClusterError(
                f"the scheduler at {self._address} ended or lost this run; finished work is "
                "stored. Check that it runs and has workers, then run the same command again"
            ) from None

    @cached_property
    def _connection(self) -> tuple[Executor, _Run]:
        client = self._opened.enter_context(_client(self._address))
        run = _Run(
            mark=self._opened.enter_context(store.mark()),
            home=str(paths.home()),
            code=_code(),
            start=self._start,
        )
        threading.Thread(target=_watch, args=(client, self._address), daemon=True).start()
        return client.get_executor(pure=False, retries=2), run


def _client(address: str) -> Client:
    try:
        from distributed import Client
        from distributed.comm import get_address_host_port
    except ModuleNotFoundError as missing:
        raise ClusterError(
            f"DASK_SCHEDULER_ADDRESS is set, but {missing.name} is not installed: "
            "`pip install --editable '.[cluster]'`"
        ) from None
    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # a lost connection fills a page
    try:
        get_address_host_port(address)  # of a malformed one Client complains at length
        return Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"no Dask scheduler answers at DASK_SCHEDULER_ADDRESS={address} ({error}). Start one "
            "with `dask scheduler`, or unset the variable to work on this machine"
        ) from None


def _watch(client: Client, address: str) -> None:
    """Say so whenever the cluster has no worker: work then waits without a sign."""
    told = False
    with contextlib.suppress(Exception):  # the connection ends, and the watch with it
        while client.status == "running":
            alone = not client.scheduler_info()["workers"]
            if alone and not told:
                tqdm.write(
                    f"{address} has no worker, and the work waits for one (a worker that ended "
                    "says why in its log). To start one: "
                    f"`MEDTRANSFER_HOME={paths.home()} dask worker {address} --nthreads 1`",
                    file=sys.stderr,
                )
            told = alone
            time.sleep(GLANCE)


@dataclass(frozen=True)
class _Run:
    """What a worker must share with the process whose work it does.

    Attributes:
        mark: lies in the store as long as the run lasts.
        home: MEDTRANSFER_HOME of the run; a worker may reach it by another path.
        code: revision of the project and versions of what decides results.
        start: sets a worker up.
    """

    mark: str
    home: str
    code: dict[str, str]
    start: Callable[[], None]


def _work(run: _Run, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
    """Do one piece of work, in a worker that fits the run."""
    _check(run)
    run.start()  # before each piece: flushing denormals and the GPU are settings of a thread
    return fn(*args, **kwargs)


def _check(run: _Run) -> None:
    from distributed import get_worker

    worker = get_worker()
    if worker.state.nthreads != 1:
        wrong = f"has {worker.state.nthreads} threads; start it with `--nthreads 1`"
    elif not store.sees(run.mark):
        wrong = (
            f"does not see the store of this run: its MEDTRANSFER_HOME is {paths.home()}, that of "
            f"the run {run.home}; start it with a folder on a file system that both see"
        )
    elif other := _differences(run.code, _code()):
        wrong = f"has other code ({other}); install the same commit and lock everywhere"
    else:
        return
    raise ClusterError(f"the worker {worker.name} {wrong}")


def _code() -> dict[str, str]:
    facts = provenance.provenance()
    return {"medtransfer": facts["git"], **facts["versions"]}


def _differences(ours: dict[str, str], theirs: dict[str, str]) -> str:
    """Return where two codes differ; a revision that nobody knows is not compared."""
    return ", ".join(
        f"{name} {there}, the run {here}"
        for (name, here), there in zip(ours.items(), theirs.values(), strict=True)
        if here != there and provenance.UNKNOWN not in (here, there)
    )
