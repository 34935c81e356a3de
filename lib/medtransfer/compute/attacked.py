"""What the claims on stronger attackers rest on: their attacks, their rehearsals, equal strength.

An attack that takes all that there is leaves a protection no room to show. So a profile may ask the
strongest attacker of each domain to attack at the strength of PGD, too: at the epsilon at which he
does to the networks most like his own, where nothing protects, what PGD does at the chosen one.
Validation images decide it. Which attacks that takes is known only when others are in the store:
they are no part of a plan, and whoever runs the factor makes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from medtransfer.analysis import strength
from medtransfer.analysis.attacked import Attacked
from medtransfer.analysis.protections import REFERENCE, attacker
from medtransfer.attacks.delivery import FLOAT
from medtransfer.compute.ensure import ensure
from medtransfer.compute.progress import Stage
from medtransfer.scoring.cell import Cell
from medtransfer.specs import Result
from medtransfer.study import attackers, plan
from medtransfer.study.builders import Study
from medtransfer.study.pairs import Epsilons

SHARES = (0.25, 0.5, 0.75, 1.0)
"""Of the chosen epsilon: between them that of equal strength is interpolated."""
STAGE = "2 of 3, attackers at the strength of PGD"


def attacked(
    study: Study, cells: Mapping[str, Sequence[Cell]], epsilons: Mapping[str, Epsilons]
) -> dict[str, Attacked]:
    """Return the factor in each domain, with what attackers try before; missing cells are made.

    Args:
        cells: domain -> those of the factor.
        epsilons: domain -> initialization -> the chosen epsilon.
    """
    found = {
        domain: Attacked(own, _tried(study, domain, epsilons[domain]))
        for domain, own in cells.items()
    }
    ensure(cell for each in found.values() for cell in each.rehearsals)
    if not found or not study.profile.matched:
        return found
    alike = {
        (domain, name): _alike(study, domain, name, epsilons[domain])
        for domain, each in found.items()
        for name in dict.fromkeys(each.strongest.values())
        if name != REFERENCE
    }
    _ensure(alike.values())
    equal = {who: strength.matched(own, who[1]) for who, own in alike.items()}
    matched: dict[str, list[Cell]] = {}
    for (domain, name), at in equal.items():
        if at:
            own = _at(study, domain, name, dict.fromkeys(epsilons[domain], at))
            matched.setdefault(domain, []).extend(own)
    _ensure(matched.values())
    return {d: replace(each, matched=matched.get(d, ())) for d, each in found.items()}


def _ensure(cells: Iterable[Sequence[Cell]]) -> None:
    every: list[Result] = [cell for own in cells for cell in own]
    ensure(every, stage=Stage(STAGE, dict.fromkeys(every, "stronger attackers")))


def _tried(study: Study, domain: str, epsilons: Epsilons) -> list[Cell]:
    """Return the rehearsals, and what PGD does on validation images of d1 at the chosen epsilon.

    The latter belongs to the choice of epsilon, and is in the store.
    """
    epsilon = _first(epsilons)
    chosen = [
        cell
        for choice in plan.choices(study, domain).values()
        for cell in choice.cells
        if cell.delivery == FLOAT and cell.attack.method.epsilon == epsilon
    ]
    return [*attackers.rehearsals(study, domain, epsilons), *chosen]


def _alike(study: Study, domain: str, name: str, epsilons: Epsilons) -> list[Cell]:
    """Return an attacker, and PGD at the chosen epsilon, on the networks most like their own."""
    whole = _first(epsilons)
    return [
        cell
        for share in SHARES
        for cell in attackers.alike(study, domain, share * whole)
        if attacker(cell) == name or (attacker(cell) == REFERENCE and share == 1)
    ]


def _at(study: Study, domain: str, name: str, epsilons: Epsilons) -> list[Cell]:
    """Return what an attacker does to all pairs of the factor at other epsilons."""
    pairs = attackers.pairs(study, domain)
    return [
        cell
        for cell in attackers.cells(study, pairs, epsilons)
        if cell.delivery == FLOAT and attacker(cell) == name
    ]


def _first(epsilons: Epsilons) -> float:
    return next(iter(epsilons.values()))
