"""Alignment: how far the input gradients of two networks point the same way.

A gradient attack moves an image along the gradient of the surrogate's loss. Where the target's
gradient points elsewhere, the same movement costs the target nothing: how much two gradients have
in common says what can transfer at all, before any attack is crafted.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from medtransfer import store
from medtransfer.data import images, splits
from medtransfer.errors import AttackError, SanityError
from medtransfer.networks.network import Network, batch
from medtransfer.specs import Result

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from torch import Tensor, nn

FILE = "alignment.parquet"
BATCH = 100  # images
# The gradients of all networks of a unit are in memory at once: so many bytes, at most.
ROOM = 1 << 28


@dataclass(frozen=True, kw_only=True, eq=False)
class Alignment(Result):
    """The cosine between the input gradients of two networks, on every test image.

    The loss is that of the attacks: binary cross-entropy with logits summed over outputs, true
    labels. Gradients are with respect to the image in [-1, 1], networks in evaluation mode.
    """

    surrogate: Network
    target: Network

    @property
    def batch(self) -> Hashable:
        """All pairs on the same test images, so that each network is differentiated once."""
        return self.surrogate.development.division

    @property
    def title(self) -> str:
        return f"input gradients of networks on {self.surrogate.development.source.domain}"

    @property
    def effort(self) -> str:
        return "alignment"

    @classmethod
    def make(cls, specs: Sequence[Self]) -> None:
        """Take the gradients of every network once, batch by batch; publish every pair.

        Raises:
            ValueError: the pairs have different test images.
            AttackError: a network gives no gradients.
            SanityError: a gradient is not finite.
        """
        import numpy as np

        modules = _modules(specs)
        prepared = images.load(specs[0].surrogate.development.source)
        rows = splits.parts(
            prepared.index,
            labels=prepared.labels,
            development=specs[0].surrogate.development,
        ).test
        each = int(np.prod(prepared.images.shape[1:])) * 4  # bytes of one gradient
        size = min(BATCH, max(1, ROOM // (each * len(modules))))
        found: dict[Self, list[np.ndarray]] = {spec: [] for spec in specs}
        for first in range(0, len(rows), size):
            directions = _directions(modules, prepared, rows[first : first + size])
            for spec in specs:
                pair = directions[spec.surrogate], directions[spec.target]
                found[spec].append((pair[0] * pair[1]).sum(1).cpu().numpy())
        for spec in specs:
            _publish(spec, prepared.index.iloc[rows], np.concatenate(found[spec]))


def read(spec: Alignment) -> pd.DataFrame:
    """Return one row per test image: `image`, `group`, `cosine`.

    The cosine is NaN where the gradient of either network is zero and so has no direction.

    Raises:
        StoreError: it has not been measured, or the file is damaged.
    """
    import pandas as pd

    with store.reading(spec, FILE) as path:
        return pd.read_parquet(path)


def direction(network: nn.Module, clean: Tensor, labels: Tensor) -> Tensor:
    """Return the input gradients of a network at unit length, (N, C * H * W); NaN where zero.

    Args:
        network: in evaluation mode; logits (N, K).
        clean: float32 (N, C, H, W) in [-1, 1].
        labels: float32 (N, K), 0 or 1.

    Raises:
        SanityError: a gradient is not finite.
    """
    import torch
    import torch.nn.functional as F

    with torch.inference_mode(False), torch.enable_grad():
        inputs = clean.clone().requires_grad_()
        loss = F.binary_cross_entropy_with_logits(network(inputs), labels, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, inputs)
    flat = gradient.reshape(len(gradient), -1)
    if not torch.isfinite(flat).all():
        raise SanityError("an input gradient is not finite: the network cannot be differentiated")
    flat = flat / flat.abs().amax(1, keepdim=True)  # else the squares of small ones become zero
    return flat / flat.norm(dim=1, keepdim=True)


def _modules(specs: Sequence[Alignment]) -> dict[Network, nn.Module]:
    divisions = {spec.batch for spec in specs}
    modules: dict[Network, nn.Module] = {}
    for spec in dict.fromkeys(each for pair in specs for each in (pair.surrogate, pair.target)):
        if spec.seen is not None:
            divisions.add(spec.seen.division)
        opened = spec.open()
        if not opened.differentiable:
            raise AttackError(f"{spec.name} gives no gradients, so there is nothing to compare")
        modules[spec] = opened.module  # type: ignore[attr-defined]
    if len(divisions) != 1:
        raise ValueError("gradients are compared on the test images of one source and split")
    return modules


def _directions(
    modules: dict[Network, nn.Module], prepared: images.Prepared, rows: np.ndarray
) -> dict[Network, Tensor]:
    """Return the direction of every network's gradients on some rows."""
    import torch

    clean = batch(prepared, rows)
    labels = torch.from_numpy(prepared.targets[rows]).to(clean.device)
    return {spec: direction(module, clean, labels) for spec, module in modules.items()}


def _publish(spec: Alignment, index: pd.DataFrame, cosine: np.ndarray) -> None:
    table = index[["image", "group"]].reset_index(drop=True).assign(cosine=cosine)
    with store.draft(spec) as place:
        table.to_parquet(place / FILE, index=False)
