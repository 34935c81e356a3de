"""Table 2 of the paper: how strong a perturbation must be, against noise of the same size."""

from __future__ import annotations

from typing import Any

import pandas as pd
from IPython.display import Image, Markdown

from medtransfer.analysis import sanity, scores
from medtransfer.analysis import tables as measured
from medtransfer.analysis.selection import OTHER, SAME, WHITE_BOX
from medtransfer.analysis.statistics import Effect
from medtransfer.attacks.delivery import CONTROL, EIGHT_BIT, FLOAT
from medtransfer.chapters import answers
from medtransfer.chapters.chapter import METHOD, PAIR, Chapter
from medtransfer.compute.ensure import ensure
from medtransfer.data.schema import numbered
from medtransfer.errors import UsageError
from medtransfer.report import figures, tables
from medtransfer.report.figures import pictures
from medtransfer.report.wording import AT_CHANCE, decided, named, points
from medtransfer.scoring import epsilon, example
from medtransfer.scoring.cell import Cell
from medtransfer.study import plan
from medtransfer.units import grey_levels, shown

IDENTITY = (
    *("domain", "method", "epsilon", "grey_levels", "delivery", "relation"),
    *PAIR[1:],
    "outputs",
)


class Perturbation(Chapter):
    """AUC against epsilon, both networks of the same initialization, on the same data."""

    factor = "perturbation"

    def epsilon_choice(self) -> pd.DataFrame:
        """Print which epsilons were chosen and why; return the curves on validation images."""
        curves, choices = [], plan.choices(self.study, self.domain)
        for start in self.epsilons:
            spec = choices[start]
            print(f"{named(start)} pairs, {shown(self.epsilons[start])}: {epsilon.explained(spec)}")
            curves.append(epsilon.sweep(spec).round(3).assign(pairs=start))
        return tables.readable(pd.concat(curves), index=["pairs", "epsilon"])

    def sweep(self, *, method: str = "FGSM") -> Image:
        """Show the percentage of the clean AUC against epsilon, the chosen ones marked."""
        means = self.pooled(
            "method",
            "epsilon",
            "delivery",
            "relation",
            "target_architecture",
            "target_initialization",
            method=method,
        )
        picture = figures.sweep(means, method=method, chosen=self.epsilons)
        return self.save(picture, means, name=f"sweep_{method.lower()}")

    def sanity(self) -> pd.DataFrame:
        """Return what attacks leave, in % of the clean AUC, and what of it is unexpected.

        From the strongest attack, on the target itself, to the control noise. If some targets of an
        initialization are at chance, its rows show no percentage.

        Raises:
            SanityError: a result is impossible.
        """
        sanity.check(self.frame)
        found = sanity.strengths(self.frame).round(1)
        reached = scores.reached(self.cells, resamples=self.settings.resamples)
        blind = {each.network.traits.get("initialization") for each in reached if each.at_chance}
        rows = found.index.get_level_values("target_initialization").isin(blind)
        for name in [name for name in found if name != sanity.FLAGS and rows.any()]:
            found[name] = found[name].astype(object).mask(rows, AT_CHANCE)
        return found.rename(index=named)

    def example(
        self, label: str | None = None, *, initialization: str | None = None
    ) -> Image | Markdown:
        """Show images whose correct call the attack flips.

        Networks of the same architecture and initialization, PGD at the epsilon chosen for them.

        Args:
            label: None takes the one with the most flipped calls.
            initialization: of both networks; None takes the first that the profile has.

        Raises:
            UsageError: the images have no such label.
        """
        labels = self.study.source(self.domain).labels
        if label is not None and label not in labels:
            raise UsageError(f"no label {label!r}; allowed: {', '.join(labels)}")
        cell = self._crafted(initialization, relation=SAME)[0]
        found = example.turned(cell, label)
        if not len(found.rows):
            return Markdown(
                "At this epsilon the attack flips no correct call of the first pair of networks"
                f"{f' for {label}' if label else ''}, so there is nothing to show."
            )
        pictured = example.pictured(example.deliveries(cell), found)
        ensure([pictured])
        cases = example.examples(pictured, found)
        rows = [
            {
                "title": f"{case.chosen} among {numbered(case.among, 'flipped call')}",
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

    def deliveries(self) -> pd.DataFrame:
        """Return what is left at the chosen epsilon as crafted, in 8 bits, and of noise."""
        by = ["target_initialization", "epsilon", "method", "relation", "delivery"]
        parts = [
            self.pooled(*by, target_initialization=start, epsilon=at)
            for start, at in self.epsilons.items()
        ]
        at_own = self.frame["epsilon"] == self.frame["target_initialization"].map(self.epsilons)
        visible = self.frame[at_own].groupby(by)[["flips", "max", "rms", "psnr", "ssim"]].mean()
        return tables.left(pd.concat(parts).join(visible.round(3), on=by), index=by)

    def findings(self, *, initialization: str | None = None) -> Image:
        """Show AUC by finding before and after PGD at the chosen epsilon, first architecture.

        Args:
            initialization: of both networks; None takes the first that the profile has.
        """
        first = self.settings.architectures[0]
        chosen = self._crafted(initialization, target_architecture=first)
        rungs = [WHITE_BOX, SAME, OTHER]
        found = measured.finding_table(chosen, by=IDENTITY, resamples=self.settings.resamples)
        found = found.sort_values("relation", key=lambda c: c.map(rungs.index), kind="stable")
        return self.save(figures.findings(found), found, name="findings")

    def _crafted(self, start: str | None, **where: Any) -> list[Cell]:
        """Return cells of PGD at the epsilon chosen for networks of one start, as crafted."""
        return self.select(**self._at_chosen(start or next(iter(self.epsilons))), **where)

    def _at_chosen(self, start: str) -> dict[str, Any]:
        own = {"target_initialization": start, "epsilon": self.epsilons.get(start)}
        return {"method": METHOD, "delivery": FLOAT, **own}

    def answer(self) -> Markdown:
        """Say how much harm is due to the direction of an attack, and what the attack leaves."""
        return self.say(
            self._sight,
            *(
                (lambda start=start, part=part: part(self._at_chosen(start)))
                for start in reversed(self.study.starts)
                for part in (self._headline, self._numbers)
            ),
        )

    def _headline(self, pair: dict[str, Any]) -> str:
        noise = self._noise(pair)
        between = f"Between {named(pair['target_initialization'])} networks"
        if noise.low > 0:
            return f"**{between}, the harm comes from the direction of an attack, not its size.**"
        return (
            f"**{between}, what noise of the same size leaves is {decided(noise)} than what an "
            "attack leaves.**"
        )

    def _noise(self, pair: dict[str, Any]) -> Effect:
        crafted = {**pair, "relation": SAME}
        return self.contrast({**crafted, "delivery": CONTROL}, crafted)

    def _numbers(self, pair: dict[str, Any]) -> str:
        same = {**pair, "relation": SAME}
        steps = "" if grey_levels(pair["epsilon"]) else ", where it is less than one grey level"
        return answers.table(
            f"{METHOD} at {self.at(**pair)}",
            {
                "by the target itself (white box)": lambda: self.left(**pair, relation=WHITE_BOX),
                "by a network of the same architecture": lambda: self.left(**same),
                f"the same, written to an 8-bit file{steps}": lambda: self.left(
                    **{**same, "delivery": EIGHT_BIT}
                ),
                "by a network of another architecture": lambda: self.left(**pair, relation=OTHER),
                "noise of the same size": lambda: self.left(**{**same, "delivery": CONTROL}),
                "noise minus attack (same architecture)": lambda: points(self._noise(pair)),
            },
        )
