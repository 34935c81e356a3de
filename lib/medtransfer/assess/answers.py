"""The answers image by image: one long table, from which every number can be counted again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from medtransfer.assess import plan
from medtransfer.assess.plan import Step
from medtransfer.assess.setting import Setting
from medtransfer.measures import predictions

if TYPE_CHECKING:
    import pandas as pd

FILE = "answers.parquet"


def table(setting: Setting, steps: Sequence[Step], methods: dict[str, str]) -> pd.DataFrame:
    """Return a row for every rung, surrogate, budget, delivery, test image and finding.

    Columns: `rung`, `surrogate` (its place, from 0), `budget` (grey levels), `delivery` ("8-bit",
    or "control" for noise), `image`, `group`, `finding`, `truth` (0 or 1), `clean` and `attacked`
    (scores), `limit` (from where on the finding is called), `correct` (whether the clean call is)
    and `changed` (whether the attack changes it).

    Args:
        methods: identifier of a rung -> method of its attacks.
    """
    import pandas as pd

    labels, limits = setting.target.labels, setting.limits
    parts = []
    for step in (each for each in steps if each.surrogates):
        name = step.rung.identifier
        for at, cell in plan.cells(setting, step, method=methods[name]).items():
            found = predictions.read(cell)
            for k, finding in enumerate(labels):
                before, after = found.clean[:, k] >= limits[k], found.after[:, k] >= limits[k]
                part = {
                    "rung": name,
                    "surrogate": at.surrogate,
                    "budget": at.budget,
                    "delivery": at.delivery,
                    "image": found.images,
                    "group": found.groups,
                    "finding": finding,
                    "truth": found.truth[:, k],
                    "clean": found.clean[:, k],
                    "attacked": found.after[:, k],
                    "limit": limits[k],
                    "correct": before == (found.truth[:, k] > 0),
                    "changed": before != after,
                }
                parts.append(pd.DataFrame(part))
    if not parts:
        return pd.DataFrame()
    whole = pd.concat(parts, ignore_index=True)
    for name in ("rung", "delivery", "image", "group", "finding"):
        whole[name] = whole[name].astype("category")
    return whole
