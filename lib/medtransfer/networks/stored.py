"""Networks in the store: their tensors, the history of their training, and how they come back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import torch
from safetensors.torch import load_file, save
from torch import Tensor

from medtransfer import store
from medtransfer.data import images
from medtransfer.networks import fast
from medtransfer.networks.architectures import TIMM
from medtransfer.networks.model import Classifier
from medtransfer.networks.network import ModulePredictor, batch, device

if TYPE_CHECKING:
    from medtransfer.networks.trained import StoredNetwork

WEIGHTS, HISTORY = "weights.safetensors", "history.csv"


def write(place: Path, *, state: dict[str, Tensor], history: list[dict[str, float]]) -> None:
    """Write a network's tensors and the history of its epochs into a draft."""
    (place / WEIGHTS).write_bytes(save(state))  # save_file hides a full disk's number
    pd.DataFrame(history).to_csv(place / HISTORY, index=False)


def load(spec: StoredNetwork) -> Classifier:
    """Return a network from the store, in evaluation mode, without gradients.

    Raises:
        StoreError: it is not there, or its weights are damaged.
    """
    model = Classifier(spec.architecture, outputs=len(spec.labels))
    with store.reading(spec, WEIGHTS) as path:
        model.load_state_dict(load_file(path))
    model = model.to(device(), memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model.eval().requires_grad_(False)


def history(spec: StoredNetwork) -> pd.DataFrame:
    """Return `epoch`, training `loss` and validation `auc` of a stored network.

    Raises:
        StoreError: it is not there, or its history is damaged.
    """
    with store.reading(spec, HISTORY) as path:
        return pd.read_csv(path)


def predictor(spec: StoredNetwork) -> ModulePredictor:
    """Return a stored network as what answers, with batch norms folded; one of timm as it is.

    Raises:
        StoreError: it is not there, or its weights are damaged.
    """
    if spec.architecture.startswith(TIMM):  # nobody looked how its layers are joined
        return ModulePredictor(load(spec))
    example = batch(images.load(spec.development.source), [0, 1])
    return ModulePredictor(fast.for_answers(load(spec), example))
