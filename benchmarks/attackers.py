"""Stronger attackers: gradients per second beside a bare loop of the same method, and torchattacks.

    pip install --no-deps --target /tmp/ta torchattacks==3.5.1   # not in the lock
    PYTHONPATH=/tmp/ta .venv/bin/python benchmarks/attackers.py [--images 50] [--repeats 5]

One network of the study with one output, folded, one batch, one thread. The bare loop is the method
written down in PyTorch, with the same transforms and draws; it must reach the same loss to 1 %, or
the script stops. torchattacks gets the network as PyTorch has it, which is what people use, with
the logits (0, z); its DI draws by another rule, so that its rows compare speed alone. Times are
CPU seconds of the one thread, which a busy machine disturbs little; ratios are of medians of
repeats, each of which runs all rows once.

Whether images are alike says `attackers_alike.py`.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial
from zlib import crc32

import torch
from crafting import TwoLogits, built, laid_out, loss
from torch import Tensor, nn

from medtransfer.attacks.iterative import METHODS, Iterative
from medtransfer.attacks.loop import smoothed
from medtransfer.attacks.method import craft
from medtransfer.attacks.transforms import TRANSFORMS
from medtransfer.executors.local import _start_worker
from medtransfer.networks import fast

PX, EPSILON = 40, 0.02
ARCHITECTURE = "mobilenet_v2_stride8"
OURS, BARE, THEIRS = "medtransfer", "bare PyTorch loop", "torchattacks"
IN_TORCHATTACKS = ("PGD", "MI", "DI")


def ours(model: nn.Module, images: Tensor, labels: Tensor, method: Iterative) -> Tensor:
    ((_, found),) = craft(model, images, labels, [method])
    return found


def bare(model: nn.Module, images: Tensor, labels: Tensor, method: Iterative) -> Tensor:
    """The method as a plain loop."""

    def draws(step: int, copy: int, what: str) -> torch.Generator:
        return torch.Generator().manual_seed(crc32(f"{method.seed}/{step}/{copy}/{what}".encode()))

    def gradient(point: Tensor, step: int, copy: int) -> Tensor:
        point = point.detach().requires_grad_()
        seen = point
        if method.transform:
            change = TRANSFORMS[method.transform]
            seen = change(point, method.strength, copy, draws(step, copy, "transform"))
        error = nn.functional.binary_cross_entropy_with_logits(model(seen), labels, reduction="sum")
        return torch.autograd.grad(error, point)[0]

    found, momentum = images, torch.zeros_like(images)
    for step in range(method.steps):
        mean = torch.zeros_like(images)
        for copy in range(method.copies):
            generator = draws(step, copy, "offset")
            uniform = 2 * torch.rand(images.shape[1:], generator=generator) - 1
            normal = torch.randn(images.shape[1:], generator=generator)
            offset = method.epsilon * (method.radius * uniform + method.sigma * normal)
            first = gradient(found + offset, step, copy)
            if method.flatness:
                size = first.abs().mean((1, 2, 3), keepdim=True)
                second = gradient(found + offset - method.step_size * first / size, step, copy)
                first = (1 - method.flatness) * first + method.flatness * second
            mean += first / method.copies
        mean = smoothed(mean, method.kernel) if method.kernel > 1 else mean
        momentum = method.momentum * momentum + mean / mean.abs().mean((1, 2, 3), keepdim=True)
        moved = found + method.step_size * momentum.sign()
        moved = images + (moved - images).clamp(-method.epsilon, method.epsilon)
        found = moved.clamp(-1, 1).detach()
    return found


def theirs(model: nn.Module, images: Tensor, labels: Tensor, method: Iterative) -> Tensor:
    """torchattacks, whose images are in [0, 1]; copies are steps, so that gradients are equal."""
    import torchattacks

    network = TwoLogits(model, low=0.0).eval()
    steps = method.steps * method.copies
    common = {"eps": method.epsilon / 2, "alpha": method.step_size / 2, "steps": steps}
    kind = {
        "PGD": partial(torchattacks.PGD, random_start=False),
        "MI": torchattacks.MIFGSM,
        "DI": partial(torchattacks.DIFGSM, decay=1.0, diversity_prob=1.0),
    }[method.called]
    return kind(network, **common)((images + 1) / 2, labels[:, 0].long()) * 2 - 1


def timed(options: argparse.Namespace) -> None:
    images = torch.rand(options.images, 3, PX, PX) * 2 - 1
    labels = (torch.rand(options.images, 1) > 0.5).float()
    plain = built(ARCHITECTURE, images)
    folded = fast.for_answers(built(ARCHITECTURE, images).requires_grad_(False), images[:2])
    print("| method | gradients | with | gradients of an image per s | medtransfer is faster by |")
    print("|---|---|---|---|---|")
    for name, changes in {"PGD": {}, **METHODS}.items():
        given = dict(changes) | ({"steps": options.steps} if options.steps else {})
        method = Iterative(called=name, epsilon=EPSILON, **given)
        near = laid_out(images, "folded")
        work: dict[str, Callable[[], Tensor]] = {
            OURS: partial(ours, folded, near, labels, method),
            BARE: partial(bare, folded, near, labels, method),
        }
        if name in IN_TORCHATTACKS and has_torchattacks():
            work[THEIRS] = partial(theirs, plain, images, labels, method)
        reached = [loss(folded, work[each](), labels) for each in (OURS, BARE)]
        assert abs(reached[0] / reached[1] - 1) < 0.01, f"{name}: {reached}"
        seconds: dict[str, list[float]] = {each: [] for each in work}
        for _ in range(options.repeats):
            for each, row in work.items():
                start = time.process_time()
                row()
                seconds[each].append(time.process_time() - start)
        median = {each: statistics.median(found) for each, found in seconds.items()}
        for each, value in median.items():
            speed = options.images * method.gradients / value
            ratio = value / median[OURS]
            print(
                f"| {name} | {method.gradients} | {each} | {speed:.0f} | {ratio:.2f} |", flush=True
            )


def has_torchattacks() -> bool:
    try:
        import torchattacks  # noqa: F401
    except ImportError:
        return False
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--steps", type=int, help="of every method, to try the script")
    options = parser.parse_args()
    _start_worker()
    timed(options)


if __name__ == "__main__":
    main()
