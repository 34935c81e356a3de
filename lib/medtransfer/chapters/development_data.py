"""Table 4 of the paper: surrogates on the target's images, on others, and on fewer others."""

from __future__ import annotations

from typing import Any

from IPython.display import Image, Markdown

from medtransfer.analysis import selection
from medtransfer.analysis import tables as measured
from medtransfer.analysis.selection import OTHER, SAME, WHITE_BOX
from medtransfer.chapters.chapter import METHOD, PAIR, Chapter
from medtransfer.compute.ensure import ensure
from medtransfer.report import figures
from medtransfer.report.wording import decided, named, points
from medtransfer.scoring.cell import Cell

RUNG = ("target_initialization", "method", "epsilon", "relation", "surrogate_data")


class DevelopmentData(Chapter):
    """Targets on d1, surrogates on d1, d2 and d2/2; both networks of the same initialization."""

    factor = "development_data"

    def white_box(self) -> list[Cell]:
        """Return the attacks on the targets themselves, a part of the factor `perturbation`."""
        cells = [
            cell
            for cell in self.planned("perturbation")
            if selection.relation(cell) == WHITE_BOX
            and cell.attack.method.epsilon == self.epsilons[cell.target.traits["initialization"]]
        ]
        ensure(cells)
        return cells

    def order(self) -> Image:
        """Show what is left, from who has the target itself to who shares least with it."""
        cells = [*self.white_box(), *self.cells]
        means = measured.pooled(cells, by=RUNG, resamples=self.settings.resamples)
        return self.save(figures.order(means), means, name="order")

    def pairs(self, **where: Any) -> Image:
        """Show every kind of pair that `where` selects, coloured by the surrogate's data."""
        means = self.pooled(*PAIR, **where)
        name = "_".join(["pairs", *map(str, where.values())]).replace("/", "_")
        return self.save(figures.pairs(means, by="surrogate_data"), means, name=name)

    def answer(self) -> Markdown:
        """Say whether other data weaken an attack, and another architecture weakens it further."""
        return self.say(
            self._sight,
            *(
                (lambda start=start, sentence=sentence: sentence(start))
                for start in reversed(self.study.starts)
                for sentence in (self._left, self._data, self._half, self._architecture)
            ),
        )

    def _left(self, start: str) -> str:
        pair = {"method": METHOD, "target_initialization": start, "relation": SAME}
        return (
            f"**Between {named(start)} networks**, {METHOD} at {self.at(**pair)}, {SAME}: a "
            f"surrogate on the target's own images leaves {self.left(**pair, surrogate_data='d1')} "
            f"of the clean AUC, on other images {self.left(**pair, surrogate_data='d2')}, on half "
            f"as many {self.left(**pair, surrogate_data='d2/2')}."
        )

    def _data(self, start: str) -> str:
        pairs = {"method": METHOD, "target_initialization": start}
        data = self.contrast({"surrogate_data": "d2"}, {"surrogate_data": "d1"}, **pairs)
        return (
            f"Over all pairs of {named(start)} networks, what is left with d2 is "
            f"**{decided(data)}** than with d1, {points(data)} (C3)."
        )

    def _half(self, start: str) -> str:
        pairs = {"method": METHOD, "target_initialization": start}
        less = self.contrast({"surrogate_data": "d2/2"}, {"surrogate_data": "d2"}, **pairs)
        return f"With half of d2 it is **{decided(less)}** than with d2, {points(less)}."

    def _architecture(self, start: str) -> str:
        pairs = {"method": METHOD, "target_initialization": start, "surrogate_data": "d2"}
        other = self.contrast({"relation": OTHER}, {"relation": SAME}, **pairs)
        return (
            f"With d2, another architecture leaves an AUC that is **{decided(other)}** than with "
            f"the same one, {points(other)} (C4)."
        )
