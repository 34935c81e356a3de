"""Tidy tables: one row per cell, or per cell and finding, with bootstrap intervals by group."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from medtransfer.analysis import statistics
from medtransfer.analysis.selection import identity
from medtransfer.measures import metrics
from medtransfer.measures import predictions as answers
from medtransfer.specs import Cell, Network


def transfer_table(cells: Iterable[Cell], *, resamples: int) -> pd.DataFrame:
    """Return one row per stored cell, with everything that is measured on it.

    Columns beside `identity`: `surrogate_seed` and `target_seed` of the trainings; `clean_auc`,
    `auc`, `percent` (of the clean AUC) and `left` (of the clean AUC above chance), each with `_low`
    and `_high`, the 95 % interval over resampled groups;
    `flips` (share of clean-correct calls changed at the validation threshold, mean over labels);
    `loss_clean` and `loss` (cross-entropy summed over outputs, mean over images: what the attacker
    raises); `positive_shift` and `negative_shift` (mean change of the logits of both classes);
    `max`, `rms`, `psnr`, `ssim` (mean over images); `key` of the cell in the store.
    """
    return pd.DataFrame([_row(cell, resamples=resamples) for cell in cells])


def pooled(cells: Iterable[Cell], *, by: Sequence[str], resamples: int) -> pd.DataFrame:
    """Return the mean percentage of the clean AUC over groups of cells, with its 95 % interval.

    Cells are grouped by columns of `identity`. With several trainings of each kind the interval is
    over trained pairs and groups of images, else over groups of images alone (see
    `evaluation.statistics`); `lowest` and `highest` are those of the pairs.
    """
    grouped: dict[tuple[Any, ...], list[Cell]] = {}
    for cell in cells:
        what = identity(cell)
        grouped.setdefault(tuple(what[name] for name in by), []).append(cell)
    rows = []
    for values, members in grouped.items():
        pairs = pairs_of(members, resamples=resamples)
        effect = statistics.mean(pairs)
        rows.append(
            {
                **dict(zip(by, values, strict=True)),
                "pairs": effect.pairs,
                "percent": effect.value,
                "percent_low": effect.low,
                "percent_high": effect.high,
                "lowest": float(pairs.values.min()),
                "highest": float(pairs.values.max()),
            }
        )
    return pd.DataFrame(rows)


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
    values, draws = zip(*(_percent(cell, resamples) for cell in cells), strict=True)
    return paired(cells, np.array(values), np.array(draws))


def paired(cells: Sequence[Cell], values: np.ndarray, draws: np.ndarray) -> statistics.Pairs:
    """Return what was measured on some cells, (n,), and its draws, (n, B), with their pairs."""
    surrogates, targets = [c.attack.surrogate for c in cells], [c.target for c in cells]
    return statistics.Pairs(
        values=values,
        draws=draws,
        surrogates=[spec.key for spec in surrogates],
        targets=[spec.key for spec in targets],
        surrogate_kinds=[_kind(spec) for spec in surrogates],
        target_kinds=[_kind(spec) for spec in targets],
        groups=answers.of_cell(cells[0])["group"].nunique(),
    )


def _kind(training: Network) -> str:
    """Return what replicates of a training have in common."""
    development = training.development
    return "/".join(
        [
            development.source.domain,
            development.name,
            training.architecture,
            training.initialization,
        ]
    )


class _Scores(NamedTuple):
    """AUC of a cell before and after, each with its bootstrap draws."""

    clean: float
    clean_draws: np.ndarray
    attacked: float
    attacked_draws: np.ndarray


@cache
def _scores(cell: Cell, resamples: int) -> _Scores:
    table, labels = answers.of_cell(cell), list(cell.target.development.source.labels)
    truth, clean, attacked = arrays(table, labels)
    drawn = resampled(tuple(table["group"]), resamples)
    return _Scores(
        metrics.macro_auc(truth, clean),
        _clean_draws(cell, drawn, truth, clean),
        metrics.macro_auc(truth, attacked),
        drawn.macro_auc(truth, attacked),
    )


def _percent(cell: Cell, resamples: int) -> tuple[float, np.ndarray]:
    scores = _scores(cell, resamples)
    return (
        metrics.percent_of_clean(scores.attacked, scores.clean),
        metrics.percent_of_clean(scores.attacked_draws, scores.clean_draws),
    )


def _row(cell: Cell, *, resamples: int) -> dict[str, Any]:
    table, labels = answers.of_cell(cell), list(cell.target.development.source.labels)
    truth, clean, attacked = arrays(table, labels)
    before, clean_draws, after, draws = _scores(cell, resamples)
    point = metrics.operating_point(truth, clean, attacked, thresholds=thresholds(cell.target))
    change = attacked - clean
    return {
        **identity(cell),
        "surrogate_seed": cell.attack.surrogate.seed,
        "target_seed": cell.target.seed,
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
        **{name: float(table[name].mean()) for name in ("max", "rms", "psnr", "ssim")},
        "key": cell.key,
    }


def finding_table(cells: Iterable[Cell], *, resamples: int) -> pd.DataFrame:
    """Return one row per kind of cell and label: AUC before and after, and the operating point.

    Replicates are averaged; intervals are over groups of images.
    """
    kinds: dict[tuple[Any, ...], list[Cell]] = {}
    for cell in cells:
        kinds.setdefault(tuple(identity(cell).items()), []).append(cell)
    rows = []
    for kind, members in kinds.items():
        parts = [_findings(cell, resamples) for cell in members]
        names = list(members[0].target.development.source.labels)
        found = {name: np.mean([part[name] for part in parts], axis=0) for name in parts[0]}
        for k, label in enumerate(names):
            row = {**dict(kind), "label": label, "pairs": len(members)}
            for name in ("clean_auc", "auc"):
                value, draws = found[name][k], found[f"{name}_draws"][:, k]
                row |= _with_interval(name, value, draws)
            row |= {n: float(v[k]) for n, v in found.items() if n not in row and v.ndim == 1}
            rows.append(row)
    return pd.DataFrame(rows)


def _findings(cell: Cell, resamples: int) -> dict[str, np.ndarray]:
    """Return measures of one cell per label, (K,), and draws of the AUCs, (B, K)."""
    table, labels = answers.of_cell(cell), list(cell.target.development.source.labels)
    truth, clean, attacked = arrays(table, labels)
    weights = resampled(tuple(table["group"]), resamples).weights
    point = metrics.operating_point(truth, clean, attacked, thresholds=thresholds(cell.target))
    return {
        "positives": truth.sum(axis=0),
        "clean_auc": metrics.label_auc(truth, clean),
        "auc": metrics.label_auc(truth, attacked),
        "clean_auc_draws": metrics.weighted_auc(truth, clean, weights=weights),
        "auc_draws": metrics.weighted_auc(truth, attacked, weights=weights),
        **point,
    }


def arrays(table: pd.DataFrame, labels: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return labels, clean and attacked logits of a cell's answers, each (N, K)."""
    return (
        table[labels].to_numpy(),
        table[[answers.CLEAN + name for name in labels]].to_numpy(),
        table[[answers.ATTACKED + name for name in labels]].to_numpy(),
    )


