"""From a `Training` spec to a stored network, and back."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch
from safetensors.torch import load_file, save
from torch import Tensor

from medtransfer import store
from medtransfer.data import images as prepare
from medtransfer.data import splits as development
from medtransfer.data.datamodule import DevelopmentData, PlainImages, TrainingImages
from medtransfer.data.manifests import imagenet_weights
from medtransfer.measures.predictions import LOGIT
from medtransfer.networks import imagenet as weights
from medtransfer.networks.architectures import Classifier
from medtransfer.networks.classifier import BestEpoch, ImageClassifier, TrainingError
from medtransfer.specs import IMAGENET, RANDOM, Network, Training


def device() -> torch.device:
    """Return where networks run in this process."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def loaders() -> int:
    """Return how many processes load images: a core feeds itself, a GPU would wait for it."""
    return 4 if device().type == "cuda" else 0


def precision() -> Literal["32-true", "16-mixed", "bf16-mixed"]:
    """Return the precision of training: mixed on a GPU, 32 bits elsewhere."""
    if device().type != "cuda":
        return "32-true"
    return "bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed"


def initial(spec: Training) -> Classifier:
    """Return the network of a training before its first step, drawn by the spec's seed.

    Raises:
        ValueError: the initialization is unknown.
        WeightsError: the ImageNet weights are missing or are not those of the spec.
    """
    torch.manual_seed(spec.seed)
    model = Classifier(spec.architecture, outputs=len(spec.development.source.labels))
    if spec.initialization == IMAGENET:
        manifest = imagenet_weights(spec.architecture)
        path = weights.find(manifest)
        weights.check(path, spec.weights)
        weights.load_imagenet(model, manifest, path=path)
    elif spec.initialization != RANDOM:
        raise ValueError(f"no initialization {spec.initialization!r}: {IMAGENET} or {RANDOM}")
    return model


def train(spec: Training) -> None:
    """Train a network and publish it.

    The result holds `weights.safetensors` (best epoch), `history.csv`, and `validation.parquet`
    (image, group, labels and logits of the validation part).

    Raises:
        TrainingError: the loss was not finite, or there is one training image only.
        SplitError: the development set has an empty part.
    """
    prepared = prepare.load(spec.development.source)
    rows = development.parts(prepared.index, labels=prepared.labels, development=spec.development)
    if len(rows.train) < 2:
        raise TrainingError(
            f"{spec.development.name} has {len(rows.train)} training image; batch normalisation "
            "needs at least 2: use more groups"
        )
    module = ImageClassifier(
        initial(spec),
        learning_rate=spec.learning_rate,
        head_learning_rate=spec.head_learning_rate,
        weight_decay=spec.weight_decay,
    )
    data = DevelopmentData(
        TrainingImages(prepared, rows.train, augmentation=spec.augmentation, seed=spec.seed),
        PlainImages(prepared, rows.validation),
        batch_size=spec.batch_size,
        workers=loaders(),
    )
    with store.draft(spec, device=str(device())) as place:
        best = _fit(module, data, epochs=spec.epochs)
        write(place, state=best.state, history=module.history)
        write_validation(place, prepared, rows.validation, logits=best.logits)


def write(place: Path, *, state: dict[str, Tensor], history: list[dict[str, float]]) -> None:
    """Write a network's tensors and the history of its epochs into a draft."""
    (place / "weights.safetensors").write_bytes(save(state))  # save_file hides a full disk's number
    pd.DataFrame(history).to_csv(place / "history.csv", index=False)


def write_validation(
    place: Path, prepared: prepare.Prepared, rows: np.ndarray, *, logits: np.ndarray
) -> None:
    """Write what a network answers to the validation images `rows` into a draft."""
    answers = prepared.index.iloc[rows].reset_index(drop=True)
    columns = pd.DataFrame(logits, columns=[LOGIT + name for name in prepared.labels])
    pd.concat([answers, columns], axis=1).to_parquet(place / "validation.parquet", index=False)


def _fit(module: ImageClassifier, data: DevelopmentData, *, epochs: int) -> BestEpoch:
    best = BestEpoch()
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Lightning's advice on loaders; ours are measured
        # Deterministic training would first fill every new tensor, a tenth of its time, for those
        # who read what they did not write.
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        trainer = pl.Trainer(
            max_epochs=epochs,
            accelerator="auto",
            devices=1,
            logger=False,
            callbacks=[best],
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            precision=precision(),
            # On a GPU a few operations have no deterministic form; there a warning must do.
            deterministic="warn" if device().type == "cuda" else True,
        )
        trainer.fit(module, datamodule=data)
    return best


def load(spec: Network) -> Classifier:
    """Return a network from the store, in evaluation mode, without gradients.

    Raises:
        StoreError: it is not there, or its weights are damaged.
    """
    model = Classifier(spec.architecture, outputs=len(spec.development.source.labels))
    with store.reading(spec, "weights.safetensors") as path:
        model.load_state_dict(load_file(path))
    model = model.to(device(), memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model.eval().requires_grad_(False)
