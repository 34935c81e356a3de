"""Table 5 of the paper: targets on little data, surrogates on plenty of other data."""

from __future__ import annotations

from functools import cached_property

import pandas as pd
from IPython.display import Markdown

from medtransfer.analysis import tables as measured
from medtransfer.analysis.selection import OTHER, SAME
from medtransfer.analysis.statistics import Effect
from medtransfer.chapters import answers
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
            self._headline,
            self._clean,
            lambda: self._numbers(SAME),
            lambda: self._numbers(OTHER),
            self._caution,
        )

    def _headline(self) -> str:
        fall = decided(self._fall())
        return (
            f"**On a tenth of the data ({LEAST}), the harm between pre-trained networks is {fall} "
            "than between random ones.**"
        )

    def _fall(self, **where: str) -> Effect:
        return self.contrast(NONE, BOTH, method=METHOD, target_data=LEAST, **where)

    def _auc(self, start: str) -> float:
        rows = self._targets.query("target_data == @LEAST and target_initialization == @start")
        if rows.empty:
            raise UsageError(f"this profile has no {named(start)} targets on {LEAST}")
        return float(rows["clean_auc"].mean())

    def _clean(self) -> str:
        return answers.table(
            f"targets on {LEAST}",
            {
                str(named(start)): lambda start=start: f"{self._auc(start):.2f}"  # type: ignore[misc]
                for start in self.study.starts
            },
            value="mean test AUC without an attack",
        )

    def _numbers(self, relation: str) -> str:
        pair = {"method": METHOD, "target_data": LEAST, "relation": relation}
        return answers.table(
            f"{METHOD} at {self.at(**pair)}, by networks on other images, {relation}",
            {
                "both are pre-trained": lambda: self.left(**pair, **BOTH),
                "both are random": lambda: self.left(**pair, **NONE),
                "random minus pre-trained pairs": lambda: points(self._fall(relation=relation)),
            },
        )

    def _caution(self) -> str:
        auc = self._auc(RANDOM)
        return (
            f"A percentage of an AUC near chance says little: if the clean AUC is {auc:.2f}, an "
            f"attack that leaves nothing but chance still leaves {50 / auc:.0f} %."
        )
