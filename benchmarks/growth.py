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
import pandas as pd

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
    from medtransfer.study import plan as study
    from medtransfer.study import schema as profiles

    profile = profiles.EXTENDED.model_copy(update={"replicates": REPLICATES})
    cells = [
        cell
        for domain in profile.sources
        for cells_of in study.FACTORS.values()
        for cell in cells_of(profile, domain, epsilon=profile.candidates[0])
    ]
    return list(dict.fromkeys(cells))[:size]


def fill(size: int) -> None:
    from medtransfer import store
    from medtransfer.measures.predictions import ATTACKED, CLEAN, LOGIT
    from medtransfer.specs import Spec

    rng, tables = np.random.default_rng(0), {}
    record = json.dumps({**store.provenance(), "seconds": 1.0, "crafting": 0.5})

    def answers(labels: tuple[str, ...], prefixes: tuple[str, ...]) -> Path:
        key = labels, prefixes
        if key not in tables:
            groups = [f"{row // 2:05d}" for row in range(ROWS)]
            columns = {"image": [str(row) for row in range(ROWS)], "group": groups}
            columns |= {name: rng.integers(0, 2, ROWS) for name in labels}
            columns |= {p + name: rng.normal(size=ROWS) for p in prefixes for name in labels}
            columns |= {name: rng.random(ROWS) for name in ("max", "rms", "psnr", "ssim")}
            tables[key] = Path(os.environ["MEDTRANSFER_HOME"]) / f"{len(tables)}.parquet"
            pd.DataFrame(columns).to_parquet(tables[key], index=False)
        return tables[key]

    def publish(spec: Spec, name: str, prefixes: tuple[str, ...], labels: tuple[str, ...]) -> None:
        place = store.directory(spec)
        place.mkdir(parents=True)
        os.link(answers(labels, prefixes), place / name)
        (place / "run.json").write_text(record)
        (place / "spec.json").write_text(json.dumps(spec.description))

    networks = set()
    for cell in everything(size):
        labels = cell.target.development.source.labels
        publish(cell, "images.parquet", (CLEAN, ATTACKED), labels)
        if cell.target not in networks:
            networks.add(cell.target)
            publish(cell.target, "validation.parquet", (LOGIT,), labels)


def ask(size: int) -> None:
    from medtransfer.analysis import tables as table
    from medtransfer.compute import ensure as compute
    from medtransfer.compute import status
    from medtransfer.study import schema as profiles

    cells = everything(size)
    seconds = {}
    profile = profiles.EXTENDED.model_copy(update={"replicates": REPLICATES})
    for name, question in (
        ("status", lambda: status.notebooks(profile)),
        ("ensure", lambda: compute.ensure(cells)),
        ("table", lambda: table.transfer_table(cells[:TABLE], resamples=1000)),
    ):
        start = time.perf_counter()
        question()
        seconds[name] = time.perf_counter() - start
    print(f"| {size} | " + " | ".join(f"{value:.2f} s" for value in seconds.values()) + " |")


if __name__ == "__main__":
    main()
