"""What attackers at the strength of PGD say of the claims: a column and a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from medtransfer.analysis.protections import MATCHED, REFERENCE, attackers
from medtransfer.report import verdicts
from medtransfer.report.sentences import POOLED
from medtransfer.report.wording import listed

if TYPE_CHECKING:
    import pandas as pd

    from medtransfer.analysis.attacked import Attacked
    from medtransfer.scoring.cell import Cell


def as_frame(judged: pd.DataFrame, matched: pd.DataFrame) -> pd.DataFrame:
    """Return claims as a notebook shows them, and beside them the same at the strength of PGD.

    Args:
        judged, matched: of `analysis.attacker_claims`, as `judge` and `judge_matched` give them;
            the latter may be empty.
    """
    frame = verdicts.as_frame(judged)
    if matched.empty:
        return frame
    column = verdicts.as_frame(matched).iloc[:, 0]
    return frame.assign(**{f"{column.name}, {MATCHED}": column.reindex(frame.index).fillna("")})


def said(attacked: Mapping[str, Attacked], judged: pd.DataFrame, matched: pd.DataFrame) -> str:
    """Return at which epsilons attackers are as strong as PGD, and which verdicts that changes.

    Of claims over all domains, where there are several; "" where nobody was held to it.
    """
    if matched.empty:
        return ""
    held = [
        f"{domain}: {name} at epsilon {_epsilon(own)} in place of {_epsilon(each.cells)}"
        for domain, each in attacked.items()
        for name, own in attackers(each.matched).items()
    ]
    before, after = _verdicts(judged), _verdicts(matched)
    changed = [
        f"{', '.join(filter(None, name))} is {verdict}, not {before[name]}"
        for name, verdict in after.items()
        if name in before and verdict != before[name]
    ]
    end = f"there {listed(changed)}" if changed else "there no verdict changes"
    return (
        "At one epsilon the strongest attacker may take so much that no protection has room to "
        f"show. So it was held to the strength of {REFERENCE} where nothing protects, on "
        f"validation images ({'; '.join(held)}): {end}."
    )


def _epsilon(cells: Sequence[Cell]) -> str:
    return f"{cells[0].attack.method.epsilon:g}"


def _verdicts(claims: pd.DataFrame) -> dict[tuple[str, str], str]:
    """Return (claim, part) -> the verdict over all domains, or in the only one."""
    widest = claims[claims["domain"] == POOLED] if (claims["domain"] == POOLED).any() else claims
    return {(row["claim"], row["part"]): row["verdict"] for row in widest.to_dict("records")}
