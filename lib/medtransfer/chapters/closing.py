"""The end of the synthesis: what defences cost and gain, and the paper's recommendations."""

from __future__ import annotations

from functools import cached_property

import pandas as pd
from IPython.display import Image, Markdown

from medtransfer import paths
from medtransfer.analysis import defence_claims, exposed
from medtransfer.analysis.cases import POOLED
from medtransfer.analysis.exposed import Exposed
from medtransfer.chapters.defences import NOTHING, SHOWN
from medtransfer.chapters.stronger import Stronger
from medtransfer.report import figures, recommendations, verdicts


class Closing(Stronger):
    """What the synthesis shows of defences, after stronger attackers."""

    @cached_property
    def judged(self) -> pd.DataFrame:
        """The paper's claims with their verdicts."""
        raise NotImplementedError

    @cached_property
    def exposed(self) -> dict[str, Exposed]:
        """Domain -> the attacks on its defended networks; none where a profile has no defences."""
        return {
            domain: Exposed(self.study, domain, epsilon=next(iter(self.epsilons[domain].values())))
            for domain, factors in self.studies.items()
            if factors.get("defences")
        }

    @cached_property
    def defended(self) -> pd.DataFrame:
        """The claims on defences, with their verdicts (see `analysis.defence_claims`)."""
        return defence_claims.judge(self.exposed)

    def defences(self, *classes: str) -> Image | Markdown:
        """Show what each defence costs and gains over all domains, by class of attackers."""
        if not self.exposed:
            return Markdown(NOTHING)
        table = exposed.table(self.exposed)
        domain = POOLED if len(self.exposed) > 1 else next(iter(self.exposed))
        picture = figures.pareto(table[table["domain"] == domain], classes=classes or SHOWN)
        return self.save(picture, table, name="defences")

    def gains(self) -> Image | Markdown:
        """Show the effects of the claims on defences, and keep all of them for `verdicts`."""
        if self.defended.empty:  # nor does an earlier run of the profile speak for this one
            (paths.rendered(self.settings.name) / verdicts.DEFENDED).unlink(missing_ok=True)
            return Markdown("")  # as `defences` says
        return self.save(figures.gains(self.defended), self.defended, name="gains")

    def defence_verdicts(self) -> pd.DataFrame | Markdown:
        """Return the claims on defences with effect, interval, corrected p and verdict."""
        if self.defended.empty:
            return Markdown("")  # as `defences` says
        return verdicts.as_frame(self.defended)

    def recommendations(self) -> pd.DataFrame:
        """Return each recommendation of the paper with its verdict in this study, and why."""
        return recommendations.card(self.judged, self.defended)
