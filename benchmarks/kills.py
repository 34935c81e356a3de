"""Random kills: a study that is killed again and again ends with the same tables.

    .venv/bin/python benchmarks/kills.py [--kills 50] [--profile smoke] [--seed 0]

One undisturbed run, in a home of its own, is the reference. Then the same command is started and
killed (SIGKILL, the whole process group or the first process alone) after a random time, again
and again; a run that ends before its kill begins anew from nothing. After every kill, whatever
the store holds must be the reference's, file by file, and no process may be left. At the end the
tables of all figures must be the reference's, byte by byte.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

PATIENCE = 30  # seconds that orphans have to notice that they are


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--profile", default="smoke")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    draw = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="medtransfer-kills-") as folder:
        whole, killed = Path(folder) / "whole", Path(folder) / "killed"
        start = time.perf_counter()
        assert run(whole, options.profile).wait() == 0
        longest = time.perf_counter() - start
        print(f"undisturbed: {longest:.0f} s, {len(results(whole))} results", flush=True)
        moments: Counter[str] = Counter()
        while moments.total() < options.kills:
            process = run(killed, options.profile)
            try:
                process.wait(draw.uniform(2, longest / 2))
                assert process.returncode == 0, "a run failed by itself"
                shutil.rmtree(killed)
                continue
            except subprocess.TimeoutExpired:
                moments[kill(process, killed, whole_group=draw.random() < 0.5)] += 1
            left = compare(whole, killed)
            print(f"{moments.total()} kills, {left} results whole", flush=True)
        assert run(killed, options.profile).wait() == 0
        compare(whole, killed)
        tables = same_tables(whole, killed, options.profile)
        print(f"{moments.total()} kills: {dict(moments)}; {tables} tables are the same")


def run(home: Path, profile: str) -> subprocess.Popen[bytes]:
    """Start the study in a home, in a process group of its own; weights are the repository's."""
    from medtransfer import paths

    if not (home / "weights").exists():
        home.mkdir(parents=True, exist_ok=True)
        (home / "weights").symlink_to(paths.weights())
    command = [sys.executable, "-m", "medtransfer.cli", "reproduce", "--profile", profile]
    return subprocess.Popen(
        command,
        env={**os.environ, "MEDTRANSFER_HOME": str(home), "OMP_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def kill(process: subprocess.Popen[bytes], home: Path, *, whole_group: bool) -> str:
    """Kill a run; return what it was doing. Raise if a process of it outlives it."""
    doing = moment(home)
    os.killpg(process.pid, signal.SIGKILL) if whole_group else process.kill()
    process.wait()
    deadline = time.monotonic() + PATIENCE
    while left := processes(home):
        if time.monotonic() > deadline:
            raise AssertionError(f"processes {left} outlive a run that was killed while {doing}")
        time.sleep(0.2)
    return doing


def processes(home: Path) -> list[int]:
    """Return the processes that work in a home."""
    mark, found = f"MEDTRANSFER_HOME={home}".encode(), []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (place / "environ").read_bytes().split(b"\0"):
                found.append(int(place.name))
        except OSError:
            continue
    return found


def moment(home: Path) -> str:
    """Return what a run is doing, from what lies in its home."""
    if list(home.glob("report/*/.*")) or list(home.glob("report/*/*")):
        return "report"
    if list(home.glob("executed/*/*.ipynb")):
        return "notebooks"
    for kind in ("cell", "training", "phantomsource"):
        if list(home.glob(f"store/{kind}/*/.draft-*")):
            return {"cell": "scoring", "training": "training"}.get(kind, "drawing")
    return "crafting" if list(home.glob("store/cell/*/*")) else "beginning or training"


def results(home: Path) -> dict[Path, Path]:
    """Return every published file but the records of runs: its path in the store -> where it is."""
    store = home / "store"
    return {
        path.relative_to(store): path
        for path in store.glob("*/*/[!.]*/*")
        if path.name != "run.json"
    }


def compare(whole: Path, killed: Path) -> int:
    """Return how many files the store of the killed runs holds; all must be the reference's."""
    expected, found = results(whole), results(killed)
    for name, path in found.items():
        assert path.read_bytes() == expected[name].read_bytes(), f"{name} differs"
    folders = {name.parent for name in found}
    halves = [f for f in folders if {n for n in expected if n.parent == f} - {*found}]
    assert not halves, f"{halves} were published without all their files"
    return len(folders)


def same_tables(whole: Path, killed: Path, profile: str) -> int:
    tables = sorted((whole / "figures" / profile).glob("*.csv"))
    for path in tables:
        other = killed / "figures" / profile / path.name
        assert path.read_bytes() == other.read_bytes(), f"{path.name} differs"
    return len(tables)


if __name__ == "__main__":
    main()
