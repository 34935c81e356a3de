"""What a study needs, as specs; nothing is computed, fetched or read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from medtransfer.attacks.attack import VALIDATION
from medtransfer.attacks.delivery import CONTROL, FLOAT
from medtransfer.errors import UsageError
from medtransfer.networks.network import Network
from medtransfer.scoring.cell import Cell
from medtransfer.scoring.epsilon import EpsilonChoice
from medtransfer.specs import Result
from medtransfer.study.builders import Study
from medtransfer.study.factors import FACTORS, Epsilons, Factor, Pair

CHOOSING = "PGD"
"""The method by which epsilon is chosen; FGSM soon drives many labels to chance and no further."""


def factor(name: str) -> Factor:
    """Return a factor.

    Raises:
        UsageError: there is no such factor.
    """
    if name not in FACTORS:
        raise UsageError(f"no factor {name!r}; allowed: {', '.join(FACTORS)}")
    return FACTORS[name]


def choices(study: Study, domain: str) -> dict[str, EpsilonChoice]:
    """Return the choice of epsilon on validation images for networks of each initialization.

    PGD between networks of the same architecture. Attacks need a larger epsilon between random
    networks than between pre-trained ones, and each half is best read at its own. The first
    replicate chooses, so that more replicates do not change what was chosen.
    """
    return {start: _choice(study, domain, start) for start in study.starts}


def _choice(study: Study, domain: str, start: str) -> EpsilonChoice:
    first: Any = {"initializations": [start], "replicates": [0]}
    pairs = zip(
        study.networks(domain, bis=True, **first), study.networks(domain, **first), strict=True
    )
    return EpsilonChoice(
        cells=tuple(
            Cell(
                attack=study.attack(CHOOSING, [surrogate], epsilon=epsilon, images=VALIDATION),
                target=target,
                delivery=kind,
            )
            for surrogate, target in pairs
            for epsilon in study.profile.candidates
            for kind in (FLOAT, CONTROL)
        ),
        remaining=study.profile.remaining[start],  # type: ignore[index]
        harmless=study.profile.harmless,
    )


def cells(study: Study, domain: str, name: str, *, epsilons: Epsilons) -> tuple[Cell, ...]:
    """Return the cells of a factor.

    Raises:
        UsageError: there is no such factor.
    """
    wanted = factor(name)
    return tuple(wanted.cells(study, wanted.pairs(study, domain), epsilons))


def networks(study: Study, domain: str, name: str) -> tuple[Network, ...]:
    """Return every network of a factor, each once; none depends on epsilon.

    Raises:
        UsageError: there is no such factor.
    """
    return _networks(factor(name).pairs(study, domain))


def _networks(pairs: Iterable[Pair]) -> tuple[Network, ...]:
    both = (spec for pair in pairs for spec in (pair.target, *pair.surrogates))
    return tuple(dict.fromkeys(both))


def beside(study: Study, domain: str, name: str) -> tuple[Result, ...]:
    """Return what the notebook of a factor shows beside its cells; none depends on epsilon.

    Raises:
        UsageError: there is no such factor.
    """
    return tuple(factor(name).beside(study, domain))


def further(study: Study, domain: str, name: str, *, epsilons: Epsilons) -> tuple[Result, ...]:
    """Return what the notebook of a factor shows beside its cells, and what depends on an epsilon.

    Raises:
        UsageError: there is no such factor.
    """
    return tuple(factor(name).further(study, domain, epsilons))


def of_cells(cells: Iterable[Cell]) -> tuple[Network, ...]:
    """Return every network that some cells need, each once."""
    return _networks(Pair(cell.attack.surrogates, cell.target) for cell in cells)
