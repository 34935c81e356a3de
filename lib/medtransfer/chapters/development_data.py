"""Table 4 of the paper: surrogates on the target's images, on others, and on fewer others."""

from __future__ import annotations

from typing import Any

from IPython.display import Image, Markdown

from medtransfer.analysis import selection
from medtransfer.analysis import tables as measured
from medtransfer.analysis.selection import OTHER, SAME, WHITE_BOX
from medtransfer.analysis.statistics import Effect
from medtransfer.chapters import answers
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
        """Show what is left, from an attacker with the target itself to one who shares little."""
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
                (lambda start=start, part=part: part(start))
                for start in reversed(self.study.starts)
                for part in (self._headline, self._numbers, self._differences)
            ),
        )

    def _headline(self, start: str) -> str:
        data, architecture = decided(self._data(start)), decided(self._architecture(start))
        return (
            f"**Between {named(start)} networks, what an attack leaves is {data} if the attacker "
            f"has other images (C3); with another architecture as well, it is {architecture} "
            "(C4).**"
        )

    def _data(self, start: str) -> Effect:
        pairs = {"method": METHOD, "target_initialization": start}
        return self.contrast({"surrogate_data": "d2"}, {"surrogate_data": "d1"}, **pairs)

    def _half(self, start: str) -> Effect:
        pairs = {"method": METHOD, "target_initialization": start}
        return self.contrast({"surrogate_data": "d2/2"}, {"surrogate_data": "d2"}, **pairs)

    def _architecture(self, start: str) -> Effect:
        pairs = {"method": METHOD, "target_initialization": start, "surrogate_data": "d2"}
        return self.contrast({"relation": OTHER}, {"relation": SAME}, **pairs)

    def _numbers(self, start: str) -> str:
        pair = {"method": METHOD, "target_initialization": start, "relation": SAME}
        whose = {"d1": "the target's own (d1)", "d2": "others (d2)", "d2/2": "half of these (d2/2)"}
        return answers.table(
            f"{METHOD} at {self.at(**pair)}, {SAME}; images of the surrogate",
            {
                name: lambda data=data: self.left(**pair, surrogate_data=data)  # type: ignore[misc]
                for data, name in whose.items()
            },
        )

    def _differences(self, start: str) -> str:
        return answers.table(
            "over all pairs",
            {
                "d2 minus d1 (C3)": lambda: points(self._data(start)),
                "d2/2 minus d2": lambda: points(self._half(start)),
                "other minus same architecture, on d2 (C4)": lambda: points(
                    self._architecture(start)
                ),
            },
            value="difference in what is left",
        )
