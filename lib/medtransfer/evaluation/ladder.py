"""The sanity ladder: what must hold in every run, or its numbers mean nothing (protocol, 5.8).

Budget, epsilon 0 and batch-norm statistics are checked while an attack is crafted
(`evaluation.transfer`); here stands what only the whole table shows.
"""

from __future__ import annotations

from itertools import pairwise

import pandas as pd

from medtransfer.evaluation.table import OTHER, SAME, WHITE_BOX
from medtransfer.specs import CONTROL, FLOAT

# Percentage points of the clean AUC by which a weaker attack may look stronger: the half width of
# an interval of one cell on a few hundred images.
SLACK = 5.0
RUNGS = (WHITE_BOX, SAME, OTHER, "control")


class SanityError(RuntimeError):
    """A law that holds for every attack is broken: the run's numbers cannot be trusted."""


def climb(table: pd.DataFrame) -> pd.DataFrame:
    """Return the mean percentage of the clean AUC on each rung, after checking the ladder.

    Rows: domain, method, epsilon, initialization (the same of both networks, both on d1);
    columns: the rungs, from the strongest attack to the control noise.

    Raises:
        SanityError: a rung is stronger than the one above by more than SLACK points, or a white
            box does not harm its own network. The message says where.
    """
    own = table[
        (table["surrogate_initialization"] == table["target_initialization"])
        & (table["surrogate_data"] == "d1")
        & (table["target_data"] == "d1")
        & table["delivery"].isin([FLOAT, CONTROL])
    ]
    rung = own["relation"].where(own["delivery"] == FLOAT, "control")
    where = ["domain", "method", "epsilon", "target_initialization"]
    ladder = own.assign(rung=rung).pivot_table(index=where, columns="rung", values="percent")
    ladder = ladder.reindex(columns=[name for name in RUNGS if name in ladder])
    for upper, lower in pairwise(ladder.columns):
        wrong = ladder[ladder[upper] > ladder[lower] + SLACK]
        if len(wrong):
            raise SanityError(
                f"an attack by {upper} is weaker than by {lower}:\n{wrong.round(1).to_string()}\n"
                "Look at the trainings' validation AUC first, then at the surrogate's gradients."
            )
    _check_confidence(own)
    return ladder


def _check_confidence(own: pd.DataFrame) -> None:
    """A white box raises the loss; with one output it also turns both classes the wrong way.

    With several outputs it need not: the summed loss may be raised most by one that takes the
    others along.
    """
    white = own[own["relation"] == WHITE_BOX]
    one = white["outputs"] == 1
    kept = one & ((white["positive_shift"] >= 0) | (white["negative_shift"] <= 0))
    wrong = white[(white["loss"] <= white["loss_clean"]) | kept]
    if len(wrong):
        columns = ["method", "epsilon", "target_architecture", "loss_clean", "loss"]
        columns += ["positive_shift", "negative_shift"]
        raise SanityError(
            f"a white-box attack did not harm its own network:\n{wrong[columns].to_string()}"
        )
