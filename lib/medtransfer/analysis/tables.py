"""Tidy tables: one row per cell, or per cell and finding, with bootstrap intervals by group."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from medtransfer.analysis import statistics
from medtransfer.analysis.scores import groups, reached, resampled, scores, thresholds
from medtransfer.analysis.selection import identity, telling_apart, values
from medtransfer.measures import metrics, predictions
from medtransfer.scoring.cell import Cell


def transfer_table(cells: Iterable[Cell], *, resamples: int) -> pd.DataFrame:
    """Return one row per stored cell, with everything that is measured on it.

    Columns beside `identity`: `clean_auc`, `auc`, `percent` (of the clean AUC) and `left` (of the
    clean AUC above chance), each with `_low` and `_high`, the 95 % interval over resampled groups;
    `flips` (share of clean-correct calls changed at the validation threshold, mean over labels);
    `loss_clean` and `loss` (cross-entropy summed over outputs, mean over images: what the attacker
    raises); `positive_shift` and `negative_shift` (mean change of the logits of both classes);
    `max`, `rms`, `psnr`, `ssim` (mean over images); `surrogate`, `target` and `key`, under which
    the store has the networks and the cell.
    """
    return pd.DataFrame([_row(cell, resamples=resamples) for cell in cells])


def pooled(cells: Iterable[Cell], *, by: Sequence[str], resamples: int) -> pd.DataFrame:
    """Return the mean percentage of the clean AUC over groups of cells, with its 95 % interval.

    Cells are grouped by columns of `identity`, and by those that tell kinds of networks apart which
    would else be mixed (see `selection.telling_apart`). With several trainings of each kind the
    interval is over trained pairs and groups of images, else over groups of images alone (see
    `analysis.statistics`); `lowest` and `highest` are those of the pairs. Where some targets are
    `at_chance` (see `scores.Reached`) the percentage says nothing.
    """
    cells = list(cells)
    by = telling_apart(cells, by=by)
    grouped: dict[tuple[Any, ...], list[Cell]] = {}
    for cell in cells:
        grouped.setdefault(values(cell, by), []).append(cell)
    return pd.DataFrame(
        [
            {**dict(zip(by, what, strict=True)), **mean_left(members, resamples=resamples)}
            for what, members in grouped.items()
        ]
    )


def mean_left(cells: Sequence[Cell], *, resamples: int) -> dict[str, Any]:
    """Return the mean over some cells with its interval, as the columns that `pooled` has."""
    pairs = pairs_of(cells, resamples=resamples)
    effect = statistics.mean(pairs)
    blind = any(each.at_chance for each in reached(cells, resamples=resamples))
    return {
        "pairs": effect.pairs,
        "percent": effect.value,
        "percent_low": effect.low,
        "percent_high": effect.high,
        "lowest": float(pairs.values.min()),
        "highest": float(pairs.values.max()),
        "at_chance": blind,
    }


def contrast(first: Iterable[Cell], second: Iterable[Cell], *, resamples: int) -> statistics.Effect:
    """Return the difference of two mean percentages, first minus second.

    Raises:
        ValueError: one side has no cells.
    """
    sides = (pairs_of(list(side), resamples=resamples) for side in (first, second))
    return statistics.difference(*sides)


def pairs_of(cells: Sequence[Cell], *, resamples: int) -> statistics.Pairs:
    """Return what the pairs of some cells leave of the clean AUC, with its bootstrap draws.

    Raises:
        ValueError: there are no cells.
    """
    if not cells:
        raise ValueError("there are no cells to take a mean of")
    found, draws = zip(*(_percent(cell, resamples) for cell in cells), strict=True)
    return paired(cells, np.array(found), np.array(draws))


def paired(cells: Sequence[Cell], found: np.ndarray, draws: np.ndarray) -> statistics.Pairs:
    """Return what was measured on some cells, (n,), and its draws, (n, B), with their pairs."""
    return statistics.Pairs(
        values=found,
        draws=draws,
        surrogates=["+".join(each.key for each in c.attack.surrogates) for c in cells],
        targets=[c.target.key for c in cells],
        surrogate_kinds=["+".join(each.kind for each in c.attack.surrogates) for c in cells],
        target_kinds=[c.target.kind for c in cells],
        groups=groups(cells[0]),
    )


def _percent(cell: Cell, resamples: int) -> tuple[float, np.ndarray]:
    found = scores(cell, resamples)
    return (
        metrics.percent_of_clean(found.attacked, found.clean),
        metrics.percent_of_clean(found.attacked_draws, found.clean_draws),
    )


def _row(cell: Cell, *, resamples: int) -> dict[str, Any]:
    found = predictions.read(cell)
    truth, clean, attacked, change = found.truth, found.clean, found.after, found.change
    before, clean_draws, after, draws = scores(cell, resamples)
    point = metrics.operating_point(truth, clean, attacked, thresholds=thresholds(cell.target))
    visible = found.visible or {}
    return {
        **identity(cell),
        **_with_interval("clean_auc", before, clean_draws),
        **_with_interval("auc", after, draws),
        **_with_interval(
            "percent",
            metrics.percent_of_clean(after, before),
            metrics.percent_of_clean(draws, clean_draws),
        ),
        **_with_interval(
            "left",
            metrics.chance_corrected(after, before),
            metrics.chance_corrected(draws, clean_draws),
        ),
        "flips": float(np.nanmean(point["flips"])) if np.isfinite(point["flips"]).any() else np.nan,
        "loss_clean": metrics.loss(truth, clean),
        "loss": metrics.loss(truth, attacked),
        "positive_shift": _mean(change[truth > 0]),
        "negative_shift": _mean(change[truth == 0]),
        **{name: float(pd.Series(each).mean()) for name, each in visible.items()},
        "surrogate": "+".join(each.key[:12] for each in cell.attack.surrogates),
        "target": cell.target.key[:12],
        "key": cell.key,
    }


def finding_table(cells: Iterable[Cell], *, by: Sequence[str], resamples: int) -> pd.DataFrame:
    """Return one row per kind of cell and label: AUC before and after, and the operating point.

    Cells are grouped as in `pooled`. Replicates are averaged; intervals are over groups of images.
    """
    cells = list(cells)
    by = telling_apart(cells, by=by)
    kinds: dict[tuple[Any, ...], list[Cell]] = {}
    for cell in cells:
        kinds.setdefault(values(cell, by), []).append(cell)
    rows = []
    for kind, members in kinds.items():
        parts = [_findings(cell, resamples) for cell in members]
        found = {name: np.mean([part[name] for part in parts], axis=0) for name in parts[0]}
        for k, label in enumerate(members[0].target.labels):
            row = {**dict(zip(by, kind, strict=True)), "label": label, "pairs": len(members)}
            for name in ("clean_auc", "auc"):
                value, draws = found[name][k], found[f"{name}_draws"][:, k]
                row |= _with_interval(name, value, draws)
            row |= {n: float(v[k]) for n, v in found.items() if n not in row and v.ndim == 1}
            rows.append(row)
    return pd.DataFrame(rows)


def _findings(cell: Cell, resamples: int) -> dict[str, np.ndarray]:
    """Return measures of one cell per label, (K,), and draws of the AUCs, (B, K)."""
    found = predictions.read(cell)
    truth, clean, attacked = found.truth, found.clean, found.after
    weights = resampled(found.groups, resamples).weights
    point = metrics.operating_point(truth, clean, attacked, thresholds=thresholds(cell.target))
    return {
        "positives": truth.sum(axis=0),
        "clean_auc": metrics.label_auc(truth, clean),
        "auc": metrics.label_auc(truth, attacked),
        "clean_auc_draws": metrics.weighted_auc(truth, clean, weights=weights),
        "auc_draws": metrics.weighted_auc(truth, attacked, weights=weights),
        **point,
    }


def _mean(found: np.ndarray) -> float:
    return float(found.mean()) if len(found) else float("nan")


def _with_interval(name: str, value: float, draws: np.ndarray) -> dict[str, float]:
    low, high = metrics.interval(draws)
    return {name: float(value), f"{name}_low": low, f"{name}_high": high}
