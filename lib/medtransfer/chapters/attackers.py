"""Stronger attackers: which protections still hold, and what questions to the target are worth."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import pandas as pd
from IPython.display import Image, Markdown

from medtransfer.analysis import attacker_claims, protections, questions
from medtransfer.analysis.attacked import START, Attacked
from medtransfer.analysis.protections import REFERENCE
from medtransfer.analysis.selection import OTHER, SAME, matching
from medtransfer.attacks.delivery import FLOAT
from medtransfer.chapters.chapter import Chapter
from medtransfer.compute.attacked import attacked
from medtransfer.compute.ensure import ensure
from medtransfer.errors import UsageError
from medtransfer.report import figures, matched, tables
from medtransfer.report.sentences import effect
from medtransfer.report.wording import AT_CHANCE, left_of_clean, named, percent
from medtransfer.scoring.queries import Queries
from medtransfer.study import attackers

NOTHING = "This profile names no stronger attackers."
NO_PAIRS = "This profile has no pairs with and without a protection."
OWN = "AUC left of the attacker's own networks, % of clean"
NO_QUESTIONS = "In this profile, no attacker asks the target."


class Attackers(Chapter):
    """Stronger methods, several surrogates, and questions to the target."""

    factor = "attackers"

    @cached_property
    def attacked(self) -> Attacked:
        """The cells of the factor, and what attackers could try before; missing ones are made."""
        return attacked(self.study, {self.domain: self.cells}, {self.domain: self.epsilons})[
            self.domain
        ]

    @cached_property
    def searches(self) -> tuple[Queries, ...]:
        """The searches that ask the target; whatever is missing is asked."""
        found = tuple(attackers.searches(self.study, self.domain, self.epsilons))
        ensure(found)
        return found

    def tried(self) -> pd.DataFrame:
        """Return what each attacker spends, and what he leaves of his own other networks.

        On validation images, the strongest first: what he can know before he attacks.
        """
        tried = self.attacked.rehearsals
        left = protections.rehearsed(tried, **{START: self.study.starts[0]})
        kinds = {
            _kind(start, relation, self.study.starts[0]): own
            for (start, relation), own in self._rehearsed().items()
        }
        spent = {name: own[0].attack for name, own in protections.attackers(tried).items()}
        rows = [
            {
                "attacker": name,
                "gradients of an image": spent[name].gradients,
                "surrogates": len(spent[name].surrogates),
                OWN: f"{value:.0f} %",
                **{each: _percent(own, name) for each, own in kinds.items()},
            }
            for name, value in zip(map(str, left.index), left, strict=True)
        ]
        names = ["attacker", *(rows[0] if rows else ())]
        return pd.DataFrame(rows, columns=list(dict.fromkeys(names))).set_index("attacker")

    @cached_property
    def found(self) -> pd.DataFrame:
        """What each protection is worth against each attacker (see `analysis.protections`)."""
        attacks = self.attacked
        return protections.table(
            attacks.cells, matched=attacks.matched, resamples=self.settings.resamples
        )

    def protections(self) -> pd.DataFrame | Markdown:
        """Return what each attacker leaves without and with each protection, and the difference."""
        if self.found.empty:
            return Markdown(NO_PAIRS)
        rows = [
            {
                "attacker": row["attacker"],
                "protection": row["protection"],
                "gradients": row["gradients"],
                **_worth(row),
                "rms": f"{row['rms']:.4f}",
                "SSIM": f"{row['ssim']:.3f}",
            }
            for row in self.found.to_dict("records")
        ]
        return pd.DataFrame(rows).set_index(["attacker", "protection"])

    def dumbbells(self) -> Image | Markdown:
        """Show what each protection leaves of every attacker."""
        if self.found.empty:
            return Markdown(NO_PAIRS)
        return self.save(figures.dumbbells(self.found), self.found, name="dumbbells")

    def controls(self) -> pd.DataFrame:
        """Return what the same perturbations leave when they are shuffled, or another image's."""
        found = protections.controls(self.cells, resamples=self.settings.resamples)
        said = found[["attacker", "delivery"]].copy()
        said[tables.LEFT] = [left_of_clean(row) for row in found.to_dict("records")]
        said["rms"], said["SSIM"] = found["rms"].round(4), found["ssim"].round(3)
        return tables.readable(said, index=["attacker", "delivery"])

    @cached_property
    def judged(self) -> pd.DataFrame:
        """Claims C6 to C9 in this domain (see `analysis.attacker_claims`)."""
        own = {self.domain: self.attacked}
        return attacker_claims.judge(own, resamples=self.settings.resamples)

    @cached_property
    def evened(self) -> pd.DataFrame:
        """The same of the strongest attacker at the strength of PGD; empty without him."""
        own = {self.domain: self.attacked}
        return attacker_claims.judge_matched(own, resamples=self.settings.resamples)

    def verdicts(self) -> pd.DataFrame | Markdown:
        """Return claims C6 to C9 in this domain, with effect, interval, corrected p and verdict."""
        if self.judged.empty:
            return Markdown(NO_PAIRS)
        return matched.as_frame(self.judged, self.evened)

    @cached_property
    def curves(self) -> pd.DataFrame:
        """How far questions take an attacker (see `analysis.questions`)."""
        return questions.curves(self.searches, resamples=self.settings.resamples)

    def questions(self) -> Image | Markdown:
        """Show what is left after so many questions about each image."""
        if not self.searches:
            return Markdown(NO_QUESTIONS)
        return self.save(figures.questions(self.curves), self.curves, name="questions")

    def answer(self) -> Markdown:
        """Say who is strongest, what still protects, in which order, and for how many questions."""
        if not self.settings.attackers:
            return self.say(lambda: NOTHING)
        return self.say(
            self._sight,
            self._claims,
            self._strongest,
            self._at_equal_strength,
            self._used_up,
        )

    def _strongest(self) -> str:
        rows = []
        for (start, relation), left in self._rehearsed().items():
            name = self.attacked.strongest[start, relation]
            kind = _kind(start, relation, self.study.starts[0])
            rows.append(f"| {kind} | **{name}** | {left[name]:.0f} % | {left[REFERENCE]:.0f} % |")
        if not rows:
            raise UsageError("in this profile the attacker has no other network to test on")
        head = "| the attacker's own networks | strongest | leaves of the clean AUC |"
        return "\n".join([f"{head} {REFERENCE} leaves |", "|:---|:---|---:|---:|", *rows])

    def _rehearsed(self) -> dict[tuple[str, str], pd.Series]:
        """Return what each attacker leaves of networks of one start and relation, if there are."""
        tried = self.attacked.rehearsals
        found = {
            (start, relation): protections.rehearsed(tried, **{START: start, "relation": relation})
            for start, relation in self.attacked.strongest
        }
        return {kind: left for kind, left in found.items() if len(left)}

    def _claims(self) -> str:
        """Return every claim with its verdict and effect, a line each; folded below, why."""
        lines, reasons = [], dict[str, list[str]]()
        for row in self.judged.to_dict("records"):
            name = ", ".join(filter(None, (row["claim"], row["part"])))
            points = f", {effect(row)} points" if effect(row) else ""
            lines.append(f"- {_sentence(row['says'])[:-1]}: **{row['verdict']}**{points} ({name}).")
            reasons.setdefault(row["why"], []).append(name)
        why = [f"- {'; '.join(names)}: {_sentence(each)}" for each, names in reasons.items()]
        folded = ["<details><summary>Why</summary>", "\n".join(why), "</details>"]
        return "\n\n".join(["\n".join(lines), *folded]) if lines else ""

    def _at_equal_strength(self) -> str:
        return matched.said({self.domain: self.attacked}, self.judged, self.evened)

    def _used_up(self) -> str:
        if not self.searches:
            return NO_QUESTIONS
        begun = f"square from {REFERENCE}"
        targets = {spec.target for spec in self.searches}
        where = {"method": REFERENCE, "delivery": FLOAT, "relation": SAME, "surrogate_data": "d2"}
        cells = [cell for cell in matching(self.cells, **where) if cell.target in targets]
        self.select(**{**where, "relation": OTHER})
        self._refuse_chance(cells)
        value, low, high = questions.used_up(
            self.searches, cells, begun=begun, resamples=self.settings.resamples
        )
        most = self.searches[0].checkpoints[-1]
        needed, *ends = (_number(each, most) for each in (value, low, high))
        interval = f" ({ends[0]} to {ends[1]})" if {*ends} != {needed} else ""
        return (
            f"An attacker whose surrogate has another architecture needs **{needed} questions** "
            f"about each image{interval} to do as much harm by {REFERENCE} as one who knows the "
            "architecture and asks nothing."
        )


