"""Stronger attackers: what other parameters than theirs do, among the attacker's own networks.

    .venv/bin/python benchmarks/tune_attackers.py [--seeds 101] [--methods MI DI BSR SSA PGN]

Phantoms of other seeds than the study's, so that no patient, slide or network of it is seen. In
each domain the attacker has two trainings of every pre-trained network on d2. The first of each
architecture attacks the others on validation images: an attacker who tunes so has no network of the
target, and no network is attacked by itself. What stands first in a row's method is the line of
`attacks.iterative.METHODS` that the study uses; below it one parameter is another, or copies are
traded for steps at the same price. The mean is over surrogates, targets, domains and seeds; the
difference from the first row is over the same pairs, with its standard error over surrogates.

What was trained and attacked stays in the store, so that the same call goes on where it stopped.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np

from medtransfer.analysis import protections
from medtransfer.attacks.attack import VALIDATION, Attack
from medtransfer.attacks.delivery import FLOAT
from medtransfer.attacks.method import Method, method
from medtransfer.compute.ensure import ensure
from medtransfer.executors.local import executor
from medtransfer.networks.network import Network
from medtransfer.networks.trained import IMAGENET
from medtransfer.scoring.cell import Cell
from medtransfer.study import builders, schema

EPSILON = 0.01  # about that of pre-trained networks in the profile `default`
PRICE = 100  # gradients of an image, at most
SIZES = [{"step_size": EPSILON / 10}, {"step_size": EPSILON / 4}]
TRADED = [{"steps": 100, "copies": 1}, {"steps": 10, "copies": 10}, {"steps": 5, "copies": 20}]
TRIED: dict[str, list[dict[str, Any]]] = {
    "PGD": [{"steps": 20, "step_size": EPSILON}, *({"steps": 20, **size} for size in SIZES)],
    "PGD100": [{}],
    "MI": [{}, {"momentum": 0.5}, {"look": "momentum"}, {"look": "gradient"}, *SIZES],
    "DI": [{}, {"strength": 1.1}, {"strength": 1.5}, {"momentum": 0.0}, *TRADED, *SIZES],
    "BSR": [{}, {"strength": 6.0}, {"strength": 12.0}, {"strength": 45.0}, *TRADED[1:], *SIZES],
    "SSA": [
        {},
        *({"strength": each} for each in (0.25, 0.75)),
        *({"sigma": each} for each in (0.0, 0.5, 2.0)),
        TRADED[1],
        *SIZES,
    ],
    "PGN": [
        {},
        *({"radius": each} for each in (1.0, 2.0, 4.0)),
        *({"flatness": each} for each in (0.25, 0.75, 1.0)),
        {"steps": 20, "flatness": 0.0},  # what noise alone is worth
        *SIZES,
    ],
}


def made(name: str, changes: dict[str, Any]) -> Method:
    """Return a method with some of its parameters changed."""
    found = method(name)(epsilon=EPSILON, **changes)
    assert found.gradients <= PRICE, f"{name} {changes} takes {found.gradients} gradients"
    return found


def own(seeds: Sequence[int], domains: Sequence[str]) -> Iterator[list[Network]]:
    """Yield the networks of an attacker, those of the first training first, place by place."""
    whole = schema.profile("default")
    for seed in seeds:
        study = builders.resolve(whole.model_copy(update={"seed": seed}), domains)
        for domain in domains:
            yield study.networks(domain, data="d2", initializations=[IMAGENET], replicates=range(2))


def cells(networks: Sequence[Network], tried: Method) -> list[Cell]:
    """Return the first network of each architecture against all others."""
    first = networks[: len(networks) // 2]
    return [
        Cell(
            attack=Attack(method=tried, surrogates=(surrogate,), images=VALIDATION),
            target=target,
            delivery=FLOAT,
        )
        for surrogate, target in product(first, networks)
        if surrogate != target
    ]


def left(found: Sequence[Cell]) -> dict[str, np.ndarray]:
    """Return surrogate's key -> % of the clean AUC left, of each of its targets."""
    grouped: dict[str, list[float]] = {}
    for cell in found:
        grouped.setdefault(cell.attack.surrogates[0].key, []).append(protections.left([cell]))
    return {key: np.array(each) for key, each in grouped.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[101])
    parser.add_argument("--domains", nargs="+", default=list(schema.profile("default").sources))
    parser.add_argument("--methods", nargs="+", default=list(TRIED), choices=list(TRIED))
    options = parser.parse_args()
    assert schema.profile("default").seed not in options.seeds, "these are the study's own images"
    places = list(own(options.seeds, options.domains))
    rows = [(name, each) for name in options.methods for each in TRIED[name]]
    wanted = {
        number: [cell for networks in places for cell in cells(networks, made(*row))]
        for number, row in enumerate(rows)
    }
    with executor():
        ensure(cell for found in wanted.values() for cell in found)
    print("| method | other than the study's | gradients | AUC left, % of clean | difference |")
    print("|---|---|---|---|---|")
    first: dict[str, dict[str, np.ndarray]] = {}
    for number, (name, changes) in enumerate(rows):
        found = left(wanted[number])
        before = first.setdefault(name, found)
        mean = np.mean([each.mean() for each in found.values()])
        more = np.array([(found[key] - before[key]).mean() for key in found])
        error = more.std(ddof=1) / np.sqrt(len(more))
        said = ", ".join(f"{what.replace('_', ' ')} {value}" for what, value in changes.items())
        other = "" if found is before else f"{more.mean():+.1f} ± {error:.1f}"
        price = made(name, changes).gradients
        print(f"| {name} | {said if other else ''} | {price} | {mean:.1f} | {other} |", flush=True)


if __name__ == "__main__":
    main()
