"""Table 3 of the paper: pre-trained or random surrogate against pre-trained or random target."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import pandas as pd
from IPython.display import Markdown

from medtransfer.analysis import alignment as cosines
from medtransfer.analysis.selection import OTHER, SAME
from medtransfer.analysis.statistics import Effect
from medtransfer.chapters import answers
from medtransfer.chapters.chapter import BOTH, METHOD, NONE, Chapter, starts
from medtransfer.compute import sets
from medtransfer.compute.ensure import ensure
from medtransfer.errors import UsageError
from medtransfer.networks.trained import IMAGENET, RANDOM
from medtransfer.report import tables
from medtransfer.report.wording import decided, named, points
from medtransfer.scoring.alignment import Alignment


class Initialization(Chapter):
    """Both initializations of both networks, all developed on d1."""

    factor = "initialization"

    @cached_property
    def alignments(self) -> tuple[Alignment, ...]:
        """All pairs whose input gradients are compared; missing ones are computed."""
        beside = sets.beside(self.study, self.domain, self.factor)
        specs = tuple(spec for spec in beside if isinstance(spec, Alignment))
        ensure(specs)
        return specs

    def cosines(self, *by: str) -> pd.DataFrame:
        """Return the mean cosine of input gradients by kind of pair; 1 is the same direction."""
        by = by or cosines.BY
        found = cosines.table(self.alignments, by=by, resamples=self.settings.resamples)
        found = tables.ordered(found, by=by)
        shown = found[[*by, "pairs"]].copy()
        shown.insert(len(by), COSINE, [_cosine(row) for row in found.to_dict("records")])
        if found["left_out"].any():
            shown["images without gradient"] = found["left_out"]
        return tables.readable(shown, index=by)

    def answer(self) -> Markdown:
        """Say whether a shared start makes attacks transfer, also across architectures."""
        return self.say(
            self._sight,
            self._headline,
            lambda: self._numbers(SAME),
            lambda: self._numbers(OTHER),
            self._directions,
        )

    def _headline(self) -> str:
        same, other = (decided(self._fall(relation)) for relation in (SAME, OTHER))
        return (
            f"**The harm between pre-trained networks is {same} than between random ones of the "
            f"same architecture, and {other} across architectures (C1).**"
        )

    def _fall(self, relation: str) -> Effect:
        return self.contrast(NONE, BOTH, method=METHOD, relation=relation)

    def _numbers(self, relation: str) -> str:
        pair = {"method": METHOD, "relation": relation}
        return answers.table(
            f"{METHOD} at {self.at(**pair)}, {relation}",
            {
                "both are pre-trained": lambda: self.left(**pair, **BOTH),
                "pre-trained surrogate, random target": lambda: self.left(
                    **pair, **starts(IMAGENET, RANDOM)
                ),
                "random surrogate, pre-trained target": lambda: self.left(
                    **pair, **starts(RANDOM, IMAGENET)
                ),
                "both are random": lambda: self.left(**pair, **NONE),
                "random minus pre-trained pairs": lambda: points(self._fall(relation)),
            },
        )

    def _directions(self) -> str:
        found = cosines.table(self.alignments, resamples=self.settings.resamples)
        alike = found["surrogate_initialization"] == found["target_initialization"]
        rows = tables.ordered(found[alike & (found["surrogate_data"] == "d1")], by=cosines.BY)
        means = [
            f"{_cosine(row)} with the {row['relation']}, both {named(row['target_initialization'])}"
            for row in rows.to_dict("records")
        ]
        if not means:
            raise UsageError("no network has an input gradient")
        return (
            "Input gradients that point the same way make attacks transfer. Their mean cosine "
            f"between networks on d1 is {'; '.join(means)}."
        )


COSINE = "mean cosine (95 % interval)"


def _cosine(row: Any) -> str:
    low, high = row["cosine_low"], row["cosine_high"]
    return f"{row['cosine']:.2f} ({low:.2f} to {high:.2f})"
