"""The grid of one domain: crafted once for all targets, against once per pair and row of a table.

    .venv/bin/python benchmarks/grid.py [--profile default] [--domain radiology]

The second is the schedule of the paper's code: every row of every table crafts its own attack for
each pair of networks. What is missing in the store is made first. Then both schedules run in this
process on one thread, with the same code for attacks and scores, and networks that are kept once
loaded; gradients are counted from the specs, per image. The first pass over everything warms up
nothing but files, since both go over all networks many times.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence

from medtransfer.attacks.fgsm import FGSM
from medtransfer.compute import run
from medtransfer.executors.local import _start_worker
from medtransfer.scoring import transfer
from medtransfer.scoring.cell import Cell
from medtransfer.study import builders, plan, schema
from medtransfer.study.factors import FACTORS

Passes = list[list[Cell]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", default="default")
    parser.add_argument("--domain", default="radiology")
    options = parser.parse_args()
    study = builders.resolve(schema.profile(options.profile))
    run.everything(study, [options.domain])
    epsilons = run.chosen_epsilons(study, options.domain)
    tables = [choice.cells for choice in plan.choices(study, options.domain).values()]
    tables += [plan.cells(study, options.domain, factor, epsilons=epsilons) for factor in FACTORS]
    _start_worker()
    print("| schedule | passes | gradients per image | seconds |\n|---|---|---|---|")
    found = []
    for name, passes in (
        ("crafted once for all targets", once(tables)),
        ("once per pair and row", per_pair(tables)),
    ):
        start = time.perf_counter()
        for cells in passes:
            transfer.score(cells)
        seconds = time.perf_counter() - start
        found.append((sum(map(gradients, passes)), seconds))
        print(f"| {name} | {len(passes)} | {found[-1][0]} | {seconds:.0f} |", flush=True)
    (own, fast), (other, slow) = found
    print(f"{own / other:.0%} of the gradients, {fast / slow:.0%} of the time")


def once(tables: Iterable[Sequence[Cell]]) -> Passes:
    """Return the passes of this study: each result once, by surrogate, method and images."""
    passes: dict[object, list[Cell]] = defaultdict(list)
    for cell in dict.fromkeys(cell for table in tables for cell in table):
        passes[cell.batch].append(cell)
    return list(passes.values())


def per_pair(tables: Iterable[Sequence[Cell]]) -> Passes:
    """Return one pass for each attack and target of each table; deliveries share it."""
    result: Passes = []
    for table in tables:
        passes: dict[object, list[Cell]] = defaultdict(list)
        for cell in table:
            passes[cell.attack, cell.target].append(cell)
        result += passes.values()
    return result


def gradients(cells: Sequence[Cell]) -> int:
    """Return how many gradients a pass computes per image: one for all attacks by FGSM."""
    methods = {cell.attack.method for cell in cells}
    fgsm = {method for method in methods if isinstance(method, FGSM)}
    return bool(fgsm) + sum(method.steps for method in methods - fgsm)


if __name__ == "__main__":
    main()
