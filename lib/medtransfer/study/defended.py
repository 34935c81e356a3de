"""The factor `defences`: every defence against attackers who know more and more of it.

Targets are networks of one architecture, the profile's last, on d1. The classes of attackers:
A0 knows nothing (control noise); A1 has the public pre-trained network and no medical image; A2 has
images of his own (d2) and the common recipe; A3 knows the defence as well, and imitates it; A4 has
the target's images; A5 has the target. Each may use what those before him have. Each replicate
meets its like only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from medtransfer.attacks.attack import VALIDATION
from medtransfer.attacks.delivery import CONTROL, FLOAT
from medtransfer.networks.network import Network
from medtransfer.networks.trained import IMAGENET
from medtransfer.scoring.cell import Cell
from medtransfer.scoring.masking import Masking
from medtransfer.specs import Result
from medtransfer.study import defences, making
from medtransfer.study.builders import Study
from medtransfer.study.defences import IMITATION, NONE, REFERENCE, REFERRAL
from medtransfer.study.making import Place
from medtransfer.study.pairs import Epsilons, Pair, cell

CLASSES = {
    "A0": "knows nothing",
    "A1": "has the public network",
    "A2": "has images of their own",
    "A3": "knows the defence",
    "A4": "has the target's images",
    "A5": "has the target",
}
COLLEAGUE, INFORMED, INSIDER, OWNER = "A2", "A3", "A4", "A5"
CHECKED = 24  # images of a check of gradients
NOISY = "PGD"
"""The method whose perturbations are shuffled for control noise."""


@dataclass(frozen=True)
class Exposure(Pair):
    """Who attacks a defended network, and what he knows.

    Attributes:
        defence: a row of `study.defences.DEFENCES`.
        knowledge: a class of attackers, one of CLASSES.
        attacker: what he crafts on, in words.
        replicate: number of the target's training.
        part: for a detector, which of the networks that it compares answers; else "none".
    """

    defence: str
    knowledge: str
    attacker: str
    replicate: int
    part: str = NONE


def exposures(study: Study, domain: str) -> list[Exposure]:
    """Return who attacks whom; none where the profile has no defences.

    Raises:
        UsageError: the profile names a defence that there is not, or a wrong parameter.
    """
    profile = study.profile
    if not profile.defences:
        return []
    start = study.starts[0]
    found: list[Exposure] = []
    for number in range(study.trainings(start)):
        place = Place(domain, profile.architectures[-1], start, replicate=number)
        for name in (NONE, REFERENCE, *profile.defences):
            if defences.possible(study, name, number):
                found += _against(study, place, name)
    return found


def _against(study: Study, place: Place, name: str) -> Iterator[Exposure]:
    """Yield every attacker of one defended network."""
    imitating = replace(place, data="d2")
    if name == REFERRAL:
        targets = defences.squeezed(study, place)
        imitations = {IMITATION: tuple(defences.squeezed(study, imitating).values())}
        owned = {"the network": (targets[NONE],), "all that it compares": tuple(targets.values())}
    else:
        targets = {NONE: defences.built(study, place, name)}
        copies = defences.imitations(study, imitating, name)
        imitations = {words: (each,) for words, each in copies.items()}
        owned = {"the target": (targets[NONE],)}
    attackers = [
        *((COLLEAGUE, words, each) for words, each in _colleagues(study, imitating).items()),
        *((OWNER, words, each) for words, each in owned.items()),
    ]
    if study.starts[0] == IMAGENET and study.profile.networks == "trained":
        attackers.append(("A1", "the public network", (making.public(study, imitating),)))
    if name != NONE:
        attackers += [(INFORMED, words, each) for words, each in imitations.items()]
    bis = replace(place, bis=True)
    attackers.append((INSIDER, "no imitation, the target's images", (bis.network(study),)))
    if name not in (NONE, REFERRAL) and study.profile.insiders:
        copy = defences.built(study, bis, name)
        attackers.append((INSIDER, "an imitation, the target's images", (copy,)))
    for (knowledge, words, surrogates), (part, target) in product(attackers, targets.items()):
        yield Exposure(
            surrogates=surrogates,
            target=target,
            defence=name,
            knowledge=knowledge,
            attacker=words,
            replicate=place.replicate,
            part=part,
        )


def _colleagues(study: Study, place: Place) -> dict[str, tuple[Network, ...]]:
    """Return what who knows no defence crafts on: his own network, and all that he trained.

    Another architecture alone is left out, since it takes hardly anything from any target (C4).
    """
    own = place.network(study)
    others = [
        replace(place, architecture=name).network(study)
        for name in study.profile.architectures
        if name != place.architecture
    ]
    found = {"the same architecture": (own,)}
    return found | ({"all architectures": (own, *others)} if others else {})


def exposed(study: Study, pairs: Sequence[Pair], epsilons: Epsilons) -> list[Cell]:
    """Return a cell for every exposure and method, at the epsilon of the targets' start.

    Beside them stands control noise, from who has the same architecture.
    """
    epsilon = next(iter(epsilons.values()))
    cells: list[Cell] = []
    for pair, method in product(pairs, study.profile.methods):
        cells.append(on_test(study, pair, method, epsilon))
        if _is_noisy(pair) and method == NOISY:
            cells.append(on_test(study, pair, method, epsilon, delivery=CONTROL))
    return list(dict.fromkeys(cells))


def further(study: Study, domain: str, epsilons: Epsilons) -> list[Cell]:
    """Return the attacks on validation images, by which the strongest of a class is chosen.

    Of the first replicate, so that more replicates do not change what was chosen.
    """
    epsilon = next(iter(epsilons.values()))
    cells = [
        on_validation(study, pair, method, epsilon)
        for pair, method in product(exposures(study, domain), study.profile.methods)
        if isinstance(pair, Exposure) and pair.replicate == 0
    ]
    return list(dict.fromkeys(cells))


def _is_noisy(pair: Pair) -> bool:
    return isinstance(pair, Exposure) and (pair.knowledge, pair.attacker) == (
        COLLEAGUE,
        "the same architecture",
    )


def on_test(
    study: Study, pair: Pair, method: str, epsilon: float, *, delivery: str = FLOAT
) -> Cell:
    """Return what the target answers to the attack on test images."""
    return cell(study, pair, method, epsilon, delivery)


def on_validation(study: Study, pair: Pair, method: str, epsilon: float) -> Cell:
    """Return what it answers on validation images, of the surrogates' development set."""
    attack = study.attack(method, pair.surrogates, epsilon=epsilon, images=VALIDATION)
    return Cell(attack=attack, target=pair.target, delivery=FLOAT)


def beside(study: Study, domain: str) -> tuple[Result, ...]:
    """Return the checks of whether gradients of defended networks can be trusted.

    Of the first replicate, at the middle of the epsilons that the profile chooses among.
    """
    return tuple(masks(study, domain).values())


def masks(study: Study, domain: str) -> dict[str, Masking]:
    """Return the same by defence; a detector changes no gradient and has none of its own."""
    candidates = sorted(study.profile.candidates)
    method = study.method(NOISY, candidates[len(candidates) // 2])
    return {
        pair.defence: Masking(target=pair.target, method=method, images=CHECKED)
        for pair in exposures(study, domain)
        if pair.replicate == 0 and pair.white_box and pair.defence != REFERRAL
    }
