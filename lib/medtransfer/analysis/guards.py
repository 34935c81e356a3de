"""What a test of a claim needs: room to fall and to rise, targets above chance, replicates.

A comparison that fails here gets no p-value and so no part in Holm's correction (protocol, section
5, point 10): its verdict says why nothing can be said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from medtransfer.analysis import statistics
from medtransfer.analysis.scores import reached
from medtransfer.analysis.selection import UNKNOWN
from medtransfer.analysis.sentences import number, percent
from medtransfer.networks.network import Network
from medtransfer.networks.trained import IMAGENET, RANDOM
from medtransfer.scoring.cell import Cell

NO_ROOM, AT_CHANCE, ONE_TRAINING = "no room", "at chance", "one training"
TOO_FEW = "too few points"
FLOOR = 5.0
"""At most so many % of the clean AUC: nearly every ill image ranks below nearly every other one,
whatever the surrogate, and what is left is noise."""
CEILING = 98.0
"""At least so many %: less is left to take than the 2 points that are the smallest effect worth
naming, and than retraining a network changes."""

Guard = tuple[str, str]  # a verdict, and a clause that says why


def at_chance(cells: Iterable[Cell], *, resamples: int) -> Guard | None:
    """Return why some targets are at chance, None if no target is.

    A kind of target is at chance if the 95 % interval of its clean AUC (mean over its trainings,
    interval over groups of images) does not exclude 0.5.
    """
    blind = [
        f"{_named(each.network)}: {each.said}"
        for each in reached(cells, resamples=resamples)
        if each.at_chance
    ]
    if not blind:
        return None
    return AT_CHANCE, (
        f"the clean AUC of targets does not exclude chance (0.5), so an attack has nothing to take "
        f"({'; '.join(sorted(blind))})"
    )


def _named(network: Network) -> str:
    traits = network.traits
    start = {IMAGENET: "pre-trained", RANDOM: "random"}.get(str(traits.get("initialization")))
    told = [start, traits.get("architecture", UNKNOWN), "on", traits.get("data", UNKNOWN)]
    return " ".join(str(each) for each in told if each)


def no_room(sides: Sequence[statistics.Pairs]) -> Guard | None:
    """Return why two sides cannot be told apart: both leave nearly nothing, or nearly all."""
    left = [statistics.mean(side).value for side in sides]
    both = " and ".join(percent(each) for each in left)
    if max(left) <= FLOOR:
        return NO_ROOM, f"the attack leaves {both} of the clean AUC: it takes all from both"
    if min(left) >= CEILING:
        return NO_ROOM, f"the attack leaves {both} of the clean AUC: it takes nothing from either"
    return None


def one_training(effect: statistics.Effect, *, unit: str) -> Guard | None:
    """Return why an effect cannot be tested: some kind of network was trained only once."""
    if effect.replicated:
        return None
    return ONE_TRAINING, (
        "a kind of network was trained only once, and another seed might give another answer "
        f"(here {number(effect.value)} {unit})"
    )
