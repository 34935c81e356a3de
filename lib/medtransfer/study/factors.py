"""The factors of the study: who attacks whom, and with what (protocol, section 4).

A surrogate on the target's own development set is always a second, independent training ("bis"),
so that only the factor under study differs; the target itself as surrogate is the white box.
A factor is one row of FACTORS.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from medtransfer.attacks.delivery import CONTROL, EIGHT_BIT, FLOAT
from medtransfer.scoring.alignment import Alignment
from medtransfer.scoring.cell import Cell
from medtransfer.specs import Result
from medtransfer.study import attackers
from medtransfer.study.builders import Study
from medtransfer.study.defended import beside as masks
from medtransfer.study.defended import exposed, exposures
from medtransfer.study.defended import further as chosen_by
from medtransfer.study.pairs import Epsilons, Pair, cell, crossed

SIZES = ("d1", "d1/2", "d1/4", "d1/10")
"""What targets are developed on where it is asked what the amount of data does."""


def scored(study: Study, pairs: Sequence[Pair], epsilons: Epsilons) -> list[Cell]:
    """Return a cell for every pair and method, all at one epsilon: that of pre-trained networks."""
    epsilon = next(iter(epsilons.values()))
    return [
        cell(study, pair, method, epsilon, FLOAT)
        for pair, method in product(pairs, study.profile.methods)
    ]


def scored_by_half(study: Study, pairs: Sequence[Pair], epsilons: Epsilons) -> list[Cell]:
    """Return a cell for every pair and method, at the epsilon chosen for the pair's half."""
    return [
        cell(study, pair, method, _of_half(pair, epsilons), FLOAT)
        for pair, method in product(pairs, study.profile.methods)
    ]


def _of_half(pair: Pair, epsilons: Epsilons) -> float:
    starts = {each.traits.get("initialization") for each in (*pair.surrogates, pair.target)}
    alike = starts.pop() if len(starts) == 1 else None
    return epsilons.get(alike or "", next(iter(epsilons.values())))


def swept(study: Study, pairs: Sequence[Pair], epsilons: Epsilons) -> list[Cell]:
    """Return cells for every pair over the sweep of every method, beside control noise.

    At the epsilon chosen for the pair's half, which is part of every sweep, what 8 bits can hold is
    scored as well; the white box is scored as crafted alone.
    """
    cells = []
    for pair, method in product(pairs, study.profile.methods):
        epsilon = _of_half(pair, epsilons)
        for each in sorted({*study.profile.sweep.get(method, ()), epsilon}):
            kinds = [FLOAT] if pair.white_box else [FLOAT, CONTROL]
            if each == epsilon and not pair.white_box:
                kinds.append(EIGHT_BIT)
            cells += [cell(study, pair, method, each, kind) for kind in kinds]
    return cells


@dataclass(frozen=True)
class Factor:
    """What is varied.

    Attributes:
        number: second digit of the numbers of its notebooks.
        pairs: study, domain -> who attacks whom; it needs no epsilon.
        cells: study, pairs, chosen epsilons -> what is scored.
        beside: study, domain -> results of other kinds that its notebook shows.
        further: study, domain, chosen epsilons -> the same, of those that hang on an epsilon.


    """

    number: int
    pairs: Callable[[Study, str], Sequence[Pair]]
    cells: Callable[[Study, Sequence[Pair], Epsilons], list[Cell]] = scored
    beside: Callable[[Study, str], Sequence[Result]] = lambda _, __: ()
    further: Callable[[Study, str, Epsilons], Sequence[Result]] = lambda _, __, ___: ()


def perturbation(study: Study, domain: str) -> list[Pair]:
    """Table 2: networks of the same initialization, all on d1, and the white box.

    The paper has random weights; here both initializations, each on its own. A sweep is long, so
    each replicate meets its like only, and the first its white box.
    """
    pairs = []
    for number, start in product(study.replicates, study.starts):
        own: Any = {"initializations": [start], "replicates": [number]}
        targets = study.networks(domain, **own)
        pairs += crossed(study.networks(domain, bis=True, **own), targets)
        if number == 0:  # a reference that no claim rests on: once is enough
            pairs += [Pair((target,), target) for target in targets]
    return pairs


def initialization(study: Study, domain: str) -> list[Pair]:
    """Table 3: pre-trained or random surrogate against pre-trained or random target, all on d1."""
    return crossed(study.networks(domain, bis=True), study.networks(domain))


def development_data(study: Study, domain: str) -> list[Pair]:
    """Table 4: surrogates on d1, d2 and d2/2 against targets on d1.

    The paper has random weights; here both initializations, each on its own.
    """
    pairs = []
    for start in study.starts:
        own: Any = {"initializations": [start]}
        surrogates = [
            *study.networks(domain, bis=True, **own),
            *study.networks(domain, data="d2", **own),
            *study.networks(domain, data="d2/2", replicates=study.parts, **own),
        ]
        pairs += crossed(surrogates, study.networks(domain, **own))
    return pairs


def initialization_and_data(study: Study, domain: str) -> list[Pair]:
    """Table 5: surrogates on d2 against targets on d1 and parts of it, all initializations.

    The paper has d1/10; the other sizes show whether what pre-training gains and how far attacks
    transfer go together (claim C2). Each replicate meets its like only, which is enough for means.
    """
    pairs = []
    for number, part in product(study.parts, SIZES):
        own: Any = {"replicates": [number]}
        targets = study.networks(domain, data=part, **own)
        pairs += crossed(study.networks(domain, data="d2", **own), targets)
    return pairs


def alignments(study: Study, domain: str) -> tuple[Alignment, ...]:
    """Return the pairs whose input gradients are compared (see `scoring.alignment`).

    Targets on d1; surrogates trained independently on d1, pre-trained or random; and on d2 and
    d2/2, started as the target is. Each replicate meets its like only.
    """
    pairs: list[Pair] = []
    for number in study.replicates:
        own: Any = {"replicates": [number]}
        pairs += crossed(study.networks(domain, bis=True, **own), study.networks(domain, **own))
        sets = ("d2", "d2/2") if number in study.parts else ("d2",)
        for start, data in product(study.starts, sets):
            like: Any = {**own, "initializations": [start]}
            pairs += crossed(
                study.networks(domain, data=data, **like), study.networks(domain, **like)
            )
    return tuple(
        Alignment(surrogate=surrogate, target=pair.target)
        for pair in pairs
        for surrogate in pair.surrogates
    )


FACTORS: dict[str, Factor] = {
    "perturbation": Factor(number=0, pairs=perturbation, cells=swept),
    "initialization": Factor(number=1, pairs=initialization, beside=alignments),
    "development_data": Factor(number=2, pairs=development_data, cells=scored_by_half),
    "initialization_and_data": Factor(number=3, pairs=initialization_and_data),
    "attackers": Factor(
        number=4, pairs=attackers.pairs, cells=attackers.cells, further=attackers.further
    ),
    "defences": Factor(number=5, pairs=exposures, cells=exposed, beside=masks, further=chosen_by),
}
