"""Growth: what a large store costs those who only ask it.

    .venv/bin/python benchmarks/growth.py [--sizes 10 1000 20000]

A store is filled with so many made-up results of a study with eight trainings of each kind, and
three questions are timed, each in a fresh process, imports left out: `status` of the whole study,
`ensure` of everything that is there, and loading the table of the first 100 results.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

REPLICATES, ROWS, TABLE = 8, 60, 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 1000, 20_000])
    parser.add_argument("--ask", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.ask is not None:
        ask(options.ask)
        return
    print("| results | status | ensure, nothing to do | table of 100 results |\n|---|---|---|---|")
    for size in options.sizes:
        with tempfile.TemporaryDirectory(prefix="medtransfer-growth-") as home:
            os.environ["MEDTRANSFER_HOME"] = home
            fill(size)
            subprocess.run([sys.executable, __file__, "--ask", str(size)], check=True)


def everything(size: int) -> list:
    from medtransfer.study import plan
    from medtransfer.study.factors import FACTORS

    study = large()
    epsilons = dict.fromkeys(study.starts, study.profile.candidates[0])
    cells = [
        cell
        for domain in study.domains
        for factor in FACTORS
        for cell in plan.cells(study, domain, factor, epsilons=epsilons)
    ]
    return list(dict.fromkeys(cells))[:size]


def large():
    """Return the study that the results belong to."""
    from medtransfer.study import builders, schema

    profile = schema.profile("extended").model_copy(
        update={"replicates": dict.fromkeys(("imagenet", "random"), REPLICATES)}
    )
    return builders.resolve(profile)


def fill(size: int) -> None:
    from medtransfer import store
    from medtransfer.measures.predictions import FILE, Predictions
    from medtransfer.provenance import provenance
    from medtransfer.scoring import epsilon
    from medtransfer.specs import Result
    from medtransfer.study import plan

    rng, folders = np.random.default_rng(0), {}
    facts = {**provenance(), "seconds": 1.0}

    def made_up(labels: tuple[str, ...], attacked: bool) -> Path:
        key = labels, attacked
        if key not in folders:
            folders[key] = Path(os.environ["MEDTRANSFER_HOME"]) / f"{len(folders)}"
            folders[key].mkdir()
            shape = ROWS, len(labels)
            measures = ("max", "rms", "psnr", "ssim")
            Predictions(
                labels=labels,
                images=tuple(map(str, range(ROWS))),
                groups=tuple(f"{row // 2:05d}" for row in range(ROWS)),
                truth=rng.integers(0, 2, shape),
                clean=rng.normal(size=shape),
                attacked=rng.normal(size=shape) if attacked else None,
                visible={name: rng.random(ROWS) for name in measures} if attacked else None,
            ).write(folders[key])
        return folders[key] / FILE

    def publish(spec: Result, labels: tuple[str, ...], *, attacked: bool) -> None:
        place = store.directory(spec)
        place.mkdir(parents=True)
        os.link(made_up(labels, attacked), place / FILE)
        record = {**facts, "effort": spec.effort, "work": {spec.effort: 1.0}}
        (place / "run.json").write_text(json.dumps(record))
        (place / "spec.json").write_text(json.dumps(spec.description))

    networks, study = set(), large()
    text = json.dumps({"epsilon": study.profile.candidates[0]})
    for domain in study.domains:  # without choices no cell is known
        for choice in plan.choices(study, domain).values():
            with store.draft(choice) as place:
                (place / epsilon.CHOICE).write_text(text)
    for cell in everything(size):
        publish(cell, cell.target.labels, attacked=True)
        if cell.target not in networks:
            networks.add(cell.target)
            publish(cell.target, cell.target.labels, attacked=False)


def ask(size: int) -> None:
    from medtransfer.analysis import tables
    from medtransfer.compute import status
    from medtransfer.compute.ensure import ensure

    cells, study = everything(size), large()
    seconds = {}
    for name, question in (
        ("status", lambda: status.notebooks(study)),
        ("ensure", lambda: ensure(cells)),
        ("table", lambda: tables.transfer_table(cells[:TABLE], resamples=1000)),
    ):
        start = time.perf_counter()
        question()
        seconds[name] = time.perf_counter() - start
    print(f"| {size} | " + " | ".join(f"{value:.2f} s" for value in seconds.values()) + " |")


if __name__ == "__main__":
    main()
