"""How long work takes, judged by similar work in the store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import islice
from statistics import median

from medtransfer import paths, store
from medtransfer.executors import local
from medtransfer.specs import Result

SAMPLE = 300  # results of a kind from which durations are taken


def known() -> dict[str, float]:
    """Return the median seconds of stored results by effort, with their part of a pass."""
    found: dict[str, list[float]] = defaultdict(list)
    for kind in paths.store().glob("[!.]*"):
        for path in islice(kind.glob("*/[!.]*/run.json"), SAMPLE):
            record = store.read_json(path)
            if "work" in record:
                found[record["effort"]].append(sum(record["work"].values()))
    return {effort: median(values) for effort, values in found.items()}


def left(missing: Iterable[Result], seconds: Mapping[str, float]) -> float:
    """Return the seconds that missing results take on the workers of this machine.

    NaN if nothing comparable to one of them was made yet.

    Args:
        seconds: what `known` returned.
    """
    return sum(seconds.get(spec.effort, float("nan")) for spec in missing) / local.number()
