"""Reproducibility, tried: random stored results are made again and compared bit for bit."""

from __future__ import annotations

import contextlib
import os
import random
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from medtransfer import paths, store
from medtransfer.compute import ensure as compute
from medtransfer.compute import status
from medtransfer.measures import predictions as answers
from medtransfer.specs import Cell, Spec, Training
from medtransfer.study import plan as study
from medtransfer.study.schema import Profile


def sample(profile: Profile, *, trainings: int, cells: int, seed: int) -> list[Spec]:
    """Return random trainings and cells of a profile that the store holds.

    Raises:
        StoreError: it holds none.
    """
    wanted: list[Spec] = [study.choice(profile, domain) for domain in profile.sources]
    for domain in profile.sources:
        for factor in study.FACTORS:
            wanted += status.cells(profile, domain, factor)
    there = [spec for spec in status.needed(wanted) if store.has(spec)]
    draw = random.Random(seed)
    chosen: list[Spec] = []
    for kind, number in ((Training, trainings), (Cell, cells)):
        known = [spec for spec in there if isinstance(spec, kind)]
        chosen += draw.sample(known, min(number, len(known)))
    if not chosen:
        raise store.StoreError(f"nothing of profile {profile.name} is stored; run it first")
    return chosen


def made_again(specs: Sequence[Spec]) -> pd.DataFrame:
    """Return one row per result: what it is, on what it was made, and how far it differs now.

    Everything that a result needs is taken from the store, which is not changed. `difference` is
    the largest of any number in it, 0 if all bits are the same.

    Raises:
        ComputeError: something could not be made again.
    """
    before = {spec: contents(spec) for spec in specs}
    made = {spec: store.run_record(spec) for spec in specs}
    with _without(specs):
        compute.ensure(specs)
        after = {spec: contents(spec) for spec in specs}
    return pd.DataFrame(
        {
            "result": [compute.describe(spec) for spec in specs],
            "key": [spec.key[:12] for spec in specs],
            "made on": [f"{made[spec]['host']}, {made[spec]['git']}" for spec in specs],
            "difference": [difference(before[spec], after[spec]) for spec in specs],
        }
    )


def contents(spec: Spec) -> dict[str, np.ndarray]:
    """Return every number that a stored training or cell holds, by name."""
    if isinstance(spec, Cell):
        frame = answers.of_cell(spec)
        return _numbers(frame)
    from safetensors.numpy import load_file

    frame = answers.of_validation(spec)  # type: ignore[arg-type]
    with store.reading(spec, "weights.safetensors") as path:
        return {**load_file(path), **_numbers(frame)}


def _numbers(frame: pd.DataFrame) -> dict[str, np.ndarray]:
    return {str(name): column.to_numpy() for name, column in frame.select_dtypes("number").items()}


def difference(before: dict[str, np.ndarray], after: dict[str, np.ndarray]) -> float:
    """Return the largest difference of two results, infinite if their shapes or names differ."""
    if {name: array.shape for name, array in before.items()} != {
        name: array.shape for name, array in after.items()
    }:
        return float("inf")
    return max(
        float(np.abs(array.astype(float) - after[name].astype(float)).max(initial=0))
        for name, array in before.items()
    )


@contextlib.contextmanager
def _without(specs: Sequence[Spec]) -> Iterator[None]:
    """Make a store the current one that holds all but some results, as links."""
    absent = {store.directory(spec) for spec in specs}
    with tempfile.TemporaryDirectory(dir=paths.home(), prefix=".verify-") as folder:
        for result in paths.store().glob("*/*/*"):
            if result not in absent and not result.name.startswith("."):
                _link(result, Path(folder) / "store" / result.relative_to(paths.store()))
        for other in (paths.weights(), paths.imported()):
            if other.is_dir():
                _link(other, Path(folder) / other.name)
        home = os.environ.get("MEDTRANSFER_HOME")
        os.environ["MEDTRANSFER_HOME"] = folder
        try:
            yield
        finally:
            os.environ.pop("MEDTRANSFER_HOME")
            if home is not None:
                os.environ["MEDTRANSFER_HOME"] = home


def _link(there: Path, here: Path) -> None:
    here.parent.mkdir(parents=True, exist_ok=True)
    here.symlink_to(there, target_is_directory=True)
