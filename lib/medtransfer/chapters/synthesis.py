"""All domains and factors together: the claims, and what a defender should conclude."""

from __future__ import annotations

from functools import cached_property

import pandas as pd
from IPython.display import Image, Markdown

from medtransfer.analysis import claims, operating_points, selection
from medtransfer.analysis import tables as measured
from medtransfer.analysis.selection import SAME
from medtransfer.attacks.delivery import CONTROL, EIGHT_BIT, FLOAT
from medtransfer.chapters.chapter import PAIR
from medtransfer.chapters.page import Page
from medtransfer.compute import run
from medtransfer.networks.trained import IMAGENET
from medtransfer.report import figures, tables
from medtransfer.report.verdicts import effect
from medtransfer.report.wording import named
from medtransfer.scoring.cell import Cell
from medtransfer.study.factors import FACTORS

METHOD = "PGD"


class Synthesis(Page):
    """What the notebook of the synthesis calls."""

    number = "90"

    def __init__(self, profile: str) -> None:
        super().__init__(profile)
        self.domains = list(self.settings.sources)
        own = [s for s in self.settings.sources.values() if not s.startswith("phantom")]
        self.source = own[0] if own else "phantoms"

    @cached_property
    def studies(self) -> dict[str, dict[str, tuple[Cell, ...]]]:
        """All cells by domain and factor; whatever is missing is trained and attacked."""
        run.everything(self.study, self.domains)
        return {
            domain: {name: run.factor(self.study, domain, name) for name in FACTORS}
            for domain in self.domains
        }

    @cached_property
    def judged(self) -> pd.DataFrame:
        """The claims with their verdicts (see `analysis.claims`)."""
        return self._judge(METHOD)

    def _judge(self, method: str) -> pd.DataFrame:
        return claims.judge(self.studies, method=method, resamples=self.settings.resamples)

    def verdicts(self, method: str = METHOD) -> pd.DataFrame:
        """Return the claims with effect, interval, corrected p and verdict."""
        table_ = self.judged if method == METHOD else self._judge(method)
        shown = table_[["claim", "says", "domain", "unit", "pairs", "verdict"]].copy()
        effects = [effect(row) for row in table_.to_dict("records")]
        shown.insert(3, "effect (95 % interval)", effects)
        shown.insert(6, "p (Holm)", table_["p_holm"].round(4))
        return tables.readable(shown, index=["claim", "says", "domain"])

    def claims(self) -> Image:
        """Show every claim's effect with its interval."""
        return self.save(figures.claims(self.judged), self.judged, name="claims")

    def gain(self) -> Image:
        """Show what targets gain by pre-training against what attacks then take from them."""
        points = claims.gains(self.studies, method=METHOD)
        correlated = self.judged[self.judged["claim"] == "C2"].to_dict("records")
        title = "".join(f"rank correlation {effect(row)}" for row in correlated)  # 3 points or more
        return self.save(figures.gain(points, title=title), points, name="gain")

    def factors(self, domain: str) -> Image:
        """Show initialization, data and architecture at once, as one heat map."""
        crossed = ("initialization", "development_data", "initialization_and_data")
        cells = [cell for name in crossed for cell in self.studies[domain][name]]
        chosen = selection.select(dict.fromkeys(cells), method=METHOD)
        means = measured.pooled(chosen, by=PAIR, resamples=self.settings.resamples)
        picture = figures.factors(means, title=f"{domain.capitalize()}, {METHOD}")
        return self.save(picture, means, name=f"factors_{domain}")

    def interaction(self) -> Image:
        """Show whether another architecture weakens an attack more when the data differ, too."""
        by = ("domain", "surrogate_data", "relation")
        means = self._means(by, "development_data", method=METHOD, target_initialization=IMAGENET)
        return self.save(figures.interaction(means), means, name="interaction")

    def methods(self) -> pd.DataFrame:
        """Return what FGSM and PGD leave, between networks of the same initialization on d1."""
        by = ("domain", "target_initialization", "relation", "method")
        means = pd.concat(
            [
                self._means(
                    by,
                    "initialization",
                    surrogate_initialization=start,
                    target_initialization=start,
                )
                for start in self.settings.recipes
            ]
        )
        means = means.sort_values("domain", key=lambda c: c.map(self.domains.index), kind="stable")
        return _wide(means, by="method")

    def deliveries(self) -> pd.DataFrame:
        """Return what is left as crafted, in an 8-bit file, and of shuffled noise."""
        parts = []
        for domain, factors in self.studies.items():
            cells = selection.select(
                factors["perturbation"],
                method=METHOD,
                epsilon=run.chosen_epsilon(self.study, domain),
                relation=SAME,
            )
            by = ("domain", "target_initialization", "delivery")
            parts.append(measured.pooled(cells, by=by, resamples=self.settings.resamples))
        return _wide(pd.concat(parts), by="delivery")[[FLOAT, EIGHT_BIT, named(CONTROL)]]

    def operating(self) -> Image:
        """Show which findings an attack hides or invents, at the targets' operating points.

        Pre-trained networks of the same architecture, chosen epsilon.
        """
        parts = []
        for domain, factors in self.studies.items():
            cells = selection.select(
                factors["initialization"],
                method=METHOD,
                relation=SAME,
                surrogate_initialization=IMAGENET,
                target_initialization=IMAGENET,
            )
            part = operating_points.operating_table(cells, resamples=self.settings.resamples)
            parts.append(part.assign(domain=domain))
        table_ = pd.concat(parts, ignore_index=True)
        return self.save(figures.operating(table_), table_, name="operating_points")

    def perceptibility(self) -> Image:
        """Show success against how visible the perturbation is, over the FGSM sweep."""
        cells = [
            cell
            for factors in self.studies.values()
            for cell in selection.select(
                factors["perturbation"],
                method="FGSM",
                delivery=FLOAT,
                relation=SAME,
                target_initialization=IMAGENET,
            )
        ]
        frame = measured.transfer_table(cells, resamples=0)  # the figure has no intervals
        means = frame.groupby(["domain", "epsilon"], as_index=False, sort=False)[
            ["ssim", "psnr", "percent"]
        ].mean()
        return self.save(figures.perceptibility(means), means, name="perceptibility")

    def answer(self) -> Markdown:
        """Say what a defender should conclude, and which of it this run supports."""
        rows = self.judged.set_index(["claim", "domain"])
        all_ = claims.POOLED if len(self.domains) > 1 else self.domains[0]

        def verdict(claim: str) -> str:
            if claim not in rows.index:
                return "not judged, since this profile has too few kinds of targets"
            by_domain = rows.loc[claim]
            where = all_ if all_ in by_domain.index else by_domain.index[0]
            row = by_domain.loc[where]
            alone = [
                f"{name}: {part['verdict']}" for name, part in by_domain.iterrows() if name != where
            ]
            return f"**{row['verdict']}** over {where}" + (
                f" ({'; '.join(alone)})" if alone else ""
            )

        lines = [
            f"1. *Do not count on a secret architecture or on secret data alone.* Other data "
            f"weaken an attack (C3): {verdict('C3')}. Another architecture weakens it further "
            f"(C4): {verdict('C4')}.",
            f"2. *Weigh what pre-training gains against what it gives away.* Pre-training of both "
            f"networks makes attacks transfer (C1): {verdict('C1')}; the more it gains, the more "
            f"attacks transfer (C2): {verdict('C2')}. A system that does well from random "
            "weights, or from a start that nobody else has, offers less.",
            f"3. *Test a system with attacks crafted on surrogates, not with noise.* Noise of the "
            f"same size does almost nothing (C5): {verdict('C5')}.",
        ]
        if self.settings.replicates == 1:
            lines.append(
                "With one training of each kind no claim can be decided: another seed might give "
                "another answer. The profile `extended` trains three of each."
            )
        return Markdown("\n".join(lines))

    def _means(self, by: tuple[str, ...], factor: str, **where: object) -> pd.DataFrame:
        cells = [cell for factors in self.studies.values() for cell in factors[factor]]
        chosen = selection.select(cells, **where)
        return measured.pooled(chosen, by=by, resamples=self.settings.resamples)


def _wide(means: pd.DataFrame, *, by: str) -> pd.DataFrame:
    """Return means in words, one column per value of `by`."""
    rows = [name for name in means.columns[: means.columns.get_loc("pairs")] if name != by]
    said = tables.left(means, index=[*rows, by])[tables.LEFT]
    return said.unstack(by, sort=False)
