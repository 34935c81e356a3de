"""Epsilon chosen on validation images, before any test image is attacked."""

from __future__ import annotations

import json

import pandas as pd

from medtransfer import store
from medtransfer.measures import metrics
from medtransfer.measures import predictions as answers
from medtransfer.specs import CONTROL, FLOAT, Cell, EpsilonChoice


def choose(spec: EpsilonChoice) -> None:
    """Publish the smallest epsilon at which the attack works and noise of its size does no harm.

    Works: the attacked images leave at most the share `remaining` of the clean AUC. No harm:
    control noise leaves at least the share `harmless`. Both are means over the cells of each
    epsilon. If no epsilon does both, the largest harmless one is taken, and failing that the
    smallest of all. The result holds `choice.json` and `sweep.csv`, the curves read.
    """
    curves = pd.DataFrame([_left(cell) for cell in spec.cells]).pivot_table(
        index="epsilon", columns="delivery", values="left", aggfunc="mean"
    )
    safe = curves.index[curves[CONTROL] >= spec.harmless]
    working = safe[curves.loc[safe, FLOAT] <= spec.remaining]
    epsilon = working.min() if len(working) else safe.max() if len(safe) else curves.index.min()
    with store.draft(spec) as place:
        curves.reset_index().to_csv(place / "sweep.csv", index=False)
        (place / "choice.json").write_text(json.dumps({"epsilon": float(epsilon)}))


def _left(cell: Cell) -> dict[str, float | str]:
    table, labels = answers.of_cell(cell), list(cell.target.development.source.labels)
    truth = table[labels].to_numpy()
    clean, after = (
        metrics.macro_auc(truth, table[[kind + name for name in labels]].to_numpy())
        for kind in (answers.CLEAN, answers.ATTACKED)
    )
    left = metrics.percent_of_clean(after, clean) / 100
    return {"epsilon": cell.attack.epsilon, "delivery": cell.delivery, "left": left}


def chosen(spec: EpsilonChoice) -> float:
    """Return the chosen epsilon, in units of [-1, 1].

    Raises:
        StoreError: it has not been chosen, or the file is damaged.
    """
    with store.reading(spec, "choice.json") as path:
        return float(json.loads(path.read_text())["epsilon"])


def sweep(spec: EpsilonChoice) -> pd.DataFrame:
    """Return the curves of the choice: share of the clean AUC left, per `epsilon` and delivery.

    Raises:
        StoreError: epsilon has not been chosen, or the file is damaged.
    """
    with store.reading(spec, "sweep.csv") as path:
        return pd.read_csv(path)
