"""Attackers of equal strength: where one takes all that there is, no protection can show."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from medtransfer.analysis.protections import REFERENCE, attackers, left
from medtransfer.scoring.cell import Cell


def matched(cells: Sequence[Cell], name: str) -> float | None:
    """Return the epsilon at which an attacker leaves what PGD leaves at the largest.

    Interpolated between the epsilons of the cells, at 0 of which all is left, and rounded to two
    digits; None if he leaves more even at the largest, or PGD leaves all.

    Args:
        cells: of both, on the same targets and images; of PGD those at the largest epsilon count.
        name: of the attacker (see `protections.attacker`).
    """
    known = attackers(cells)
    epsilons = sorted({cell.attack.method.epsilon for cell in known[name]})
    level = _left(known[REFERENCE], epsilons[-1])
    at = np.array([0.0, *epsilons])
    curve = np.array([100.0, *(_left(known[name], epsilon) for epsilon in epsilons)])
    below = np.flatnonzero(curve <= level)
    if not len(below) or below[0] == 0:
        return None
    place = below[0] - 1
    share = (curve[place] - level) / (curve[place] - curve[place + 1])
    return float(f"{at[place] + share * (at[place + 1] - at[place]):.2g}")


def _left(cells: Sequence[Cell], epsilon: float) -> float:
    return left(cell for cell in cells if cell.attack.method.epsilon == epsilon)
