"""What an attack and a defence mean at the operating point, in persons out of 1,000."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from medtransfer.analysis.exposed import CLEAN, Exposed
from medtransfer.analysis.operating_points import (
    ATTACKED,
    SENSITIVITY,
    SPECIFICITY,
    operating_table,
)
from medtransfer.study.defences import DEFENCES, NONE, REFERRAL
from medtransfer.study.defended import COLLEAGUE, OWNER

PERSONS = 1000
COLUMNS = ("defence", "label", "attacked by", "missed", "called ill")


def table(exposed: Exposed, *, classes: Sequence[str] = (COLLEAGUE, OWNER)) -> pd.DataFrame:
    """Return of 1,000 ill persons how many are missed, of 1,000 healthy ones how many called ill.

    One row per defence, label, and class of attackers, nobody among them; at the threshold that is
    best on validation images of the defended network. Means over replicates. A detector is left
    out, since it calls nobody.
    """
    rows = []
    for defence in exposed.defences:
        if defence == REFERRAL:
            continue
        for knowledge in (CLEAN, *classes):
            attack = COLLEAGUE if knowledge == CLEAN else knowledge
            cells = [parts[NONE] for parts in exposed.cells(defence, attack)]
            found = operating_table(cells, resamples=exposed.resamples)
            if found.empty:
                continue
            images = CLEAN if knowledge == CLEAN else ATTACKED
            own = found[found["images"] == images]
            for label in own["label"].unique():
                value = own[own["label"] == label].set_index("measure")["value"]
                rows.append(
                    {
                        "defence": DEFENCES[defence].words,
                        "label": label,
                        "attacked by": "nobody" if knowledge == CLEAN else knowledge,
                        "missed": round(PERSONS * (1 - value[SENSITIVITY])),
                        "called ill": round(PERSONS * (1 - value[SPECIFICITY])),
                    }
                )
    return pd.DataFrame(rows, columns=list(COLUMNS))
