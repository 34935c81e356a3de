"""What a network answered to some images: one type, read and written in one place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from medtransfer import store
from medtransfer.specs import Spec

FILE = "predictions.parquet"
TRUTH, CLEAN, ATTACKED = "truth:", "clean:", "attacked:"  # before the name of a label


@dataclass(frozen=True, eq=False)
class Predictions:
    """Answers to N images with K labels.

    Attributes:
        labels: names of the K labels, in order.
        images, groups: (N,) names of the images, and of their patients or slides.
        truth: (N, K) uint8, 0 or 1.
        clean: (N, K) float32, logits for the images as they are.
        attacked: (N, K) float32, logits for the attacked images; None for clean predictions.
        visible: how visible the perturbation is, measure -> (N,) float32 (see
            `attacks.perceptibility`).
    """

    labels: tuple[str, ...]
    images: tuple[str, ...]
    groups: tuple[str, ...]
    truth: np.ndarray
    clean: np.ndarray
    attacked: np.ndarray | None = None
    visible: dict[str, np.ndarray] | None = None

    def __len__(self) -> int:
        return len(self.images)

    @property
    def change(self) -> np.ndarray:
        """What the attack adds to the logits, (N, K)."""
        return self.after - self.clean

    @property
    def after(self) -> np.ndarray:
        """The logits for the attacked images, (N, K).

        Raises:
            ValueError: the images were not attacked.
        """
        if self.attacked is None:
            raise ValueError("these are predictions on images that were not attacked")
        return self.attacked

    def write(self, place: Path) -> None:
        """Write one parquet file into the folder `place`."""
        import pyarrow
        from pyarrow import parquet

        columns = {"image": list(self.images), "group": list(self.groups)}
        columns |= _columns(TRUTH, self.labels, self.truth)
        columns |= _columns(CLEAN, self.labels, self.clean)
        if self.attacked is not None:
            columns |= _columns(ATTACKED, self.labels, self.attacked)
        parquet.write_table(pyarrow.table({**columns, **(self.visible or {})}), place / FILE)


def _columns(prefix: str, labels: tuple[str, ...], values: np.ndarray) -> dict[str, Any]:
    return {prefix + name: column for name, column in zip(labels, values.T, strict=True)}


def read(spec: Spec) -> Predictions:
    """Return the stored predictions of a network on validation images, or of a cell.

    Raises:
        StoreError: there are none, or their file is damaged.
    """
    with store.reading(spec, FILE) as path:
        return read_file(path)


def read_file(path: Path) -> Predictions:
    """Return the predictions in a file."""
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:  # `read_table` takes twice as long for a small one
        table = file.read(use_threads=False)
    columns = table.column_names
    labels = [name.removeprefix(TRUTH) for name in columns if name.startswith(TRUTH)]
    prefixes = (TRUTH, CLEAN, ATTACKED)
    measures = [n for n in columns if n not in ("image", "group") and not n.startswith(prefixes)]
    found = {
        kind: np.column_stack([table[kind + name].to_numpy() for name in labels])
        for kind in prefixes
        if kind + labels[0] in columns
    }
    return Predictions(
        labels=tuple(labels),
        images=tuple(table["image"].to_pylist()),
        groups=tuple(table["group"].to_pylist()),
        truth=found[TRUTH],
        clean=found[CLEAN],
        attacked=found.get(ATTACKED),
        visible={name: table[name].to_numpy() for name in measures} or None,
    )
