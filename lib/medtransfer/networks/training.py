"""From a `Training` spec to a stored network, by PyTorch Lightning."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import pytorch_lightning as pl
import torch

from medtransfer import store
from medtransfer.data import images, splits
from medtransfer.data.datamodule import DevelopmentData, PlainImages, TrainingImages
from medtransfer.data.manifests import imagenet_weights
from medtransfer.errors import TrainingError
from medtransfer.networks import fast, imagenet, stored
from medtransfer.networks.classifier import BestEpoch, ImageClassifier
from medtransfer.networks.model import Classifier
from medtransfer.networks.network import device, predictions
from medtransfer.networks.trained import IMAGENET, RANDOM, StoredNetwork, Training

VALIDATIONS = 8  # about so many states of a network are compared


def loaders() -> int:
    """Return the number of processes that load images; a core feeds itself, a GPU would wait."""
    return 4 if device().type == "cuda" else 0


def precision() -> Literal["32-true", "16-mixed", "bf16-mixed"]:
    """Return the precision of training: mixed on a GPU, 32 bits elsewhere."""
    if device().type != "cuda":
        return "32-true"
    return "bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed"


def initial(spec: StoredNetwork) -> Classifier:
    """Return the network of a training before its first step, drawn by the spec's seed.

    Raises:
        ValueError: the initialization is unknown.
        WeightsError: the ImageNet weights are missing or are not those of the spec.
    """
    torch.manual_seed(spec.seed)
    model = Classifier(spec.architecture, outputs=len(spec.labels))
    if spec.initialization == IMAGENET:
        manifest = imagenet_weights(spec.architecture)
        path = imagenet.find(manifest)
        imagenet.check(path, spec.weights)
        imagenet.load_imagenet(model, manifest, path=path)
    elif spec.initialization != RANDOM:
        raise ValueError(f"no initialization {spec.initialization!r}: {IMAGENET} or {RANDOM}")
    return model


def train(
    spec: Training,
    *,
    begun: Callable[..., Classifier] = initial,
    shown: Callable[..., TrainingImages] = TrainingImages,
    classifier: Callable[..., ImageClassifier] = ImageClassifier,
    best: BestEpoch | None = None,
) -> None:
    """Train a network and publish it.

    The result holds `weights.safetensors` (best epoch), `history.csv`, and the predictions on the
    validation images.

    Args:
        begun: spec -> the network before its first step.
        shown: what it learns from.
        classifier: how it learns.
        best: which epoch is kept; None: the one of the best validation AUC.

    Raises:
        TrainingError: the loss was not finite, or there is one training image only.
        SplitError: the development set has an empty part.
    """
    prepared = images.load(spec.development.source)
    rows = splits.parts(prepared.index, labels=prepared.labels, development=spec.development)
    if len(rows.train) < 2:
        raise TrainingError(
            f"{spec.development.name} has {len(rows.train)} training image; batch normalisation "
            "needs at least 2: use more groups"
        )
    data = DevelopmentData(
        shown(prepared, rows.train, augmentation=spec.augmentation, seed=spec.seed),
        PlainImages(prepared, rows.validation),
        batch_size=spec.batch_size,
        workers=loaders(),
    )
    module = classifier(
        begun(spec),  # last, since it seeds what the training draws
        learning_rate=spec.learning_rate,
        head_learning_rate=spec.head_learning_rate,
        weight_decay=spec.weight_decay,
        warm_up=spec.warm_up,
    )
    with store.draft(spec, device=str(device()), fast=fast.used()) as place:
        lengths = vars(schedule(spec, images=len(rows.train)))
        kept = _fit(module, data, best or BestEpoch(), **lengths)
        stored.write(place, state=kept.state, history=module.history)
        predictions(prepared, rows.validation, clean=kept.logits).write(place)


@dataclass(frozen=True)
class Schedule:
    """How many epochs a training has, and after how many each it is validated."""

    epochs: int
    every: int


def schedule(spec: Training, *, images: int) -> Schedule:
    """Return the epochs that come nearest to a training's steps; the last one is validated."""
    batches = max(1, images // spec.batch_size)
    epochs = min(max(round(spec.steps / batches), spec.least_epochs), spec.most_epochs)
    for every in range(max(1, round(epochs / VALIDATIONS)), 1, -1):
        whole = every * round(epochs / every)
        if spec.least_epochs <= whole <= spec.most_epochs:
            return Schedule(epochs=whole, every=every)
    return Schedule(epochs=epochs, every=1)


def _fit(
    module: ImageClassifier,
    data: DevelopmentData,
    best: BestEpoch,
    *,
    epochs: int,
    every: int = 1,
) -> BestEpoch:
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Lightning's advice on loaders; ours are measured
        # Deterministic training would first fill every new tensor, a tenth of its time, for those
        # who read what they did not write.
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        trainer = pl.Trainer(
            max_epochs=epochs,
            check_val_every_n_epoch=every,
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
