"""Sanity checks: what must hold in every run, and what one expects of it (protocol, 5.8).

Laws stop a run, since its numbers mean nothing where one is broken; expectations are flags in the
table, which honest runs may raise. Budget, epsilon 0 and batch-norm statistics are checked while an
attack is crafted (`scoring.transfer`); here stands what only the whole table shows.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from medtransfer.analysis.selection import OTHER, SAME, WHITE_BOX
from medtransfer.attacks.delivery import CONTROL, FLOAT
from medtransfer.errors import SanityError

# Percentage points of the clean AUC by which, beyond the doubt of both intervals, a rung may seem
# stronger than the one above: another training of the same kind can differ by as much.
SLACK = 5.0
# A barely trained network may answer every image alike, so that nothing changes but rounding.
ROUNDING = 1e-5
RUNGS = (WHITE_BOX, SAME, OTHER, "control")
WHERE = ["domain", "method", "epsilon", "target_initialization"]
FLAGS = "flags"
# Networks whose gradients are what they seem; of a defended or foreign one nobody can say that.
PLAIN = ("training", "imported")


def strengths(table: pd.DataFrame) -> pd.DataFrame:
    """Return the mean percentage of the clean AUC on each rung, and what is not as expected.

    Rows: domain, method, epsilon, initialization (the same of both networks, both on d1).
    Columns: the rungs, from the strongest attack to the control noise, and `flags`, in words: a
    rung that is weaker than one below it by more than SLACK points and the doubt of both; a white
    box that does not harm its own network as one expects.
    """
    own = _own(table)
    rungs, doubt = _rungs(own)
    flags: dict[Any, list[str]] = {where: [] for where in rungs.index}
    for upper, lower in combinations(rungs.columns, 2):
        for where in rungs.index[_weaker(rungs, doubt, upper, lower)]:
            flags[where].append(f"{upper} weaker than {lower}")
    for flag, rows in _unharmed(own[own["relation"] == WHITE_BOX]).items():
        for where in dict.fromkeys(rows[WHERE].itertuples(index=False, name=None)):
            flags[where].append(flag)
    return rungs.assign(**{FLAGS: ["; ".join(flags[where]) for where in rungs.index]})


def check(table: pd.DataFrame) -> None:
    """Raise SanityError if a law is broken; the message says where.

    In the white box of a plain network, an attack of several steps takes at least what the same
    attack from another network takes, and, if its steps reach its whole budget, what fewer steps
    take, beyond the doubt of both intervals and SLACK points.
    """
    own = _own(table)
    if "steps" not in own:
        return
    many = own[(own["steps"] > 1) & own["target_network"].isin(PLAIN)]
    rungs, doubt = _rungs(many)
    for lower in [name for name in rungs.columns if name != WHITE_BOX]:
        if WHITE_BOX in rungs:
            _refuse(rungs[_weaker(rungs, doubt, WHITE_BOX, lower)], f"the same from {lower}")
    white = own[(own["relation"] == WHITE_BOX) & own["target_network"].isin(PLAIN)]
    white = white[~(white["steps"] * white["step_size"] < white["epsilon"])]
    white = white.assign(steps=white["steps"].fillna(1))
    steps, unsure = (
        _means(white, values, where=["domain", "epsilon", "target_initialization"], by="steps")
        for values in ("percent", "doubt")
    )
    for fewer, more in combinations(sorted(steps.columns), 2):
        wrong = steps[_weaker(steps, unsure.fillna(0), more, fewer)]
        _refuse(wrong, f"one of fewer steps, {fewer:g} instead of {more:g}")


def _refuse(wrong: pd.DataFrame, what: str) -> None:
    if len(wrong):
        raise SanityError(
            f"a white-box attack is weaker than {what}:\n"
            f"{wrong.round(1).to_string()}\n"
            "This run cannot be trusted. Look at the networks' validation AUC first, then at the "
            "gradients of the surrogates."
        )


def _own(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that stand on a rung, with its name and half the width of their interval.

    An attack on several networks at once stands on none: it is no law that it is stronger, though
    its target may be among them.
    """
    if "surrogate_members" in table:
        table = table[table["surrogate_members"].isna() | (table["surrogate_members"] == "")]
    own = table[
        (table["surrogate_initialization"] == table["target_initialization"])
        & (table["surrogate_data"] == "d1")
        & (table["target_data"] == "d1")
        & table["delivery"].isin([FLOAT, CONTROL])
    ]
    rung = own["relation"].where(own["delivery"] == FLOAT, "control")
    half_width = ((own["percent_high"] - own["percent_low"]) / 2).fillna(0)
    return own.assign(rung=rung, doubt=half_width)


def _rungs(own: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return mean percentage and mean doubt of every rung."""
    known = [name for name in RUNGS if name in set(own["rung"])]
    percent, doubt = (
        _means(own, values, where=WHERE, by="rung").reindex(columns=known)
        for values in ("percent", "doubt")
    )
    return percent, doubt.fillna(0)


def _means(rows: pd.DataFrame, values: str, *, where: list[str], by: str) -> pd.DataFrame:
    """Return means as a table; a place stays in it where nothing could be measured."""
    return rows.groupby([*where, by])[values].mean().unstack(by)


def _weaker(values: pd.DataFrame, doubt: pd.DataFrame, upper: object, lower: object) -> np.ndarray:
    slack = SLACK + np.hypot(doubt[upper], doubt[lower])
    return (values[upper] > values[lower] + slack).to_numpy()


def _unharmed(white: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return rows of white boxes that did not harm their own network, by what one expects.

    None of it is a law: a finite step along a gradient may overshoot, the summed loss of several
    outputs may be raised most by one that takes the others along, and a gradient may vanish.
    """
    one = white["outputs"] == 1
    kept = (white["positive_shift"] > ROUNDING) | (white["negative_shift"] < -ROUNDING)
    return {
        "white box moves no pixel": white[white["max"] == 0],
        "white box lowers the loss": white[white["loss"] < white["loss_clean"] - ROUNDING],
        "white box makes a class surer": white[one & kept],
        "white box not trusted": white[~white["target_network"].isin(PLAIN)],
    }
