"""What the synthesis shows of stronger attackers: claims C6 to C9 over all domains."""

from __future__ import annotations

from functools import cached_property

import pandas as pd
from IPython.display import Image, Markdown

from medtransfer import paths
from medtransfer.analysis import attacker_claims, protections, questions
from medtransfer.analysis.attacked import Attacked
from medtransfer.chapters.attackers import NO_QUESTIONS, NOTHING
from medtransfer.chapters.page import Page
from medtransfer.compute.attacked import attacked
from medtransfer.compute.ensure import ensure
from medtransfer.report import figures, matched, verdicts
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
        cells = {
            domain: factors["attackers"]
            for domain, factors in self.studies.items()
            if factors.get("attackers") and self.settings.attackers
        }
        return attacked(self.study, cells, self.epsilons)

    @cached_property
    def outlasted(self) -> pd.DataFrame:
        """Claims C6 to C9 with their verdicts (see `analysis.attacker_claims`)."""
        return attacker_claims.judge(self.attacked, resamples=self.settings.resamples)

    @cached_property
    def evened(self) -> pd.DataFrame:
        """The same of attackers at the strength of PGD; empty without such."""
        return attacker_claims.judge_matched(self.attacked, resamples=self.settings.resamples)

    def attackers(self) -> Image | Markdown:
        """Show what each protection leaves of every attacker, domain by domain."""
        if not self.attacked:
            return Markdown(NOTHING)
        found = [
            protections.table(
                each.cells, matched=each.matched, resamples=self.settings.resamples
            ).assign(domain=domain)
            for domain, each in self.attacked.items()
        ]
        table = pd.concat(found, ignore_index=True)
        return self.save(figures.dumbbells(table), table, name="attackers")

    def attacker_claims(self) -> Image | Markdown:
        """Show the effects of C6 to C9 with their intervals, and keep them for the report."""
        if self.outlasted.empty:  # nor does an earlier run of the profile speak for this one
            (paths.rendered(self.settings.name) / "90_attacker_claims.csv").unlink(missing_ok=True)
            return Markdown("")
        return self.save(figures.claims(self.outlasted), self.outlasted, name="attacker_claims")

    def attacker_verdicts(self) -> pd.DataFrame | Markdown:
        """Return claims C6 to C9 with effect, interval, corrected p and verdict."""
        if self.outlasted.empty:
            return Markdown(NOTHING)
        return matched.as_frame(self.outlasted, self.evened)

    def attacker_reasons(self) -> Markdown:
        """Say why claims C6 to C9 have their verdicts, and whether equal strength changes them."""
        equal = matched.said(self.attacked, self.outlasted, self.evened)
        return Markdown("\n\n".join(filter(None, (verdicts.why(self.outlasted), equal))))

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
