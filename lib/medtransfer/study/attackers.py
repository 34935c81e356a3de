"""The factor `attackers`: does what protects against PGD protect against stronger attacks?

Stronger methods, several surrogates together, and attackers who ask the target. All of them attack
at the epsilon of pre-trained pairs, so that everything can be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any

from medtransfer.attacks.attack import VALIDATION, Attack
from medtransfer.attacks.delivery import CONTROL, FLOAT, OTHER
from medtransfer.attacks.iterative import Iterative
from medtransfer.attacks.square import SQUARE, STRIPES
from medtransfer.networks.network import Network
from medtransfer.scoring.cell import Cell
from medtransfer.scoring.queries import Queries
from medtransfer.study.builders import Study
from medtransfer.study.pairs import Epsilons, Pair, crossed

BEGUN = ("PGD", "DI")
"""The methods whose images a search begins with: the paper's, and the best per gradient of two
public benchmarks; where a profile lacks one, without it."""
TOGETHER = 2  # surrogates of an attack on several


def pairs(study: Study, domain: str) -> list[Pair]:
    """Return who attacks whom: what tells protections apart, and no more.

    Targets on d1. Surrogates trained independently on d1, both with and both without pre-training;
    and pre-trained ones on d2. Then the same surrogates two by two, where a profile asks for it.
    """
    found: list[Pair] = []
    for start in study.starts:
        targets = _networks(study, domain, start)
        for kind in _kinds(study, start):
            surrogates = _networks(study, domain, start, **kind)
            found += crossed(surrogates, targets)
            teams = _teams(study, surrogates)
            found += [Pair(team, target) for team, target in product(teams, targets)]
    return found


def _kinds(study: Study, start: str) -> list[dict[str, Any]]:
    on_d1: dict[str, Any] = {"bis": True}
    return [on_d1, {"data": "d2"}] if start == study.starts[0] else [on_d1]


def _networks(study: Study, domain: str, start: str, **kind: Any) -> list[Network]:
    numbers = study.replicates[: study.profile.replicates_of_attackers]
    return study.networks(domain, initializations=[start], replicates=numbers, **kind)


def _teams(study: Study, surrogates: Sequence[Network]) -> list[tuple[Network, ...]]:
    """Return surrogates of one architecture two by two, none of them twice."""
    if not study.profile.ensembles:
        return []
    alike: dict[str, list[Network]] = {}
    for each in surrogates:
        alike.setdefault(each.kind, []).append(each)
    return [
        tuple(own[first : first + TOGETHER])
        for own in alike.values()
        for first in range(0, len(own) - TOGETHER + 1, TOGETHER)
    ]


def methods(study: Study, surrogates: Sequence[Network]) -> tuple[str, ...]:
    """Return the methods that are crafted on so many surrogates, those of all factors first."""
    if len(surrogates) > 1:
        return study.profile.ensembles
    return *study.profile.methods, *study.profile.attackers


def attack(
    study: Study, name: str, surrogates: Sequence[Network], epsilon: float, **images: str
) -> Attack:
    """Return an attack; several surrogates cost a stronger method no more gradients than one.

    Its copies are divided among them, or its steps where it has none. The paper's methods keep
    their steps, which are few.
    """
    found, number = study.attack(name, surrogates, epsilon=epsilon, **images), len(surrogates)
    if number == 1 or not isinstance(found.method, Iterative):
        return found
    part = "copies" if found.method.copies >= number else "steps"
    less = max(1, getattr(found.method, part) // number)
    return replace(found, method=replace(found.method, **{part: less}))


def cells(study: Study, pairs: Sequence[Pair], epsilons: Epsilons) -> list[Cell]:
    """Return a cell for every pair and method; of surrogates on d2 with both controls."""
    epsilon = next(iter(epsilons.values()))
    found = []
    for pair in pairs:
        kinds = (FLOAT, CONTROL, OTHER) if _other_data(pair) else (FLOAT,)
        for name, kind in product(methods(study, pair.surrogates), kinds):
            crafted = attack(study, name, pair.surrogates, epsilon)
            found.append(Cell(attack=crafted, target=pair.target, delivery=kind))
    return found


def _other_data(pair: Pair) -> bool:
    return pair.surrogates[0].development.name == "d2"


def rehearsals(study: Study, domain: str, epsilons: Epsilons) -> list[Cell]:
    """Return what an attacker can try on networks of his own, to choose his strongest method.

    Crafted on each of his networks, on their validation images, and scored on his others: one
    network alone says little of a method. Pre-trained ones on d2; without pre-training those on d1,
    which attack the targets that have none. On the first targets the same images say in which order
    PGD has the factors, before a test image is attacked: of that he sees nothing.
    """
    epsilon = next(iter(epsilons.values()))
    first = _networks(study, domain, study.starts[0])[: len(study.profile.architectures)]
    found = []
    for start in study.starts:
        own = _networks(study, domain, start, **_kinds(study, start)[-1])
        targets = first if start == study.starts[0] else []
        found += [
            _on_validation(study, name, surrogates, target, epsilon)
            for surrogates in (*((each,) for each in own), *_teams(study, own))
            for name in methods(study, surrogates)
            for target in (*own, *targets)
            if target not in surrogates
        ]
    return found


def _on_validation(
    study: Study, name: str, surrogates: tuple[Network, ...], target: Network, epsilon: float
) -> Cell:
    crafted = attack(study, name, surrogates, epsilon, images=VALIDATION)
    return Cell(attack=crafted, target=target, delivery=FLOAT)


def alike(study: Study, domain: str, epsilon: float) -> list[Cell]:
    """Return what every attacker does on validation images to the networks most like his own.

    Pre-trained alike and on the same images (d1), of the same architecture: the first network of
    each, or the first two together. There nothing protects, so that attackers can be held to one
    strength.
    """
    start, number = study.starts[0], len(study.profile.architectures)
    own = _networks(study, domain, start, bis=True)
    alone = [(each,) for each in own[:number]]
    teams = [team for team in _teams(study, own) if team[:1] in alone]
    return [
        _on_validation(study, name, surrogates, target, epsilon)
        for surrogates in (*alone, *teams)
        for target in _networks(study, domain, start)[:number]
        if target.traits.get("architecture") == surrogates[0].traits.get("architecture")
        for name in methods(study, surrogates)
    ]


def searches(study: Study, domain: str, epsilons: Epsilons) -> list[Queries]:
    """Return the searches that ask the target: from stripes, and from transferred images.

    One target for each replicate of parts, architectures in turn; surrogates of the others are
    pre-trained on d2. Beside the search the best of so many random stripes, which says what asking
    is worth without one.
    """
    start, epsilon = study.starts[0], next(iter(epsilons.values()))
    checkpoints, known = study.profile.questions, {*study.profile.methods, *study.profile.attackers}
    found: list[tuple[Network, Attack | None, str]] = []
    for number in study.parts:
        own: Any = {"initializations": [start], "replicates": [number]}
        turn = number % len(study.profile.architectures)
        target = study.networks(domain, **own)[turn]
        others = study.networks(domain, data="d2", **own)
        del others[turn]
        found += [(target, None, search) for search in (SQUARE, STRIPES)]
        found += [
            (target, attack(study, name, [surrogate], epsilon), SQUARE)
            for surrogate, name in product(others, BEGUN)
            if name in known
        ]
    return [
        Queries(target=target, start=begun, epsilon=epsilon, search=search, checkpoints=checkpoints)
        for target, begun, search in found
        if checkpoints
    ]


def further(study: Study, domain: str, epsilons: Epsilons) -> list[Cell | Queries]:
    """Return the rehearsals and the searches."""
    return [*rehearsals(study, domain, epsilons), *searches(study, domain, epsilons)]
