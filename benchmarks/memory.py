"""Memory: what crafting and scoring take at three sizes, and what a whole study takes.

    .venv/bin/python benchmarks/memory.py
    .venv/bin/python benchmarks/memory.py --during make reproduce

The first form scores one pass of FGSM on untrained networks in fresh processes and prints the peak
resident memory of each, the libraries apart, varying the number of images, of epsilons and of
targets, one at a time.
The second runs any command and samples every two seconds what it and all its descendants hold:
their proportional set size together, in which shared pages count once, and the largest resident
process. Linux only.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# groups of the phantom (three radiographs each, a fifth for test), epsilons, targets
BASE = (340, 2, 2)
SIZES = {"images": (340, 680, 1360), "epsilons": (2, 8, 32), "targets": (2, 8, 32)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--during", nargs=argparse.REMAINDER)
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        *sizes, act = options.one
        one(*map(int, sizes), act=act)
        return
    if options.during:
        sys.exit(during(options.during))
    print("| images | epsilons | targets | libraries, MiB | more for the pass, MiB |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="medtransfer-memory-") as home:
        from medtransfer import paths

        (Path(home) / "weights").symlink_to(paths.weights())
        environment = {**os.environ, "MEDTRANSFER_HOME": home}
        for position, sizes in enumerate(SIZES.values()):
            for size in sizes:
                asked = [str(size if i == position else base) for i, base in enumerate(BASE)]
                command = [sys.executable, __file__, "--one", *asked]
                for act in ("fill", "score"):
                    subprocess.run([*command, act], check=True, env=environment)


def one(groups: int, epsilons: int, targets: int, *, act: str) -> None:
    """Fill the store with what a pass needs; or, in another process, score and print."""
    from medtransfer.attacks.delivery import FLOAT
    from medtransfer.compute.ensure import ensure
    from medtransfer.networks.trained import IMAGENET, RANDOM
    from medtransfer.scoring.cell import Cell
    from medtransfer.study import builders, schema

    profile = schema.profile("default")
    sizes = {
        "groups": {**profile.groups, "radiology": groups},
        "replicates": {RANDOM: targets, IMAGENET: 1},
    }
    study = builders.resolve(profile.model_copy(update=sizes))
    networks = study.networks("radiology", initializations=[RANDOM])[: targets + 1]
    surrogate, *rest = networks
    cells = [
        Cell(
            attack=study.attack("FGSM", [surrogate], epsilon=(1 + number) / 100),
            target=target,
            delivery=FLOAT,
        )
        for number in range(epsilons)
        for target in rest
    ]
    if act == "fill":
        ensure([surrogate.development.source])
        for network in networks:
            publish(network)
        return
    from medtransfer.executors.local import _start_worker
    from medtransfer.scoring import transfer

    _start_worker()
    loaded = peak()
    transfer.score(cells)
    _, rows = transfer.prepared_rows(cells[0].attack)
    print(
        f"| {len(rows)} | {epsilons} | {targets} | {loaded:.0f} | {peak() - loaded:.0f} |",
        flush=True,
    )


def peak() -> float:
    """Return the most resident memory that this process ever held, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def publish(network) -> None:
    """Put an untrained network into the store."""
    from medtransfer import store
    from medtransfer.networks import stored, training

    if not store.has(network):
        with store.draft(network) as place:
            stored.write(place, state=training.initial(network).state_dict(), history=[])


def during(command: list[str]) -> int:
    """Run a command; print the most memory that it and its descendants held."""
    together, largest = 0.0, 0.0
    process = subprocess.Popen(command)
    while process.poll() is None:
        held = [memory(number) for number in family(process.pid)]
        together = max(together, sum(pss for pss, _ in held))
        largest = max([largest, *(rss for _, rss in held)])
        time.sleep(2)
    print(f"together {together:.0f} MiB (PSS), largest process {largest:.0f} MiB (RSS)")
    return process.returncode


def family(number: int) -> list[int]:
    """Return a process and all its descendants."""
    try:
        tasks = Path(f"/proc/{number}/task").glob("*/children")
        children = [int(child) for task in tasks for child in task.read_text().split()]
    except OSError:
        return []
    return [number, *(below for child in children for below in family(child))]


def memory(number: int) -> tuple[float, float]:
    """Return proportional and resident set size of a process in MiB."""
    try:
        lines = Path(f"/proc/{number}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return 0.0, 0.0
    sizes = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines}
    return sizes["Pss"], sizes["Rss"]


if __name__ == "__main__":
    main()
