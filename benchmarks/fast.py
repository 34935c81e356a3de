"""What do folded networks (`networks/fast`) save of the default study?

    .venv/bin/python benchmarks/fast.py [--repeats 5] [--minutes 10.3 5.0 2.1 2.0]

PGD on a batch of 100 images, and the answers to ten such batches, by both networks of the profile
`default` from random weights, folded and as PyTorch has them, in turn, in CPU seconds of one
thread. `--minutes` says what `medtransfer status` counted for a whole study with folded networks:
training, crafting, scoring, notebooks. From these and the ratios follows what folding saves of it.
"""

from __future__ import annotations

import argparse
import os
import time
from collections import defaultdict
from statistics import median
from unittest import mock

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from medtransfer.attacks.method import craft
from medtransfer.attacks.pgd import PGD
from medtransfer.executors.local import _start_worker
from medtransfer.networks import fast
from medtransfer.networks.model import Classifier
from medtransfer.networks.network import ModulePredictor
from medtransfer.study import schema

IMAGES, BATCHES = 100, 10
VARIANTS = {"folded": "1", "as PyTorch has it": "0"}  # values of MEDTRANSFER_FAST
WORK = ("crafting", "scoring")


def measured(architecture: str, method: PGD, *, image_px: int) -> dict[str, float]:
    """Return CPU seconds of each kind of work."""
    torch.manual_seed(0)
    layout = torch.channels_last
    images = (
        torch.rand(IMAGES, 3, image_px, image_px).mul(2).sub(1).contiguous(memory_format=layout)
    )
    labels = (torch.rand(IMAGES, 1) > 0.5).float()
    network = Classifier(architecture, outputs=1).to(memory_format=layout)  # type: ignore[call-overload]
    with torch.no_grad():
        network.train()(images)  # statistics that keep activations alive
    network = fast.for_answers(network.eval().requires_grad_(False), images[:2])
    spent = {}
    start = time.process_time()
    list(craft(network, images, labels, [method]))
    spent["crafting"] = time.process_time() - start
    model = ModulePredictor(network)
    start = time.process_time()
    for _ in range(BATCHES):
        model.logits(images)
    spent["scoring"] = time.process_time() - start
    return spent


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--minutes", type=float, nargs=4)
    options = parser.parse_args()
    _start_worker()
    profile = schema.profile("default")
    method = PGD(epsilon=0.02, **profile.methods["PGD"])  # type: ignore[arg-type]
    px = max(profile.image_px.values())
    found: dict[str, dict[str, float]] = {name: defaultdict(float) for name in VARIANTS}
    print("| network | | crafting | scoring |\n|---|---|---|---|")
    for architecture in profile.architectures:
        seconds: dict[tuple[str, str], list[float]] = defaultdict(list)
        for _ in range(options.repeats + 1):
            for name, value in VARIANTS.items():
                with mock.patch.dict(os.environ, MEDTRANSFER_FAST=value):
                    for work, each in measured(architecture, method, image_px=px).items():
                        seconds[name, work].append(each)
        for name in VARIANTS:
            row = [median(seconds[name, work][1:]) for work in WORK]  # the first warms up
            for work, each in zip(WORK, row, strict=True):
                found[name][work] += each
            print(f"| {architecture} | {name} | {row[0]:.2f} s | {row[1]:.2f} s |", flush=True)
    folded, plain = found.values()
    ratios = [plain[work] / folded[work] for work in WORK]
    print(f"folded is {ratios[0]:.2f} and {ratios[1]:.2f} times as fast")
    if options.minutes:
        training, *answers, notebooks = options.minutes
        whole = sum(options.minutes)
        without = training + notebooks + sum(m * r for m, r in zip(answers, ratios, strict=True))
        print(f"study: {whole:.1f} instead of {without:.1f} min, {1 - whole / without:.0%} saved")


if __name__ == "__main__":
    main()
