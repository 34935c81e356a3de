"""Operating points under attack: which findings are overlooked, and which are invented."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from medtransfer.analysis import statistics
from medtransfer.analysis.scores import resampled, thresholds
from medtransfer.analysis.tables import paired
from medtransfer.measures import predictions
from medtransfer.scoring.cell import Cell

SENSITIVITY, SPECIFICITY = "sensitivity", "specificity"
CLEAN, ATTACKED = "clean", "attacked"


def operating_table(cells: Sequence[Cell], *, resamples: int) -> pd.DataFrame:
    """Return sensitivity and specificity of each label, clean and attacked, mean over the cells.

    A call is made at the threshold that maximises sensitivity + specificity on the target's
    validation images (protocol, section 5). Columns: `label`, `measure`, `images` ("clean" or
    "attacked"), `pairs`, and `value`, `low`, `high`, shares from 0 to 1 with their 95 % interval
    over trained pairs and groups of images. The label whose sensitivity falls most is first; one
    without a threshold in some target is left out.

    Args:
        cells: of one source of images.

    Raises:
        ValueError: there are no cells.
    """
    if not cells:
        raise ValueError("there are no cells to take operating points of")
    shares, draws = zip(*(_shares(cell, resamples) for cell in cells), strict=True)
    known = np.isfinite(np.array(shares)).all(axis=(0, 1))  # (K,)
    labels = cells[0].target.labels
    change = np.mean(shares, axis=0)  # (4, K)
    falling = np.argsort(change[1] - change[0], kind="stable")
    rows = []
    for k in falling[known[falling]]:
        for number, (measure, images) in enumerate(_MEASURED):
            values = np.array([share[number, k] for share in shares])
            spread = np.array([draw[number, :, k] for draw in draws])
            effect = statistics.mean(paired(cells, values, spread))
            rows.append(
                {
                    "label": labels[k],
                    "measure": measure,
                    "images": images,
                    "pairs": effect.pairs,
                    "value": effect.value,
                    "low": max(0.0, effect.low),
                    "high": min(1.0, effect.high),
                }
            )
    return pd.DataFrame(rows)


_MEASURED = [(m, images) for m in (SENSITIVITY, SPECIFICITY) for images in (CLEAN, ATTACKED)]


def _shares(cell: Cell, resamples: int) -> tuple[np.ndarray, np.ndarray]:
    """Return one cell's shares in the order of `_MEASURED`, (4, K), and their draws, (4, B, K)."""
    asked = predictions.read(cell)
    limits, ill = thresholds(cell.target), asked.truth > 0
    weights = resampled(asked.groups, resamples).weights
    everything = np.concatenate([np.ones((1, len(asked)), np.float32), weights])
    found = []
    for among, right in ((ill, np.greater_equal), (~ill, np.less)):
        for logits in (asked.clean, asked.after):
            hits, number = everything @ (right(logits, limits) & among), everything @ among
            found.append(np.divide(hits, number, out=np.full(hits.shape, np.nan), where=number > 0))
    shares = np.where(np.isnan(limits), np.nan, np.stack(found))
    return shares[:, 0], shares[:, 1:]
