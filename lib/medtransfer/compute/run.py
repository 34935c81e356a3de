"""One factor of one domain, from nothing to its tidy table: the call that notebooks share."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from medtransfer.analysis import sanity
from medtransfer.analysis import tables as table
from medtransfer.compute import ensure as compute
from medtransfer.executors import local as workers
from medtransfer.measures import metrics
from medtransfer.measures import predictions as answers
from medtransfer.scoring import epsilon as choice
from medtransfer.specs import FLOAT, Cell, Network
from medtransfer.study import plan as study
from medtransfer.study.schema import Profile


def chosen_epsilon(profile: Profile, domain: str) -> float:
    """Return the epsilon chosen on validation images; train and attack what that takes."""
    spec = study.choice(profile, domain)
    compute.ensure([spec])
    return choice.chosen(spec)


def factor(profile: Profile, domain: str, name: str) -> tuple[Cell, ...]:
    """Return the cells of a factor, all of them in the store.

    Raises:
        ValueError: there is no such factor.
        ComputeError: some work failed; the message names it.
    """
    study.cells(profile, domain, name, epsilon=profile.candidates[0])  # a mistake costs no training
    with workers.executor():
        epsilon = chosen_epsilon(profile, domain)
        cells = study.cells(profile, domain, name, epsilon=epsilon)
        compute.ensure(cells)
    return cells


def everything(profile: Profile, domains: Iterable[str]) -> None:
    """Make all cells of all factors of some domains, scheduled together.

    An attack that several factors need is so crafted once and scored on all their targets.
    """
    domains = list(domains)
    with workers.executor():
        choices = [study.choice(profile, domain) for domain in domains]
        compute.ensure([*choices, *_all(profile, domains)])
        cells: list[Cell] = []
        for domain in domains:
            epsilon = chosen_epsilon(profile, domain)
            for cells_of in study.FACTORS.values():
                cells += cells_of(profile, domain, epsilon=epsilon)
        compute.ensure(cells)


def _all(profile: Profile, domains: Iterable[str]) -> list[Network]:
    """Return all trainings of some domains; they do not depend on epsilon."""
    anything = profile.epsilons[0]
    cells = [
        cell
        for domain in domains
        for cells_of in study.FACTORS.values()
        for cell in cells_of(profile, domain, epsilon=anything)
    ]
    return list(study.networks(cells))


def measured(cells: Iterable[Cell], profile: Profile) -> pd.DataFrame:
    """Return the tidy table of cells (see `evaluation.table`) after climbing the sanity ladder.

    Raises:
        SanityError: the table breaks a law that holds for every attack.
    """
    frame = table.transfer_table(cells, resamples=profile.resamples)
    sanity.climb(frame)
    return frame


def ladder(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rungs of the sanity ladder of a tidy table (see `evaluation.ladder`)."""
    return sanity.climb(frame)


def findings(cells: Iterable[Cell], profile: Profile) -> pd.DataFrame:
    """Return one row per kind of cell and label (see `evaluation.table`), as crafted only."""
    chosen = [cell for cell in cells if cell.delivery == FLOAT]
    return table.finding_table(chosen, resamples=profile.resamples)


def networks(cells: Iterable[Cell], profile: Profile) -> pd.DataFrame:
    """Return one row per network of the cells: what it is, its epochs and its validation AUC."""
    rows = []
    for spec in study.networks(cells):
        history, validation = answers.history(spec), answers.of_validation(spec)
        labels = list(spec.development.source.labels)
        logits = validation[[answers.LOGIT + name for name in labels]].to_numpy()
        truth = validation[labels].to_numpy()
        drawn = metrics.Resamples(groups=tuple(validation["group"]), number=profile.resamples)
        low, high = metrics.interval(drawn.macro_auc(truth, logits))
        rows.append(
            {
                "architecture": spec.architecture,
                "initialization": spec.initialization,
                "data": spec.development.name,
                "seed": spec.seed,
                "epochs": len(history),
                "validation_auc": metrics.macro_auc(truth, logits),
                "validation_auc_low": low,
                "validation_auc_high": high,
                "key": spec.key,
            }
        )
    return pd.DataFrame(rows)
