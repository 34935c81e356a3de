# ruff: noqa: E402 - the home is set before anything is imported
"""What does each part of `networks/fast` save of the default study?

    .venv/bin/python benchmarks/fast.py [--repeats 3] [--minutes 13.2 7.0 2.8 2.1]

Trains, attacks and asks both networks of the profile `default` with all parts, and with all but
one, in turn, in CPU seconds of one thread. `--minutes` says what `medtransfer status` counted for a
whole study: training, crafting, scoring, notebooks. From these and the ratios follows what a part
saves.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from unittest import mock

HOME = os.environ.setdefault("MEDTRANSFER_HOME", tempfile.mkdtemp())
os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from medtransfer import paths, store
from medtransfer.attacks.method import craft
from medtransfer.executors.local import _start_worker
from medtransfer.networks import fast, stored
from medtransfer.networks.fast import folding
from medtransfer.networks.network import batch
from medtransfer.networks.trained import RANDOM
from medtransfer.scoring import transfer
from medtransfer.study import builders, schema

EPOCHS, ROUNDS = 2, 4
WORK = ("training", "crafting", "scoring")


def nothing(*_: object, **__: object) -> None:
    """Stand in for a part that is left out."""


VARIANTS = {
    "all parts": [],
    "without depthwise": [(fast, "use_shifted_products", nothing)],
    "without pointwise": [(fast, "use_products", nothing)],
    "without both": [(fast, name, nothing) for name in ("use_shifted_products", "use_products")],
    "without frozen": [(folding, "_freeze", nothing)],
    "folding alone": [
        *((fast, name, nothing) for name in ("use_shifted_products", "use_products")),
        (folding, "_freeze", nothing),
    ],
    "without folding": [(fast, "folded", lambda model, example: model.eval())],
    "without anything": [(fast, "used", lambda: False)],
}


@contextlib.contextmanager
def variant(name: str) -> Iterator[None]:
    """Leave some parts out."""
    with contextlib.ExitStack() as stack:
        for place, part, instead in VARIANTS[name]:
            stack.enter_context(mock.patch.object(place, part, instead))
        yield


def measured(study: builders.Study, domain: str) -> dict[str, float]:
    """Return CPU seconds of each kind of work."""
    spent: dict[str, float] = defaultdict(float)
    for spec in study.networks(domain, initializations=[RANDOM]):
        short = dataclasses.replace(spec, epochs=EPOCHS, seed=time.perf_counter_ns())
        start = time.process_time()
        type(short).make([short])
        spent["training"] += time.process_time() - start
        attack = study.attack("PGD", [short], epsilon=0.02)
        prepared, rows = transfer.prepared_rows(attack)
        model = stored.predictor(short)
        images = batch(prepared, rows[:100])
        labels = torch.from_numpy(prepared.targets[rows[:100]])
        start = time.process_time()
        list(craft(model.module, images, labels, [attack.method]))
        spent["crafting"] += time.process_time() - start
        start = time.process_time()
        for _ in range(10 * ROUNDS):
            model.logits(images)
        spent["scoring"] += time.process_time() - start
    return spent


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--minutes", type=float, nargs=4, default=[13.2, 7.0, 2.8, 2.1])
    options = parser.parse_args()
    _start_worker()
    weights = paths.REPOSITORY / "build" / "weights"
    if not paths.weights().exists():
        Path(HOME).mkdir(parents=True, exist_ok=True)
        paths.weights().symlink_to(weights)
    domain = "pathology"
    study = builders.resolve(schema.profile("default"), [domain])
    source = study.source(domain)
    if not store.has(source):
        type(source).make([source])
    found: dict[str, dict[str, list[float]]] = {name: defaultdict(list) for name in VARIANTS}
    for _ in range(options.repeats):
        for name in VARIANTS:
            with variant(name):
                for work, seconds in measured(study, domain).items():
                    found[name][work].append(seconds)
    *minutes, notebooks = options.minutes
    whole = sum(minutes) + notebooks
    print(f"{'':24}" + "".join(f"{work:>12}" for work in WORK) + f"{'study':>10}{'saved':>9}")
    base = {work: median(found["all parts"][work]) for work in WORK}
    for name, values in found.items():
        ratio = {work: median(values[work]) / base[work] for work in WORK}
        total = sum(m * ratio[w] for m, w in zip(minutes, WORK, strict=True)) + notebooks
        row = "".join(f"{median(values[work]):8.2f} s  " for work in WORK)
        print(f"{name:24}{row}{total:7.1f} min{100 * (1 - whole / total):7.1f} %")


if __name__ == "__main__":
    main()
