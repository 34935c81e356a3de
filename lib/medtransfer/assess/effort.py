"""What a rung takes: questions to the target, and time.

Work is counted in gradients of an image. Training takes one for each image of each epoch, an answer
a third of one; how long a gradient takes is told by what was trained before.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from medtransfer import store
from medtransfer.assess import chain, plan
from medtransfer.assess.plan import Step
from medtransfer.assess.rungs import ASKED
from medtransfer.assess.setting import Setting
from medtransfer.attacks.attack import TEST
from medtransfer.data import images, splits
from medtransfer.data.splits import Development, Parts
from medtransfer.executors import local
from medtransfer.networks.network import Network
from medtransfer.networks.relabelled import Relabelled
from medtransfer.networks.trained import Training
from medtransfer.scoring.cell import Cell

ANSWER = 1 / 3
"""Of the time of a gradient, an answer's."""


def target_calls(
    setting: Setting, steps: Sequence[Step], *, images: int, calibration: int, attacker: int
) -> int:
    """Return how many images the target is asked about in all.

    Args:
        images, calibration, attacker: how many there are for the test, for calibration, and for an
            attacker, who may ask about them.
    """
    attacks = sum(len(step.surrogates) for step in steps) * len(setting.budgets) * 2
    found = images * (1 + attacks) + calibration
    if chain.without(setting):  # the strongest attack is tried without it, too
        found += images * (1 + setting.replicates) + calibration
    for step in steps:
        alone = bool(step.surrogates) and not step.trained  # a white box has a control of its own
        found += queries(step, attacker=attacker) + calibration * alone
    return found


def queries(step: Step, *, attacker: int) -> int:
    """Return how many images the attacker of a rung, who has so many, asks the target about."""
    return attacker if step.surrogates and step.rung.images == ASKED else 0


@dataclass
class Pace:
    """Tells whether a rung will end in time.

    Attributes:
        until: when time is over, in seconds of `time.perf_counter`.
        answer: seconds that the target takes for an image, 0 where nobody measured it.
        gradient: seconds of a gradient on one process, by the kind of network (`effort`).
    """

    until: float
    answer: float = 0.0
    gradient: dict[str, float] = field(default_factory=dict)

    def learn(self, network: Network) -> None:
        """Note the time of a gradient, by how long a stored network was trained."""
        seconds = store.run_record(network)["seconds"]
        self.gradient.setdefault(network.effort, seconds / max(1.0, _training(network)))

    def suffices(self, setting: Setting, *steps: Step) -> bool:
        """Return whether what the store lacks of some rungs would end in time."""
        seconds = sum(self.seconds(setting, step) for step in steps)
        return time.perf_counter() + seconds <= self.until

    def seconds(self, setting: Setting, step: Step) -> float:
        """Return how long what the store lacks of a rung will take."""
        gradients, answers = missing(setting, step)
        own = {each.effort for each in step.trained}
        known = [each for effort, each in self.gradient.items() if effort in own]
        gradient = max(known or self.gradient.values(), default=0.0)
        return (gradients * gradient + answers * self.answer) / local.number()

    def correct(self, expected: float, spent: float) -> None:
        """Correct what is known by a rung that took `spent` seconds."""
        if expected > 0:
            for effort in self.gradient:
                self.gradient[effort] *= spent / expected


def missing(setting: Setting, step: Step) -> tuple[float, int]:
    """Return the gradients that the store lacks of a rung, and the target's answers."""
    trained = [each for each in step.trained if not store.has(each)]
    methods = setting.tried if step.trained else (plan.WHITE_BOX,)
    tried = plan.rehearsals(setting, step)
    each = [_absent(tried | plan.controls(setting, step, method=name)) for name in methods]
    controls = max(each, key=_crafting, default=[])
    each = [_absent(plan.cells(setting, step, method=name)) for name in methods]
    attacks = max(each, key=_crafting, default=[])
    answers = sum(_number(cell) for cell in controls)
    gradients = sum(map(_training, trained)) + _crafting(controls) + _crafting(attacks)
    return gradients + ANSWER * answers, sum(_number(cell) for cell in attacks)


def _absent(cells: Mapping[plan.At, Cell]) -> list[Cell]:
    return [cell for cell in cells.values() if not store.has(cell)]


def _crafting(cells: Sequence[Cell]) -> float:
    """Return the gradients of all attacks of some cells, each crafted once."""
    attacks = {cell.attack: _number(cell) for cell in cells}
    return float(sum(attack.gradients * number for attack, number in attacks.items()))


def _number(cell: Cell) -> int:
    """Return how many images a cell attacks."""
    parts = _parts(cell.attack.surrogates[0].development)
    return len(parts.test if cell.attack.images == TEST else parts.validation)


def _training(network: Network) -> float:
    """Return the gradients of images that training a network takes."""
    from medtransfer.networks.training import schedule

    if not isinstance(network, Training):
        return 0.0
    number = len(_parts(network.development).train)
    return float(number * schedule(network, images=number).epochs)


@lru_cache(maxsize=32)
def _parts(development: Development) -> Parts:
    """Return the parts of a set, about: images that the target labels need not be there yet."""
    if isinstance(development.source, Relabelled):
        development = development.source.asked
    prepared = images.load(development.source)
    return splits.parts(prepared.index, labels=prepared.labels, development=development)
