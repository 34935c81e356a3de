"""What every class of attackers leaves of every defended network.

Of a class the strongest attack is taken: that which leaves least on validation images, for the
first replicate. It is then fixed, and read once on test images, for all replicates. Each class may
use what those before it have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from medtransfer.analysis import detection, replicates
from medtransfer.analysis.cases import POOLED
from medtransfer.analysis.replicates import Differences, effect
from medtransfer.analysis.scores import Scores, groups, scores
from medtransfer.attacks.delivery import CONTROL, FLOAT
from medtransfer.measures import metrics
from medtransfer.scoring.cell import Cell
from medtransfer.study import defended
from medtransfer.study.builders import Study
from medtransfer.study.defences import DEFENCES, NONE
from medtransfer.study.defended import CLASSES, COLLEAGUE, INFORMED, NOISY, Exposure

CLEAN, NOTHING = "clean", "A0"
BOUNDS = {"clean": (0.0, 1.0), "auc": (0.0, 1.0), "left": (0.0, np.inf)}
"""What an interval cannot reach beyond, however few the trainings."""
Parts = Mapping[str, Cell]


@dataclass(frozen=True)
class Strongest:
    """The attack that stands for a class: what it is crafted on, in words, and its method."""

    attacker: str
    method: str


class Exposed:
    """The attacks on the defended networks of one domain, all of them in the store.

    Args:
        epsilon: that of the study for networks of the targets' start.
    """

    def __init__(self, study: Study, domain: str, *, epsilon: float) -> None:
        self.study, self.domain, self.epsilon = study, domain, epsilon
        self.resamples = study.profile.resamples
        self._chosen: dict[tuple[str, str], Strongest] = {}

    @cached_property
    def exposures(self) -> list[Exposure]:
        """Who attacks whom."""
        return defended.exposures(self.study, self.domain)

    @property
    def defences(self) -> list[str]:
        """The rows of DEFENCES that were attacked, undefended networks first."""
        return list(dict.fromkeys(each.defence for each in self.exposures))

    def classes(self, defence: str) -> list[str]:
        """Return the classes of attackers that a defence has met, from A0 on.

        Who knows that there is no defence has nothing to imitate, and does as his colleague.
        """
        met = {each.knowledge for each in self.exposures if each.defence == defence}
        return [name for name in CLASSES if name in met or name in (NOTHING, INFORMED)]

    def replicates(self, defence: str) -> list[int]:
        """Return the numbers of its trainings."""
        return sorted({each.replicate for each in self.exposures if each.defence == defence})

    def strongest(self, defence: str, knowledge: str) -> Strongest:
        """Return the attack of a class that leaves least on validation images."""
        if (defence, knowledge) not in self._chosen:
            names = list(CLASSES)
            tried = self._candidates(defence, names[: names.index(knowledge) + 1])
            self._chosen[defence, knowledge] = min(tried, key=self._ranked)[1]
        return self._chosen[defence, knowledge]

    def alone(self, defence: str, knowledge: str) -> float:
        """Return the % that a class leaves with what only it has, mean over replicates."""
        _, attack = min(self._candidates(defence, [knowledge]), key=self._ranked)
        found = [_scored(parts, 0) for parts in self.of(defence, attack.attacker, attack.method)]
        return float(np.mean([metrics.percent_of_clean(s.attacked, s.clean) for s in found]))

    def _candidates(self, defence: str, allowed: Sequence[str]) -> list[tuple[str, Strongest]]:
        attackers = dict.fromkeys(
            each.attacker
            for each in self.exposures
            if each.defence == defence and each.knowledge in allowed
        )
        tried = product(attackers, self.study.profile.methods)
        return [(defence, Strongest(attacker, method)) for attacker, method in tried]

    def _ranked(self, candidate: tuple[str, Strongest]) -> float:
        defence, attack = candidate
        found = _scored(self._cells(defence, attack, 0, validation=True), 0)
        left = metrics.percent_of_clean(found.attacked, found.clean)
        return float(left) if np.isfinite(left) else np.inf

    def cells(self, defence: str, knowledge: str) -> list[Parts]:
        """Return the strongest attack of a class on every replicate, by what answers it."""
        noise = knowledge == NOTHING
        attack = (
            Strongest("the same architecture", NOISY)
            if noise
            else self.strongest(defence, knowledge)
        )
        return [
            self._cells(defence, attack, number, noise=noise) for number in self.replicates(defence)
        ]

    def of(self, defence: str, attacker: str, method: str) -> list[Parts]:
        """Return one attack on every replicate, by what answers it."""
        attack = Strongest(attacker, method)
        return [self._cells(defence, attack, number) for number in self.replicates(defence)]

    def _cells(
        self,
        defence: str,
        attack: Strongest,
        replicate: int,
        *,
        validation: bool = False,
        noise: bool = False,
    ) -> Parts:
        found: dict[str, Cell] = {}
        for each in self.exposures:
            who = (each.defence, each.attacker, each.replicate)
            if who != (defence, attack.attacker, replicate):
                continue
            how = (self.study, each, attack.method, self.epsilon)
            found[each.part] = (
                defended.on_validation(*how)
                if validation
                else defended.on_test(*how, delivery=CONTROL if noise else FLOAT)
            )
        return found

    def left(self, defence: str, knowledge: str) -> Differences:
        """Return the % of its clean AUC that a class leaves of a defence."""
        return self._left(self.cells(defence, knowledge))

    def left_by(self, defence: str, attacker: str) -> Differences:
        """Return the same of one attacker alone, by PGD."""
        return self._left(self.of(defence, attacker, NOISY))

    def _left(self, cells: Sequence[Parts]) -> Differences:
        found = [_scored(parts, self.resamples) for parts in cells]
        return self._measured(
            [metrics.percent_of_clean(each.attacked, each.clean) for each in found],
            [metrics.percent_of_clean(each.attacked_draws, each.clean_draws) for each in found],
        )

    def auc(self, defence: str, knowledge: str) -> Differences:
        """Return the AUC that a class leaves, or without an attack (CLEAN)."""
        attacked = knowledge != CLEAN
        parts = self.cells(defence, knowledge if attacked else COLLEAGUE)
        found = [_scored(each, self.resamples) for each in parts]
        if attacked:
            return self._measured(
                [each.attacked for each in found], [each.attacked_draws for each in found]
            )
        return self._measured([each.clean for each in found], [each.clean_draws for each in found])

    def _measured(self, values: list[float], draws: list[np.ndarray]) -> Differences:
        first = self.cells(NONE, COLLEAGUE)[0][NONE]
        return Differences(np.array(values), np.array(draws), groups(first))

    def gain(self, defence: str, knowledge: str) -> Differences:
        """Return by how many points more is left than of undefended networks."""
        return replicates.less(self.left(defence, knowledge), self.left(NONE, knowledge))

    def cost(self, defence: str) -> Differences:
        """Return by how much the clean AUC differs from that of undefended networks."""
        return replicates.less(self.auc(defence, CLEAN), self.auc(NONE, CLEAN))


def _scored(parts: Parts, resamples: int) -> Scores:
    if len(parts) == 1:
        return scores(next(iter(parts.values())), resamples)
    return detection.referred(parts, resamples=resamples)


def table(domains: Mapping[str, Exposed]) -> pd.DataFrame:
    """Return a row per domain, defence and class of attackers, and one over all domains.

    Columns: `domain`, `defence`, `words`, `knowledge`, `attacker` and `method` (the strongest),
    `clean`, `auc`, `left` (% of the clean AUC), `gain` (points of it) and `cost` (clean AUC less
    that without a defence), each with `_low` and `_high`; `share`, how much of the gain against a
    colleague this class takes back (see `share`).
    """
    places = {domain: [exposed] for domain, exposed in domains.items()}
    if len(places) > 1:
        places[POOLED] = [*domains.values()]
    rows = [
        _row(domain, exposed, defence, knowledge)
        for domain, exposed in places.items()
        for defence in exposed[0].defences
        for knowledge in exposed[0].classes(defence)
    ]
    return pd.DataFrame(rows)


def _row(domain: str, exposed: list[Exposed], defence: str, knowledge: str) -> dict[str, Any]:
    attack = Strongest("", "shuffled noise" if knowledge == NOTHING else "")
    if len(exposed) == 1 and knowledge != NOTHING:
        attack = exposed[0].strongest(defence, knowledge)
    measured = {
        "clean": [each.auc(defence, CLEAN) for each in exposed],
        "auc": [each.auc(defence, knowledge) for each in exposed],
        "left": [each.left(defence, knowledge) for each in exposed],
        "gain": [each.gain(defence, knowledge) for each in exposed],
        "cost": [each.cost(defence) for each in exposed],
    }
    row = {
        "domain": domain,
        "defence": defence,
        "words": DEFENCES[defence].words,
        "knowledge": knowledge,
        **vars(attack),
    }
    for name, found in measured.items():
        mean = effect(found, null=0.0)
        least, most = BOUNDS.get(name, (-np.inf, np.inf))
        low, high = (float(np.clip(each, least, most)) for each in (mean.low, mean.high))
        row |= {name: mean.value, f"{name}_low": low, f"{name}_high": high}
    return {**row, "share": share(exposed, defence, knowledge)}


def share(exposed: Sequence[Exposed], defence: str, knowledge: str = INFORMED) -> float:
    """Return which share of the gain against a colleague a class that knows more takes back.

    After Kerckhoffs, who wants nothing to rest on a secret: 0 where knowledge is worth nothing, 1
    where all rested on it. NaN where it is not sure that there is a gain against a colleague.
    """
    known = effect([each.gain(defence, COLLEAGUE) for each in exposed], null=0.0)
    if not known.low > 0:
        return float("nan")
    other = effect([each.gain(defence, knowledge) for each in exposed], null=0.0)
    return 1 - other.value / known.value