@lru_cache(maxsize=16)
def resampled(groups: tuple[str, ...], number: int) -> metrics.Resamples:
    """Return the resamples of some groups; equal arguments give the same ones."""
    return metrics.Resamples(groups=groups, number=number)


_CLEAN: dict[tuple[str, str, str, int], np.ndarray] = {}


def _clean_draws(
    cell: Cell, drawn: metrics.Resamples, truth: np.ndarray, clean: np.ndarray
) -> np.ndarray:
    """The clean AUC of a target's resamples is the same for every attack on the same images."""
    attack = cell.attack
    known = (cell.target.key, attack.images, attack.surrogate.development.key, drawn.number)
    if known not in _CLEAN:
        _CLEAN[known] = drawn.macro_auc(truth, clean)
    return _CLEAN[known]


@lru_cache(maxsize=256)
def thresholds(target: Network) -> np.ndarray:
    """Return the operating point of each label, (K,), found on validation images."""
    table, labels = answers.of_validation(target), list(target.development.source.labels)
    logits = table[[answers.LOGIT + name for name in labels]].to_numpy()
    return metrics.threshold(table[labels].to_numpy(), logits)


def forget() -> None:
    """Drop what this process remembers of stored results, which belongs to one store."""
    _scores.cache_clear()
    thresholds.cache_clear()
    _CLEAN.clear()


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _with_interval(name: str, value: float, draws: np.ndarray) -> dict[str, float]:
    low, high = metrics.interval(draws)
    return {name: float(value), f"{name}_low": low, f"{name}_high": high}
