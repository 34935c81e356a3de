"""Images as a network sees them: float in [-1, 1], augmented by (seed, epoch, image)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from medtransfer.data.images import Prepared

Augmentation = Callable[[np.ndarray, np.random.Generator], np.ndarray]
SHIFT = 1 / 16


def to_unit(images: np.ndarray) -> Tensor:
    """Return uint8 images (..., H, W, C) as float32 (..., C, H, W) in [-1, 1]."""
    moved = np.ascontiguousarray(np.moveaxis(images, -1, -3))
    return torch.from_numpy(moved).float().div_(127.5).sub_(1)


def _shift(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Shift by up to a sixteenth of the side; the border is repeated."""
    side = np.arange(image.shape[0])
    far = max(1, round(len(side) * SHIFT))
    rows, columns = (np.clip(side + by, 0, side[-1]) for by in rng.integers(-far, far + 1, size=2))
    return image.take(rows, axis=0).take(columns, axis=1)


def _mirror(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return image[:, ::-1] if rng.random() < 0.5 else image


def _flip(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return image[::-1] if rng.random() < 0.5 else image


def _turn(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.rot90(image, k=int(rng.integers(4)))


AUGMENTATIONS: dict[str, Augmentation] = {
    "shift": _shift,
    "mirror": _mirror,
    "flip": _flip,
    "turn": _turn,
}


class TrainingImages(Dataset[tuple[Tensor, Tensor]]):
    """Augmented images of some rows; an item is asked for as (epoch, position).

    What is drawn depends on (seed, epoch, row) alone, so neither the order nor the number of
    loading processes can change it.
    """

    def __init__(
        self, prepared: Prepared, rows: np.ndarray, *, augmentation: Sequence[str], seed: int
    ) -> None:
        unknown = set(augmentation) - set(AUGMENTATIONS)
        if unknown:
            raise ValueError(f"no augmentation {unknown}; allowed: {', '.join(AUGMENTATIONS)}")
        self.images, self.targets, self.rows = prepared.images, prepared.targets, rows
        self.steps = [AUGMENTATIONS[name] for name in augmentation]
        self.seed = seed

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, item: tuple[int, int]) -> tuple[Tensor, Tensor]:
        epoch, position = item
        row = int(self.rows[position])
        image = self.varied(np.asarray(self.images[row]), epoch=epoch, row=row)
        return to_unit(image), torch.from_numpy(self.targets[row])

    def varied(self, image: np.ndarray, *, epoch: int, row: int) -> np.ndarray:
        """Return an image (H, W, C) augmented as that of a row is in an epoch."""
        rng = np.random.default_rng((self.seed, epoch, row))
        for step in self.steps:
            image = step(image, rng)
        return image


class EpochOrder(Sampler[tuple[int, int]]):
    """Every position once per epoch, in an order drawn by (seed, epoch)."""

    def __init__(self, length: int, *, seed: int) -> None:
        self.length, self.seed, self.epoch = length, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before every epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[tuple[int, int]]:
        order = np.random.default_rng((self.seed, self.epoch)).permutation(self.length)
        return iter([(self.epoch, int(position)) for position in order])


class PlainImages(Dataset[tuple[Tensor, Tensor]]):
    """Images of some rows as they are."""

    def __init__(self, prepared: Prepared, rows: np.ndarray) -> None:
        self.images, self.targets, self.rows = prepared.images, prepared.targets, rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, position: int) -> tuple[Tensor, Tensor]:
        row = int(self.rows[position])
        return to_unit(np.asarray(self.images[row])), torch.from_numpy(self.targets[row])


class DevelopmentData(pl.LightningDataModule):
    """Training and validation loaders of one development set.

    `workers` is the number of loading processes; it changes no result.
    """

    def __init__(
        self,
        training: TrainingImages,
        validation: PlainImages,
        *,
        batch_size: int,
        workers: int = 0,
    ) -> None:
        super().__init__()
        self.training, self.validation = training, validation
        self.batch_size, self.workers = batch_size, workers

    def train_dataloader(self) -> DataLoader[tuple[Tensor, Tensor]]:
        """Return batches of augmented images (N, C, H, W) and labels (N, K)."""
        order = EpochOrder(len(self.training), seed=self.training.seed)
        # A last batch of one image would break batch normalisation.
        ragged = len(self.training) > self.batch_size
        return DataLoader(
            self.training,
            batch_size=self.batch_size,
            sampler=order,
            num_workers=self.workers,
            drop_last=ragged,
        )

    def val_dataloader(self) -> DataLoader[tuple[Tensor, Tensor]]:
        """Return batches of validation images as they are."""
        return DataLoader(self.validation, batch_size=64, num_workers=self.workers)
