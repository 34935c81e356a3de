"""What cells are, before any result: identity, selection, and who attacks whom with what."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from medtransfer.specs import Cell
from medtransfer.units import grey_levels

SIDES = ("surrogate_initialization", "surrogate_data", "target_initialization", "target_data")
WHITE_BOX, SAME, OTHER = "white box", "same architecture", "other architecture"


def relation(cell: Cell) -> str:
    """Return what the attacker shares with the target: itself, its architecture, or neither."""
    surrogate, target = cell.attack.surrogate, cell.target
    if surrogate == target:
        return WHITE_BOX
    return SAME if surrogate.architecture == target.architecture else OTHER


def identity(cell: Cell) -> dict[str, Any]:
    """Return what a cell is, as columns."""
    surrogate, target, attack = cell.attack.surrogate, cell.target, cell.attack
    return {
        "domain": target.development.source.domain,
        "method": attack.method.upper(),
        "epsilon": attack.epsilon,
        "grey_levels": grey_levels(attack.epsilon),
        "delivery": cell.delivery,
        "relation": relation(cell),
        "surrogate_architecture": surrogate.architecture,
        "surrogate_initialization": surrogate.initialization,
        "surrogate_data": surrogate.development.name,
        "target_architecture": target.architecture,
        "target_initialization": target.initialization,
        "target_data": target.development.name,
        "outputs": len(target.development.source.labels),
    }


def overview(cells: Iterable[Cell]) -> pd.DataFrame:
    """Return who attacks whom, with what: one row per pair of kinds, made before anything runs."""
    frame = pd.DataFrame([identity(cell) for cell in cells])
    rows = []
    for kinds, group in frame.groupby(list(SIDES), sort=False):
        epsilons = {
            f"{method} at": ", ".join(f"{epsilon:g}" for epsilon in sorted(set(part["epsilon"])))
            for method, part in group.groupby("method")
        }
        delivered = ", ".join(dict.fromkeys(group["delivery"]))
        named = dict(zip(SIDES, kinds, strict=True))
        rows.append({**named, **epsilons, "delivered as": delivered, "cells": len(group)})
    return pd.DataFrame(rows)


def select(cells: Iterable[Cell], **where: Any) -> list[Cell]:
    """Return the cells whose `identity` has these values, such as `relation="white box"`.

    Raises:
        ValueError: no cell has them.
    """
    found = [cell for cell in cells if where.items() <= identity(cell).items()]
    if not found:
        raise ValueError(f"no cell has {where}")
    return found
