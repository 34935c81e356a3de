"""The eight checks of whether the gradients of a defended network can be trusted."""

from __future__ import annotations

from collections.abc import Mapping

from medtransfer.scoring.masking import (
    HALF,
    LARGE,
    NOISE,
    ONE_STEP,
    PGD,
    RANDOM_STARTS,
    TWICE,
    WITHOUT,
    ZERO,
)
from medtransfer.scoring.masking import NONE as CLEAN

SLACK = 0.02  # of the AUC, or 2 points of the clean one
REACHED = 0.05  # an AUC that an attack without a budget goes below
NOT_TRUSTED = "white box not trusted"


def failed(measured: Mapping[str, float], left: Mapping[str, float]) -> list[str]:
    """Return in words which checks fail; none where the white box can be trusted.

    Args:
        measured: AUC by attack (see `scoring.masking.read`).
        left: % of the clean AUC that each class of attackers leaves, A5 among them. An owner who
            also has what others have leaves at most what they leave.
    """
    owner = left.get("A5", float("nan"))
    others = [value for name, value in left.items() if name not in ("A0", "A5")]
    checks = {
        "an attack without a budget leaves an AUC": measured[LARGE] > REACHED,
        "a larger epsilon or more steps leave more": not (
            _at_most(measured[PGD], measured[HALF])
            and _at_most(measured[TWICE], measured[PGD])
            and _at_most(measured[PGD], measured[CLEAN])
        ),
        "another network attacks better than its own": any(
            owner > other + 100 * SLACK for other in others
        ),
        "one step attacks better than many": not _at_most(measured[PGD], measured[ONE_STEP]),
        "some images have no gradient": measured[ZERO] > 0,
        "random starts attack better": not _at_most(measured[PGD], measured[RANDOM_STARTS]),
        "an attack without gradients is better": not _at_most(measured[PGD], measured[WITHOUT]),
        "uniform noise attacks better": not _at_most(measured[PGD], measured[NOISE]),
    }
    return [words for words, fails in checks.items() if fails]


def _at_most(first: float, second: float) -> bool:
    """Return whether the first AUC is no higher than the second; nothing is known of NaN."""
    return not first > second + SLACK
