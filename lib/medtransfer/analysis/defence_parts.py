"""What claims say of each defence: what is measured, and above which value.

Those of D2 to D4 stand in `analysis.learned_parts`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import neg

from medtransfer.analysis.claims import LEAST, POINTS
from medtransfer.analysis.detected import detectable
from medtransfer.analysis.exposed import Exposed
from medtransfer.analysis.replicates import Differences, less, scaled
from medtransfer.study.defences import DEFENCES, REFERRAL
from medtransfer.study.defended import COLLEAGUE, INFORMED, OWNER

CLAIMS = {
    "D1": "training on attacked images leaves more of the AUC, even against an attacker who has "
    "the network",
    "D2": "training on transferred attacks protects from such, and from no others",
    "D3": "features without weights keep half of what pre-training gains, and half the attacks out",
    "D4": "from another start attacks do not transfer, unless that start is known",
    "D5": "the farther a network moves from its public start, the less transfers to it",
    "D6": "an ensemble helps by what its members do not share",
    "D7": "transforms of the image help, but only as long as they are secret",
    "D8": "attacked images can be detected, unless the attacker knows the detector",
    "cost": "a defence costs at most 0.01 of the clean AUC",
}
DETECTION = "AUC of detection"
MARGIN = 0.01  # of the clean AUC: as much as a defence may cost
WHO = {
    COLLEAGUE: "a colleague who does not know about it",
    INFORMED: "an attacker who imitates it",
    OWNER: "an attacker who has the network",
}


@dataclass(frozen=True, kw_only=True)
class Part:
    """One thing that a claim says of one defence.

    Attributes:
        defence: a row of DEFENCES.
        part: what tells it from the claim's other parts.
        measure: what is measured in a domain.
        said: a sentence with a place for the value, without its interval.
        up, down: what follows a value above and below 0 there; "" for a value that has no sign.
        shown: what is measured -> what the sentence speaks of.
        knowledge: the class of attackers, where what they leave is compared with no defence.
        beside: other rows that the defence is compared with.
    """

    claim: str
    defence: str
    part: str
    measure: Callable[[Exposed], Differences]
    said: str
    up: str = "more"
    down: str = "less"
    shown: Callable[[float], float] = float
    knowledge: str = ""
    unit: str = POINTS
    null: float = 0.0
    least: float = LEAST
    beside: tuple[str, ...] = ()


def _left(knowledge: str, words: str) -> str:
    return (
        f"against {WHO[knowledge]}, {{}} of the clean AUC are left with {words} than without a "
        "defence"
    )


def gain(claim: str, defence: str, knowledge: str) -> Part:
    """Return that it leaves more than no defence to a class of attackers."""
    words = DEFENCES[defence].words
    return Part(
        claim=claim,
        defence=defence,
        part=f"{words}, against {WHO[knowledge]}",
        measure=lambda exposed: exposed.gain(defence, knowledge),
        said=_left(knowledge, words),
        knowledge=knowledge,
    )


def nothing(claim: str, defence: str, part: str, *, knowledge: str = COLLEAGUE) -> Part:
    """Return that it gains less than LEAST points against a class of attackers."""
    words = DEFENCES[defence].words
    return Part(
        claim=claim,
        defence=defence,
        part=f"{part} less than {LEAST:g} points (shown as a loss)",
        measure=lambda exposed: scaled(exposed.gain(defence, knowledge), -1),
        said=_left(knowledge, words),
        shown=neg,
        knowledge=knowledge,
        null=-LEAST,
        least=0.0,
    )


def secret(claim: str, defence: str) -> Part:
    """Return that who imitates it takes more than a colleague who does not know of it."""
    words = DEFENCES[defence].words
    return Part(
        claim=claim,
        defence=defence,
        part=f"{words}, what the secret is worth",
        measure=lambda exposed: less(
            exposed.gain(defence, COLLEAGUE), exposed.gain(defence, INFORMED)
        ),
        said=f"an attacker who imitates {words} takes {{}} of the clean AUC than {WHO[COLLEAGUE]}",
    )


def cost(defence: str) -> Part:
    """Return what it costs in clean AUC, as a part of the claim that it is at most MARGIN."""
    words = DEFENCES[defence].words
    return Part(
        claim="cost",
        defence=defence,
        part=words,
        measure=lambda exposed: exposed.cost(defence),
        said=f"with {words} the clean AUC is {{}}",
        up="higher",
        down="lower",
        unit="clean AUC",
        null=-MARGIN,
        least=0.0,
    )


def _found(
    part: str,
    said: str,
    measure: Callable[[Exposed], Differences],
    null: float,
    *,
    up: str = "",
    down: str = "",
    shown: Callable[[float], float] = float,
    unit: str = DETECTION,
) -> Part:
    return Part(
        claim="D8",
        defence=REFERRAL,
        part=part,
        measure=measure,
        said=said,
        up=up,
        down=down,
        shown=shown,
        unit=unit,
        null=null,
        least=0.02,
    )


_TRANSFORMS = tuple(name for name, row in DEFENCES.items() if row.claim == "D7")
PARTS = (
    *(gain("D1", "n_fgsm", knowledge) for knowledge in WHO),
    gain("D6", "two_starts", COLLEAGUE),
    secret("D6", "two_starts"),
    nothing("D6", "architectures", "several architectures gain"),
    *(gain("D7", name, COLLEAGUE) for name in _TRANSFORMS),
    *(secret("D7", name) for name in _TRANSFORMS),
    _found(
        "by an attacker who has the network",
        "attacks by someone who has the network are told from clean images with an AUC of {}",
        lambda exposed: detectable(exposed, "the network"),
        0.9,
    ),
    _found(
        "transferred ones less",
        "the AUC of detection is {} where attacks are transferred",
        lambda exposed: less(
            detectable(exposed, "the network"), detectable(exposed, "the same architecture")
        ),
        0.0,
        up="lower",
        down="higher",
    ),
    _found(
        "below 0.6 for an attacker who knows the detector",
        "attacks that know the detector are told from clean images with an AUC of {}",
        lambda exposed: _turned(detectable(exposed, "all that it compares")),
        0.4,
        shown=lambda value: 1 - value,
        unit=f"1 - {DETECTION}",
    ),
)


def _turned(found: Differences) -> Differences:
    return Differences(values=1 - found.values, draws=1 - found.draws, groups=found.groups)
