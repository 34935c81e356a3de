"""Domains that several attackers attack: cells of the factor, with stored answers."""

from itertools import product

import numpy as np
from studies import ARCHITECTURES, LABELS, answers

from medtransfer.analysis.attacked import Attacked
from medtransfer.attacks.delivery import CONTROL, FLOAT, OTHER
from medtransfer.attacks.iterative import Iterative
from medtransfer.attacks.pgd import PGD
from medtransfer.networks.trained import IMAGENET, RANDOM

METHODS = (
    PGD(epsilon=0.01, steps=3, step_size=0.01),
    Iterative(called="MI", epsilon=0.01, momentum=1.0),
    Iterative(called="DI", epsilon=0.01, transform="resize", strength=1.2, copies=5),
)
POWER = {"PGD": 40, "MI": 45, "DI": 60}
"""Points of AUC that an attack takes where nothing protects."""
AWAY = {FLOAT: 1.0, OTHER: 0.1, CONTROL: 0.02}
"""Delivery -> the share of these points that it takes."""


class Attacks:
    """Makes the attacks of one domain, and publishes what targets answer."""

    def __init__(self, toy, publish):
        self.toy, self.publish, self.rng = toy, publish, np.random.default_rng(0)

    def __call__(
        self,
        taken,
        *,
        domain="pathology",
        replicates=2,
        starts=(IMAGENET, RANDOM),
        controls=False,
    ):
        """Return the attacks, of which each takes `taken` points of AUC of its target."""
        source = self.toy.source(domain=domain, content=domain)
        deliveries = tuple(AWAY) if controls else (FLOAT,)
        cells, tried = [], []
        for start in starts:
            targets = self.networks(source, "d1", start, 0, replicates)
            kinds = {"d1": self.networks(source, "d1", start, 100, replicates)}
            own, tried_on = kinds["d1"], []
            if start == starts[0]:
                own, tried_on = self.networks(source, "d2", start, 200, replicates), targets[:2]
                kinds["d2"] = own
            tried += [
                self.toy.cell(s, t, method=method, images="validation")
                for method in METHODS
                for s, t in product(own, [*own, *tried_on])
                if s != t
            ]
            for method, (data, surrogates) in product(METHODS, kinds.items()):
                cells += [
                    self.toy.cell(s, t, method=method, delivery=delivery)
                    for s, t in product(surrogates, targets)
                    for delivery in (deliveries if data == "d2" else (FLOAT,))
                ]
            tried += [
                self.toy.cell(s, t, method=METHODS[0], images="validation")
                for s, t in zip(kinds["d1"][:2], targets[:2], strict=True)
            ]
        for cell in [*cells, *tried]:
            left = 1 - taken(cell) * AWAY[cell.delivery] / 100
            clean, attacked = answers(1, self.rng), answers(left, self.rng)
            self.publish(cell, labels=LABELS, clean=clean, attacked=attacked)
        return Attacked(cells, tried)

    def networks(self, source, data, start, seed, replicates):
        on = self.toy.development(name=data, source=source)
        return [
            self.toy.training(
                architecture=name, initialization=start, development=on, seed=seed + number
            )
            for number, name in product(range(replicates), ARCHITECTURES)
        ]
