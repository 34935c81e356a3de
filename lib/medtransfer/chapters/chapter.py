"""One factor of one domain, step by step: what is compared, how it came out, and the answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, ClassVar

import pandas as pd
from IPython.display import Image, Markdown

from medtransfer.analysis import selection
from medtransfer.analysis import tables as measured
from medtransfer.analysis.statistics import Effect
from medtransfer.chapters.page import Page
from medtransfer.compute import run
from medtransfer.compute.ensure import ensure
from medtransfer.data import images
from medtransfer.data.manifests import named
from medtransfer.data.schema import ImageFacts
from medtransfer.domains import domain as row_of
from medtransfer.report import figures, tables
from medtransfer.report.wording import described, groups, percent
from medtransfer.scoring.cell import Cell
from medtransfer.study import plan

PAIR = ("method", *(f"{side}_{trait}" for side in selection.SIDES for trait in selection.BASE))


class Chapter(Page):
    """What the notebook of a factor calls; what the store holds is not computed again.

    Args:
        profile: name of a built-in profile, or path of a YAML profile.
        domain: one that the profile has images for.
    """

    factor: ClassVar[str]

    def __init__(self, profile: str, *, domain: str) -> None:
        super().__init__(profile)
        self.domain = domain
        self.source = self.settings.sources.get(domain, "")
        self.number = f"{row_of(domain).number}{plan.factor(self.factor).number}"

    @property
    def needs(self) -> Iterable[str]:
        """The domain of the chapter alone."""
        return [self.domain]

    @cached_property
    def epsilon(self) -> float:
        """The epsilon chosen on validation images, in units of [-1, 1]."""
        return run.chosen_epsilon(self.study, self.domain)

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """All cells of the factor; whatever is missing is trained and attacked."""
        return run.factor(self.study, self.domain, self.factor)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row per cell (see `analysis.tables`)."""
        return measured.transfer_table(self.cells, resamples=self.settings.resamples)

    @property
    def _manifest(self) -> ImageFacts:
        _, manifest = named(self.source)
        assert isinstance(manifest, ImageFacts)
        return manifest

    def images(self) -> Markdown:
        """Show which images these are, and what a reader of their results must know."""
        source = self.study.source(self.domain)
        ensure([source])
        index = images.load(source).index
        return Markdown(described(self._manifest, index=index, image_px=source.image_px))

    def design(self) -> pd.DataFrame:
        """Return who attacks whom, with what; nothing runs but the choice of epsilon."""
        specs = plan.cells(self.study, self.domain, self.factor, epsilon=self.epsilon)
        found = selection.overview(specs)
        return tables.readable(found, index=[name for name in found if name in selection.OVERVIEW])

    def networks(self) -> Image:
        """Show the validation AUC of every network of the factor."""
        networks = run.networks(plan.of_cells(self.cells), resamples=self.settings.resamples)
        return self.save(figures.networks(networks), networks, name="networks")

    def pooled(self, *by: str, **where: Any) -> pd.DataFrame:
        """Return mean percentages of the clean AUC over the cells that `where` selects."""
        chosen = selection.select(self.cells, **where)
        return measured.pooled(chosen, by=by, resamples=self.settings.resamples).sort_values([*by])

    def table(self, *by: str, **where: Any) -> pd.DataFrame:
        """Return the same means for people, rows named by `by`."""
        means = self.pooled(*by, **where)
        return tables.left(means, index=[*means.columns[: means.columns.get_loc("pairs")]])

    def left(self, **where: Any) -> str:
        """Return in words how much of the clean AUC the selected cells leave."""
        chosen = selection.select(self.cells, **where)
        return percent(measured.mean_left(chosen, resamples=self.settings.resamples))

    def contrast(self, first: dict[str, Any], second: dict[str, Any]) -> Effect:
        """Return the difference of what two selections of cells leave, first minus second."""
        sides = (selection.select(self.cells, **where) for where in (first, second))
        return measured.contrast(*sides, resamples=self.settings.resamples)

    def say(self, sentences: Sequence[str]) -> Markdown:
        """Show the answer, with what its intervals stand for."""
        return Markdown("\n\n".join([*sentences, self._scope()]))

    def _scope(self) -> str:
        nouns, number = groups(self._manifest), self.settings.replicates
        if number == 1:
            return (
                f"Intervals (95 %) are over {nouns}, for these trained networks: one training of "
                "each kind cannot say how much another seed would change them."
            )
        return (
            f"Intervals (95 %) are over trained networks ({number} of each kind) and {nouns}: "
            "they say what another training would give."
        )
