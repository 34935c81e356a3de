"""Gradients of an ONNX file: its graph in PyTorch, by onnx2pytorch, taken if it proves right.

onnxruntime has opened the file before, so that it holds known operators alone; one that the
converter does not know, and would guess by its name, is an error here.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from medtransfer.networks.contract import Contract

NEAR = 1e-4
"""By which outputs may differ from those of onnxruntime, as a share of the largest if above 1."""
SLOPE = 0.1
"""By which a slope may differ from that of the gradient, as a share of it."""
TRIED = 8  # pictures
STEP = 1e-3  # of the range of a pixel


class Converted(nn.Module):
    """A graph in PyTorch that takes images (N, C, H, W), and gives the output that is read.

    Attributes:
        most: images that the graph takes at once, None for any number.
    """

    def __init__(
        self, graph: nn.Module, *, output: int | None, nhwc: bool, most: int | None
    ) -> None:
        super().__init__()
        self.graph, self.output, self.nhwc, self.most = graph, output, nhwc, most

    def forward(self, images: Tensor) -> Tensor:
        """Return the raw outputs (N, K)."""
        if self.nhwc:
            images = images.permute(0, 2, 3, 1)
        number = len(images)
        if self.most is not None and number % self.most:
            filled = images[:1].expand(self.most - number % self.most, -1, -1, -1)
            images = torch.cat([images, filled])
        parts = images.split(self.most or number)
        given = [self.graph(part) for part in parts]
        if self.output is not None:
            given = [each[self.output] for each in given]
        return torch.cat(given)[:number]


def converted(
    path: Path,
    contract: Contract,
    run: Callable[[np.ndarray], np.ndarray],
    *,
    output: str,
    most: int | None,
) -> nn.Module | None:
    """Return a file as a module from what the model gets of images, (N, C, H, W), to (N, K).

    None where onnx2pytorch is not installed or cannot convert it, or where outputs or slopes are
    not those of onnxruntime.

    Args:
        run: what onnxruntime answers, (N, K), to float32 (N, C, H, W).
        output: the name of the output that is read.
        most: images that the file takes at once, None for any number.
    """
    try:
        import onnx
        from onnx2pytorch import ConvertModel
    except ImportError:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            file = onnx.load(path)
            graph = ConvertModel(file).eval().requires_grad_(False)
        names = [each.name for each in file.graph.output]
        which = names.index(output) if len(names) > 1 else None
        found = Converted(graph, output=which, nhwc=contract.layout == "nhwc", most=most)
        return found.eval() if _right(found, contract, run) else None
    except Exception:  # of a graph that cannot be converted anything may be raised
        return None


def _right(module: nn.Module, contract: Contract, run: Callable[[np.ndarray], np.ndarray]) -> bool:
    """Return whether outputs and slopes of a module are those of onnxruntime."""
    from medtransfer.networks.doors import pixels

    images = pixels.prepared(contract, _pictures(contract)).requires_grad_(True)
    answers = module(images)
    expected = run(images.detach().numpy())
    near = NEAR * max(1.0, float(np.abs(expected).max()))
    if answers.shape != expected.shape or not np.allclose(
        answers.detach().numpy(), expected, rtol=0, atol=near
    ):
        return False
    signs = torch.tensor([(-1.0) ** k for k in range(answers.shape[1])])
    (slopes,) = torch.autograd.grad((answers * signs).sum(), images)
    length = slopes.flatten(1).norm(dim=1)
    if not bool((length > 0).all()):
        return False
    way = slopes / length[:, None, None, None]
    step = STEP * float(images.detach().max() - images.detach().min()) * way[0].numel() ** 0.5
    ends = [
        run((images + side * step * way).detach().numpy()) @ signs.double().numpy()
        for side in (1, -1)
    ]
    measured = (ends[0] - ends[1]) / (2 * step)
    apart = np.abs(measured / length.double().numpy() - 1)
    return bool(np.median(apart) < SLOPE)


def _pictures(contract: Contract) -> np.ndarray:
    """Return smooth pictures with some noise, uint8 (TRIED, H, W, C), always the same."""
    rng = np.random.default_rng(0)
    height, width = contract.size
    rows, columns = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)
    slope = rng.uniform(-40, 40, (2, TRIED, 1, 1, contract.channels))
    smooth = slope[0] * rows[..., None] + slope[1] * columns[None, :, None]
    noise = rng.normal(0, 12, (TRIED, height, width, contract.channels))
    level = rng.uniform(80, 170, (TRIED, 1, 1, contract.channels))
    return np.clip(level + smooth + noise, 0, 255).astype(np.uint8)
