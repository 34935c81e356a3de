"""From stored cells to tables: what the target called, and what the attacker's networks did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations, product

import numpy as np

from medtransfer.analysis.tables import resampled, thresholds
from medtransfer.assess import calls, plan, verdicts
from medtransfer.assess.calls import KINDS, Asked, Kind
from medtransfer.assess.plan import At, Step
from medtransfer.assess.setting import Setting
from medtransfer.assess.statistics import Shares, interval, p_above
from medtransfer.attacks.delivery import CONTROL, EIGHT_BIT
from medtransfer.measures import metrics, predictions
from medtransfer.report.wording import groups
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
            than noise does.
        left, shaken: budget -> share of their clean AUC that noise leaves, and of their correct
            calls that it changes.
    """

    method: str
    strongest: int
    siblings: dict[int, Found]
    left: dict[int, float]
    shaken: dict[int, float]


@dataclass(frozen=True, kw_only=True)
class Row:
    """What a rung does to one finding at one budget, as misses or as inventions.

    Attributes:
        images: with a correct call.
        strongest: the share that the strongest surrogate changes.
    """

    budget: int
    finding: str
    kind: Kind
    images: int
    evidence: verdicts.Evidence
    strongest: float
    verdict: verdicts.Verdict


def controls(setting: Setting, step: Step) -> Controls:
    """Return what the stored positive controls of a rung say.

    The attacker chooses method and surrogate by them, at the largest budget, and so knows nothing
    of the target when choosing.
    """
    cells = plan.controls(setting, step)
    places, largest = range(len(step.trained)), max(setting.budgets)
    pairs = list(permutations(places, 2))

    def mean(method: str, pairs: Sequence[tuple[int, int]]) -> float:
        found = _more(cells, method, largest, pairs)
        return float(np.mean(list(found.values()))) if found else 0.0

    method = max(setting.methods, key=lambda name: mean(name, pairs))
    return Controls(
        method=method,
        strongest=max(places, key=lambda p: mean(method, [pair for pair in pairs if pair[0] == p])),
        siblings={budget: _more(cells, method, budget, pairs) for budget in setting.budgets},
        left={budget: _left(cells, method, budget, pairs) for budget in setting.budgets},
        shaken={budget: _shaken(cells, method, budget, pairs) for budget in setting.budgets},
    )


def _more(
    cells: dict[At, Cell], method: str, budget: int, pairs: Sequence[tuple[int, int]]
) -> Found:
    """Return by how much more calls attacks change than noise does, mean over pairs."""
    found: dict[tuple[str, str], list[float]] = {}
    for pair in pairs:
        attack, noise = (cells[At(method, budget, kind, *pair)] for kind in (EIGHT_BIT, CONTROL))
        target = attack.target
        answered, shaken, own = _asked([attack]), _asked([noise]), thresholds(target)
        for (k, finding), kind in product(enumerate(target.labels), KINDS):
            more = (
                calls.changed(answered, own, finding=k, kind=kind)
                - calls.changed(shaken, own, finding=k, kind=kind)
            ).mean
            if np.isfinite(own[k]) and np.isfinite(more):
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
    shares = [calls.changed_any(_asked([cell]), thresholds(cell.target)).mean for cell in noise]
    return float(np.nanmean(shares)) if np.isfinite(shares).any() else float("nan")


def headline(setting: Setting, found: Sequence[Controls]) -> int:
    """Return the budget of the first page: the largest at which noise harms no surrogate.

    In the mean over all rungs it must leave the share `LEFT` of the clean AUC, and change at most
    the share `SHAKEN` of the correct calls. Failing that, the smallest budget is taken; with no
    surrogates at all, the largest.
    """
    if not found:
        return max(setting.budgets)
    safe = [
        budget
        for budget in setting.budgets
        if np.mean([each.left[budget] for each in found]) >= LEFT
        and np.mean([each.shaken[budget] for each in found]) <= SHAKEN
    ]
    return max(safe, default=min(setting.budgets))


def _asked(cells: Sequence[Cell], resamples: int = 2) -> Asked:
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


def asked(setting: Setting, step: Step, *, method: str, budget: int, delivery: str) -> Asked:
    """Return what the target answered to every surrogate of a rung."""
    cells = plan.cells(setting, step, method=method)
    places = range(len(step.surrogates))
    own = [cells[At(method, budget, delivery, place)] for place in places]
    return _asked(own, setting.profile.resamples)


def rows(
    setting: Setting, step: Step, *, method: str, budget: int, found: Controls | None
) -> list[Row]:
    """Return what the target's calls did on a rung at one budget, each with its verdict.

    Args:
        found: the positive controls of the rung; None for a white box, which needs none.
    """
    attack, noise = (
        asked(setting, step, method=method, budget=budget, delivery=kind)
        for kind in (EIGHT_BIT, CONTROL)
    )
    own, labels = setting.limits, setting.target.labels
    kept: list[tuple[str, Kind, int, verdicts.Evidence, float]] = []
    for (k, finding), kind in product(enumerate(labels), KINDS):
        inside = calls.correct(attack, own, kind=kind)[:, k]
        if not np.isfinite(own[k]) or not inside.any():
            kept.append((finding, kind, 0, _NOTHING, float("nan")))
            continue
        share, shaken = (calls.changed(each, own, finding=k, kind=kind) for each in (attack, noise))
        control = found.siblings[budget].get((finding, kind)) if found else None
        strongest = float(share.values[found.strongest if found else 0])
        said = _evidence(share, shaken, control=control, needed=found is not None)
        kept.append((finding, kind, int(inside.sum()), said, strongest))
    judged = verdicts.judge([said for _, _, _, said, _ in kept], groups=groups(setting.images))
    return [
        Row(
            budget=budget,
            finding=finding,
            kind=kind,
            images=number,
            evidence=said,
            strongest=strongest,
            verdict=verdict,
        )
        for (finding, kind, number, said, strongest), verdict in zip(kept, judged, strict=True)
    ]


_NOTHING = verdicts.Evidence(
    patients=0,
    share=float("nan"),
    low=float("nan"),
    high=float("nan"),
    noise=float("nan"),
    p=1.0,
    control=None,
)


def _evidence(
    share: Shares, noise: Shares, *, control: float | None, needed: bool
) -> verdicts.Evidence:
    low, high = interval(share)
    return verdicts.Evidence(
        patients=share.patients,
        share=share.mean,
        low=low,
        high=high,
        noise=noise.mean,
        p=p_above(share - noise),
        control=control,
        needs_control=needed,
    )


def anything(setting: Setting, step: Step, *, method: str, budget: int, delivery: str) -> Shares:
    """Return the share of all correct calls of a rung that are changed, whatever the finding."""
    found = asked(setting, step, method=method, budget=budget, delivery=delivery)
    return calls.changed_any(found, setting.limits)
