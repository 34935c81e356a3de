"""A Dask cluster: real processes on loopback do what local workers do, and say what is wrong."""

import contextlib
import io
import json
import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

from medtransfer import paths, provenance, store
from medtransfer.compute.ensure import ensure
from medtransfer.errors import ClusterError
from medtransfer.executors import cluster
from medtransfer.executors import local as workers

pytestmark = pytest.mark.slow

PATIENCE = 120  # seconds; processes that import torch start slowly on a busy machine


def until(true):
    end = time.monotonic() + PATIENCE
    while not (found := true()):
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.05)
    return found


@contextlib.contextmanager
def process(*arguments, **environment):
    command = [sys.executable, "-m", "dask", *arguments, "--no-dashboard"]
    running = subprocess.Popen(
        command, env={**os.environ, **environment}, stderr=subprocess.DEVNULL
    )
    try:
        yield running
    finally:
        running.kill()
        running.wait()


@contextlib.contextmanager
def scheduling(folder):
    file = folder / "scheduler.json"
    with process(
        "scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file)
    ) as p:
        until(lambda: file.exists() and file.read_text().endswith("}"))
        yield p, json.loads(file.read_text())["address"]


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory):
    with scheduling(tmp_path_factory.mktemp("scheduler")) as (_, address):
        yield address


@pytest.fixture
def address(scheduler, monkeypatch):
    """A scheduler that this process uses, without workers."""
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", scheduler)
    return scheduler


def worker(address, *, threads=1, **environment):
    arguments = ("--nthreads", str(threads), "--no-nanny")
    return process("worker", address, *arguments, **environment)


def ask(function, *arguments):
    with workers.executor() as pool:
        return pool.submit(function, *arguments).result(timeout=PATIENCE)


def test_work_waits_for_a_worker_and_says_so(address, home, monkeypatch):
    said = io.StringIO()  # another thread writes while this one reads, which capfd cannot do
    monkeypatch.setattr(sys, "stderr", said)
    with workers.executor() as pool:
        where = pool.submit(os.getpid)
        threads = pool.submit(torch.get_num_threads)
        tiny = pool.submit(torch.mul, torch.tensor(1e-39), 1.0)
        until(lambda: "--nthreads 1" in said.getvalue())
        assert f"{address} has no worker" in said.getvalue()
        assert f"MEDTRANSFER_HOME={home} dask worker {address} --nthreads 1" in said.getvalue()
        with worker(address) as running:
            assert where.result(timeout=PATIENCE) == running.pid
            assert threads.result() == 1
            assert tiny.result() == 0  # denormals are flushed in the thread that works
    assert list(paths.store().iterdir()) == []


def test_after_ctrl_c_nothing_more_begins(address, home):
    with worker(address):
        with pytest.raises(KeyboardInterrupt), workers.executor() as pool:
            pool.submit(Path.touch, home / "begun").result(timeout=PATIENCE)
            pool.submit(time.sleep, 2)
            pool.submit(Path.touch, home / "waiting")
            raise KeyboardInterrupt
        ask(os.getpid)
    assert [path.name for path in home.iterdir() if path.is_file()] == ["begun"]


def test_a_worker_with_another_store_is_named(address, home, tmp_path, toy):
    other, source = tmp_path / "other", toy.source()
    with store.draft(source):
        pass
    with worker(address, MEDTRANSFER_HOME=str(other)):
        with pytest.raises(ClusterError, match=f"not see the store .*{other}.*{home}; start it"):
            ask(os.getpid)
        with pytest.raises(ClusterError, match="not see the store"):  # not one failure per unit
            ensure([toy.training(development=toy.development(source=source))])


def test_a_worker_of_several_threads_is_refused(address):
    with (
        worker(address, threads=2),
        pytest.raises(ClusterError, match="has 2 threads; start it with `--nthreads 1`"),
    ):
        ask(os.getpid)


def test_a_worker_with_other_code_is_refused(address, monkeypatch):
    facts = provenance.provenance()
    other = {**facts, "versions": {**facts["versions"], "torch": "1.0"}}
    monkeypatch.setattr(provenance, "provenance", lambda: other)
    with worker(address), pytest.raises(ClusterError, match=r"torch 2\.\S+, the run 1\.0"):
        ask(os.getpid)


def test_a_lost_scheduler_ends_the_run_in_one_sentence(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(cluster, "PATIENCE", 2)
    monkeypatch.setattr(logging.getLogger("distributed.client"), "handlers", [caplog.handler])
    with scheduling(tmp_path) as (scheduler, address), worker(address):
        monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", address)
        with (
            pytest.raises(ClusterError, match="finished work is stored"),
            workers.executor() as pool,
        ):
            pool.submit(os.getpid).result(timeout=PATIENCE)
            endless = pool.submit(time.sleep, 600)
            scheduler.kill()
            endless.result(timeout=PATIENCE)
    assert not caplog.records


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nowhere", "what://127.0.0.1:9"])
def test_a_scheduler_that_does_not_answer_is_named(address, monkeypatch):
    monkeypatch.setattr(cluster, "PATIENCE", 0.5)
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", address)
    with pytest.raises(ClusterError, match=f"no Dask scheduler answers at .*{address} .*Start one"):
        ask(os.getpid)


def test_a_missing_library_is_named(address, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ClusterError, match=r"distributed is not installed: .*\.\[cluster\]"):
        ask(os.getpid)


def test_who_finds_everything_in_the_store_needs_no_cluster(toy, monkeypatch):
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", "tcp://127.0.0.1:9")
    spec = toy.training()
    with store.draft(spec):
        pass
    with workers.executor():
        ensure([spec])


# --- the same bits -------------------------------------------------------------------------------


@pytest.fixture
def cells(toy):
    """Two networks of the study, each attacked by itself; every worker knows how to make them."""
    development = toy.development(source=toy.phantom(groups=12))
    fields = {"architecture": "mobilenet_v2", "least_epochs": 3, "most_epochs": 3}
    return [toy.cell(toy.training(development=development, **fields, seed=seed)) for seed in (1, 2)]


def replace_one_that_trains(running, address, late):
    """Kill a worker in the middle of a training (a draft's name holds who writes it); add one."""

    def training():
        drafts = paths.store().glob(f"training/*/{store.DRAFT}*")
        pids = {int(path.name.split("-")[-2]) for path in drafts}
        return next((worker for worker in running if worker.pid in pids), None)

    until(training).kill()
    late.enter_context(worker(address))


def published():
    """Every file of the store but the records of runs."""
    root = paths.store()
    files = [path for path in root.glob("*/*/[!.]*/*") if path.name != "run.json"]
    return {path.relative_to(root): path.read_bytes() for path in files}


@pytest.mark.slow
def test_the_same_bits_although_a_worker_is_killed_and_another_joins(
    address, cells, tmp_path, monkeypatch
):
    monkeypatch.setenv("MEDTRANSFER_HOME", str(tmp_path / "cluster"))
    with worker(address) as first, worker(address) as second, contextlib.ExitStack() as late:
        running = [first, second]
        change = threading.Thread(target=replace_one_that_trains, args=[running, address, late])
        change.start()
        ensure(cells)
        change.join()
        assert sorted(worker.poll() is None for worker in running) == [False, True]
    there = published()
    monkeypatch.setenv("MEDTRANSFER_HOME", str(tmp_path / "local"))
    monkeypatch.delenv("DASK_SCHEDULER_ADDRESS")
    monkeypatch.setenv("MEDTRANSFER_WORKERS", "1")
    ensure(cells)
    assert all(store.has(cell) for cell in cells)
    assert published() == there
