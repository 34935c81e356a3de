"""Defences: what each costs, and what it gains against attackers who know more and more of it."""

from __future__ import annotations

from functools import cached_property

import pandas as pd
from IPython.display import Image, Markdown

from medtransfer.analysis import defence_claims, detection, exposed, masks, persons
from medtransfer.analysis.exposed import Exposed
from medtransfer.analysis.replicates import effect
from medtransfer.chapters.chapter import Chapter
from medtransfer.compute import sets
from medtransfer.compute.ensure import ensure
from medtransfer.report import defended as told
from medtransfer.report import figures, verdicts
from medtransfer.report.defended import SHOWN
from medtransfer.report.wording import points
from medtransfer.scoring import masking
from medtransfer.study import defended
from medtransfer.study.defences import DEFENCES, NONE, REFERRAL
from medtransfer.study.defended import CLASSES, COLLEAGUE, INFORMED, NOISY, OWNER

NOTHING = "This profile has no defences; `defences` in a profile names them."


class Defences(Chapter):
    """Defended networks on d1 against every class of attackers."""

    factor = "defences"

    @cached_property
    def exposed(self) -> Exposed:
        """The attacks on defended networks; whatever is missing is trained and attacked."""
        assert self.cells is not None
        ensure(sets.beside(self.study, self.domain, self.factor))
        epsilon = next(iter(self.epsilons.values()))
        return Exposed(self.study, self.domain, epsilon=epsilon)

    @cached_property
    def found(self) -> pd.DataFrame:
        """What every class leaves of every defence (see `analysis.exposed.table`)."""
        return exposed.table({self.domain: self.exposed})

    @cached_property
    def judged(self) -> pd.DataFrame:
        """The claims on defences in this domain (see `analysis.defence_claims`)."""
        return defence_claims.judge({self.domain: self.exposed})

    def attackers(self) -> pd.DataFrame:
        """Return the classes of attackers, and what each crafts on; each has what those before."""
        met: dict[str, dict[str, None]] = {name: {} for name in CLASSES}
        for each in defended.exposures(self.study, self.domain):
            met[each.knowledge][each.attacker] = None
        met["A0"]["shuffled noise"] = None
        rows = [(name, CLASSES[name], "; ".join(own)) for name, own in met.items()]
        return pd.DataFrame(rows, columns=["class", "who", "crafts on"]).set_index("class")

    def against(self, *knowledge: str) -> pd.DataFrame:
        """Return what some classes of attackers leave of every defence, in words."""
        return told.against(self.found, knowledge or SHOWN)

    def pareto(self, *classes: str) -> Image:
        """Show the AUC under attack against the clean one, by class of attackers."""
        picture = figures.pareto(self.found, classes=classes or SHOWN)
        return self.save(picture, self.found, name="defences")

    def knowledge(self) -> Image:
        """Show what every class of attackers leaves, a line per defence."""
        return self.save(figures.knowledge(self.found), self.found, name="knowledge")

    def persons(self, *classes: str) -> pd.DataFrame:
        """Return how many of 1,000 are missed or called ill, attacked by some classes."""
        table = persons.table(self.exposed, classes=classes or (COLLEAGUE, OWNER))
        wide = table.pivot_table(
            index=["label", "defence"],
            columns="attacked by",
            values=["missed", "called ill"],
            sort=False,
        )
        return wide.round(0).astype("Int64")

    def checks(self) -> pd.DataFrame:
        """Return which checks of its gradients each defence fails, so that A5 proves nothing."""
        rows = []
        for defence, spec in defended.masks(self.study, self.domain).items():
            left = {
                name: self.exposed.alone(defence, name)
                for name in self.exposed.classes(defence)
                if name in self._met(defence)
            }
            fails = masks.failed(masking.read(spec), left)
            said = f"{masks.NOT_TRUSTED}: {'; '.join(fails)}" if fails else "passed"
            rows.append({"defence": DEFENCES[defence].words, "checks": said})
        return pd.DataFrame(rows).set_index("defence")

    def _met(self, defence: str) -> set[str]:
        return {e.knowledge for e in self.exposed.exposures if e.defence == defence}

    def referred(self) -> pd.DataFrame | Markdown:
        """Return the share of images that the detector refers to a human, clean and attacked."""
        if REFERRAL not in self.exposed.defences:
            return Markdown("This profile has no detector.")
        rows = []
        attackers = dict.fromkeys(
            each.attacker for each in self.exposed.exposures if each.defence == REFERRAL
        )
        for attacker in attackers:
            found = [detection.rates(each) for each in self.exposed.of(REFERRAL, attacker, NOISY)]
            mean = pd.DataFrame(found).mean()
            rows.append({"crafted on": attacker} | {n: f"{100 * v:.0f} %" for n, v in mean.items()})
        return pd.DataFrame(rows).set_index("crafted on")

    def distance(self) -> Image | Markdown:
        """Show what is left against how far networks moved from their public start."""
        found = defence_claims.distances({self.domain: self.exposed})
        if found.empty:
            return Markdown("This profile trains networks with one step size only.")
        return self.save(figures.distance(found), found, name="distance")

    def verdicts(self) -> pd.DataFrame | Markdown:
        """Return the claims on defences, with effect, interval, corrected p and verdict."""
        if self.judged.empty:
            return Markdown(NOTHING)
        return verdicts.as_frame(self.judged)

    def answer(self) -> Markdown:
        """Say what each defence gains against whom, and what it costs."""
        names = [name for name in self.exposed.defences if name != NONE]
        if not names:
            return Markdown(NOTHING)
        return self.say(
            self._sight, *((lambda name=name: self._gained(name)) for name in names), self._trusted
        )

    def _gained(self, defence: str) -> str:
        gains = {who: points(effect([self.exposed.gain(defence, who)], null=0.0)) for who in SHOWN}
        cost = effect([self.exposed.cost(defence)], null=0.0)
        return (
            f"**{_capital(DEFENCES[defence].words)}** changes what is left of the clean AUC by "
            f"{gains[COLLEAGUE]} against a colleague (A2), by {gains[INFORMED]} against one who "
            f"imitates it (A3), by {gains[OWNER]} against one who has the network (A5). The clean "
            f"AUC itself changes by {cost.value:+.3f} ({cost.low:+.3f} to {cost.high:+.3f})."
        )

    def _trusted(self) -> str:
        checks = self.checks()["checks"]
        failed = [str(name) for name, said in checks.items() if said != "passed"]
        if not failed:
            return ""
        return (
            f"**White box not trusted** for: {', '.join(failed)}. Their A5 is what these attacks "
            "found, and a better one may take more."
        )


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]
