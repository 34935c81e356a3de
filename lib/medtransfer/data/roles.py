"""Images for the assessment of a model: for its thresholds, its attackers and its test.

A table may name the role of every image; otherwise they are drawn by group.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medtransfer.data.division import divide
from medtransfer.data.images import Source
from medtransfer.data.splits import (
    ATTACKER,
    CALIBRATION,
    DEVELOPMENT,
    TEST,
    Development,
    Parts,
    for_assessment,
    published,
)
from medtransfer.errors import SplitError

if TYPE_CHECKING:
    import pandas as pd

TEST_SHARE, CALIBRATION_SHARE, VALIDATION_SHARE = 0.4, 0.1, 0.2
NAMES = (CALIBRATION, ATTACKER, DEVELOPMENT)


@dataclass(frozen=True, kw_only=True, eq=False)
class Role(Development):
    """What one side of an assessment has; all sides share the test images.

    `name` is "calibration" (the model's owner, who has these for validation and none to train),
    "attacker" (who divides theirs by `validation_share`) or "development" (the images that the
    model was made with, divided in the same way; only a table can name them).

    Attributes:
        calibration_share: of all groups, as `test_share` is; the attacker has the rest.
    """

    calibration_share: float

    @property
    def needed(self) -> tuple[str, ...]:
        """The parts that may not be empty."""
        return ("validation", "test") if self.name == CALIBRATION else super().needed

    @property
    def division(self) -> tuple[Source, int, float]:
        """What decides which images are for test."""
        return self.source, self.seed, self.test_share

    def divided(self, index: pd.DataFrame, *, labels: Sequence[str]) -> Parts:
        """Return the parts of this side, which may be empty.

        Raises:
            SplitError: the name is unknown, or the table names sets that cannot serve.
        """
        if self.name not in NAMES:
            raise SplitError(f"no role {self.name!r}; allowed: {', '.join(NAMES)}")
        table = self._table(index, labels)
        test, own = np.flatnonzero(table[TEST]), np.flatnonzero(table[self.name])
        if self.name == CALIBRATION:
            return Parts(train=own[:0], validation=own, test=test)
        share = self.validation_share
        part = self._drawn(index, labels, own, [1 - share, share], step=1)
        return Parts(train=own[part == 0], validation=own[part == 1], test=test)

    def _table(self, index: pd.DataFrame, labels: Sequence[str]) -> dict[str, np.ndarray]:
        """Return for every role a boolean array over the rows of the index."""
        named = published(index)
        everything = np.arange(len(index))
        if not named:
            rest = 1 - self.test_share - self.calibration_share
            shares = [self.test_share, self.calibration_share, rest]
            part = self._drawn(index, labels, everything, shares, step=0)
            return {
                **{name: part == n for n, name in enumerate((TEST, CALIBRATION, ATTACKER))},
                DEVELOPMENT: np.zeros(len(index), bool),
            }
        if not for_assessment(named):
            raise SplitError(
                f"the table names the sets {', '.join(sorted(named))}; an assessment needs {TEST} "
                f"and {ATTACKER}, and may have {CALIBRATION} and {DEVELOPMENT}. The manifest says "
                f"what they are called: split: {{rule: column, column: ..., {TEST}: [...], "
                f"{ATTACKER}: [...]}}; or leave it to the tool: split: {{rule: seeded}}"
            )
        table = {n: named.get(n, np.zeros(len(index), bool)) for n in (TEST, *NAMES)}
        if CALIBRATION not in named:
            inside = np.flatnonzero(table[ATTACKER])
            part = self._drawn(index, labels, inside, self._taken_from_attacker, step=2)
            table[CALIBRATION] = np.isin(everything, inside[part == 0])
            table[ATTACKER] = np.isin(everything, inside[part == 1])
        return table

    @property
    def _taken_from_attacker(self) -> list[float]:
        return [self.calibration_share, 1 - self.test_share - self.calibration_share]

    def _drawn(
        self,
        index: pd.DataFrame,
        labels: Sequence[str],
        rows: np.ndarray,
        shares: Sequence[float],
        *,
        step: int,
    ) -> np.ndarray:
        if not len(rows):
            return np.zeros(0, int)
        chosen = index.iloc[rows]
        groups, values = chosen["group"].to_numpy(str), chosen[list(labels)].to_numpy()
        seed = self.seed + 1000 * step
        return divide(groups, values, shares=shares, seed=seed, even=self.source.even)


def of(source: Source, name: str, *, seed: int = 0) -> Role:
    """Return what one side of an assessment has, with the usual shares.

    40 % are for test and 10 % for calibration; of the rest, the attacker's, a fifth is for
    validation.
    """
    return Role(
        source=source,
        name=name,
        seed=seed,
        test_share=TEST_SHARE,
        validation_share=VALIDATION_SHARE,
        calibration_share=CALIBRATION_SHARE,
    )
