"""What the store holds of a study, what is missing, and how long that may take."""

from __future__ import annotations

import json
from collections import defaultdict
from itertools import islice
from statistics import median
from typing import Any

from medtransfer import paths, store
from medtransfer.compute import sets
from medtransfer.compute.ensure import needed
from medtransfer.domains import domain as row_of
from medtransfer.executors import local
from medtransfer.networks.network import Network
from medtransfer.scoring import epsilon as choices
from medtransfer.specs import Result, Spec
from medtransfer.study import plan
from medtransfer.study.builders import Study
from medtransfer.study.factors import FACTORS

SAMPLE = 300  # results of a kind from which durations are taken
UNPREPARED, LEFT_OUT = "images are not prepared", "left out"


def epsilons(study: Study, domain: str) -> dict[str, float]:
    """Return the epsilons chosen so far, by initialization; computes nothing."""
    if domain not in study.sources:
        return {}
    specs = plan.choices(study, domain)
    return {start: choices.chosen(spec) for start, spec in specs.items() if store.has(spec)}


def chosen(study: Study, domain: str) -> bool:
    """Return whether every epsilon of a domain is chosen, on which its cells hang."""
    return len(epsilons(study, domain)) == len(study.starts)


def wanted(study: Study, domain: str, factor: str) -> list[Result]:
    """Return every result that a factor needs, as far as it is known.

    Before epsilon is chosen these are the choices and the networks: cells hang on epsilon.
    """
    specs: list[Spec] = [*plan.choices(study, domain).values()]
    if chosen(study, domain):
        specs += plan.attacks(study, domain, factor, epsilons=epsilons(study, domain))
    else:
        specs += plan.networks(study, domain, factor)
    there = store.has(study.source(domain))
    specs += (sets if there else plan).beside(study, domain, factor)
    return needed(specs)


def notebooks(study: Study) -> list[dict[str, Any]]:
    """Return one row per notebook of a factor: results it needs, and those that are missing.

    `minutes left` is the work that no notebook above does, at the speed of what the store holds,
    on the workers of this machine; NaN if nothing comparable was made yet. Until epsilon is chosen
    no cell is known, and there is more to do than is counted. A factor that the sets of a domain
    cannot serve needs nothing.
    """
    seconds, counted, rows = _durations(), set[Spec](), []
    out = sets.known_left_out(study)
    for domain, (factor, its) in ((d, item) for d in study.domains for item in FACTORS.items()):
        title = f"{row_of(domain).number}{its.number} {domain}, {factor.replace('_', ' ')}"
        if domain not in study.sources:
            rows.append({"notebook": title, "networks": UNPREPARED, "minutes left": float("nan")})
            continue
        if factor in out.get(domain, {}):
            rows.append({"notebook": title, "networks": LEFT_OUT, "minutes left": 0.0})
            continue
        specs = wanted(study, domain, factor)
        missing = [spec for spec in specs if not store.has(spec)]
        new = [spec for spec in missing if spec not in counted]
        counted |= set(new)
        left = sum(seconds.get(spec.effort, float("nan")) for spec in new)
        networks = [spec for spec in specs if isinstance(spec, Network)]
        more = "" if chosen(study, domain) else " or more"
        rows.append(
            {
                "notebook": title,
                "networks": f"{sum(map(store.has, networks))} of {len(networks)}",
                "results": f"{len(specs) - len(missing)} of {len(specs)}{more}",
                "missing": len(missing),
                "minutes left": left / 60 / local.number(),
            }
        )
    return rows


def _durations() -> dict[str, float]:
    """Return the median seconds of stored results by effort, with their part of a pass."""
    found: dict[str, list[float]] = defaultdict(list)
    for kind in paths.store().glob("[!.]*"):
        for path in islice(kind.glob("*/[!.]*/run.json"), SAMPLE):
            record = store.read_json(path)
            if "work" in record:
                found[record["effort"]].append(sum(record["work"].values()))
    return {effort: median(values) for effort, values in found.items()}


def spent(study: Study) -> dict[str, tuple[int, float]]:
    """Return where the time of a study went: kind of work -> results, minutes of one process.

    Results are counted whichever profile made them; notebooks are those executed headlessly, whose
    time includes what they computed themselves.
    """
    found: dict[str, tuple[int, float]] = {}

    def add(kind: str, seconds: float) -> None:
        number, minutes = found.get(kind, (0, 0.0))
        found[kind] = number + 1, minutes + seconds / 60

    out = sets.known_left_out(study)
    specs = (
        spec
        for domain in study.sources
        for factor in FACTORS
        if factor not in out.get(domain, {})
        for spec in wanted(study, domain, factor)
    )
    for spec in dict.fromkeys(specs):
        if store.has(spec):
            record = store.run_record(spec)
            for kind, seconds in record.get("work", {}).items():
                add(kind.split()[0], seconds)
    for path in paths.executed(study.profile.name).glob("[0-9][0-9]_*.ipynb"):
        if ".running" not in path.name:
            add("notebooks", json.loads(path.read_text())["metadata"]["papermill"]["duration"])
    return found
