"""One factor of one domain, step by step: what is compared, the results, and the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, ClassVar

import pandas as pd
from IPython.display import Image, Markdown

from medtransfer.analysis import guards, selection
from medtransfer.analysis import tables as measured
from medtransfer.analysis.statistics import Effect
from medtransfer.chapters.answers import or_why
from medtransfer.chapters.page import Page
from medtransfer.compute import run
from medtransfer.compute.ensure import ensure
from medtransfer.data import images, manifests
from medtransfer.data.schema import ImageFacts
from medtransfer.domains import domain as row_of
from medtransfer.errors import UsageError
from medtransfer.networks.trained import IMAGENET, RANDOM
from medtransfer.report import figures, tables
from medtransfer.report.wording import (
    AT_CHANCE,
    described,
    groups,
    named,
    percent,
    points,
    spaced,
)
from medtransfer.scoring.cell import Cell
from medtransfer.study import plan
from medtransfer.units import shown

METHOD = "PGD"
"""The method of the answers, the stronger of the paper's two."""
PAIR = ("method", *(f"{side}_{trait}" for side in selection.SIDES for trait in selection.BASE))


def starts(surrogate: str, target: str) -> dict[str, str]:
    """Return what selects pairs by the initialization of both."""
    return {"surrogate_initialization": surrogate, "target_initialization": target}