def _kind(start: str, relation: str, first: str) -> str:
    return relation if start == first else f"{relation}, {named(start)}"


def _percent(left: pd.Series, name: str) -> str:
    return f"{left[name]:.0f} %" if name in left else ""


def _worth(row: Mapping[Any, Any]) -> dict[str, str]:
    """Return in words what is left without and with a protection; of targets at chance nothing."""
    blind = row["at_chance"]
    return {
        "left without": AT_CHANCE if blind else percent(row, "without"),
        "left with": AT_CHANCE if blind else percent(row, "with"),
        "points": "" if blind else _points(row, "value", "low", "high"),
        "more than against PGD": ""
        if blind
        else _points(row, "change", "change_low", "change_high"),
        "logits move, with / without": ""
        if blind or row["ratio"] != row["ratio"]
        else f"{row['ratio']:.2f}",
    }


def _points(row: Mapping[Any, Any], name: str, low: str, high: str) -> str:
    if row.get(name) is None or row[name] != row[name]:
        return ""
    return f"{row[name]:+z.0f} ({row[low]:+z.0f} to {row[high]:+z.0f})"


def _sentence(clause: str) -> str:
    return f"{clause[0].upper()}{clause[1:]}."


def _number(questions: float, most: int) -> str:
    return f"more than {most}" if questions > most else f"{questions:.0f}"
