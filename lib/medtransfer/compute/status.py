"""What the store holds of a study, what is missing, and how long that may take."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

from medtransfer import paths, store
from medtransfer.analysis import selection as catalogue
from medtransfer.compute import ensure as compute
from medtransfer.executors import local as workers
from medtransfer.measures import metrics
from medtransfer.measures.predictions import ATTACKED, CLEAN
from medtransfer.report.wording import DOMAIN_NUMBERS
from medtransfer.scoring import epsilon as choice
from medtransfer.specs import Cell, EpsilonChoice, Network, Spec
from medtransfer.study import plan as study
from medtransfer.study.schema import Profile

SAMPLE = 300  # results of a kind from which durations are taken


def epsilon(profile: Profile, domain: str) -> float | None:
    """Return the chosen epsilon, None if it has not been chosen yet; computes nothing."""
    spec = study.choice(profile, domain)
    return choice.chosen(spec) if store.has(spec) else None


def cells(profile: Profile, domain: str, factor: str) -> tuple[Cell, ...]:
    """Return the cells of a factor; before epsilon is chosen, the first candidate stands in."""
    chosen = epsilon(profile, domain) or profile.candidates[0]
    return study.cells(profile, domain, factor, epsilon=chosen)


def needed(specs: Iterable[Spec]) -> list[Spec]:
    """Return every stored result that some specs need, themselves included, each once."""
    found: dict[Spec, None] = {}

    def visit(spec: Spec) -> None:
        if spec in found:
            return
        if isinstance(spec, compute.STORED):
            found[spec] = None
        for above in spec.upstream():
            visit(above)

    for spec in specs:
        visit(spec)
    return list(found)


def notebooks(profile: Profile) -> pd.DataFrame:
    """Return one row per notebook of a factor: results it needs, and those that are missing.

    `minutes left` is the work that no notebook above does, at the speed of what the store holds,
    on the workers of this machine; NaN if nothing comparable was made yet.
    """
    seconds, counted, rows = _durations(), set[Spec](), []
    for domain, factor in ((d, f) for d in profile.sources for f in study.FACTORS):
        specs = needed([study.choice(profile, domain), *cells(profile, domain, factor)])
        missing = [spec for spec in specs if not store.has(spec)]
        new = [spec for spec in missing if spec not in counted]
        counted |= set(new)
        left = sum(seconds.get(_sort(spec), float("nan")) for spec in new)
        networks = [spec for spec in specs if isinstance(spec, Network)]
        rows.append(
            {
                "notebook": f"{DOMAIN_NUMBERS[domain]}{list(study.FACTORS).index(factor)} "
                f"{domain}, {factor.replace('_', ' ')}",
                "networks": f"{sum(map(store.has, networks))} of {len(networks)}",
                "results": f"{len(specs) - len(missing)} of {len(specs)}",
                "missing": len(missing),
                "minutes left": left / 60 / workers.number(),
            }
        )
    return pd.DataFrame(rows)


def _sort(spec: Spec) -> tuple[str, str]:
    """Return what results of about equal duration have in common."""
    if isinstance(spec, Network):
        return "training", spec.architecture
    if isinstance(spec, Cell):
        return "cell", spec.attack.method
    return type(spec).__name__.lower(), ""


def _durations() -> dict[tuple[str, str], float]:
    """Return the median seconds of stored results by kind; choices cost next to nothing."""
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for kind, names in (("training", ("architecture",)), ("cell", ("attack", "method"))):
        for path in islice(paths.store().glob(f"{kind}/*/[!.]*/run.json"), SAMPLE):
            spec: Any = store.read_json(path.parent / "spec.json")
            for name in names:
                spec = spec[name]
            found[kind, spec].append(store.read_json(path)["seconds"])
    known = {sort: median(values) for sort, values in found.items()}
    return {**known, (EpsilonChoice.__name__.lower(), ""): 1.0, ("phantomsource", ""): 30.0}


def spent(profile: Profile) -> pd.DataFrame:
    """Return where the time of a profile went: minutes of one process, by kind of work.

    Results are counted whichever profile made them; notebooks are those executed headlessly, whose
    time includes what they computed themselves.
    """
    rows = {kind: [0, 0.0] for kind in ("training", "crafting", "scoring", "notebooks")}

    def add(kind: str, seconds: float) -> None:
        rows[kind][0] += 1
        rows[kind][1] += seconds / 60

    specs: list[Spec] = [study.choice(profile, domain) for domain in profile.sources]
    for domain, factor in ((d, f) for d in profile.sources for f in study.FACTORS):
        specs += cells(profile, domain, factor)
    for spec in needed(specs):
        if not isinstance(spec, (Network, Cell)) or not store.has(spec):
            continue
        record = store.run_record(spec)
        if isinstance(spec, Network):
            add("training", record["seconds"])
        else:
            crafting = record.get("crafting", 0.0)
            add("crafting", crafting)
            add("scoring", record["seconds"] - crafting)
    for path in paths.executed(profile.name).glob("[0-9][0-9]_*.ipynb"):
        if ".running" not in path.name:
            add("notebooks", json.loads(path.read_text())["metadata"]["papermill"]["duration"])
    return pd.DataFrame.from_dict(rows, orient="index", columns=["results", "minutes"])


def listed(profile: Profile, domain: str, factors: Sequence[str]) -> pd.DataFrame:
    """Return one row per cell of some factors: its key, whether it is stored, and what it is."""
    chosen = dict.fromkeys(cell for name in factors for cell in cells(profile, domain, name))
    rows = [
        {"key": cell.key[:12], "stored": store.has(cell), **catalogue.identity(cell)}
        for cell in chosen
    ]
    return pd.DataFrame(rows).drop(columns=["domain", "grey_levels", "outputs"])


def shown(key: str) -> str:
    """Return what is known of one stored result: its spec, its run, its files, its AUC.

    Raises:
        StoreError: no result, or more than one, has a key that begins so.
    """
    found = [p for p in paths.store().glob(f"*/{key[:2]}/{key}*") if (p / "spec.json").is_file()]
    if len(found) != 1:
        names = ", ".join(p.name[:16] for p in found[:5]) or "none"
        raise store.StoreError(f"{len(found)} results have a key that begins with {key!r}: {names}")
    (place,) = found
    files = [f"  {path.name}  {path.stat().st_size:,} bytes" for path in sorted(place.iterdir())]
    parts = [f"{place}", *files, "", "spec", _text(place / "spec.json"), "", "run"]
    parts.append(_text(place / "run.json"))
    if place.parent.parent.name == "cell":
        parts += ["", _measured(place)]
    return "\n".join(parts)


def _text(path: Path) -> str:
    return json.dumps(store.read_json(path), indent=2)


def _measured(place: Path) -> str:
    with store.explained(place / "images.parquet") as path:
        answers = pd.read_parquet(path)
    columns = [str(name) for name in answers]
    labels = [name.removeprefix(CLEAN) for name in columns if name.startswith(CLEAN)]
    truth = answers[labels].to_numpy()
    before, after = (
        metrics.macro_auc(truth, answers[[kind + name for name in labels]].to_numpy())
        for kind in (CLEAN, ATTACKED)
    )
    percent = metrics.percent_of_clean(after, before)
    return (
        f"{len(answers)} images of {answers['group'].nunique()} groups: AUC {before:.4f} clean, "
        f"{after:.4f} attacked, {percent:.1f} % of the clean AUC"
    )
