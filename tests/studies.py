"""Studies whose attacks take what a test says: cells of all factors, with stored answers."""

from itertools import product

import numpy as np

from medtransfer.attacks.delivery import CONTROL, FLOAT
from medtransfer.networks.trained import IMAGENET, RANDOM
from medtransfer.study import schema

IMAGES = 60
LABELS = np.arange(IMAGES)[:, None] % 2
DOMAINS = ("ophthalmology", "pathology")
STUDIED = tuple(schema.profile("default").sources)
ARCHITECTURES = ("tiny", "tiny_wide")
STARTS = (IMAGENET, RANDOM)
EPSILONS = {domain: {IMAGENET: 0.01, RANDOM: 0.04} for domain in (*DOMAINS, "radiology")}
PARTS = ("d1", "d1/2", "d1/4", "d1/10")
FACTORS = ("perturbation", "initialization", "development_data", "initialization_and_data")


class Maker:
    """Makes the cells of some domains, and publishes what a target answers to each."""

    def __init__(self, toy, publish):
        self.toy, self.publish, self.rng = toy, publish, np.random.default_rng(0)

    def __call__(
        self,
        taken,
        *,
        clean=lambda target: 1.0,
        replicates=2,
        domains=DOMAINS,
        starts=STARTS,
        architectures=ARCHITECTURES,
        factors=FACTORS,
    ):
        """Return domain -> factor -> cells; `taken` is points of AUC that an attack takes."""
        kinds = list(product(range(replicates), starts, architectures))
        studies = {d: self.domain(d, kinds, factors) for d in domains}
        for cell in {c: None for own in studies.values() for cells in own.values() for c in cells}:
            before = clean(cell.target)
            self.publish(
                cell,
                labels=LABELS,
                clean=answers(before, self.rng),
                attacked=answers(before - taken(cell) / 100, self.rng),
            )
        return studies

    def domain(self, domain, kinds, factors):
        source = self.toy.source(domain=domain, content=domain)

        def networks(data, seed):
            on = self.toy.development(name=data, source=source)
            return [
                self.toy.training(
                    architecture=architecture, initialization=start, development=on, seed=seed + r
                )
                for r, start, architecture in kinds
            ]

        targets, bis, d2 = networks("d1", 0), networks("d1", 100), networks("d2", 200)
        cells = {
            "perturbation": [
                self.cell(s, t, t.initialization, delivery)
                for (s, t), delivery in product(zip(bis, targets, strict=True), (FLOAT, CONTROL))
            ],
            "initialization": [self.cell(s, t, IMAGENET) for s, t in product(bis, targets)],
            "development_data": [
                self.cell(s, t, t.initialization)
                for s, t in product((*bis, *d2), targets)
                if s.initialization == t.initialization
            ],
            "initialization_and_data": [
                self.cell(s, t, IMAGENET)
                for part in PARTS
                for s, t in product(d2, targets if part == "d1" else networks(part, 300))
                if s.initialization == t.initialization
            ],
        }
        return {name: own for name, own in cells.items() if name in factors}

    def cell(self, surrogate, target, half, delivery=FLOAT):
        domain = target.development.source.domain
        return self.toy.cell(
            surrogate, target, method="PGD", epsilon=EPSILONS[domain][half], delivery=delivery
        )


def answers(auc, rng):
    """Logits with about this AUC: so many positives above all negatives, the others below."""
    above = rng.permutation(IMAGES // 2) < round(auc * IMAGES / 2)
    logits = np.zeros(IMAGES)
    logits[1::2] = np.where(above, 1, -1)
    return logits[:, None] + 0.001 * rng.normal(size=(IMAGES, 1))
