"""Table 5 of the paper: targets on little data, surrogates on much of other people's."""

from __future__ import annotations

from functools import cached_property

import pandas as pd
from IPython.display import Markdown

from medtransfer.analysis import tables as measured
from medtransfer.analysis.selection import OTHER, SAME
from medtransfer.chapters.chapter import BOTH, METHOD, NONE, Chapter
from medtransfer.errors import UsageError
from medtransfer.networks.trained import RANDOM
from medtransfer.report import tables
from medtransfer.report.wording import decided, named, points

LEAST = "d1/10"


class InitializationAndData(Chapter):
    """Targets on d1 and parts of it, surrogates on d2, both initializations of both."""

    factor = "initialization_and_data"

    def clean(self) -> pd.DataFrame:
        """Return the targets' test AUC without an attack, with 95 % intervals over the images."""
        kind = ["target_data", "target_architecture", "target_initialization"]
        rows = tables.ordered(self._targets, by=kind)
        rows["training"] = [f"AUC of training {n + 1}" for n in rows.groupby(kind).cumcount()]
        rows["auc"] = [
            f"{row['clean_auc']:.2f} ({row['clean_auc_low']:.2f} to {row['clean_auc_high']:.2f})"
            for row in rows.to_dict("records")
        ]
        found = tables.readable(rows[[*kind, "training", "auc"]], index=[*kind, "training"])
        return found["auc"].unstack("training", sort=False)

    @cached_property
    def _targets(self) -> pd.DataFrame:
        one = {cell.target: cell for cell in self.cells}  # which attack does not matter
        return measured.transfer_table(one.values(), resamples=self.settings.resamples)

    def answer(self) -> Markdown:
        """Say what a tenth of the data means for a target, pre-trained or not."""
        return self.say(
            self._sight,
            self._clean,
            lambda: self._left(SAME),
            lambda: self._left(OTHER),
            self._fall,
        )

    def _auc(self, start: str) -> float:
        rows = self._targets.query("target_data == @LEAST and target_initialization == @start")
        if rows.empty:
            raise UsageError(f"this profile has no targets on {LEAST} that start from {start}")
        return float(rows["clean_auc"].mean())

    def _clean(self) -> str:
        reached = " and ".join(f"{self._auc(s):.2f} ({named(s)})" for s in self.study.starts)
        return f"On a tenth of the data ({LEAST}) the targets reach a mean test AUC of {reached}."

    def _left(self, relation: str) -> str:
        pair = {"method": METHOD, "target_data": LEAST, "relation": relation}
        return (
            f"{METHOD} at {self.at(**pair)}, crafted on networks of other images, **{relation}**: "
            f"{self.by_start(**pair)}."
        )

    def _fall(self) -> str:
        fall = self.contrast(NONE, BOTH, method=METHOD, target_data=LEAST)
        auc = self._auc(RANDOM)
        return (
            f"Over all pairs the fall is **{decided(fall)}** when both are pre-trained, by "
            f"{points(fall)} of the clean AUC. A percentage of an AUC near chance says little: "
            f"where the clean AUC is {auc:.2f}, an attack that leaves nothing but chance still "
            f"leaves {50 / auc:.0f} %."
        )
