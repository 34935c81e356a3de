"""The tables of the paper as code: factor -> cells, per profile and domain (protocol, section 4).

A surrogate on the target's own development set is always a second, independent training ("bis"),
so that only the factor under study differs; the target itself as surrogate is the white box.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any

from medtransfer.specs import (
    CONTROL,
    EIGHT_BIT,
    FLOAT,
    IMAGENET,
    RANDOM,
    Attack,
    Cell,
    EpsilonChoice,
    Network,
)
from medtransfer.study.builders import network
from medtransfer.study.schema import Profile


def _attack(
    profile: Profile, surrogate: Network, method: str, epsilon: float, images: str = "test"
) -> Attack:
    fgsm = method == "fgsm"
    return Attack(
        surrogate=surrogate,
        method=method,
        epsilon=epsilon,
        step_size=epsilon if fgsm else profile.pgd_step_size,
        steps=1 if fgsm else profile.pgd_steps,
        images=images,
    )


def _models(
    profile: Profile,
    domain: str,
    *,
    data: str = "d1",
    bis: bool = False,
    initializations: Iterable[str] = (IMAGENET, RANDOM),
    replicates: Iterable[int] | None = None,
) -> list[Network]:
    """Return the networks of one development set; all replicates unless some are named."""
    numbers = range(profile.replicates) if replicates is None else replicates
    return [
        network(
            profile,
            domain,
            architecture=name,
            initialization=start,
            data=data,
            bis=bis,
            replicate=number,
        )
        for number, start, name in product(numbers, initializations, profile.architectures)
    ]


def choice(profile: Profile, domain: str) -> EpsilonChoice:
    """Return the choice of epsilon on validation images: PGD, pre-trained, same architecture.

    The first replicate chooses, so that more replicates do not change what was chosen.
    """
    first: Any = {"initializations": [IMAGENET], "replicates": [0]}
    pairs = zip(
        _models(profile, domain, bis=True, **first),
        _models(profile, domain, **first),
        strict=True,
    )
    return EpsilonChoice(
        cells=tuple(
            Cell(
                attack=_attack(profile, surrogate, "pgd", epsilon, images="validation"),
                target=target,
                delivery=kind,
            )
            for surrogate, target in pairs
            for epsilon in profile.candidates
            for kind in (FLOAT, CONTROL)
        ),
        remaining=profile.remaining,
        harmless=profile.harmless,
    )


def perturbation(profile: Profile, domain: str, *, epsilon: float) -> tuple[Cell, ...]:
    """Table 2: AUC against epsilon, beside control noise and what 8 bits can hold.

    The paper has random weights; here both initializations, each on its own, and the white box.
    What 8 bits can hold is scored at the chosen `epsilon`. The other factors cross all replicates;
    a sweep is long, so here each replicate meets its like only, and the first its white box.
    """
    sweeps = {"fgsm": profile.epsilons, "pgd": _with(profile.pgd_epsilons, epsilon)}
    cells = []
    for (surrogate, target), (method, epsilons) in product(
        _sweep_pairs(profile, domain), sweeps.items()
    ):
        for each in epsilons:
            attack = _attack(profile, surrogate, method, each)
            kinds = (FLOAT,) if surrogate == target else (FLOAT, CONTROL)
            if each == epsilon and surrogate != target:
                kinds = (*kinds, EIGHT_BIT)
            cells += [Cell(attack=attack, target=target, delivery=kind) for kind in kinds]
    return tuple(cells)


def _sweep_pairs(profile: Profile, domain: str) -> list[tuple[Network, Network]]:
    """Return surrogates and targets of a sweep: the same start, a replicate against its like."""
    pairs: list[tuple[Network, Network]] = []
    for number, start in product(range(profile.replicates), (IMAGENET, RANDOM)):
        own: Any = {"initializations": [start], "replicates": [number]}
        targets = _models(profile, domain, **own)
        surrogates = _models(profile, domain, bis=True, **own)
        pairs += product(surrogates, targets)
        if number == 0:  # a reference that no claim rests on: once is enough
            pairs += [(target, target) for target in targets]
    return pairs


def _with(epsilons: Sequence[float], epsilon: float) -> tuple[float, ...]:
    return tuple(sorted({*epsilons, epsilon}))


def initialization(profile: Profile, domain: str, *, epsilon: float) -> tuple[Cell, ...]:
    """Table 3: pre-trained or random surrogate against pre-trained or random target, all on d1."""
    return _crossed(
        profile, _models(profile, domain, bis=True), _models(profile, domain), epsilon=epsilon
    )


def development_data(profile: Profile, domain: str, *, epsilon: float) -> tuple[Cell, ...]:
    """Table 4: surrogates on d1, d2 and d2/2 against targets on d1.

    The paper has random weights; here both initializations, each on its own.
    """
    cells: list[Cell] = []
    for start in (IMAGENET, RANDOM):
        surrogates = [
            *_models(profile, domain, bis=True, initializations=[start]),
            *_models(profile, domain, data="d2", initializations=[start]),
            *_models(profile, domain, data="d2/2", initializations=[start]),
        ]
        targets = _models(profile, domain, initializations=[start])
        cells += _crossed(profile, surrogates, targets, epsilon=epsilon)
    return tuple(cells)


def initialization_and_data(profile: Profile, domain: str, *, epsilon: float) -> tuple[Cell, ...]:
    """Table 5: surrogates on d2 against targets on d1/10, both initializations of both."""
    return _crossed(
        profile,
        _models(profile, domain, data="d2"),
        _models(profile, domain, data="d1/10"),
        epsilon=epsilon,
    )


def _crossed(
    profile: Profile,
    surrogates: Sequence[Network],
    targets: Sequence[Network],
    *,
    epsilon: float,
) -> tuple[Cell, ...]:
    return tuple(
        Cell(attack=_attack(profile, surrogate, method, epsilon), target=target, delivery=FLOAT)
        for surrogate, target, method in product(surrogates, targets, ("fgsm", "pgd"))
    )


FACTORS = {
    "perturbation": perturbation,
    "initialization": initialization,
    "development_data": development_data,
    "initialization_and_data": initialization_and_data,
}


def cells(profile: Profile, domain: str, factor: str, *, epsilon: float) -> tuple[Cell, ...]:
    """Return the cells of a factor.

    Raises:
        ValueError: there is no such factor.
    """
    if factor not in FACTORS:
        raise ValueError(f"no factor {factor!r}; allowed: {', '.join(FACTORS)}")
    return FACTORS[factor](profile, domain, epsilon=epsilon)


def networks(cells: Iterable[Cell]) -> tuple[Network, ...]:
    """Return every network that the cells need, each once."""
    both = (spec for cell in cells for spec in (cell.target, cell.attack.surrogate))
    return tuple(dict.fromkeys(both))
