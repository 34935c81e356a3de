"""Training: Lightning against a bare loop, and where the network's time goes.

    .venv/bin/python benchmarks/lightning_overhead.py [--images 640] [--repeats 3]

Two processes of one thread each train at once, as the study does on two cores; the number is
images per second of both together. Both loops have the same network, batches, augmentation and
optimizer. Then PyTorch's profiler tells which operations the time of the bare loop goes to, which
it makes a little slower. The share of attainable speed compares FLOPs with a matrix product of
2,048 rows on the same core: of all of training, and of the time in convolutions alone.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from functools import partial

import numpy as np

BATCH, PX = 32, 48
ARCHITECTURES = ("efficientnet_lite0_stride8", "mobilenet_v2_stride8")
# What the profiler calls the operations of a step; none lies inside another.
OPERATIONS = {
    "convolutions": ("aten::conv2d", "ConvolutionBackward0"),
    "batch normalisation": ("aten::native_batch_norm", "aten::native_batch_norm_backward"),
    "ReLU6": ("aten::hardtanh", "aten::hardtanh_", "aten::hardtanh_backward"),
    "optimizer": ("Optimizer.step#AdamW.step",),
    "images": ("enumerate(DataLoader)#_SingleProcessDataLoaderIter.__next__",),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=640)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(*options.measure, images=options.images)
        return
    print("| network | Lightning | bare loop | Lightning / bare | of a core's FLOP/s |")
    print("|---|---|---|---|---|")
    for architecture in ARCHITECTURES:
        rates: dict[str, list[float]] = {"lightning": [], "bare": []}
        for _ in range(options.repeats):
            for kind, found in rates.items():
                found.append(sum(both(architecture, kind, images=options.images)))
        lightning, bare = (statistics.median(rates[kind]) for kind in ("lightning", "bare"))
        share = training_flops(architecture) * lightning / 2 / core_flops()
        print(
            f"| {architecture} | {lightning:.0f} /s | {bare:.0f} /s | {lightning / bare:.0%} | "
            f"{share:.0%} |",
            flush=True,
        )
    print(f"\n| network | {' | '.join(OPERATIONS)} | rest | convolutions, of a core's FLOP/s |")
    print("|---" * (len(OPERATIONS) + 3) + "|")
    for architecture in ARCHITECTURES:
        seconds = profiled(architecture, images=options.images)
        whole = sum(seconds.values())
        speed = training_flops(architecture) * options.images / seconds["convolutions"]
        shares = " | ".join(f"{value / whole:.0%}" for value in seconds.values())
        print(f"| {architecture} | {shares} | {speed / core_flops():.0%} |", flush=True)


def both(architecture: str, kind: str, *, images: int) -> list[float]:
    command = [sys.executable, __file__, "--measure", architecture, kind, "--images", str(images)]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, stderr=subprocess.DEVNULL)
        for _ in range(2)
    ]
    return [float(process.communicate()[0].split()[-1]) for process in processes]


def measure(architecture: str, kind: str, *, images: int) -> None:
    """Print the images per second of one epoch, after one as a warm-up."""
    from medtransfer.networks.training import _fit

    module, data = parts(architecture, images=images)
    work = partial(bare, module, data) if kind == "bare" else partial(_fit, module, data, epochs=1)
    work()
    start = time.perf_counter()
    work()
    print(images / (time.perf_counter() - start))


def profiled(architecture: str, *, images: int) -> dict[str, float]:
    """Return the seconds of an epoch of the bare loop by operation."""
    from torch.profiler import ProfilerActivity, profile

    module, data = parts(architecture, images=images)
    bare(module, data)
    with profile(activities=[ProfilerActivity.CPU]) as found:
        bare(module, data)
    rows = {row.key: row for row in found.key_averages()}
    seconds = {
        name: sum(rows[key].cpu_time_total for key in keys if key in rows) / 1e6
        for name, keys in OPERATIONS.items()
    }
    whole = sum(row.self_cpu_time_total for row in rows.values()) / 1e6
    return {**seconds, "rest": whole - sum(seconds.values())}


def parts(architecture: str, *, images: int):
    """Return a network in its module and made data, in a process set up as a worker is."""
    import torch

    from medtransfer.data.datamodule import DevelopmentData, PlainImages, TrainingImages
    from medtransfer.executors.local import _start_worker
    from medtransfer.networks.classifier import ImageClassifier
    from medtransfer.networks.model import Classifier

    _start_worker()
    torch.manual_seed(0)
    prepared = made(images + BATCH)
    data = DevelopmentData(
        TrainingImages(prepared, np.arange(images), augmentation=("shift", "mirror"), seed=0),
        PlainImages(prepared, np.arange(images, images + BATCH)),
        batch_size=BATCH,
    )
    rates = {
        "learning_rate": 1e-3,
        "head_learning_rate": 1e-3,
        "weight_decay": 0.01,
        "warm_up": 0.1,
    }
    return ImageClassifier(Classifier(architecture, outputs=1), **rates), data


def bare(module, data) -> None:
    """Train for one epoch and ask the validation images, without Lightning."""
    import torch
    import torch.nn.functional as F

    body, head = module.model.parameter_groups()
    optimizer = torch.optim.AdamW(
        [{"params": body}, {"params": head}], lr=1e-3, weight_decay=0.01, fused=True
    )
    loader = data.train_dataloader()
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-3, total_steps=len(loader))
    module.model.train()
    for batch, labels in loader:
        optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(module(batch), labels).backward()
        optimizer.step()
        schedule.step()
    module.model.eval()
    with torch.no_grad():
        for batch, _ in data.val_dataloader():
            module(batch)


def made(number: int):
    import pandas as pd

    from medtransfer.data.images import Prepared

    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (number, PX, PX, 3), dtype=np.uint8)
    names = [str(row) for row in range(number)]
    index = pd.DataFrame(
        {"image": names, "group": names, "split": "", "x": rng.integers(0, 2, number)}
    )
    return Prepared(images=images, index=index, labels=("x",))


def training_flops(architecture: str) -> float:
    """Return the FLOPs of training on one image: a forward pass, and twice that for gradients."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from medtransfer.networks.model import Classifier

    model = Classifier(architecture, outputs=1).eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, 3, PX, PX))
    return 3 * counter.get_total_flops()


def core_flops() -> float:
    import torch

    torch.set_num_threads(1)
    a, b = torch.rand(2048, 2048), torch.rand(2048, 2048)
    a @ b
    start = time.perf_counter()
    for _ in range(5):
        a @ b
    return 5 * 2 * 2048**3 / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
