"""Defences and the claims on them, in the words of a reader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan
from typing import TYPE_CHECKING, Any

from medtransfer.study.defences import DEFENCES
from medtransfer.study.defended import CLASSES, COLLEAGUE, INFORMED, OWNER

if TYPE_CHECKING:
    import pandas as pd

SHOWN = (COLLEAGUE, INFORMED, OWNER)
"""The classes of attackers that tables show."""


def against(found: pd.DataFrame, classes: Sequence[str] = SHOWN) -> pd.DataFrame:
    """Return what some classes of attackers leave of every defence (see `analysis.exposed.table`).

    The index names the defence, and the class of its attacker.
    """
    import pandas as pd

    rows = found[found["knowledge"].isin(classes)]
    shown = pd.DataFrame(
        {
            "defence": rows["words"],
            "attacker": rows["knowledge"],
            "strongest": [_attack(row) for row in rows.to_dict("records")],
            "clean AUC": _interval(rows, "clean", 3),
            "AUC": _interval(rows, "auc", 2),
            "gain in points": _interval(rows, "gain", 0),
            "clean AUC added": _interval(rows, "cost", 3),
            "share lost": [_share(row) for row in rows.to_dict("records")],
            "keep secret": [DEFENCES[name].secret for name in rows["defence"]],
        }
    )
    return shown.set_index(["defence", "attacker"])


def attackers(classes: Sequence[str] = SHOWN) -> str:
    """Return in a sentence what some classes of attackers know or have."""
    said = "; ".join(f"{name} {CLASSES[name]}" for name in classes)
    return f"attackers, each with what those before have: {said}"


def judged(claims: pd.DataFrame) -> list[str]:
    """Return the claims on defences (see `analysis.defence_claims`), a line each."""
    return [
        f"{row['claim']} {row['part'] or row['says']}: {row['verdict']}; {row['why']}"
        for row in claims.to_dict("records")
    ]


def _attack(row: Mapping[Any, Any]) -> str:
    return f"{row['method']} on {row['attacker']}" if row["attacker"] else str(row["method"])


def _interval(rows: pd.DataFrame, name: str, digits: int) -> list[str]:
    columns = (rows[name], rows[f"{name}_low"], rows[f"{name}_high"])
    found = zip(*columns, strict=True)
    return [f"{v:z.{digits}f} ({a:z.{digits}f} to {b:z.{digits}f})" for v, a, b in found]


def _share(row: Mapping[Any, Any]) -> str:
    known = not isnan(row["share"]) and row["knowledge"] == INFORMED
    return f"{100 * max(row['share'], 0):.0f} %" if known else ""
