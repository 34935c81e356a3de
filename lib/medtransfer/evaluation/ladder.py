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
            box raises the confidence in a class. The message says where.
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
    white = own[own["relation"] == WHITE_BOX]
    wrong = white[(white["positive_shift"] > 0) | (white["negative_shift"] < 0)]
    if len(wrong):
        columns = ["method", "epsilon", "target_architecture", "positive_shift", "negative_shift"]
        raise SanityError(
            "a white-box attack raised the confidence in a true class:\n"
            f"{wrong[columns].to_string()}"
        )
