"""A door answers images as files hold them; each kind of model has its own."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from medtransfer.errors import TargetError
from medtransfer.networks.contract import CALLS, ONE_OF_MANY

if TYPE_CHECKING:
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
    """What a model says, in its own units."""

    @property
    def contract(self) -> Contract:
        """How it is asked."""
        ...

    @property
    def module(self) -> nn.Module | None:
        """From what `pixels.prepared` makes of images to (N, K), with gradients; or None."""
        ...

    @property
    def whole(self) -> bool:
        """Whether the system's chain is behind the door, which then takes images as delivered."""
        ...

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


def outputs(raw: np.ndarray, contract: Contract, *, images: int) -> np.ndarray:
    """Return the outputs of a model as raw outputs, float64 (N, K), one row per image.

    Calls of one class of many may be (N,) or (N, 1) numbers of classes.

    Raises:
        TargetError: it has another shape, or holds NaN or infinite values.
    """
    number = len(contract.labels)
    classes = contract.outputs == CALLS and contract.head == ONE_OF_MANY
    if raw.ndim == 1 and (classes or number == 1):
        raw = raw[:, None]
    allowed = [(images, number), (images, 1)] if classes else [(images, number)]
    if raw.shape not in allowed:
        raise TargetError(
            f"the model gave {raw.shape} for {images} images; allowed: {allowed[0]}, a column for "
            f"each of {', '.join(contract.labels)}. Give the labels of all its outputs, in order"
        )
    if not np.issubdtype(raw.dtype, np.number) and raw.dtype != bool:
        raise TargetError(f"the model gave {raw.dtype}, no numbers")
    raw = raw.astype(np.float64)
    if bad := int((~np.isfinite(raw)).any(axis=1).sum()):
        raise TargetError(
            f"the model gave NaN or infinite outputs for {bad} of {images} images; see whether "
            "`input` is as it was when the model was trained"
        )
    if contract.outputs == CALLS and not np.isin(raw, np.arange(_classes(raw, number))).all():
        odd = sorted({*np.unique(raw).tolist()} - {*range(_classes(raw, number))})[:3]
        raise TargetError(
            f"outputs: labels are whole numbers below {_classes(raw, number)}, the model gave "
            f"{odd}; are probabilities or logits meant?"
        )
    return raw


def _classes(raw: np.ndarray, number: int) -> int:
    return number if raw.shape[1] == 1 and number > 1 else 2
