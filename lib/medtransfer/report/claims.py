"""Claims C6 to C9, on stronger attackers, in sentences that a clinician understands."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """A claim in words: what holds if it is supported, refuted, or if its opposite holds.

    Attributes:
        yes, no, reversed: clauses without a full stop; `{part}` is where its part is named.
        unit: of its number.
    """

    yes: str
    no: str
    reversed: str
    unit: str


_LEFT = "points more of the clean AUC are left"
_HIM = "an attacker with the strongest method that was tried"
_IT = "against the strongest method that was tried"
STRONGER = {
    "C6": Words(
        yes=f"networks from random weights lose less than pre-trained ones even to {_HIM}{{part}}",
        no=f"networks from random weights lose about as much as pre-trained ones to {_HIM}{{part}}",
        reversed=f"networks from random weights lose more than pre-trained ones to {_HIM}{{part}}",
        unit=_LEFT,
    ),
    "C7": Words(
        yes=f"even {_HIM} does less harm without the images that a system was developed on{{part}}",
        no=f"{_HIM} does about as much harm without the images that a system was developed on as "
        "with them{part}",
        reversed=f"{_HIM} does more harm without the images that a system was developed on than "
        "with them{part}",
        unit=_LEFT,
    ),
    "C8": Words(
        yes=f"even {_HIM} does less harm without a system's images and architecture than without "
        "its images alone{part}",
        no=f"{_HIM} does about as much harm without a system's images and architecture as without "
        "its images alone{part}",
        reversed=f"{_HIM} does more harm without a system's images and architecture than without "
        "its images alone{part}",
        unit=_LEFT,
    ),
    "C9": Words(
        yes=f"{{part}} against the paper's attack (PGD) also protects more than the next {_IT}",
        no=f"{{part}} against the paper's attack (PGD) protects about as much as the next {_IT}",
        reversed=f"{{part}} against the paper's attack (PGD) protects less than the next {_IT}",
        unit="points more of the clean AUC than the next",
    ),
}
PARTS = {
    "first over second": "the protection that ranks first",
    "second over third": "the protection that ranks second",
}
BOTH = {("first over second", "second over third"): "each protection, in the order of their ranks"}
