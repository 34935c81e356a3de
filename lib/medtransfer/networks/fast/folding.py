"""Networks rewritten for attacks and scores: the same function in fewer passes over memory.

In evaluation mode a batch normalisation is a fixed scale and shift. Folding it into the
convolution before it spares two passes over memory per layer, forward and backward.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

TOLERANCE = 1e-3


def folded(model: nn.Module, example: Tensor) -> nn.Module:
    """Return `model`, itself changed: in evaluation mode, without gradients, batch norms folded.

    Only pairs where the later layer reads just what a convolution wrote are joined.

    Args:
        model: maps `example` to logits.
        example: (N, C, H, W), in [-1, 1]; used to see which layer feeds which.

    Raises:
        RuntimeError: the model's logits are not finite, or folding changed them by more than
            rounding.
    """
    model = model.eval().requires_grad_(False)
    with torch.no_grad():
        before = model(example)
        if not torch.isfinite(before).all():
            raise RuntimeError("the network answers NaN or infinite logits: its weights are broken")
        for convolution, norm in _pairs(model, example):
            _fold(model, convolution, norm)
        after = model(example)
    if not torch.allclose(before, after, rtol=TOLERANCE, atol=TOLERANCE):
        raise RuntimeError(
            f"folding changed the logits by {(before - after).abs().max().item():.2g}; "
            "the architecture uses a convolution's output twice: score it unfolded"
        )
    return model.eval()  # the layers put in the place of a norm are new


def _pairs(model: nn.Module, example: Tensor) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """Return every convolution with the batch norm that reads what it wrote."""
    written: dict[int, tuple[nn.Conv2d, Tensor]] = {}
    pairs: list[tuple[nn.Conv2d, nn.BatchNorm2d]] = []

    def remember(module: nn.Conv2d, _: Any, output: Tensor) -> None:
        written[id(output)] = (module, output)  # holding the tensor keeps its id unique

    def match(module: nn.BatchNorm2d, inputs: tuple[Tensor, ...]) -> None:
        if id(inputs[0]) in written:
            pairs.append((written[id(inputs[0])][0], module))

    hooks: list[Any] = []
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            hooks.append(module.register_forward_hook(remember))
        elif isinstance(module, nn.BatchNorm2d):
            hooks.append(module.register_forward_pre_hook(match))
    model(example)
    for hook in hooks:
        hook.remove()
    return pairs


def _fold(model: nn.Module, convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    assert norm.running_mean is not None and norm.running_var is not None
    convolution.weight, convolution.bias = fuse_conv_bn_weights(
        convolution.weight,
        convolution.bias,
        norm.running_mean,
        norm.running_var,
        norm.eps,
        norm.weight,
        norm.bias,
    )
    convolution.requires_grad_(False)
    # timm's normalisation layers carry their activation with them.
    _replace(model, norm, getattr(norm, "act", nn.Identity()))


def _replace(model: nn.Module, old: nn.Module, new: nn.Module) -> None:
    for parent in list(model.modules()):
        for name, child in parent.named_children():
            if child is old:
                setattr(parent, name, new)
