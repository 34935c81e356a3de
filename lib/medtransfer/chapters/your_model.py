"""Your own model: the assessment of a stored network, as if it were yours."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import pandas as pd
from IPython.display import Image, Markdown, display

from medtransfer import paths
from medtransfer.assess import pictures, plan, run, sentences, setting
from medtransfer.assess.document import Assessment, Result
from medtransfer.assess.setting import Setting
from medtransfer.chapters.page import Page
from medtransfer.report.wording import named, no_claim, source


class YourModel(Page):
    """What the notebook of the assessment calls.

    The vendor's model is the first network of the study on d1 in the first domain of the profile;
    the attacker has d2.
    """

    number = "95"

    def __init__(self, profile: str) -> None:
        super().__init__(profile)
        self.domain = next(iter(self.settings.sources))

    @property
    def needs(self) -> list[str]:
        """The domain whose images the page needs."""
        return [self.domain]

    @cached_property
    def setting(self) -> Setting:
        """The model and what its attackers have; nothing is computed."""
        architecture, start = self.settings.architectures[0], self.study.starts[0]
        target = self.study.network(self.domain, architecture=architecture, initialization=start)
        title = f"{named(architecture)}, {named(start)}, on {self.domain}"
        return setting.of_study(self.study, self.domain, target=target, title=title)

    @cached_property
    def found(self) -> Assessment:
        """The whole assessment; whatever is missing is trained and attacked."""
        return run.assess(self.setting, self._folder, say=_nothing)

    @property
    def _folder(self) -> Path:
        return paths.assessed() / f"{self.settings.name}_{self.domain}"

    def images(self) -> Markdown:
        """Say where the images come from."""
        sources = {self.domain: self.settings.sources[self.domain]}
        return Markdown(f"Images: {source(sources[self.domain])}. {no_claim(sources)}".rstrip())

    def ladder(self) -> pd.DataFrame:
        """Return the rungs: what an attacker has to know, and what they would train."""
        rows = [
            {
                "rung": f"{step.rung.number} {step.rung.name}",
                "what an attacker has to know": step.rung.knows,
                "trains": "; ".join(dict.fromkeys(each.name for each in step.trained))
                or step.reason
                or "nothing",
            }
            for step in plan.ladder(self.setting)
        ]
        return pd.DataFrame(rows).set_index("rung")

    def clean(self) -> pd.DataFrame:
        """Return what the model says without any attack, finding by finding."""
        rows = [
            {
                "finding": each.finding,
                "AUC (95 % interval)": sentences.decimals(each.auc, each.low, each.high),
                "sensitivity": sentences.share(each.sensitivity),
                "specificity": sentences.share(each.specificity),
                "with": each.positives,
                "without": each.negatives,
            }
            for each in self.found.clean
        ]
        return pd.DataFrame(rows).set_index("finding")

    def controls(self, *, budget: int | None = None) -> pd.DataFrame:
        """Return what the attacks of each rung do to the attacker's own networks.

        Args:
            budget: grey levels; None takes that of the first page of the report.
        """
        return self._results(
            budget,
            {
                "on the attacker's own networks": lambda row: sentences.share(row.control),
                "on the model": lambda row: sentences.share(row.share),
            },
        )

    def verdicts(self, *, budget: int | None = None) -> pd.DataFrame:
        """Return each rung's share of correct calls that are changed, and its verdict.

        Args:
            budget: grey levels; None takes that of the first page of the report.
        """
        at = budget or self.found.headline
        rows = []
        for rung in self.found.rungs:
            whole = next((each for each in rung.overall if each.budget == at), None)
            rows.append(
                {
                    "rung": f"{rung.number} {rung.name}",
                    "correct calls changed (95 % interval)": sentences.share(
                        whole.share, whole.low, whole.high
                    )
                    if whole
                    else "",
                    "by noise": sentences.share(whole.noise) if whole else "",
                    "verdict": whole.verdict if whole else rung.verdict,
                    "why": rung.reason if whole is None or at == self.found.headline else "",
                }
            )
        return pd.DataFrame(rows).set_index("rung")

    def findings(self, *, budget: int | None = None) -> pd.DataFrame:
        """Return hidden and invented findings of each rung, apart.

        Args:
            budget: grey levels; None takes that of the first page of the report.
        """
        return self._results(
            budget,
            {
                "correct calls changed (95 % interval)": lambda row: sentences.share(
                    row.share, row.low, row.high
                ),
                "by noise": lambda row: sentences.share(row.noise),
                "correct calls": lambda row: f"{row.images} of {row.groups} groups",
                "verdict": lambda row: row.verdict,
            },
        )

    def _results(
        self, budget: int | None, columns: dict[str, Callable[[Result], object]]
    ) -> pd.DataFrame:
        at = budget or self.found.headline
        rows = [
            {"rung": rung.name, "finding": row.finding, "kind": sentences.SHORT[row.kind]}
            | {name: column(row) for name, column in columns.items()}
            for rung in self.found.rungs
            for row in rung.results
            if row.budget == at
        ]
        index = ["rung", "finding", "kind"]
        return pd.DataFrame(rows, columns=[*index, *columns]).set_index(index)

    def curve(self) -> Image:
        """Draw the share of correct calls that are changed, over the budget."""
        rows = [
            {"rung": rung.name, **each.model_dump()}
            for rung in self.found.rungs
            for each in rung.overall
        ]
        return self.save(pictures.curve(self.found), pd.DataFrame(rows), name="budgets")

    def knowledge(self) -> pd.DataFrame:
        """Return how much more each fact lets an attacker change, in points."""
        rows = [
            {
                "what more is known": each.knowledge,
                "points (95 % interval)": sentences.points(each),
            }
            for each in self.found.contrasts
        ]
        columns = ["what more is known", "points (95 % interval)"]
        return pd.DataFrame(rows, columns=columns).set_index(columns[0])

    def examples(self) -> Markdown | None:
        """Show images whose correct call the strongest attacker flips: clean, attacked, difference.

        First those that the attack moves furthest, then one drawn at random; hidden and invented
        findings.
        """
        if not self.found.examples:
            return Markdown("No correct call flipped.")
        for each in self.found.examples:
            display(Markdown(sentences.example(each)), Image(str(self._folder / each.file)))
        return None

    def answer(self) -> Markdown:
        """Say what the first page of the report says, and where the report is."""
        said = [*sentences.summary(self.found), *self.found.notes]
        return Markdown("\n\n".join([*said, f"The report: `{self._folder / 'index.html'}`"]))


def _nothing(_: str) -> None:
    """Say nothing: the page shows what is known."""
