"""How two cores are used best: training and attack throughput of one configuration against others.

    .venv/bin/python benchmarks/training_throughput.py [--compile]

Each row is measured in fresh processes that run at the same time, each on its own threads; the
number is images per second of all of them together (median of repeats).
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time

PX, BATCH, STEPS, REPEATS = 48, 32, 8, 3
# name: processes, threads each, channels-last, kept memory, folded for gradients, compiled
ROWS = {
    "two processes of one thread": (2, 1, True, True, True, False),
    "one process of two threads": (1, 2, True, True, True, False),
    "... default memory layout": (2, 1, False, True, True, False),
    "... memory returned to the system": (2, 1, True, False, True, False),
    "... batch norms not folded": (2, 1, True, True, False, False),
    "... torch.compile, after its warm-up": (2, 1, True, True, True, True),
}


def measure(architecture: str, row: str) -> None:
    """Print images per second of training and of input gradients, and the seconds of warm-up."""
    _, threads, channels_last, kept, folded, compiled = ROWS[row]
    import torch

    from medtransfer.executors import local
    from medtransfer.networks import fast
    from medtransfer.networks import model as models

    if kept:
        local._keep_memory()
    if not folded:
        os.environ["MEDTRANSFER_FAST"] = "0"
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    model = models.Classifier(architecture, outputs=15).to(memory_format=layout)
    images = (torch.rand(BATCH, 3, PX, PX) * 2 - 1).contiguous(memory_format=layout)
    labels = (torch.rand(BATCH, 15) > 0.8).float()
    loss = torch.nn.functional.binary_cross_entropy_with_logits
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    forward = torch.compile(model) if compiled else model

    def train() -> None:
        optimizer.zero_grad()
        loss(forward(images), labels).backward()
        optimizer.step()

    start = time.perf_counter()
    train()
    warm_up = time.perf_counter() - start
    trained = speed(train)
    frozen = fast.for_answers(model.eval().requires_grad_(False), images[:2])

    def gradient() -> None:
        inputs = images.clone().requires_grad_()
        torch.autograd.grad(loss(frozen(inputs), labels, reduction="sum"), inputs)

    print(trained, speed(gradient), warm_up)


def speed(step: object) -> float:
    """Return images per second, the median of some repeats."""
    assert callable(step)
    step()
    found = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        for _ in range(STEPS):
            step()
        found.append(STEPS * BATCH / (time.perf_counter() - start))
    return statistics.median(found)


def main() -> None:
    """Measure every row for both default architectures and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--compile", action="store_true", help="measure torch.compile as well")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        measure(*options.one)
        return
    for architecture in ("efficientnet_lite0_stride8", "mobilenet_v2_stride8"):
        print(f"{architecture}, {PX} px, batch {BATCH}: train, input gradient (images/s), warm-up")
        for row, (processes, *_, compiled) in ROWS.items():
            if compiled and not options.compile:
                continue
            command = [sys.executable, __file__, "--one", architecture, row]
            running = [
                subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ})
                for _ in range(processes)
            ]
            numbers = [list(map(float, p.communicate()[0].split())) for p in running]
            trained, gradient = (sum(column) for column in list(zip(*numbers, strict=True))[:2])
            print(f"  {row:45s} {trained:6.0f} {gradient:6.0f} {numbers[0][2]:6.1f} s", flush=True)


if __name__ == "__main__":
    main()
