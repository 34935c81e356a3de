"""What claims D2 to D4 say: of defences that learn from other networks than their own start."""

from __future__ import annotations

from medtransfer.analysis.claims import LEAST
from medtransfer.analysis.defence_parts import Part, gain, nothing, secret
from medtransfer.analysis.exposed import CLEAN, Exposed
from medtransfer.analysis.replicates import Differences, less, scaled
from medtransfer.study.builders import ACROSS
from medtransfer.study.defences import DEFENCES, IMITATION, NONE, OF_ITS_KIND, REFERENCE
from medtransfer.study.defended import COLLEAGUE, OWNER

_START, _FEATURES = DEFENCES[ACROSS].words, DEFENCES["renofeation"].words
_PUBDEF, _ATTACKED = (DEFENCES[name].words for name in ("pubdef", "n_fgsm"))


def _above(claim: str, defence: str, share: float, words: str) -> Part:
    """Return that its clean AUC is above random's by a share of what pre-training adds to that."""

    def kept(exposed: Exposed) -> Differences:
        plain, random, own = (exposed.auc(name, CLEAN) for name in (NONE, REFERENCE, defence))
        return less(less(own, random), scaled(less(plain, random), share))

    return Part(
        claim=claim,
        defence=defence,
        part=f"{DEFENCES[defence].words}, above {words}",
        measure=kept,
        said=f"with {DEFENCES[defence].words} the clean AUC lies {{}} {words}",
        up="above",
        down="below",
        unit="clean AUC",
        least=0.0,
        beside=(REFERENCE,),
    )


def _halved(exposed: Exposed) -> Differences:
    """Return by how much more than half of what a colleague takes is lost to him."""
    left = exposed.left(NONE, COLLEAGUE)
    taken = Differences(values=100 - left.values, draws=100 - left.draws, groups=left.groups)
    return less(exposed.gain("renofeation", COLLEAGUE), scaled(taken, 0.5))


LEARNED = (
    gain("D2", "pubdef", COLLEAGUE),
    Part(
        claim="D2",
        defence="pubdef",
        part=f"{_PUBDEF}, more than {_ATTACKED}",
        measure=lambda exposed: less(
            exposed.gain("pubdef", COLLEAGUE), exposed.gain("n_fgsm", COLLEAGUE)
        ),
        said=f"against a colleague, {{}} of the clean AUC are left with {_PUBDEF} than with "
        f"{_ATTACKED}",
        knowledge=COLLEAGUE,
        beside=("n_fgsm",),
    ),
    secret("D2", "pubdef"),
    nothing("D2", "pubdef", "against an attacker who has the network, gain", knowledge=OWNER),
    _above("D3", "renofeation", 0.5, "the middle between random weights and pre-trained ones"),
    Part(
        claim="D3",
        defence="renofeation",
        part=f"{_FEATURES}, half of what a colleague takes",
        measure=_halved,
        said=f"{_FEATURES} keep {{}} of the clean AUC from a colleague than half of "
        "what a colleague takes without a defence",
        knowledge=COLLEAGUE,
    ),
    secret("D3", "renofeation"),
    gain("D4", ACROSS, COLLEAGUE),
    Part(
        claim="D4",
        defence=ACROSS,
        part=f"{_START}, as much as random weights",
        measure=lambda exposed: less(
            exposed.left(ACROSS, COLLEAGUE), exposed.left(REFERENCE, COLLEAGUE)
        ),
        said=f"against a colleague, {{}} of the clean AUC are left with {_START} than with random "
        "weights",
        knowledge=COLLEAGUE,
        null=-LEAST,
        least=0.0,
        beside=(REFERENCE,),
    ),
    _above("D4", ACROSS, 0.0, "random weights"),
    secret("D4", ACROSS),
    Part(
        claim="D4",
        defence=ACROSS,
        part=f"{_START}, the very start more than one of its kind",
        measure=lambda exposed: less(
            exposed.left_by(ACROSS, OF_ITS_KIND), exposed.left_by(ACROSS, IMITATION)
        ),
        said="an attacker who has this very start takes {} of the clean AUC than one "
        "who has a start of its kind",
    ),
)
