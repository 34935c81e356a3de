"""What the report says in words: first sentences, mitigations, limits, and a pen-test's fields."""

from __future__ import annotations

from collections.abc import Sequence

from medtransfer.assess import verdicts
from medtransfer.assess.document import Assessment, Contrast, Example, Overall, RungFacts

CLASSES = dict(zip(verdicts.WORDS, ("vulnerable", "notshown", "open", "untried"), strict=True))
HALF = 0.5  # sensitivity or specificity, below which calls are mostly wrong
SHORT = {"misses": "hidden", "inventions": "invented"}


def share(value: float | None, low: float | None = None, high: float | None = None) -> str:
    """Return "12 % (8 to 17)", "12 %", or "?" where nothing could be measured."""
    if value is None:
        return "?"
    said = f"{100 * value:.0f} %"
    if low is None or high is None:
        return said
    return f"{said} ({100 * low:.0f} to {100 * high:.0f})"


def at_threshold(found: Assessment, finding: str) -> str:
    """Return what is wrong with the calls of a finding without any attack; "" if nothing is."""
    at = next((each for each in found.clean if each.finding == finding), None)
    if at is None:
        return ""
    for value, side, among, call in (
        (at.sensitivity, "sensitivity", "with", "negative"),
        (at.specificity, "specificity", "without", "positive"),
    ):
        if value is not None and value < HALF:
            return (
                f"at this threshold the model calls most test images {among} {finding} {call} "
                f"({side} {share(value)}), so that calls that no attack changes say little"
            )
    return ""


def decimals(value: float | None, low: float | None = None, high: float | None = None) -> str:
    """Return "0.90 (0.85 to 0.94)", "0.90", or "?" where there is none."""
    if value is None:
        return "?"
    return (
        f"{value:.2f}" if low is None or high is None else f"{value:.2f} ({low:.2f} to {high:.2f})"
    )


def levels(budget: int) -> str:
    """Return a budget in words: "1 grey level", "4 grey levels"."""
    return f"{budget} grey level{'s' if budget > 1 else ''}"


def points(found: Contrast) -> str:
    """Return a difference of shares as "+12 points (+5 to +19)", "?" where it is not known."""
    if found.value is None or found.low is None or found.high is None:
        return "?"
    value, low, high = (100 * each for each in (found.value, found.low, found.high))
    return f"{value:+z.0f} points ({low:+z.0f} to {high:+z.0f})"


def example(each: Example) -> str:
    """Return what a picture of a turned call shows."""
    return (
        f"**{each.finding}, {SHORT[each.kind]}** ({each.chosen}) by “{each.rung}”, image "
        f"{each.image}. Left: clean, output {each.before:.2f}. Middle: attacked, output "
        f"{each.after:.2f}. A finding is called from {each.limit:.2f} on. Right: the difference at "
        "full contrast."
    )


def summary(found: Assessment) -> list[str]:
    """Return in two or three sentences what a stranger has to know."""
    by_word: dict[str, list[RungFacts]] = {word: [] for word in verdicts.WORDS}
    for rung in found.rungs:
        by_word[rung.verdict].append(rung)
    of = f" of {found.goal}" if found.goal else ""
    said = [
        "Attackers were simulated who know more and more about this system. Each changed images by "
        f"at most {levels(found.headline)} of 255, and we counted which of the system's correct "
        f"calls{of} changed."
    ]
    if broken := by_word[verdicts.VULNERABLE]:
        said.append(_broken(found, broken))
    if held := by_word[verdicts.NOT_SHOWN]:
        said.append(
            f"No vulnerability was shown to {_all(held)}, which is no proof that there is none."
        )
    if still := by_word[verdicts.INCONCLUSIVE]:
        said.append(f"It remains open whether it is vulnerable to {_all(still)}.")
    if len(by_word[verdicts.NOT_ASSESSED]) == len(found.rungs):
        said.append("No attacker could be assessed.")
    return said


def _broken(found: Assessment, rungs: Sequence[RungFacts]) -> str:
    """Return who succeeds: of all who do, the one who knows least, and the one who changes most."""
    whole = {rung.number: at for rung in rungs if (at := overall(found, rung)) is not None}
    least, at = rungs[0], whole[rungs[0].number]
    said = (
        f"It is vulnerable to {least.who}, who changes {share(at.share, at.low, at.high)} of the "
        f"correct calls; noise of the same size changes {share(at.noise)}."
    )
    if len(rungs) == 1:
        return said
    said += f" Of the {len(rungs)} attackers who succeed, this one knows least"
    most = max(rungs, key=lambda rung: whole[rung.number].share or 0)
    if most is least:
        return f"{said} and changes most."
    at = whole[most.number]
    return f"{said}; most calls are changed by {most.who}: {share(at.share, at.low, at.high)}."


