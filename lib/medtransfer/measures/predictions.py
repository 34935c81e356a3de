"""Stored answers of networks, read without loading any network."""

from __future__ import annotations

import pandas as pd

from medtransfer import store
from medtransfer.specs import Cell, Network, Spec

CLEAN, ATTACKED, LOGIT = "clean:", "attacked:", "logit:"


def of_cell(cell: Cell) -> pd.DataFrame:
    """Return the per-image answers of a cell.

    Columns: `image`, `group`, one 0/1 column per label, `clean:LABEL` and `attacked:LABEL`
    (logits), and `max`, `rms`, `psnr`, `ssim` of the delivered perturbation.

    Raises:
        StoreError: the cell has not been scored, or its file is damaged.
    """
    return _read(cell, "images.parquet")


def of_validation(training: Network) -> pd.DataFrame:
    """Return image, group, labels and logits (`logit:LABEL`) of a training's validation part.

    Raises:
        StoreError: it has not been trained, or its file is damaged.
    """
    return _read(training, "validation.parquet")


def history(training: Network) -> pd.DataFrame:
    """Return `epoch`, training `loss` and validation `auc` of a stored training.

    Raises:
        StoreError: it has not been trained, or its file is damaged.
    """
    return _read(training, "history.csv")


def _read(spec: Spec, name: str) -> pd.DataFrame:
    with store.reading(spec, name) as path:
        return pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
