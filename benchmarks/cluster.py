"""A cluster that breaks: a study on Dask workers that die ends with the tables of a local run.

    .venv/bin/python benchmarks/cluster.py [--profile smoke] [--notebooks 20 21]

One undisturbed run on local processes, in a home of its own, is the reference. Then a scheduler and
three workers start as processes of their own on loopback, and the same command runs there in
another home. A worker is killed (SIGKILL) while it trains, another joins late, and when that one
trains the scheduler is killed: the run must end with one message and its workers with it. A new
scheduler and new workers start, and the same command must finish from the store. The store and the
tables of all figures must be the reference's, byte by byte.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from kills import compare, same_tables

T = TypeVar("T")
Process = subprocess.Popen[bytes]
PATIENCE = 600  # seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", default="smoke")
    parser.add_argument("--notebooks", nargs="*", default=[], help="first digits (default: all)")
    options = parser.parse_args()
    command = ["-m", "medtransfer.cli", "reproduce", *options.notebooks]
    command += ["--profile", options.profile]
    with tempfile.TemporaryDirectory(prefix="medtransfer-cluster-") as folder:
        local, there = homes(Path(folder))
        with started(local, command) as run:
            assert run.wait() == 0, log(local)
        say(f"local run: {compare(local, local)} results")
        broken(there, command)
        finished(there, command)
        results, tables = compare(local, there), same_tables(local, there, options.profile)
        assert results == compare(local, local)
        say(f"{results} results and {tables} tables are those of the local run, byte by byte")


def broken(home: Path, command: list[str]) -> None:
    """Run on a cluster that loses a worker, gets another one and loses its scheduler."""
    with (
        cluster(home, workers=3) as (scheduler, address, workers),
        started(home, command, DASK_SCHEDULER_ADDRESS=address) as run,
    ):
        victim = until(lambda: trains(home, workers))
        victim.kill()
        say(f"worker {victim.pid} killed while it trained")
        with dask(home, "worker", address, *ALONE) as late:
            until(lambda: trains(home, [late]))
            assert run.poll() is None
            say(f"worker {late.pid} joined late and trains; scheduler killed")
            scheduler.kill()
            status = run.wait(PATIENCE)
            *_, last = log(home).strip().splitlines()
            say(f"the run ended with status {status}: {last}")
            assert status == 1 and "Traceback" not in log(home)
            for worker in (*workers, late):
                worker.wait(PATIENCE)
    say(f"its workers ended; {len(list(home.glob('store/*/*/[!.]*')))} results are stored")


def finished(home: Path, command: list[str]) -> None:
    """Run the same command on a new cluster."""
    with (
        cluster(home, workers=3) as (_, address, _),
        started(home, command, DASK_SCHEDULER_ADDRESS=address) as run,
    ):
        assert run.wait() == 0, log(home)
    say("the same command on a new scheduler and three workers finished")


ALONE = ("--nthreads", "1", "--no-nanny")


@contextlib.contextmanager
def cluster(home: Path, *, workers: int) -> Iterator[tuple[Process, str, list[Process]]]:
    """Yield a scheduler, its address and its workers: processes on loopback."""
    file = home / "scheduler.json"
    file.unlink(missing_ok=True)
    place = ("--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file))
    with contextlib.ExitStack() as running:
        scheduler = running.enter_context(dask(home, "scheduler", *place))
        until(lambda: file.exists() and file.read_text().endswith("}"))
        address = json.loads(file.read_text())["address"]
        command = ("worker", address, *ALONE)
        yield (
            scheduler,
            address,
            [running.enter_context(dask(home, *command)) for _ in range(workers)],
        )


def dask(home: Path, *command: str) -> contextlib.AbstractContextManager[Process]:
    return started(home, ["-m", "dask", *command, "--no-dashboard"])


@contextlib.contextmanager
def started(home: Path, command: list[str], **environment: str) -> Iterator[Process]:
    """Yield a Python process that works in a home; kill it and what it started at the end."""
    environment |= {"MEDTRANSFER_HOME": str(home), "OMP_NUM_THREADS": "1"}
    with (home / f"{command[1]}.log").open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, *command],
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def homes(folder: Path) -> list[Path]:
    """Make two homes whose weights are the repository's."""
    from medtransfer import paths

    made = [folder / "local", folder / "cluster"]
    for home in made:
        home.mkdir()
        (home / "weights").symlink_to(paths.weights())
    return made


def log(home: Path) -> str:
    """Return what the last run in a home printed."""
    return (home / "medtransfer.cli.log").read_text()


def trains(home: Path, workers: list[Process]) -> Process | None:
    """Return a worker that trains: the name of its draft holds who writes it."""
    drafts = home.glob("store/training/*/.draft-*")
    pids = {int(path.name.split("-")[-2]) for path in drafts}
    return next((worker for worker in workers if worker.pid in pids), None)


def until(true: Callable[[], T]) -> T:
    """Return what `true` returns as soon as it is true."""
    end = time.monotonic() + PATIENCE
    while not (found := true()):
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.05)
    return found


def say(words: str) -> None:
    print(f"{time.perf_counter() - START:5.0f} s  {words}", flush=True)


START = time.perf_counter()

if __name__ == "__main__":
    main()
