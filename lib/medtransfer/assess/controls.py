"""Positive controls: what the attacks of a rung do where they ought to work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations, product

import numpy as np

from medtransfer.analysis.tables import resampled, thresholds
from medtransfer.assess import calls, plan
from medtransfer.assess.calls import KINDS, Asked
from medtransfer.assess.plan import At, Step
from medtransfer.assess.setting import Setting
from medtransfer.attacks.delivery import CONTROL, EIGHT_BIT
from medtransfer.measures import metrics, predictions
from medtransfer.scoring.cell import Cell

LEFT, SHAKEN = 0.97, 0.05
"""Noise of the headline budget leaves at least the first share of the AUC of the attacker's own
networks, and changes at most the second of their correct calls."""

Found = dict[tuple[str, str], float]
"""(finding, kind) -> share; absent where no call is correct."""


@dataclass(frozen=True)
class Controls:
    """What the attacks of a rung do to the attacker's own networks, on the attacker's images.

    Attributes:
        method: the method of attack that changes most calls of other networks of the rung.
        strongest: the place of the surrogate whose attacks change most calls of its siblings.
        siblings: budget -> shares of correct calls of sibling networks that attacks change more
            than noise does. Of a white box, which has no siblings: at every budget the shares of
            the target's own calls that an attack without a bound changes.
        left, shaken: budget -> share of their clean AUC that noise leaves, and of their correct
            calls that it changes; of a white box none.
    """

    method: str
    strongest: int
    siblings: dict[int, Found]
    left: dict[int, float]
    shaken: dict[int, float]


def chosen(setting: Setting, step: Step) -> str:
    """Return the method that changes most calls among a rung's own networks, as stored.

    The attacker knows nothing of the target when choosing.
    """
    if not step.trained:
        return plan.WHITE_BOX
    cells, pairs = plan.rehearsals(setting, step), _pairs(step)
    return max(setting.tried, key=lambda name: _harm(setting, cells, name, pairs))


def of(setting: Setting, step: Step) -> Controls:
    """Return what the stored positive controls of a rung say; they choose its surrogate, too."""
    method, pairs = chosen(setting, step), _pairs(step)
    cells = plan.controls(setting, step, method=method)
    if not step.trained:
        (cell,) = cells.values()
        own = _of_its_own(cell, setting.counted)
        return Controls(method, 0, dict.fromkeys(setting.budgets, own), {}, {})

    def harm(place: int) -> float:
        return _harm(setting, cells, method, [pair for pair in pairs if pair[0] == place])

    return Controls(
        method=method,
        strongest=max(range(len(step.trained)), key=harm),
        siblings={
            budget: _more(cells, method, budget, pairs, aims=setting.aims)
            for budget in setting.budgets
        },
        left={budget: _left(cells, method, budget, pairs) for budget in setting.budgets},
        shaken={budget: _shaken(cells, method, budget, pairs) for budget in setting.budgets},
    )


def _pairs(step: Step) -> list[tuple[int, int]]:
    return list(permutations(range(len(step.trained)), 2))


def _harm(
    setting: Setting, cells: dict[At, Cell], method: str, pairs: Sequence[tuple[int, int]]
) -> float:
    """Return the mean share of calls that attacks of the largest budget change, noise apart."""
    found = _more(cells, method, max(setting.budgets), pairs, aims=setting.aims)
    return float(np.mean(list(found.values()))) if found else 0.0


def _of_its_own(cell: Cell, limits: np.ndarray) -> Found:
    """Return the shares of a target's calls that change; of absent ones, that of all together."""
    attacked, labels = answered([cell]), cell.target.labels
    whole = calls.changed_any(attacked, limits).mean
    found = {}
    for (k, finding), kind in product(enumerate(labels), KINDS):
        share = calls.changed(attacked, limits, finding=k, kind=kind).mean
        found[finding, kind] = share if np.isfinite(share) else whole
    return {what: share for what, share in found.items() if np.isfinite(share)}


def _more(
    cells: dict[At, Cell],
    method: str,
    budget: int,
    pairs: Sequence[tuple[int, int]],
    *,
    aims: np.ndarray,
) -> Found:
    """Return by how much more calls attacks change than noise does, mean over pairs.

    Args:
        aims: which findings count, bool (K,).
    """
    found: dict[tuple[str, str], list[float]] = {}
    for pair in pairs:
        attack, noise = (cells[At(method, budget, kind, *pair)] for kind in (EIGHT_BIT, CONTROL))
        target = attack.target
        attacked, shaken, own = answered([attack]), answered([noise]), thresholds(target)
        for (k, finding), kind in product(enumerate(target.labels), KINDS):
            more = (
                calls.changed(attacked, own, finding=k, kind=kind)
                - calls.changed(shaken, own, finding=k, kind=kind)
            ).mean
            if aims[k] and np.isfinite(own[k]) and np.isfinite(more):
                found.setdefault((finding, kind), []).append(more)
    return {what: float(np.mean(values)) for what, values in found.items()}


def _left(
    cells: dict[At, Cell], method: str, budget: int, pairs: Sequence[tuple[int, int]]
) -> float:
    """Return the share of the clean AUC that noise leaves the attacker's networks, a mean."""
    found = []
    for pair in pairs:
        asked = predictions.read(cells[At(method, budget, CONTROL, *pair)])
        clean, after = (metrics.macro_auc(asked.truth, x) for x in (asked.clean, asked.after))
        found.append(metrics.percent_of_clean(after, clean) / 100)
    return float(np.nanmean(found)) if np.isfinite(found).any() else float("nan")


def _shaken(
    cells: dict[At, Cell], method: str, budget: int, pairs: Sequence[tuple[int, int]]
) -> float:
    """Return the share of correct calls of the attacker's networks that noise changes, a mean."""
    noise = [cells[At(method, budget, CONTROL, *pair)] for pair in pairs]
    shares = [calls.changed_any(answered([cell]), thresholds(cell.target)).mean for cell in noise]
    return float(np.nanmean(shares)) if np.isfinite(shares).any() else float("nan")


def headline(setting: Setting, found: Sequence[Controls]) -> int:
    """Return the budget of the first page: the largest at which noise harms no surrogate.

    In the mean over all rungs it must leave the share `LEFT` of the clean AUC, and change at most
    the share `SHAKEN` of the correct calls. Failing that, the smallest budget is taken; with no
    surrogates at all, the largest.
    """
    found = [each for each in found if each.left]
    if not found:
        return max(setting.budgets)
    safe = [
        budget
        for budget in setting.budgets
        if np.mean([each.left[budget] for each in found]) >= LEFT
        and np.mean([each.shaken[budget] for each in found]) <= SHAKEN
    ]
    return max(safe, default=min(setting.budgets))


def answered(cells: Sequence[Cell], resamples: int = 2) -> Asked:
    """Return what one target answered to some attacks on the same images."""
    found = [predictions.read(cell) for cell in cells]
    first = found[0]
    return Asked(
        truth=first.truth,
        clean=first.clean,
        attacked=np.stack([each.after for each in found]),
        weights=resampled(first.groups, resamples).weights,
        groups=np.array(first.groups),
    )
