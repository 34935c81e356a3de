"""Reproducibility, tested: random stored results are recomputed and compared bit for bit."""

from __future__ import annotations

import contextlib
import os
import random
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from medtransfer import paths, store
from medtransfer.compute import status
from medtransfer.compute.ensure import ensure
from medtransfer.errors import StoreError
from medtransfer.scoring.cell import Cell
from medtransfer.specs import Result
from medtransfer.study.builders import Study
from medtransfer.study.factors import FACTORS

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def sample(study: Study, *, networks: int, cells: int, seed: int) -> list[Result]:
    """Return random networks and cells of a study that the store holds.

    Raises:
        StoreError: it holds none.
    """
    from medtransfer.networks.network import Network

    wanted = (
        spec
        for domain in study.sources
        for factor in FACTORS
        for spec in status.wanted(study, domain, factor)
    )
    there = [spec for spec in dict.fromkeys(wanted) if store.has(spec)]
    draw = random.Random(seed)
    chosen: list[Result] = []
    for kind, number in ((Network, networks), (Cell, cells)):
        known = [spec for spec in there if isinstance(spec, kind)]
        chosen += draw.sample(known, min(number, len(known)))
    if not chosen:
        raise StoreError(f"no result of profile {study.profile.name} is stored; run it first")
    return chosen


def made_again(specs: Sequence[Result]) -> pd.DataFrame:
    """Return one row per result: what it is, where it was computed, and how far it differs now.

    Everything that a result needs is taken from the store, which is not changed. `difference` is
    the largest of any number in it, 0 if all bits are the same.

    Raises:
        ComputeError: something could not be made again.
    """
    import pandas as pd

    before = {spec: contents(spec) for spec in specs}
    made = {spec: store.run_record(spec) for spec in specs}
    with _without(specs):
        ensure(specs)
        after = {spec: contents(spec) for spec in specs}
    return pd.DataFrame(
        {
            "result": [spec.title for spec in specs],
            "key": [spec.key[:12] for spec in specs],
            "made on": [f"{made[spec]['host']}, {made[spec]['git']}" for spec in specs],
            "difference": [difference(before[spec], after[spec]) for spec in specs],
        }
    )


def contents(spec: Result) -> dict[str, np.ndarray]:
    """Return every number in the files of a stored result, by file and name."""
    found: dict[str, np.ndarray] = {}
    for name in sorted(path.name for path in store.find(spec).iterdir()):
        if reader := _READERS.get(Path(name).suffix):
            with store.reading(spec, name) as path:
                found |= {f"{name}: {key}": value for key, value in reader(path).items()}
    return found


def _tensors(path: Path) -> dict[str, np.ndarray]:
    from safetensors.numpy import load_file

    return load_file(path)


def _table(path: Path) -> dict[str, np.ndarray]:
    import pandas as pd

    frame = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
    return {str(name): column.to_numpy() for name, column in frame.select_dtypes("number").items()}


def _array(path: Path) -> dict[str, np.ndarray]:
    import numpy as np

    return {"": np.load(path, mmap_mode="r", allow_pickle=False)}


_READERS = {".safetensors": _tensors, ".parquet": _table, ".csv": _table, ".npy": _array}


def difference(before: dict[str, np.ndarray], after: dict[str, np.ndarray]) -> float:
    """Return the largest difference of two results, infinite if their shapes or names differ."""
    import numpy as np

    if {name: array.shape for name, array in before.items()} != {
        name: array.shape for name, array in after.items()
    }:
        return float("inf")
    worst = 0.0
    for name, array in before.items():
        first, second = array.astype(float), after[name].astype(float)
        other = (first != second) & ~(np.isnan(first) & np.isnan(second))
        distance = np.abs(first[other] - second[other])
        worst = max(worst, float(np.where(np.isnan(distance), np.inf, distance).max(initial=0)))
    return worst


@contextlib.contextmanager
def _without(specs: Sequence[Result]) -> Iterator[None]:
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