BOTH, NONE = starts(IMAGENET, IMAGENET), starts(RANDOM, RANDOM)
"""Both pre-trained, and neither."""


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
    def epsilons(self) -> dict[str, float]:
        """Initialization -> the epsilon chosen for pairs of it, in units of [-1, 1]."""
        return run.chosen_epsilons(self.study, self.domain)

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
        return manifests.image_facts(self.source)

    def images(self) -> Markdown:
        """Show which images these are, and what readers of the results must know about them."""
        source = self.study.source(self.domain)
        ensure([source])
        index = images.load(source).index
        return Markdown(described(self._manifest, index=index, image_px=source.image_px))

    def design(self) -> pd.DataFrame:
        """Return who attacks whom, with what; nothing runs but the choice of epsilon."""
        found = selection.overview(self.planned(self.factor))
        return tables.readable(found, index=[name for name in found if name in selection.OVERVIEW])

    def planned(self, factor: str) -> tuple[Cell, ...]:
        """Return the cells of any factor, whether or not the store has them."""
        return plan.cells(self.study, self.domain, factor, epsilons=self.epsilons)

    def networks(self) -> Image:
        """Show the validation AUC of every network of the factor."""
        networks = run.networks(plan.of_cells(self.cells), resamples=self.settings.resamples)
        return self.save(figures.networks(networks), networks, name="networks")

    def select(self, **where: Any) -> list[Cell]:
        """Return the cells of the factor that have these values (see `selection.identity`).

        Raises:
            UsageError: this profile has none.
        """
        if found := selection.matching(self.cells, **where):
            return found
        raise UsageError(f"this profile has no pairs with {_words(where)}")

    def pooled(self, *by: str, **where: Any) -> pd.DataFrame:
        """Return mean percentages of the clean AUC over the cells that `where` selects."""
        chosen = self.select(**where)
        return tables.ordered(
            measured.pooled(chosen, by=by, resamples=self.settings.resamples), by=by
        )

    def table(self, *by: str, **where: Any) -> pd.DataFrame:
        """Return the same means as a table to read, with rows named by `by`."""
        means = self.pooled(*by, **where)
        return tables.left(means, index=[*means.columns[: means.columns.get_loc("pairs")]])

    def matrix(self, **where: Any) -> Image:
        """Show every kind of surrogate against every kind of target, by one method of attack."""
        where = {"method": METHOD, **where}
        means = self.pooled(*PAIR, **where)
        picture = figures.matrix(means, method=where["method"])
        return self.save(picture, means, name=f"matrix_{where['method'].lower()}")

    def left(self, **where: Any) -> str:
        """Return in words how much of the clean AUC the selected cells leave.

        Raises:
            UsageError: this profile has no such cells, or some of their targets are at chance.
        """
        cells = self.select(**where)
        self._refuse_chance(cells)
        return percent(measured.mean_left(cells, resamples=self.settings.resamples))

    def by_start(self, **where: Any) -> str:
        """Return in words what is left if both networks are pre-trained, and if neither is."""
        said = []
        for start in self.study.starts:
            cells = self.select(**where, **starts(start, start))
            left = measured.mean_left(cells, resamples=self.settings.resamples)
            whose = f"if both are {named(start)}"
            said.append(
                f"nothing can be said {whose}, because targets are {AT_CHANCE}"
                if left["at_chance"]
                else f"{percent(left)} of the clean AUC is left {whose}"
            )
        return " and ".join(said)

    def at(self, **where: Any) -> str:
        """Return in words the epsilon of the selected cells."""
        epsilons = {cell.attack.method.epsilon for cell in self.select(**where)}
        return " and ".join(shown(epsilon) for epsilon in sorted(epsilons))

    def contrast(self, first: dict[str, Any], second: dict[str, Any], **both: Any) -> Effect:
        """Return the difference of what two selections of cells leave, first minus second.

        Raises:
            UsageError: this profile has no such cells, or some of their targets are at chance.
        """
        sides = [self.select(**both, **where) for where in (first, second)]
        self._refuse_chance([cell for side in sides for cell in side])
        return measured.contrast(*sides, resamples=self.settings.resamples)

    def _refuse_chance(self, cells: Iterable[Cell]) -> None:
        if guard := guards.at_chance(cells, resamples=self.settings.resamples):
            raise UsageError(guard[1])

    def compare(self, first: dict[str, Any], second: dict[str, Any], **both: Any) -> Markdown:
        """Say what two selections of cells leave, and by how much they differ.

        Args:
            first, second: what tells the two apart, such as `{"surrogate_data": "d2"}`.
            both: what they share, such as `method="PGD"`.
        """
        return Markdown(or_why(lambda: self._compared(first, second, both)))

    def _compared(self, first: dict[str, Any], second: dict[str, Any], both: dict[str, Any]) -> str:
        shared = _words({name: value for name, value in both.items() if name != "epsilon"})
        lines = [
            f"{shared}, at {self.at(**both)}; left of the clean AUC:\n",
            *(f"- {_words(each)}: {self.left(**both, **each)}" for each in (first, second)),
        ]
        difference = or_why(lambda: points(self.contrast(first, second, **both)))
        return "\n".join([*lines, f"- difference: **{difference}**"])

    def say(self, *sentences: Callable[[], str]) -> Markdown:
        """Show the answer, with what its intervals stand for.

        A sentence about pairs that the profile does not have, or about targets at chance, is
        replaced by the reason.
        """
        said = dict.fromkeys(or_why(sentence) for sentence in sentences)
        return Markdown("\n\n".join([*filter(None, said), self._scope()]))

    def _sight(self) -> str:
        """Return which targets are at chance, so that their percentages mean nothing."""
        guard = guards.at_chance(self.cells, resamples=self.settings.resamples)
        return f"**At chance:** {guard[1]}. Ignore the numbers of these targets." if guard else ""

    def _scope(self) -> str:
        nouns = groups(self._manifest)
        numbers = sorted(set(map(self.study.trainings, self.study.starts)))
        if numbers[0] == 1:
            return (
                f"Intervals (95 %) are over {nouns}, for these trained networks: one training of "
                "each kind cannot say how much another seed would change them."
            )
        return (
            f"Intervals (95 %) are over trained networks ({' or '.join(map(str, numbers))} of each "
            f"kind) and {nouns}: they say what another training would give."
        )


def _words(where: dict[str, Any]) -> str:
    return ", ".join(
        str(named(value)) if name in _SPEAKING else f"{spaced(name)} {named(value)}"
        for name, value in where.items()
    )


_SPEAKING = ("method", "relation", "delivery")  # whose values need no name before them
