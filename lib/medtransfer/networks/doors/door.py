"""A door is what answers images that a file can hold; each kind of model has one of its own."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from medtransfer.networks.contract import Contract

ONNX, TIMM, STORED, FACTORY, ANSWERS = "onnx", "timm", "stored", "factory", "answers"
_MODULES = {
    ONNX: "onnx",
    TIMM: "timm_folder",
    STORED: "stored",
    FACTORY: "factory",
    ANSWERS: "answers",
}


class Door(Protocol):
    """What a model says, in its own units.

    `module` takes what `pixels.prepared` makes of images, as (N, C, H, W), and returns (N, K) with
    gradients; None where there is none. `whole` says that what lies before the model in its system
    is behind the door, so that it takes the images as they are delivered.
    """

    module: nn.Module | None
    whole: bool

    def answer(self, images: np.ndarray) -> np.ndarray:
        """Return the raw outputs, float64 (N, K), for images, uint8 (N, H, W, C), 0-255.

        Raises:
            TargetError: the model gives no such answer.
        """
        ...


def opened(kind: str, path: Path, contract: Contract) -> Door:
    """Return the door of a model that lies at `path`.

    Raises:
        TargetError: it cannot be opened.
    """
    return import_module(f"medtransfer.networks.doors.{_MODULES[kind]}").opened(path, contract)
