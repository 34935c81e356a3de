"""What the store holds of a study, what is missing, and how long that may take."""

from __future__ import annotations

import json
from typing import Any

from medtransfer import paths, store
from medtransfer.compute import durations, sets
from medtransfer.compute.ensure import needed
from medtransfer.domains import domain as row_of
from medtransfer.networks.network import Network
from medtransfer.scoring import epsilon as choices
from medtransfer.specs import Result, Spec
from medtransfer.study import plan
from medtransfer.study.builders import Study
from medtransfer.study.factors import FACTORS

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
        at = epsilons(study, domain)
        specs += plan.cells(study, domain, factor, epsilons=at)
        specs += plan.further(study, domain, factor, epsilons=at)
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
    seconds, counted, rows = durations.known(), set[Spec](), []
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
        networks = [spec for spec in specs if isinstance(spec, Network)]
        more = "" if chosen(study, domain) else " or more"
        rows.append(
            {
                "notebook": title,
                "networks": f"{sum(map(store.has, networks))} of {len(networks)}",
                "results": f"{len(specs) - len(missing)} of {len(specs)}{more}",
                "missing": len(missing),
                "minutes left": durations.left(new, seconds) / 60,
            }
        )
    return rows


def in_words(minutes: float, *, whole: bool) -> str:
    """Return how long the missing results take, as far as it is known.

    Args:
        minutes: NaN if the duration of some of them is not known.
        whole: whether all of them are known; else there are more.
    """
    if minutes != minutes:
        return "no duration known yet"
    if minutes >= 1:
        return f"{'' if whole else 'at least '}{minutes:.0f} minutes left"
    if not whole:
        return "time left not known until every epsilon is chosen"
    return "less than a minute left" if minutes else "every result is stored"


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
