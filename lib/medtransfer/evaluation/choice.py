"""Epsilon chosen on validation images, before any test image is attacked."""

from __future__ import annotations

import json

import pandas as pd

from medtransfer import store
from medtransfer.evaluation import answers, metrics
from medtransfer.specs import EpsilonChoice


def choose(spec: EpsilonChoice) -> None:
    """Publish the smallest epsilon that leaves at most the share `remaining` of the clean AUC.

    The mean is over the cells of each epsilon. If no epsilon is strong enough the largest is
    taken. The result holds `choice.json` and `sweep.csv`, the curve that it was read from.
    """
    rows = []
    for cell in spec.cells:
        table, labels = answers.of_cell(cell), list(cell.target.development.source.labels)
        truth = table[labels].to_numpy()
        clean = metrics.macro_auc(truth, table[[answers.CLEAN + n for n in labels]].to_numpy())
        after = metrics.macro_auc(truth, table[[answers.ATTACKED + n for n in labels]].to_numpy())
        rows.append(
            {"epsilon": cell.attack.epsilon, "left": metrics.percent_of_clean(after, clean) / 100}
        )
    sweep = pd.DataFrame(rows).groupby("epsilon", as_index=False)["left"].mean()
    enough = sweep.loc[sweep["left"] <= spec.remaining, "epsilon"]
    epsilon = float(enough.min() if len(enough) else sweep["epsilon"].max())
    with store.draft(spec) as place:
        sweep.to_csv(place / "sweep.csv", index=False)
        (place / "choice.json").write_text(json.dumps({"epsilon": epsilon}))


def chosen(spec: EpsilonChoice) -> float:
    """Return the chosen epsilon, in units of [-1, 1]."""
    return float(json.loads((store.find(spec) / "choice.json").read_text())["epsilon"])


def sweep(spec: EpsilonChoice) -> pd.DataFrame:
    """Return the curve of the choice: `epsilon`, and `left`, the share of the clean AUC."""
    return pd.read_csv(store.find(spec) / "sweep.csv")
