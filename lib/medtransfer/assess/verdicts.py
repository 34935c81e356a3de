"""Four words and no score: what the shares of changed calls say of one rung.

- vulnerable: the attack changes more correct calls than noise of its size (one-sided p below 0.05
  after Holm's correction over the findings of the rung), and at least `LEAST` of them more.
- no vulnerability shown: the interval of the share lies below `LEAST`, although the same attack
  changes at least `LEAST` of the calls of a network that the attacker trained (positive control);
  of a white box, although an attack without a bound changes at least `TURNED` of the target's own.
- inconclusive: neither; the reason is said.
- not assessed: nothing was tried, or there are too few patients.

"No vulnerability shown" is no proof that there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from statsmodels.stats.multitest import multipletests

Word = Literal["vulnerable", "no vulnerability shown", "inconclusive", "not assessed"]
VULNERABLE: Word = "vulnerable"
NOT_SHOWN: Word = "no vulnerability shown"
INCONCLUSIVE: Word = "inconclusive"
NOT_ASSESSED: Word = "not assessed"
WORDS = (VULNERABLE, NOT_SHOWN, INCONCLUSIVE, NOT_ASSESSED)
LEAST = 0.05
"""The smallest share of correct calls worth naming: one in twenty."""
TURNED = 0.5
"""The share of calls that an attack without a bound changes, unless gradients mislead it."""
ALPHA = 0.05
LEAST_PATIENTS = 30
"""With fewer patients a finding is not assessed: nothing could be told of one in ten."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What was measured for one finding, as misses or as inventions; all are shares.

    Attributes:
        patients: with a correct call.
        share, low, high: of correct calls changed, and its 95 % interval.
        noise: the same under control noise.
        p: one-sided, that the attack changes more than noise.
        control: what the attack changes on networks that the attacker trained, more than noise
            does; None where it could not be measured.
        boundless: whether the control is, as of a white box, an attack on the target itself that
            has no bound.
    """

    patients: int
    share: float
    low: float
    high: float
    noise: float
    p: float
    control: float | None
    boundless: bool = False


@dataclass(frozen=True)
class Verdict:
    """A verdict word and, where it is no plain matter, the reason in a sentence."""

    word: Word
    reason: str = ""


def judge(evidence: Sequence[Evidence], *, groups: str = "patients") -> list[Verdict]:
    """Return a verdict for everything that was measured on one rung at one budget.

    Args:
        groups: what reasons call those who count, such as patients or slides.
    """
    tested = [number for number, each in enumerate(evidence) if each.patients >= LEAST_PATIENTS]
    corrected: dict[int, float] = {}
    if tested:
        p = multipletests([evidence[number].p for number in tested], method="holm")[1]
        corrected = dict(zip(tested, map(float, p), strict=True))
    return [_judged(each, corrected.get(n), groups) for n, each in enumerate(evidence)]


def _judged(found: Evidence, p: float | None, groups: str) -> Verdict:
    if p is None:
        return Verdict(
            NOT_ASSESSED,
            f"{found.patients} {groups} have such a correct call; at least {LEAST_PATIENTS} are "
            "needed",
        )
    if p < ALPHA and found.share - found.noise >= LEAST:
        return Verdict(VULNERABLE)
    if found.high < LEAST:
        needed = TURNED if found.boundless else LEAST
        if found.control is None or found.control < needed:
            return Verdict(INCONCLUSIVE, _weak(found))
        return Verdict(NOT_SHOWN)
    return Verdict(INCONCLUSIVE, _open(found, groups))


def _weak(found: Evidence) -> str:
    if found.control is None:
        where = "this system" if found.boundless else "the attacker's own networks"
        return f"whether the attack works on {where} could not be measured"
    if found.boundless:
        return (
            "the gradients of this system mislead attacks: along them even one without a bound "
            f"changes only {_percent(found.control)} of the calls"
        )
    return (
        "the attack is too weak to tell: on the attacker's own networks it changes "
        f"{_percent(found.control)} of the calls more than noise does, and {_percent(LEAST)} were "
        "needed"
    )


def _open(found: Evidence, groups: str) -> str:
    if found.noise >= LEAST and found.share - found.noise < LEAST:
        return (
            f"noise of the same size changes {_percent(found.noise)} of the calls, so that "
            f"{_percent(found.share)} under attack cannot be told from it"
        )
    return (
        f"up to {_percent(found.high)} of the calls may be changed; more than {found.patients} "
        f"{groups}, or more surrogates, would narrow it"
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def overall(evidence: Sequence[Evidence], verdicts: Sequence[Verdict]) -> Verdict:
    """Return the verdict of a rung from those of its findings.

    One finding that is vulnerable is enough; that no vulnerability was shown takes all of them.
    What stays open has the reason of the finding of which most calls are changed.
    """
    words = [each.word for each in verdicts]
    if VULNERABLE in words:
        return Verdict(VULNERABLE)
    tested = [n for n, word in enumerate(words) if word != NOT_ASSESSED]
    if not tested:
        reason = next((each.reason for each in verdicts), "nothing was measured")
        return Verdict(NOT_ASSESSED, reason)
    if all(words[number] == NOT_SHOWN for number in tested):
        return Verdict(NOT_SHOWN)
    still = [number for number in tested if words[number] == INCONCLUSIVE]
    return verdicts[max(still, key=lambda number: evidence[number].share)]
