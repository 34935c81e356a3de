"""Epsilon chosen on validation images, before any test image is attacked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from medtransfer import store
from medtransfer.attacks.delivery import CONTROL, FLOAT
from medtransfer.scoring.cell import Cell
from medtransfer.specs import Result
from medtransfer.units import grey_levels

if TYPE_CHECKING:
    import pandas as pd

CHOICE, SWEEP = "choice.json", "sweep.csv"


@dataclass(frozen=True, kw_only=True, eq=False)
class EpsilonChoice(Result):
    """The smallest epsilon at which an attack works and noise of the same size is harmless.

    Works: the attacked images leave at most the share `remaining` of the clean AUC. No harm:
    control noise leaves at least the share `harmless`. Both are means over the cells of each
    epsilon, on validation images.
    """

    cells: tuple[Cell, ...]
    remaining: float
    harmless: float

    @property
    def title(self) -> str:
        return "choice of epsilon"

    @property
    def effort(self) -> str:
        return "choosing"

    @classmethod
    def make(cls, specs: Sequence[Self]) -> None:
        """Choose, and publish the choice with the curves that it was read from.

        If no epsilon both works and does no harm, the largest harmless one is taken, and failing
        that the smallest of all.
        """
        import pandas as pd

        for spec in specs:
            curves = pd.DataFrame([_left(cell) for cell in spec.cells]).pivot_table(
                index="epsilon", columns="delivery", values="left", aggfunc="mean", dropna=False
            )
            safe, working = _candidates(spec, curves)
            epsilon = min(working) if working else max(safe, default=curves.index.min())
            with store.draft(spec) as place:
                curves.reset_index().to_csv(place / SWEEP, index=False)
                (place / CHOICE).write_text(json.dumps({"epsilon": float(epsilon)}))


def _candidates(spec: EpsilonChoice, curves: pd.DataFrame) -> tuple[list[float], list[float]]:
    """Return the epsilons whose noise does no harm, and those of them at which attacks work."""
    safe = [at for at in curves.index if curves.loc[at, CONTROL] >= spec.harmless]
    return safe, [at for at in safe if curves.loc[at, FLOAT] <= spec.remaining]


def _left(cell: Cell) -> dict[str, float | str]:
    from medtransfer.measures import metrics, predictions

    found = predictions.read(cell)
    clean, after = (metrics.macro_auc(found.truth, x) for x in (found.clean, found.after))
    left = metrics.percent_of_clean(after, clean) / 100
    return {"epsilon": cell.attack.method.epsilon, "delivery": cell.delivery, "left": left}


def chosen(spec: EpsilonChoice) -> float:
    """Return the chosen epsilon, in units of [-1, 1].

    Raises:
        StoreError: it has not been chosen, or the file is damaged.
    """
    with store.reading(spec, CHOICE) as path:
        return float(json.loads(path.read_text())["epsilon"])


def explained(spec: EpsilonChoice) -> str:
    """Return in a sentence why an epsilon was chosen, or what was taken if none satisfies the rule.

    Raises:
        StoreError: it has not been chosen, or a file is damaged.
    """
    epsilon, curves = chosen(spec), sweep(spec).set_index("epsilon")
    safe, working = _candidates(spec, curves)
    attack, noise = (f"{100 * curves[kind][epsilon]:.0f} %" for kind in (FLOAT, CONTROL))
    found = f"there the attack leaves {attack} of the clean AUC and noise {noise}"
    if not grey_levels(epsilon):
        found += ". It is less than one grey level, so an 8-bit file keeps none of it"
    rule = f"leaves at most {100 * spec.remaining:.0f} % of the clean AUC"
    if working:
        return f"the smallest epsilon at which an attack {rule}; {found}"
    if safe:
        return (
            f"no attack whose size is harmless as noise {rule}, so the largest harmless epsilon "
            f"was taken; {found}"
        )
    return f"noise does harm at every candidate, so the smallest was taken; {found}"


def sweep(spec: EpsilonChoice) -> pd.DataFrame:
    """Return the curves of the choice: share of the clean AUC left, per `epsilon` and delivery.

    Raises:
        StoreError: epsilon has not been chosen, or the file is damaged.
    """
    import pandas as pd

    with store.reading(spec, SWEEP) as path:
        return pd.read_csv(path)
