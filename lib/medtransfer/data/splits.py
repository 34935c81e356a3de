"""Development sets, halves and parts of them, and the test set, divided by group (protocol, 2)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from medtransfer.data.division import divide
from medtransfer.data.images import Source
from medtransfer.data.schema import numbered
from medtransfer.errors import SplitError
from medtransfer.specs import Spec

if TYPE_CHECKING:
    import pandas as pd

NAMES = ("d1", "d1/2", "d1/4", "d1/10", "d2", "d2/2")
SHARES = {"d1/2": 1 / 2, "d1/4": 1 / 4, "d1/10": 1 / 10}  # of both parts of d1
TRAIN, VALIDATION, TEST = "train", "val", "test"
DEVELOPMENT = "development"  # kept apart from test images by a source, but not divided
CALIBRATION, ATTACKER = "calibration", "attacker"
ROLES = (TEST, CALIBRATION, ATTACKER, DEVELOPMENT)


@dataclass(frozen=True, kw_only=True, eq=False)
class Development(Spec):
    """A development set: one of `NAMES`, which hold those of the paper (protocol, section 2).

    Groups stay whole: `test_share` of all images, `validation_share` of those of each half.
    """

    source: Source
    name: str
    seed: int
    test_share: float
    validation_share: float

    @property
    def needed(self) -> tuple[str, ...]:
        """The parts that may not be empty."""
        return ("train", "validation", "test")

    @property
    def division(self) -> tuple[Source, int, float]:
        """What decides which images are for test."""
        return self.source, self.seed, self.test_share

    def divided(self, index: pd.DataFrame, *, labels: Sequence[str]) -> Parts:
        """Return the parts of this set (see `parts`), which may be empty.

        Raises:
            SplitError: the name is unknown, or the published split cannot serve.
        """
        if self.name not in NAMES:
            raise SplitError(f"no development set {self.name!r}; allowed: {', '.join(NAMES)}")
        table = _membership(index, labels=labels, development=self)
        chosen = (*(f"{self.name}:{part}" for part in _PARTS), TEST)
        return Parts(*(np.flatnonzero(table[each]) for each in chosen))


@dataclass(frozen=True)
class Parts:
    """Rows of a prepared source (int64, sorted) for training, validation and test."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def parts(index: pd.DataFrame, *, labels: Sequence[str], development: Development) -> Parts:
    """Return the parts of one development set, and the test set that all of them share.

    d1 and d2 are disjoint halves; d1/2, d1/4 and d1/10 are shares of both parts of d1; d2/2 is half
    of the training part of d2, with the validation part of d2. Where the index has a published
    split, it is followed, and only sets that it does not name are drawn from their parents. It may
    name the test images alone, and call all others `development`.

    Raises:
        SplitError: a part would be empty, a group lies in two parts, or the name is unknown.
    """
    found = development.divided(index, labels=labels)
    _check(index, found, development)
    return found


_PARTS = (TRAIN, VALIDATION)


def _membership(
    index: pd.DataFrame, *, labels: Sequence[str], development: Development
) -> dict[str, np.ndarray]:
    """Return for "test", "d1:train", ... a boolean array over the rows of the index."""
    groups, values = index["group"].to_numpy(str), index[list(labels)].to_numpy()
    published = _published(index["split"].to_numpy(str))
    if for_assessment(published):
        found = ", ".join(sorted(published))
        raise SplitError(f"the split, {found}, is for an assessment; a study needs {DEVELOPMENT}")

    def draw(rows: np.ndarray, shares: Sequence[float], step: int) -> list[np.ndarray]:
        inside = np.flatnonzero(rows)
        if not len(inside):
            return [rows] * len(shares)
        part = divide(
            groups[inside],
            values[inside],
            shares=shares,
            seed=development.seed + 1000 * step,
            even=development.source.even,
        )
        return [_mask(len(index), inside[part == number]) for number in range(len(shares))]

    table = dict(published)
    if "d1:train" not in published:
        if published:
            halves = draw(published[DEVELOPMENT], [0.5, 0.5], 0)
        else:
            rest = 1 - development.test_share
            shares = [development.test_share, rest / 2, rest / 2]
            table[TEST], *halves = draw(np.ones(len(index), bool), shares, 0)
        for step, (name, half) in enumerate(zip(("d1", "d2"), halves, strict=True), start=1):
            share = development.validation_share
            table[f"{name}:{TRAIN}"], table[f"{name}:{VALIDATION}"] = draw(
                half, [1 - share, share], step
            )
    for name, share in SHARES.items():
        for step, part in enumerate(_PARTS, start=3):
            # A published share names only what it holds: an absent part is drawn, others kept.
            drawn = draw(table[f"d1:{part}"], [share, 1 - share], step)[0]
            table.setdefault(f"{name}:{part}", drawn)
    table.setdefault(f"d2/2:{TRAIN}", draw(table[f"d2:{TRAIN}"], [0.5, 0.5], 5)[0])
    table.setdefault(f"d2/2:{VALIDATION}", table[f"d2:{VALIDATION}"])
    _check_published(table, groups)
    return table


