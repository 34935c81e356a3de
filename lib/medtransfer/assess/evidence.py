"""From stored cells to tables: what the target called, before and after the attacks of a rung."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from medtransfer.assess import calls, plan, verdicts
from medtransfer.assess.calls import KINDS, Asked, Kind
from medtransfer.assess.controls import Controls, answered
from medtransfer.assess.plan import At, Step
from medtransfer.assess.setting import Setting
from medtransfer.assess.statistics import Shares, interval, p_above
from medtransfer.attacks.delivery import CONTROL, EIGHT_BIT
from medtransfer.report.wording import groups


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


def asked(setting: Setting, step: Step, *, method: str, budget: int, delivery: str) -> Asked:
    """Return what the target answered to every surrogate of a rung."""
    cells = plan.cells(setting, step, method=method)
    places = range(len(step.surrogates))
    own = [cells[At(method, budget, delivery, place)] for place in places]
    return answered(own, setting.profile.resamples)


def rows(setting: Setting, step: Step, *, method: str, budget: int, found: Controls) -> list[Row]:
    """Return what the target's calls did on a rung at one budget, each with its verdict.

    Args:
        found: the positive controls of the rung.
    """
    attack, noise = (
        asked(setting, step, method=method, budget=budget, delivery=kind)
        for kind in (EIGHT_BIT, CONTROL)
    )
    own, labels = setting.counted, setting.target.labels
    kept: list[tuple[str, Kind, int, verdicts.Evidence, float]] = []
    for (k, finding), kind in product(enumerate(labels), KINDS):
        if not setting.aims[k]:
            continue
        inside = calls.correct(attack, own, kind=kind)[:, k]
        if not np.isfinite(own[k]) or not inside.any():
            kept.append((finding, kind, 0, _NOTHING, float("nan")))
            continue
        share, shaken = (calls.changed(each, own, finding=k, kind=kind) for each in (attack, noise))
        control = found.siblings[budget].get((finding, kind))
        strongest = float(share.values[found.strongest])
        said = _evidence(share, shaken, control=control, boundless=not step.trained)
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
    share: Shares, noise: Shares, *, control: float | None, boundless: bool
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
        boundless=boundless,
    )


def anything(setting: Setting, step: Step, *, method: str, budget: int, delivery: str) -> Shares:
    """Return the share of all correct calls that a rung changes, of all findings that count."""
    found = asked(setting, step, method=method, budget=budget, delivery=delivery)
    return calls.changed_any(found, setting.counted)