def _all(rungs: Sequence[RungFacts]) -> str:
    return "; to ".join(rung.who for rung in rungs)


def overall(found: Assessment, rung: RungFacts) -> Overall | None:
    """Return what a rung does to all calls at the budget of the first page, None if untried."""
    return next((each for each in rung.overall if each.budget == found.headline), None)


def questions(found: Assessment) -> str:
    """Return how many questions to the system its attackers need."""
    asking = [f"“{rung.name}” {rung.queries:,}" for rung in found.rungs if rung.queries]
    return f"{'; '.join(asking)}; all others none" if asking else "none"


MITIGATIONS = (
    (
        "AML.M0000, AML.M0001 Limit public release of information and of model artefacts",
        "Every fact that an attacker lacks takes a step of the ladder away: architecture, first "
        "weights, development data.",
    ),
    (
        "AML.M0003 Model Hardening",
        "Adversarial training, or training from another start than the public one; assess again.",
    ),
    (
        "AML.M0004 Restrict Number of AI Model Queries",
        "Hinders an attacker who asks the system for labels; all others ask it nothing.",
    ),
    ("AML.M0006 Ensemble Methods", "Several networks of different kinds; assess them as one."),
    (
        "AML.M0010 Input Restoration",
        "Compression or filters in the image path; put them into the chain and assess again: an "
        "attacker may know them.",
    ),
    ("AML.M0015 Adversarial Input Detection", "Not assessed here."),
)
"""Mitigations of MITRE ATLAS that bear on transferred attacks, and what each would mean here."""

OUTSIDE = (
    "attacks that are led by the system's answers to changed images",
    "patches, and changes of the body, the room or the scanner",
    "poisoned training data, stolen models, leaked training data",
    "images deeper than 8 bits, and volumes",
    "attackers with better methods than those named here",
)
"""What is not assessed."""

EXPIRY = (
    "Valid for the file with this checksum, these thresholds and this image path only; after any "
    "change assess again. “No vulnerability shown” is a statement about the attacks that were "
    "tried."
)


def penetration_test(found: Assessment) -> list[tuple[str, str]]:
    """Return the five fields that a penetration test report is asked for (FDA, V.C), filled in."""
    minutes = found.seconds / 60
    tester = found.tester
    who = "; ".join(filter(None, (tester.name, tester.independence, tester.expertise)))
    tried = [rung.name for rung in found.rungs if rung.overall]
    methods = " and ".join(dict.fromkeys(rung.method for rung in found.rungs if rung.method))
    return [
        (
            "Independence and technical expertise of testers",
            who or "not said; `tester` in the target file says it",
        ),
        (
            "Scope of testing",
            f"digital changes of {found.images.test_images:,} test images before the system; "
            f"attackers: {', '.join(tried) or 'none'}",
        ),
        ("Duration of testing", f"{minutes:.0f} minutes of computing in the last run"),
        (
            "Testing methods employed",
            f"{methods}, crafted on networks of the attacker's own; budgets "
            f"{', '.join(map(str, found.budgets))} grey levels of 255, fixed beforehand; delivered "
            "as 8-bit images through the system's image path; control noise beside each",
        ),
        (
            "Test results, findings, and observations",
            "the first page and the tables below it",
        ),
    ]


CROSSWALK = (
    ("EU AI Act, Article 15(5)", "adversarial examples or model evasion: this report"),
    ("FDA, Cybersecurity in Medical Devices (2025), V.C", "penetration testing: section 10"),
    ("FDA, draft on AI-enabled device software functions (2025)", "model evasion: this report"),
    ("AAMI CR515:2025", "threat model: section 2"),
    ("NIST AI 100-2e2025", "evasion, by knowledge of the attacker: the ladder"),
    ("OWASP AI Exchange", "evasion with zero, partial and perfect knowledge: the ladder"),
    ("MITRE ATLAS", "AML.T0015 Evade AI Model, AML.T0043.002 Black-Box Transfer"),
)
"""Which part of a rule or catalogue this report speaks to; none of them is thereby fulfilled."""