def _published(entries: np.ndarray) -> dict[str, np.ndarray]:
    sets = [frozenset(filter(None, entry.split(";"))) for entry in entries]
    if not (names := sorted(frozenset().union(*sets))):
        return {}
    allowed = {TEST, *(f"{name}:{part}" for name in NAMES for part in _PARTS)}
    needed = {TEST, *(f"{name}:{part}" for name in ("d1", "d2") for part in _PARTS)}
    served = set(names) == {TEST, DEVELOPMENT} or for_assessment(names)
    if not served and (set(names) - allowed or needed - set(names)):
        raise SplitError(
            f"the given split names {', '.join(names)}; needed are {', '.join(sorted(needed))}, "
            f"allowed {', '.join(sorted(allowed))}; or {TEST} and {DEVELOPMENT} alone. Where a "
            "column has other names, the manifest says what they are: split: {rule: column, "
            "column: ..., development: [train, val], test: [test]}"
        )
    return {name: np.array([name in entry for entry in sets]) for name in names}


def for_assessment(names: Collection[str]) -> bool:
    """Return whether sets are those of an assessment, one of which a study has not."""
    return {*names} <= {*ROLES} and TEST in names and bool({*names} & {CALIBRATION, ATTACKER})


def published(index: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return the sets that an index names, as boolean arrays over its rows; {} if it names none.

    Raises:
        SplitError: it names others than a study has, lacks some, or a group lies in two of them.
    """
    groups = index["group"].to_numpy(str)
    found = _published(index["split"].to_numpy(str))
    whole = [*ROLES, *(f"{name}:{part}" for name in ("d1", "d2") for part in _PARTS)]
    members = {name: {*groups[found[name]]} for name in whole if name in found}
    for (first, some), (second, others) in combinations(members.items(), 2):
        if shared := sorted(some & others):
            raise SplitError(
                f"the given split has {numbered(len(shared), 'group')} in both {first} and "
                f"{second}: {', '.join(shared[:5])}. A group (a patient) may lie in one of them; "
                "`split: {rule: seeded}` draws sets that divide none"
            )
    return found


def _check_published(table: dict[str, np.ndarray], groups: np.ndarray) -> None:
    """Refuse a published split whose halves share a group or whose smaller sets leave theirs."""
    halves = [
        {*groups[table[f"{name}:{TRAIN}"] | table[f"{name}:{VALIDATION}"]]} for name in ("d1", "d2")
    ]
    if shared := sorted(halves[0] & halves[1]):
        listed = ", ".join(shared[:5])
        raise SplitError(f"the given split has groups in both d1 and d2: {listed}")
    for small, large in (*((name, "d1") for name in SHARES), ("d2/2", "d2")):
        for part in _PARTS:
            outside = table[f"{small}:{part}"] & ~table[f"{large}:{part}"]
            if outside.any():
                raise SplitError(
                    f"the given split has {outside.sum()} images in {small}:{part} that are "
                    f"not in {large}:{part}"
                )


def _mask(length: int, rows: np.ndarray) -> np.ndarray:
    mask = np.zeros(length, bool)
    mask[rows] = True
    return mask


def _check(index: pd.DataFrame, found: Parts, development: Development) -> None:
    name = development.name
    members = {part: set(index["group"].iloc[rows]) for part, rows in vars(found).items()}
    for part, groups in members.items():
        if not groups and part in development.needed:
            raise SplitError(f"{name}: the {part} part is empty; the source has too few groups")
        for other, others in members.items():
            shared = sorted(groups & others)
            if part < other and shared:
                raise SplitError(f"{name}: groups {shared[:5]} lie in both {part} and {other}")
