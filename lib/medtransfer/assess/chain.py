"""What the image path of a system does to attacks: the same, against the model without it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from medtransfer.assess import evidence, plan
from medtransfer.assess.document import Contrast, RungFacts
from medtransfer.assess.plan import Step
from medtransfer.assess.setting import Setting
from medtransfer.assess.statistics import difference
from medtransfer.attacks.delivery import EIGHT_BIT
from medtransfer.compute.ensure import ensure
from medtransfer.compute.progress import Stage
from medtransfer.networks.brought import Brought
from medtransfer.networks.doors.door import ANSWERS


def without(setting: Setting) -> Setting | None:
    """Return the assessment of the model without its chain, None if there is none to leave out.

    Its calls are made at the same thresholds.
    """
    target = setting.target
    if not isinstance(target, Brought) or target.door == ANSWERS or not target.contract.chain:
        return None
    bare = dataclasses.replace(target, contract=dataclasses.replace(target.contract, chain=()))
    system = dataclasses.replace(setting.system, limits=tuple(map(float, setting.limits)))
    return dataclasses.replace(setting, target=bare, system=system)


def contrast(
    setting: Setting, steps: Sequence[Step], rungs: Sequence[RungFacts], headline: int
) -> tuple[Contrast, ...]:
    """Return how much more attacks change where the chain is left out, at the headline budget.

    Of the attacker with a network of his own who changes most; nothing where there is no chain.
    """
    bare = without(setting)
    tried = {step.rung.identifier: step for step in steps if step.trained}
    shares = {
        rung.identifier: at.share or 0.0
        for rung in rungs
        for at in rung.overall
        if at.budget == headline and rung.identifier in tried
    }
    if bare is None or not shares:
        return ()
    name = max(shares, key=lambda each: shares[each])
    method = next(rung.method for rung in rungs if rung.identifier == name)
    cells = plan.cells(bare, tried[name], method=method)
    ensure(
        (cell for at, cell in cells.items() if (at.budget, at.delivery) == (headline, EIGHT_BIT)),
        stage=Stage("an attack without `chain`"),
    )
    with_it, without_it = (
        evidence.anything(each, tried[name], method=method, budget=headline, delivery=EIGHT_BIT)
        for each in (setting, bare)
    )
    return (
        Contrast(
            knowledge=f"the image path left out ({setting.system.path})",
            having=name,
            without=name,
            **vars(difference(without_it, with_it)),
        ),
    )
