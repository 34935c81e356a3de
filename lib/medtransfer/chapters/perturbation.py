"""Table 2 of the paper: how strong a perturbation must be, against noise of the same size."""

from __future__ import annotations

from typing import Any

import pandas as pd
from IPython.display import Image, Markdown

from medtransfer.analysis import sanity, selection
from medtransfer.analysis import tables as measured
from medtransfer.analysis.selection import OTHER, SAME, WHITE_BOX
from medtransfer.attacks.delivery import CONTROL, EIGHT_BIT, FLOAT
from medtransfer.chapters.chapter import PAIR, Chapter
from medtransfer.data.schema import numbered
from medtransfer.networks.trained import IMAGENET, RANDOM
from medtransfer.report import figures, tables
from medtransfer.report.figures import pictures
from medtransfer.report.wording import decided, named, points
from medtransfer.scoring import epsilon, example
from medtransfer.scoring.cell import Cell
from medtransfer.scoring.example import Turned
from medtransfer.study import plan
from medtransfer.units import shown

IDENTITY = (
    *("domain", "method", "epsilon", "grey_levels", "delivery", "relation"),
    *PAIR[1:],
    "outputs",
)


class Perturbation(Chapter):
    """AUC against epsilon, both networks of the same initialization, on the same data."""

    factor = "perturbation"
    _delivered = ("method", "target_initialization", "relation", "delivery")

    def epsilon_choice(self) -> pd.DataFrame:
        """Say which epsilon is chosen and why; return the curves on validation images."""
        print(
            f"chosen: {shown(self.epsilon)}; the attack may leave at most "
            f"{self.settings.remaining:.0%}, noise must leave at least "
            f"{self.settings.harmless:.0%} of the clean AUC"
        )
        shares = epsilon.sweep(plan.choice(self.study, self.domain))
        return tables.readable(shares.round(3), index=["epsilon"])

    def sweep(self) -> Image:
        """Show the percentage of the clean AUC against epsilon."""
        means = self.pooled(
            "method",
            "epsilon",
            "delivery",
            "relation",
            "target_architecture",
            "target_initialization",
        )
        return self.save(figures.sweep(means), means, name="sweep")

    def ladder(self) -> pd.DataFrame:
        """Return the rungs of the sanity checks, in % of the clean AUC, and what is unexpected.

        Raises:
            SanityError: a law is broken.
        """
        sanity.check(self.frame)
        return sanity.ladder(self.frame).round(1).rename(index=named)

    def example(self, label: str | None = None) -> Image | Markdown:
        """Show images whose correct call the attack turns; None takes the label with most of them.

        Pre-trained networks of the same architecture, PGD at the chosen epsilon.
        """
        cell, found = self._turned(label)
        if not len(found.rows):
            return Markdown(
                f"At this epsilon the attack turns no correct call of the first pair of networks"
                f"{f' for {label}' if label else ''}, so there is nothing to show."
            )
        cases = example.examples(example.deliveries(cell), found)
        rows = [
            {
                "title": f"{case.chosen} among {numbered(case.among, 'turned call')}",
                "panels": case.panels,
                "probabilities": case.probabilities,
                "truth": case.truth,
            }
            for case in cases
        ]
        picture = pictures.example(rows, label=found.label, threshold=found.threshold)
        table = pd.DataFrame(
            {
                "chosen": case.chosen,
                "image": case.image,
                "label": found.label,
                "truth": int(case.truth),
                "picture": panel,
                "probability": probability,
                "threshold": found.threshold,
            }
            for case in cases
            for panel, probability in case.probabilities.items()
        )
        return self.save(picture, table, name="example")

    def _turned(self, label: str | None) -> tuple[Cell, Turned]:
        cell = self._crafted(relation=SAME)[0]
        return cell, example.turned(cell, label)

    def deliveries(self) -> pd.DataFrame:
        """Return what is left at the chosen epsilon as crafted, in 8 bits, and of noise."""
        by = list(self._delivered)
        left = self.pooled(*by, epsilon=self.epsilon)
        at_epsilon = self.frame[self.frame["epsilon"] == self.epsilon]
        visible = at_epsilon.groupby(by)[["flips", "max", "rms", "psnr", "ssim"]].mean()
        return tables.left(left.join(visible.round(3), on=by), index=by)

    def findings(self) -> Image:
        """Show AUC by finding before and after PGD, pre-trained networks, chosen epsilon."""
        chosen = self._crafted(target_architecture=self.settings.architectures[0])
        rungs = [WHITE_BOX, SAME, OTHER]
        found = measured.finding_table(chosen, by=IDENTITY, resamples=self.settings.resamples)
        found = found.sort_values("relation", key=lambda c: c.map(rungs.index), kind="stable")
        return self.save(figures.findings(found), found, name="findings")

    def _crafted(self, **where: Any) -> list[Cell]:
        """Return cells of PGD at the chosen epsilon between pre-trained networks, as crafted."""
        return selection.select(
            self.cells,
            method="PGD",
            epsilon=self.epsilon,
            delivery=FLOAT,
            target_initialization=IMAGENET,
            **where,
        )

    def answer(self) -> Markdown:
        """Say how much an attack leaves at the chosen epsilon, and how much of it noise does."""
        base = {"method": "PGD", "epsilon": self.epsilon}
        pre = {**base, "target_initialization": IMAGENET}
        rnd = {**base, "target_initialization": RANDOM}
        crafted = {**pre, "relation": SAME, "delivery": FLOAT}
        noise = self.contrast({**crafted, "delivery": CONTROL}, crafted)
        return self.say(
            [
                f"At the epsilon chosen on validation images, {shown(self.epsilon)}, PGD crafted "
                f"on a **pre-trained** network of the **same architecture** leaves "
                f"{self.left(**crafted)} of the clean AUC, of **another architecture** "
                f"{self.left(**pre, relation=OTHER, delivery=FLOAT)}; the white box leaves "
                f"{self.left(**pre, relation=WHITE_BOX)}. Between networks from **random** "
                f"weights it leaves {self.left(**rnd, relation=SAME, delivery=FLOAT)} and "
                f"{self.left(**rnd, relation=OTHER, delivery=FLOAT)}.",
                f"The same perturbation, shuffled, leaves "
                f"{self.left(**pre, relation=SAME, delivery=CONTROL)} and "
                f"{self.left(**rnd, relation=SAME, delivery=CONTROL)}. Between pre-trained "
                f"networks of the same architecture what it leaves is **{decided(noise)}** than "
                f"what the attack leaves, {points(noise)}: so much is due to the direction of the "
                "perturbation and not to its size.",
                f"Written to an 8-bit file, the attack between pre-trained networks of the same "
                f"architecture still leaves {self.left(**{**crafted, 'delivery': EIGHT_BIT})}.",
            ]
        )
