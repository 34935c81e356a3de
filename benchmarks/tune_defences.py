"""Defences that are trained: what other settings than the study's do, on other images.

    .venv/bin/python benchmarks/tune_defences.py [--seeds 101] [--defences n_fgsm pubdef ...]

Phantoms of other seeds than the study's, and validation images alone, so that no patient, slide or
network of it is seen. Each row is a defended network on d1, attacked by PGD-20 on a network without
defence on d2 ("colleague") and on itself ("owner"); above them stand the network without defence
and the one from random weights. The first row of a defence is the study's (profile `defences`); in
the others some fields of its spec are different. The mean is over domains, seeds and trainings.

What was trained and attacked stays in the store, so that the same call goes on where it stopped.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from medtransfer.attacks.attack import VALIDATION, Attack
from medtransfer.attacks.delivery import FLOAT
from medtransfer.attacks.method import method
from medtransfer.compute.ensure import ensure
from medtransfer.executors.local import executor
from medtransfer.measures import metrics, predictions
from medtransfer.networks.network import Network
from medtransfer.networks.trained import IMAGENET
from medtransfer.scoring.cell import Cell
from medtransfer.study import builders, defences, schema
from medtransfer.study.builders import ACROSS
from medtransfer.study.defences import NONE, REFERENCE
from medtransfer.study.making import Place

ATTACK = method("PGD")(epsilon=0.01, steps=20, step_size=0.01)
AFTER_PUBLIC_WEIGHTS = {"steps": 240, "learning_rate": 0.001}
TRIED: dict[str, list[dict[str, Any]]] = {
    NONE: [{}],
    REFERENCE: [{}],
    "n_fgsm": [{}, {"epsilon": 0.005}, {"epsilon": 0.02}, {"steps": 480}],
    "pubdef": [{}, {"epsilon": 0.02}, {"steps": 480}],
    "renofeation": [{}, {"weight": 1.0}, {"weight": 5.0}, {"weight": 1.0, "dropout": 0.0}],
    ACROSS: [{}, AFTER_PUBLIC_WEIGHTS],
}


def places(domains: Sequence[str], trainings: int) -> Iterator[Place]:
    """Yield where the defended networks stand, those of the study's last architecture."""
    architecture = schema.profile("default").architectures[-1]
    for domain in domains:
        for number in range(trainings):
            yield Place(domain, architecture, IMAGENET, replicate=number)


def cells(study: builders.Study, place: Place, name: str, changes: dict[str, Any]) -> list[Cell]:
    """Return the attacks of a colleague and of the owner."""
    built: Any = defences.built(study, place, name)
    target: Network = replace(built, **changes) if changes else built
    colleague = replace(place, data="d2").network(study)
    return [
        Cell(
            attack=Attack(method=ATTACK, surrogates=(surrogate,), images=VALIDATION),
            target=target,
            delivery=FLOAT,
        )
        for surrogate in (colleague, target)
    ]


def aucs(cell: Cell) -> tuple[float, float]:
    """Return the AUC before and after."""
    found = predictions.read(cell)
    return metrics.macro_auc(found.truth, found.clean), metrics.macro_auc(found.truth, found.after)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[101])
    parser.add_argument("--domains", nargs="+", default=list(schema.profile("default").sources))
    parser.add_argument("--trainings", type=int, default=2)
    parser.add_argument("--defences", nargs="+", default=list(TRIED), choices=list(TRIED))
    options = parser.parse_args()
    assert schema.profile("default").seed not in options.seeds, "these are the study's own images"
    whole = schema.profile("defences")
    studies = [
        builders.resolve(whole.model_copy(update={"seed": seed}), list(whole.sources))
        for seed in options.seeds
    ]
    rows = [(name, each) for name in options.defences for each in TRIED[name]]
    wanted = [
        [
            (place.domain, cells(study, place, *row))
            for study in studies
            for place in places(options.domains, options.trainings)
        ]
        for row in rows
    ]
    with executor():
        ensure(cell for row in wanted for _, pair in row for cell in pair)
    print(f"| defence | other than the study's | {' | '.join(options.domains)} |")
    print(f"|---|---|{'---|' * len(options.domains)}")
    for (name, changes), row in zip(rows, wanted, strict=True):
        said = ", ".join(f"{what.replace('_', ' ')} {value}" for what, value in changes.items())
        columns = []
        for domain in options.domains:
            found = [[aucs(cell) for cell in pair] for where, pair in row if where == domain]
            clean, colleague, owner = np.mean([(b[0], a[1], b[1]) for a, b in found], axis=0)
            columns.append(f"{clean:.2f} / {colleague:.2f} / {owner:.2f}")
        print(f"| {defences.defence(name).words} | {said} | {' | '.join(columns)} |", flush=True)


if __name__ == "__main__":
    main()
