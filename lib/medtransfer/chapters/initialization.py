"""Table 3 of the paper: pre-trained or random surrogate against pre-trained or random target."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import pandas as pd
from IPython.display import Markdown

from medtransfer.analysis import alignment as cosines
from medtransfer.analysis.selection import OTHER, SAME
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
        """All pairs whose input gradients are compared; whatever is missing is measured."""
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
            lambda: self._left(SAME),
            lambda: self._left(OTHER),
            self._mixed,
            lambda: self._fall(SAME),
            lambda: self._fall(OTHER),
            self._directions,
        )

    def _left(self, relation: str) -> str:
        pair = {"method": METHOD, "relation": relation}
        return f"{METHOD} at {self.at(**pair)}, **{relation}**: {self.by_start(**pair)}."

    def _mixed(self) -> str:
        pair = {"method": METHOD, "relation": SAME}
        return (
            f"Only the surrogate pre-trained, {SAME}: "
            f"{self.left(**pair, **starts(IMAGENET, RANDOM))}; only the target: "
            f"{self.left(**pair, **starts(RANDOM, IMAGENET))}."
        )

    def _fall(self, relation: str) -> str:
        fall = self.contrast(NONE, BOTH, method=METHOD, relation=relation)
        return (
            f"With {_article(relation)}, the fall of the AUC when both are pre-trained is "
            f"**{decided(fall)}** than when both are random, by {points(fall)} of the clean AUC."
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


def _article(relation: str) -> str:
    return f"{'the' if relation == SAME else 'another'} {relation.removeprefix('other ')}"
