"""What cells are, before any result: identity, selection, and who attacks whom with what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from medtransfer.scoring.cell import Cell
from medtransfer.units import grey_levels

if TYPE_CHECKING:
    import pandas as pd

WHITE_BOX, SAME, OTHER = "white box", "same architecture", "other architecture"
UNKNOWN = "unknown"
SIDES = ("surrogate", "target")
BASE = ("architecture", "initialization", "data")
"""The traits that every table names of a network; others where they tell two kinds apart."""


def relation(cell: Cell) -> str:
    """Return what the attacker shares with the target: itself, its architecture, or neither."""
    surrogates, target = cell.attack.surrogates, cell.target
    if target in surrogates:
        return WHITE_BOX
    known = {each.traits.get("architecture", UNKNOWN) for each in surrogates}
    return SAME if target.traits.get("architecture") in known else OTHER


@lru_cache(maxsize=1 << 16)
def _identity(cell: Cell) -> dict[str, Any]:
    target, attack, method = cell.target, cell.attack, cell.attack.method
    base = {
        "domain": target.development.source.domain,
        "method": method.name,
        "epsilon": method.epsilon,
        "grey_levels": grey_levels(method.epsilon),
        "delivery": cell.delivery,
        "relation": relation(cell),
    }
    sides = {
        f"{side}_{name}": traits.get(name, UNKNOWN)
        for side, traits in zip(SIDES, (attack.traits, target.traits), strict=True)
        for name in (*BASE, *(name for name in traits if name not in BASE))
    }
    return {**base, **sides, **method.traits, "outputs": len(target.labels)}


def identity(cell: Cell) -> dict[str, Any]:
    """Return what a cell is, as columns: every trait of its attack, surrogates and target.

    Beside `domain`, `method`, `epsilon`, `grey_levels`, `delivery`, `relation` and `outputs` these
    are `surrogate_...` and `target_...` for all traits, and the parameters of the method.
    """
    return dict(_identity(cell))


def telling_apart(cells: Iterable[Cell], *, by: Sequence[str]) -> tuple[str, ...]:
    """Return the columns `by`, and the fewest further ones without which kinds would be mixed.

    Cells may agree in all that `BASE` names of their networks though these are no replicates of
    each other: two recipes, say, or a defended target. The traits in which they differ are added;
    where they differ in none, such as the seed of their split, `surrogate_kind` or `target_kind`.
    Domains are told apart by their name alone.
    """
    cells = list(cells)
    added: tuple[str, ...] = ()
    while True:
        groups: dict[tuple[Any, ...], list[Cell]] = {}
        for cell in cells:
            groups.setdefault(values(cell, (*_FINEST, *added)), []).append(cell)
        mixed = [group for group in groups.values() if len({_pair(cell) for cell in group}) > 1]
        if not mixed:
            return (*by, *(name for name in added if name not in by))
        added = (*added, next(name for group in mixed for name in _differing(group)))


_FINEST = ("domain", *(f"{side}_{name}" for side in SIDES for name in BASE))
_KINDS = tuple(f"{side}_kind" for side in SIDES)


def _pair(cell: Cell) -> tuple[str, str]:
    """Return of which kind both sides are: what `_KINDS` name."""
    return "+".join(each.kind[:12] for each in cell.attack.surrogates), cell.target.kind[:12]


def _differing(cells: Sequence[Cell]) -> Iterator[str]:
    names = dict.fromkeys(name for cell in cells for name in _identity(cell))
    own = [name for name in names if name.startswith(tuple(f"{side}_" for side in SIDES))]
    for name in (*own, *_KINDS):
        if len({values(cell, (name,)) for cell in cells}) > 1:
            yield name


def values(cell: Cell, columns: Sequence[str]) -> tuple[Any, ...]:
    """Return a cell's values in some columns of `identity`, "" for a trait that it lacks.

    Beside these there are `surrogate_kind` and `target_kind`, which replicates share.
    """
    what = dict(zip(_KINDS, _pair(cell), strict=True)) | _identity(cell)
    return tuple(what.get(name, "") for name in columns)


def overview(cells: Iterable[Cell]) -> pd.DataFrame:
    """Return who attacks whom, with what: one row per pair of kinds, made before anything runs."""
    import pandas as pd

    cells = list(cells)
    by = telling_apart(cells, by=OVERVIEW)
    groups: dict[tuple[Any, ...], list[Cell]] = {}
    for cell in cells:
        groups.setdefault(values(cell, by), []).append(cell)
    rows = []
    for kinds, group in groups.items():
        epsilons: dict[str, set[float]] = {}
        for cell in sorted(group, key=lambda cell: cell.attack.method.name):
            method = cell.attack.method
            epsilons.setdefault(f"{method.name} at", set()).add(method.epsilon)
        rows.append(
            {
                **dict(zip(by, kinds, strict=True)),
                **{at: ", ".join(f"{e:g}" for e in sorted(each)) for at, each in epsilons.items()},
                "delivered as": ", ".join(dict.fromkeys(cell.delivery for cell in group)),
                "cells": len(group),
            }
        )
    return pd.DataFrame(rows)


OVERVIEW = tuple(f"{side}_{name}" for side in SIDES for name in ("initialization", "data"))
"""The columns that name a row of `overview`, at least."""


def select(cells: Iterable[Cell], **where: Any) -> list[Cell]:
    """Return the cells whose `identity` has these values, such as `relation="white box"`.

    Raises:
        ValueError: no cell has them.
    """
    found = matching(cells, **where)
    if not found:
        raise ValueError(f"no cell has {where}")
    return found


def matching(cells: Iterable[Cell], **where: Any) -> list[Cell]:
    """Return the cells whose `identity` has these values, none if no cell has them."""
    return [cell for cell in cells if where.items() <= _identity(cell).items()]
