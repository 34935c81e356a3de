"""All domains and factors together: the claims, and what a defender should conclude."""

from __future__ import annotations

from functools import cached_property

import pandas as pd
from IPython.display import Image, Markdown

from medtransfer.analysis import claims, operating_points, selection
from medtransfer.analysis import tables as measured
from medtransfer.analysis.gains import MEASURES, PRIMARY
from medtransfer.analysis.selection import SAME
from medtransfer.attacks.delivery import CONTROL, EIGHT_BIT, FLOAT
from medtransfer.chapters.chapter import PAIR
from medtransfer.chapters.closing import Closing
from medtransfer.compute import run, sets
from medtransfer.networks.trained import IMAGENET
from medtransfer.report import conclusions, figures, sentences, tables, verdicts
from medtransfer.report.wording import listed, named, no_claim, source
from medtransfer.scoring.cell import Cell

METHOD = "PGD"
LEFT_OUT = Markdown("Left out: the sets of images do not allow this comparison.")
SIZES = ("d1", "d1/10")  # of a target's data: those of the paper, of which its tables 3 to 5 are


class Synthesis(Closing):
    """What the notebook of the synthesis calls."""

    number = "90"

    def __init__(self, profile: str) -> None:
        super().__init__(profile)
        self.domains = list(self.settings.sources)

    @cached_property
    def studies(self) -> dict[str, dict[str, tuple[Cell, ...]]]:
        """All cells by domain and factor; whatever is missing is trained and attacked."""
        run.everything(self.study, self.domains)
        return {
            domain: {
                name: run.factor(self.study, domain, name)
                for name in run.possible(self.study, domain)
            }
            for domain in self.domains
        }

    @cached_property
    def epsilons(self) -> dict[str, dict[str, float]]:
        """Domain -> initialization -> the epsilon chosen for its pairs."""
        return {domain: run.chosen_epsilons(self.study, domain) for domain in self.domains}

    @cached_property
    def judged(self) -> pd.DataFrame:
        """The claims with their verdicts (see `analysis.claims`)."""
        return self._judge(METHOD)

    def _judge(self, method: str) -> pd.DataFrame:
        return claims.judge(
            self.studies,
            epsilons=self.epsilons,
            method=method,
            resamples=self.settings.resamples,
        )

    def sentences(self) -> Markdown:
        """Say how each claim came out over all domains, and with which number."""
        caution = sentences.caution(self.settings, blind=sentences.blind(self.judged))
        above = f"**{caution}**\n\n" if caution else ""
        return Markdown(above + verdicts.said(self.judged))

    def images(self) -> Markdown:
        """Say where the images come from, which are phantoms, and what was left out."""
        sources = self.settings.sources
        said = f"Images: {listed([*map(source, sources.values())])}."
        out = [
            f"- {sentence}"
            for domain in self.domains
            for sentence in sets.omitted(domain, sets.left_out(self.study, domain))
        ]
        return Markdown("\n".join([f"{said} {no_claim(sources)}".rstrip(), "", *out]).rstrip())

    def verdicts(self, method: str = METHOD) -> pd.DataFrame:
        """Return the claims with effect, interval, corrected p and verdict, by domain."""
        return verdicts.as_frame(self.judged if method == METHOD else self._judge(method))

    def reasons(self) -> Markdown:
        """Say why verdicts are not "supported", where that is so."""
        return Markdown(verdicts.why(self.judged))

    def claims(self) -> Image:
        """Show every claim's effect with its interval."""
        return self.save(figures.claims(self.judged), self.judged, name="claims")

    @cached_property
    def points(self) -> pd.DataFrame:
        """The points of C2 (see `analysis.claims.gains`)."""
        return claims.gains(
            self.studies,
            epsilons=self.epsilons,
            method=METHOD,
            resamples=self.settings.resamples,
        )

    def gain(self) -> Image | Markdown:
        """Show what targets gain from pre-training against what attacks then take from them."""
        if self.points.empty:
            return Markdown("This profile has no targets of both initializations to compare.")
        title = conclusions.within(claims.correlations(self.points))
        picture = figures.gain(self.points, measure=PRIMARY, label=MEASURES[PRIMARY], title=title)
        return self.save(picture, self.points, name="gain")

    def gain_in_words(self) -> Markdown:
        """Say what the points of C2 show, by every measure of transferability."""
        if self.points.empty:
            return Markdown("")  # as `gain` says
        judged = self.judged[self.judged["claim"] == "C2"]
        return Markdown(conclusions.gain(claims.correlations(self.points), judged))

    def factors(self, domain: str) -> Image:
        """Show initialization, data and architecture at once, as one heat map."""
        crossed = ("initialization", "development_data", "initialization_and_data")
        cells = [cell for name in crossed for cell in self.studies[domain].get(name, ())]
        chosen = [
            cell
            for cell in selection.select(dict.fromkeys(cells), method=METHOD)
            if cell.target.traits.get("data") in SIZES
        ]
        means = measured.pooled(chosen, by=PAIR, resamples=self.settings.resamples)
        picture = figures.matrix(means, method=METHOD, title=f"{domain.capitalize()}, {METHOD}")
        return self.save(picture, means, name=f"factors_{domain}")

    def interaction(self) -> Image | Markdown:
        """Show whether another architecture weakens an attack more when the data differ, too."""
        if not self._has("development_data"):
            return LEFT_OUT
        by = ("domain", "target_initialization", "surrogate_data", "relation")
        means = self._means(by, "development_data", method=METHOD)
        return self.save(figures.interaction(means), means, name="interaction")

    def methods(self) -> pd.DataFrame | Markdown:
        """Return what FGSM and PGD leave, between networks of the same initialization on d1."""
        if not self._has("development_data"):
            return LEFT_OUT
        by = ("domain", "target_initialization", "relation", "method")
        return _wide(self._means(by, "development_data", surrogate_data="d1"), by="method")

    def deliveries(self) -> pd.DataFrame:
        """Return what is left as crafted, in an 8-bit file, and of shuffled noise."""
        by = ("domain", "target_initialization", "delivery")
        parts = [
            measured.pooled(
                selection.select(
                    self.studies[domain]["perturbation"],
                    method=METHOD,
                    epsilon=epsilon,
                    relation=SAME,
                    target_initialization=start,
                ),
                by=by,
                resamples=self.settings.resamples,
            )
            for domain, chosen in self.epsilons.items()
            for start, epsilon in chosen.items()
        ]
        return _wide(pd.concat(parts), by="delivery")[[FLOAT, EIGHT_BIT, named(CONTROL)]]

    def operating(self) -> Image:
        """Show which findings an attack hides or invents, at the targets' operating points.

        Networks of the same architecture, pre-trained where the profile has such, at the epsilon
        chosen for them.
        """
        parts = []
        for domain, factors in self.studies.items():
            cells = selection.select(
                factors["initialization"],
                method=METHOD,
                relation=SAME,
                surrogate_initialization=self._start(domain),
                target_initialization=self._start(domain),
            )
            part = operating_points.operating_table(cells, resamples=self.settings.resamples)
            parts.append(part.assign(domain=domain))
        table_ = pd.concat(parts, ignore_index=True)
        return self.save(figures.operating(table_), table_, name="operating_points")

    def _start(self, domain: str) -> str:
        """Return the initialization to show if there is room for one: pre-trained, if any."""
        known = self.epsilons[domain]
        return IMAGENET if IMAGENET in known else next(iter(known))

    def perceptibility(self) -> Image:
        """Show success against how visible the perturbation is, over the FGSM sweep."""
        cells = [
            cell
            for domain, factors in self.studies.items()
            for delivery in (FLOAT, CONTROL)
            for cell in selection.select(
                factors["perturbation"],
                method="FGSM",
                delivery=delivery,
                relation=SAME,
                target_initialization=self._start(domain),
            )
        ]
        frame = measured.transfer_table(cells, resamples=0)  # the figure has no intervals
        means = frame.groupby(["domain", "epsilon", "delivery"], as_index=False, sort=False)[
            ["ssim", "psnr", "percent"]
        ].mean()
        chosen = {domain: own[self._start(domain)] for domain, own in self.epsilons.items()}
        picture = figures.perceptibility(means, chosen=chosen)
        return self.save(picture, means, name="perceptibility")

    def phantoms(self) -> Markdown:
        """Say what phantoms can and cannot show; nothing if none were drawn."""
        return Markdown(conclusions.phantoms(self.settings.sources))

    def answer(self) -> Markdown:
        """Say what a defender should conclude, and what of it this run supports."""
        return Markdown(conclusions.defence(self.judged))

    def _has(self, factor: str) -> bool:
        return any(factor in factors for factors in self.studies.values())

    def _means(self, by: tuple[str, ...], factor: str, **where: object) -> pd.DataFrame:
        cells = [cell for factors in self.studies.values() for cell in factors.get(factor, ())]
        chosen = selection.select(cells, **where)
        return measured.pooled(chosen, by=by, resamples=self.settings.resamples)


def _wide(means: pd.DataFrame, *, by: str) -> pd.DataFrame:
    """Return means in words, one column per value of `by`."""
    rows = [name for name in means.columns[: means.columns.get_loc("pairs")] if name != by]
    said = tables.left(means, index=[*rows, by])[tables.LEFT]
    return tables.filled(said.unstack(by, sort=False))
