"""Code that only saves time; `MEDTRANSFER_FAST=0` switches it off.

Networks then compute the same up to rounding, so results differ in their last digits. What it
saves of the default study says `benchmarks/fast.py`.
"""

import os

from torch import Tensor, nn

from medtransfer.networks.fast.folding import folded


def used() -> bool:
    """Return whether this process uses this code."""
    return os.environ.get("MEDTRANSFER_FAST", "1") != "0"


def for_answers(network: nn.Module, example: Tensor) -> nn.Module:
    """Return a network in evaluation mode, itself rewritten so that it answers faster.

    Args:
        example: images (N, C, H, W) in [-1, 1], to see which layer feeds which.
    """
    return folded(network, example) if used() else network
