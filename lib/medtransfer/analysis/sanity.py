"""The sanity ladder: what must hold in every run, or its numbers mean nothing (protocol, 5.8).

Budget, epsilon 0 and batch-norm statistics are checked while an attack is crafted
(`evaluation.transfer`); here stands what only the whole table shows.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from medtransfer.analysis.selection import OTHER, SAME, WHITE_BOX
from medtransfer.specs import CONTROL, FLOAT

# Percentage points of the clean AUC by which, beyond the doubt of both intervals, a rung may seem
# stronger than the one above: another training of the same kind can differ by as much.
SLACK = 5.0
# A barely trained network may answer every image alike, so that nothing changes but rounding.
ROUNDING = 1e-5
RUNGS = (WHITE_BOX, SAME, OTHER, "control")


class SanityError(RuntimeError):
    """A law that holds for every attack is broken: the run's numbers cannot be trusted."""


def climb(table: pd.DataFrame) -> pd.DataFrame:
    """Return the mean percentage of the clean AUC on each rung, after checking the ladder.

    Rows: domain, method, epsilon, initialization (the same of both networks, both on d1);
    columns: the rungs, from the strongest attack to the control noise.

    Raises:
        SanityError: a rung is weaker than the one below it by more than SLACK points and the doubt
            of both, or a white box does not harm its own network. The message says where.
    """
    own = table[
        (table["surrogate_initialization"] == table["target_initialization"])
        & (table["surrogate_data"] == "d1")
        & (table["target_data"] == "d1")
        & table["delivery"].isin([FLOAT, CONTROL])
    ]
    rung = own["relation"].where(own["delivery"] == FLOAT, "control")
    where = ["domain", "method", "epsilon", "target_initialization"]
    half_width = ((own["percent_high"] - own["percent_low"]) / 2).fillna(0)
    named = own.assign(rung=rung, doubt=half_width)
    ladder, doubt = (
        named.pivot_table(index=where, columns="rung", values=values).reindex(
            columns=[name for name in RUNGS if name in set(rung)]
        )
        for values in ("percent", "doubt")
    )
    doubt = doubt.fillna(0)
    for upper, lower in combinations(ladder.columns, 2):
        slack = SLACK + np.hypot(doubt[upper], doubt[lower])
        wrong = ladder[ladder[upper] > ladder[lower] + slack]
        if len(wrong):
            raise SanityError(
                f"an attack by {upper} is weaker than by {lower}:\n{wrong.round(1).to_string()}\n"
                "Look at the trainings' validation AUC first, then at the surrogate's gradients."
            )
    _check_confidence(own)
    return ladder


def _check_confidence(own: pd.DataFrame) -> None:
    """A white box never lowers the loss; with one output it turns no class the right way.

    With several outputs it need not turn every class: the summed loss may be raised most by one
    that takes the others along. One large step may go beyond the point to which its gradient led,
    where a network is sure of wrong answers, so FGSM answers for its smallest epsilon only.
    """
    white = own[own["relation"] == WHITE_BOX]
    smallest = white.groupby(["domain", "method"])["epsilon"].transform("min")
    white = white[(white["method"] != "FGSM") | (white["epsilon"] == smallest)]
    one = white["outputs"] == 1
    kept = one & ((white["positive_shift"] > ROUNDING) | (white["negative_shift"] < -ROUNDING))
    still = white["max"] == 0  # a vanished gradient gives no perturbation, and no error either
    wrong = white[(white["loss"] < white["loss_clean"] - ROUNDING) | kept | still]
    if len(wrong):
        columns = ["method", "epsilon", "target_architecture", "max", "loss_clean", "loss"]
        columns += ["positive_shift", "negative_shift"]
        raise SanityError(
            f"a white-box attack did not harm its own network:\n{wrong[columns].to_string()}"
        )
