"""What the store holds, result by result."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from medtransfer import paths, store
from medtransfer.analysis import selection
from medtransfer.compute import sets, status
from medtransfer.errors import StoreError, UsageError
from medtransfer.study import plan
from medtransfer.study.builders import Study

if TYPE_CHECKING:
    import pandas as pd


def listed(study: Study, domain: str, factors: Sequence[str]) -> pd.DataFrame:
    """Return one row per cell of some factors: its key, whether it is stored, and what it is.

    Factors that the sets of the domain cannot serve have none.

    Raises:
        UsageError: there is no such factor, or the cells are not known yet since the images are
            not prepared or epsilon is not chosen.
    """
    import pandas as pd

    for name in factors:
        plan.factor(name)
    study.source(domain)
    if not status.chosen(study, domain):
        raise UsageError(
            f"the epsilon of {domain} is not chosen yet, so its cells are unknown; "
            f"`medtransfer run {domain} {factors[0]}` chooses it"
        )
    at = status.epsilons(study, domain)
    out = sets.known_left_out(study).get(domain, {})
    served = [name for name in factors if name not in out]
    cells = dict.fromkeys(c for n in served for c in plan.cells(study, domain, n, epsilons=at))
    columns = ["method", "epsilon", "delivery", "relation"]
    rows = []
    for cell in cells:
        what = selection.identity(cell)
        sides = {n: v for n, v in what.items() if n.endswith(selection.BASE)}
        rows.append(
            {
                "key": cell.key[:12],
                "stored": store.has(cell),
                **{name: what[name] for name in columns},
                **sides,
            }
        )
    return pd.DataFrame(rows)


def shown(key: str) -> str:
    """Return what is known of one stored result: its spec, its run, its files, its AUC.

    Raises:
        StoreError: no result, or more than one, has a key that begins so.
    """
    found = [p for p in paths.store().glob(f"*/{key[:2]}/{key}*") if (p / "spec.json").is_file()]
    if len(found) != 1:
        names = ", ".join(p.name[:16] for p in found[:5]) or "none"
        raise StoreError(f"{len(found)} results have a key that begins with {key!r}: {names}")
    (place,) = found
    files = [f"  {path.name}  {path.stat().st_size:,} bytes" for path in sorted(place.iterdir())]
    parts = [f"{place}", *files, "", "spec", _text(place / "spec.json"), "", "run"]
    parts.append(_text(place / "run.json"))
    return "\n".join([*parts, *_measured(place)])


def _text(path: Path) -> str:
    return json.dumps(store.read_json(path), indent=2)


def _measured(place: Path) -> list[str]:
    """Return in words what a result's predictions are worth, nothing where it has none."""
    from medtransfer.measures import metrics, predictions

    if not (place / predictions.FILE).is_file():
        return []
    with store.explained(place / predictions.FILE) as path:
        found = predictions.read_file(path)
    before = metrics.macro_auc(found.truth, found.clean)
    said = f"{len(found)} images of {len(set(found.groups))} groups: AUC {before:.4f} clean"
    if found.attacked is not None:
        after = metrics.macro_auc(found.truth, found.attacked)
        percent = metrics.percent_of_clean(after, before)
        said += f", {after:.4f} attacked, {percent:.1f} % of the clean AUC"
    return ["", said]
