"""One factor of one domain, step by step: what is compared, how it came out, and the answer."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

import pandas as pd
from IPython.display import Image, Markdown

from medtransfer.analysis import selection as catalogue
from medtransfer.analysis import tables as table
from medtransfer.analysis.statistics import Effect
from medtransfer.chapters.page import Page
from medtransfer.compute import ensure as compute
from medtransfer.compute import run
from medtransfer.data import images as prepare
from medtransfer.data.manifests import named
from medtransfer.report import figures, tables
from medtransfer.report.sources import described
from medtransfer.report.wording import DOMAIN_NUMBERS, GROUPS, percent
from medtransfer.specs import Cell
from medtransfer.study import builders as ingredients
from medtransfer.study import plan as study

PAIR = (
    "method",
    "surrogate_architecture",
    "surrogate_initialization",
    "surrogate_data",
    "target_architecture",
    "target_initialization",
    "target_data",
)


class Chapter(Page):
    """What the notebook of a factor calls; what the store holds is not computed again.

    Args:
        profile: name of a built-in profile, or path of a YAML profile.
        domain: ophthalmology, radiology or pathology.
    """

    factor: ClassVar[str]

    def __init__(self, profile: str, *, domain: str) -> None:
        super().__init__(profile)
        self.domain = domain
        self.source = self.settings.sources[domain]  # type: ignore[index]
        self.number = f"{DOMAIN_NUMBERS[domain]}{list(study.FACTORS).index(self.factor)}"

    @cached_property
    def epsilon(self) -> float:
        """The epsilon chosen on validation images, in units of [-1, 1]."""
        return run.chosen_epsilon(self.settings, self.domain)

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """All cells of the factor; whatever is missing is trained and attacked."""
        return run.factor(self.settings, self.domain, self.factor)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row per cell (see `evaluation.table`), after the sanity ladder was climbed."""
        return run.measured(self.cells, self.settings)

    def images(self) -> Markdown:
        """Show which images these are, and what a reader of their results must know."""
        source = ingredients.source(self.settings, self.domain)
        compute.ensure([source])
        index = prepare.load(source).index
        return Markdown(described(named(self.source)[1], index=index, image_px=source.image_px))

    def design(self) -> pd.DataFrame:
        """Return who attacks whom, with what; nothing runs but the choice of epsilon."""
        specs = study.cells(self.settings, self.domain, self.factor, epsilon=self.epsilon)
        return tables.readable(catalogue.overview(specs), index=catalogue.SIDES)

    def networks(self) -> Image:
        """Show the validation AUC of every network of the factor."""
        networks = run.networks(self.cells, self.settings)
        return self.save(figures.networks(networks), networks, name="networks")

    def pooled(self, *by: str, **where: Any) -> pd.DataFrame:
        """Return mean percentages of the clean AUC over the cells that `where` selects."""
        chosen = catalogue.select(self.cells, **where)
        return table.pooled(chosen, by=by, resamples=self.settings.resamples).sort_values([*by])

    def table(self, *by: str, **where: Any) -> pd.DataFrame:
        """Return the same means for people, rows named by `by`."""
        return tables.left(self.pooled(*by, **where), index=by)

    def left(self, **where: Any) -> str:
        """Return in words how much of the clean AUC the selected cells leave."""
        (row,) = self.pooled("domain", **where).to_dict("records")
        return percent(row)

    def contrast(self, first: dict[str, Any], second: dict[str, Any]) -> Effect:
        """Return the difference of what two selections of cells leave, first minus second."""
        sides = (catalogue.select(self.cells, **where) for where in (first, second))
        return table.contrast(*sides, resamples=self.settings.resamples)

    def say(self, sentences: Sequence[str]) -> Markdown:
        """Show the answer, with what its intervals stand for."""
        return Markdown("\n\n".join([*sentences, self._scope()]))

    def _scope(self) -> str:
        groups, number = GROUPS[self.domain], self.settings.replicates
        if number == 1:
            return (
                f"Intervals (95 %) are over {groups}, for these trained networks: one training of "
                "each kind cannot say how much another seed would change them."
            )
        return (
            f"Intervals (95 %) are over trained networks ({number} of each kind) and {groups}: "
            "they say what another training would give."
        )
