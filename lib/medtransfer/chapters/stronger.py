"""What the synthesis shows of stronger attackers: claims C6 to C9 over all domains."""

from __future__ import annotations

from functools import cached_property

import pandas as pd
from IPython.display import Image, Markdown

from medtransfer.analysis import attacker_claims, protections, questions
from medtransfer.analysis.attacker_claims import Attacked
from medtransfer.chapters.attackers import NO_QUESTIONS, NOTHING, attacked
from medtransfer.chapters.page import Page
from medtransfer.compute.ensure import ensure
from medtransfer.report import figures, verdicts
from medtransfer.scoring.cell import Cell
from medtransfer.study import attackers


class Stronger(Page):
    """A part of the synthesis, which knows the cells and epsilons of all domains."""

    @cached_property
    def studies(self) -> dict[str, dict[str, tuple[Cell, ...]]]:
        """All cells by domain and factor."""
        raise NotImplementedError

    @cached_property
    def epsilons(self) -> dict[str, dict[str, float]]:
        """Domain -> initialization -> the epsilon chosen for its pairs."""
        raise NotImplementedError

    @cached_property
    def attacked(self) -> dict[str, Attacked]:
        """Domain -> the attacks of its factor; none where a profile names no attackers."""
        return {
            domain: attacked(self.study, domain, factors["attackers"], self.epsilons[domain])
            for domain, factors in self.studies.items()
            if factors.get("attackers") and self.settings.attackers
        }

    @cached_property
    def outlasted(self) -> pd.DataFrame:
        """Claims C6 to C9 with their verdicts (see `analysis.attacker_claims`)."""
        return attacker_claims.judge(self.attacked, resamples=self.settings.resamples)

    def attackers(self) -> Image | Markdown:
        """Show what each protection leaves of every attacker, domain by domain."""
        if not self.attacked:
            return Markdown(NOTHING)
        found = [
            protections.table(each.cells, resamples=self.settings.resamples).assign(domain=domain)
            for domain, each in self.attacked.items()
        ]
        table = pd.concat(found, ignore_index=True)
        return self.save(figures.dumbbells(table), table, name="attackers")

    def attacker_verdicts(self) -> pd.DataFrame | Markdown:
        """Return claims C6 to C9 with effect, interval, corrected p and verdict."""
        if self.outlasted.empty:
            return Markdown(NOTHING)
        return verdicts.as_frame(self.outlasted)

    def attacker_reasons(self) -> Markdown:
        """Say why claims C6 to C9 have their verdicts, where these are not "supported"."""
        return Markdown(verdicts.why(self.outlasted))

    def questions(self) -> Image | Markdown:
        """Show how far questions to the target take an attacker, mean over domains."""
        specs = [
            spec
            for domain in self.attacked
            for spec in attackers.searches(self.study, domain, self.epsilons[domain])
        ]
        if not specs:
            return Markdown(NO_QUESTIONS)
        ensure(specs)
        curves = questions.curves(specs, resamples=self.settings.resamples)
        return self.save(figures.questions(curves), curves, name="questions")
