"""How far an attacker comes with a few questions to the target: curves, and one number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from medtransfer.analysis.protections import left
from medtransfer.analysis.scores import resampled, thresholds
from medtransfer.analysis.selection import OTHER, SAME
from medtransfer.measures import metrics
from medtransfer.scoring import queries
from medtransfer.scoring.cell import Cell
from medtransfer.scoring.queries import Queries

ALONE = "without a surrogate"


def begins(spec: Queries) -> tuple[str, str]:
    """Return with what a search begins, and how its surrogate is related to the target."""
    if spec.start is None:
        return spec.search, ALONE
    (surrogate,) = spec.start.surrogates
    alike = surrogate.traits.get("architecture") == spec.target.traits.get("architecture")
    return f"{spec.search} from {spec.start.method.name}", SAME if alike else OTHER


def curves(specs: Iterable[Queries], *, resamples: int) -> pd.DataFrame:
    """Return a row per kind of search and number of questions, means over its targets.

    Columns: `begins`, `relation`, `questions`, `searches`; `percent` of the clean AUC left, every
    image having had so many questions, with `percent_low` and `percent_high` over groups of images;
    `flips`, the share of right calls that have changed; `asked`, the most questions of any image.
    """
    grouped: dict[tuple[str, str], list[Queries]] = {}
    for spec in specs:
        grouped.setdefault(begins(spec), []).append(spec)
    rows = []
    for (begun, relation), own in grouped.items():
        found = [_measured(spec, resamples) for spec in own]
        for place, number in enumerate(own[0].checkpoints):
            draws = np.mean([each["draws"][place] for each in found], axis=0)
            low, high = metrics.interval(draws)
            rows.append(
                {
                    "begins": begun,
                    "relation": relation,
                    "questions": number,
                    "searches": len(own),
                    "percent": float(np.mean([each["percent"][place] for each in found])),
                    "percent_low": low,
                    "percent_high": high,
                    "flips": float(np.mean([each["flips"][place] for each in found])),
                    "asked": max(int(each["asked"].max()) for each in found),
                }
            )
    return pd.DataFrame(rows)


def _measured(spec: Queries, resamples: int) -> dict[str, np.ndarray]:
    """Return what one search leaves at each checkpoint, with draws (checkpoints, B)."""
    answered = queries.read(spec)
    kept = answered.predictions
    drawn = resampled(kept.groups, resamples)
    clean = metrics.macro_auc(kept.truth, kept.clean)
    clean_draws = drawn.macro_auc(kept.truth, kept.clean)
    limits = thresholds(spec.target)
    percent, draws, flips = [], [], []
    for logits in answered.logits:
        percent.append(metrics.percent_of_clean(metrics.macro_auc(kept.truth, logits), clean))
        after = drawn.macro_auc(kept.truth, logits)
        draws.append(metrics.percent_of_clean(after, clean_draws))
        turned = metrics.operating_point(kept.truth, kept.clean, logits, thresholds=limits)["flips"]
        known = np.isfinite(turned)
        flips.append(float(turned[known].mean()) if known.any() else np.nan)
    return {
        "percent": np.array(percent),
        "draws": np.array(draws),
        "flips": np.array(flips),
        "asked": answered.asked,
    }


def used_up(
    specs: Sequence[Queries], cells: Sequence[Cell], *, begun: str, resamples: int
) -> tuple[float, float, float]:
    """Return after how many questions another architecture protects no more, with its interval.

    That is where the search from surrogates of another architecture leaves what those of the same
    leave without a question, interpolated between checkpoints on log(1 + questions); infinite where
    all questions are not enough. The interval, 95 %, is over groups of images.

    Args:
        cells: the transferred attack of the same searches, from surrogates of the same architecture
            on the same targets.
        begun: a value of `begins`.

    Raises:
        ValueError: there is no such search, or no such cell.
    """
    from medtransfer.analysis import tables

    own = [spec for spec in specs if begins(spec) == (begun, OTHER)]
    if not own or not cells:
        raise ValueError(f"no search {begun!r} from another architecture, or no cell to compare")
    found = [_measured(spec, resamples) for spec in own]
    limit = tables.pairs_of(cells, resamples=resamples)
    checkpoints = np.log1p(own[0].checkpoints)
    level = np.mean([each["percent"] for each in found], axis=0)
    value = _crossing(checkpoints, level, left(cells))
    draws = np.mean([each["draws"] for each in found], axis=0)  # (checkpoints, B)
    limits = limit.draws.mean(axis=0)
    crossed = np.sort([_crossing(checkpoints, *each) for each in zip(draws.T, limits, strict=True)])
    low, high = (crossed[round(share * (len(crossed) - 1))] for share in (0.025, 0.975))
    return value, float(low), float(high)


def _crossing(places: np.ndarray, level: np.ndarray, limit: float) -> float:
    """Return where a falling curve over log(1 + questions) meets a level, in questions."""
    below = np.flatnonzero(level <= limit)
    if not len(below):
        return float("inf")
    place = int(below[0])
    if place == 0:
        return float(np.expm1(places[0]))
    step = (level[place - 1] - limit) / (level[place - 1] - level[place])
    return float(np.expm1(places[place - 1] + step * (places[place] - places[place - 1])))
