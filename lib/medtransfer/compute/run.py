"""One factor of one domain, from nothing to its table: the call that notebooks share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from medtransfer.compute import notes, sets
from medtransfer.compute.attacked import attacked
from medtransfer.compute.ensure import ensure
from medtransfer.compute.progress import Stage
from medtransfer.executors.local import executor
from medtransfer.networks.network import Network
from medtransfer.scoring import epsilon
from medtransfer.scoring.cell import Cell
from medtransfer.specs import Result
from medtransfer.study import plan
from medtransfer.study.builders import Study
from medtransfer.study.factors import FACTORS, Epsilons

if TYPE_CHECKING:
    import pandas as pd

ATTACKERS = "attackers"
"""The factor of which some attacks follow from others (see `compute.attacked`)."""
PERTURBATION = "perturbation"
"""The factor that attacks at every epsilon of the sweep."""
DEFENCES = "defences"
"""The factor whose targets are told apart by their defence."""


def chosen_epsilons(study: Study, domain: str) -> dict[str, float]:
    """Return the epsilon chosen on validation images for networks of each initialization.

    The networks and attacks needed for the choice are computed.
    """
    choices = plan.choices(study, domain)
    ensure(choices.values())
    return {start: epsilon.chosen(spec) for start, spec in choices.items()}


def factor(study: Study, domain: str, name: str) -> tuple[Cell, ...]:
    """Return the cells of a factor, all of them in the store.

    Raises:
        UsageError: there is no such factor.
        SplitError: a set of images cannot serve it (see `compute.sets`).
        ComputeError: some work failed; the message names it.
    """
    plan.factor(name)  # a mistake costs no training
    with executor():
        sets.checked(study, [domain], [name])
        chosen = chosen_epsilons(study, domain)
        cells = plan.cells(study, domain, name, epsilons=chosen)
        ensure([*cells, *plan.further(study, domain, name, epsilons=chosen)])
        if name == ATTACKERS:
            attacked(study, {domain: cells}, {domain: chosen})
    return cells


def everything(
    study: Study, domains: Iterable[str], *, tell: Callable[[list[str]], None] | None = None
) -> None:
    """Compute everything that the notebooks of some domains show, scheduled together.

    An attack that several factors need is so crafted once and scored on all their targets. Factors
    that the sets of a domain cannot serve are left out (see `sets.left_out`).

    Args:
        tell: gets what is known once networks are trained (see `notes.trained`).

    Raises:
        SplitError: the sets of a domain serve no factor.
        ComputeError: some work failed; the message names it.
    """
    domains = list(domains)
    with executor():
        served = {domain: possible(study, domain) for domain in domains}
        choices = [spec for domain in domains for spec in plan.choices(study, domain).values()]
        networks: dict[Result, str] = {
            spec: f"{spaced} of {domain}"
            for domain, name, spaced in _named(served)
            for spec in plan.networks(study, domain, name)
        }
        least = dict.fromkeys(study.starts, min(study.profile.candidates))  # counts are the same
        later = [*_shown(study, served, dict.fromkeys(domains, least))]
        ensure(
            [*choices, *networks],
            stage=Stage("1 of 3, networks and the choice of epsilon", networks, later),
        )
        chosen = {domain: chosen_epsilons(study, domain) for domain in domains}
        if tell:
            tell(notes.trained(study, domains))
        shown = _shown(study, served, chosen)
        ensure(shown, stage=Stage("2 of 3, attacks", shown))
        stronger = {
            domain: plan.cells(study, domain, ATTACKERS, epsilons=chosen[domain])
            for domain, names in served.items()
            if ATTACKERS in names
        }
        attacked(study, stronger, chosen)


def _named(served: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str, str]]:
    for domain, factors in served.items():
        for name in factors:
            yield domain, name, name.replace("_", " ")


def _shown(
    study: Study, served: Mapping[str, Sequence[str]], chosen: Mapping[str, Epsilons]
) -> dict[Result, str]:
    """Return all that the notebooks of some domains show, and for which factor it is."""
    return {
        result: f"{spaced} of {domain}"
        for domain, name, spaced in _named(served)
        for result in (
            *plan.cells(study, domain, name, epsilons=chosen[domain]),
            *sets.beside(study, domain, name),
            *plan.further(study, domain, name, epsilons=chosen[domain]),
        )
    }


def possible(study: Study, domain: str) -> tuple[str, ...]:
    """Return the factors that the sets of a domain can serve.

    Raises:
        SplitError: there are none.
    """
    out = sets.left_out(study, domain)
    return tuple(name for name in FACTORS if name not in out)


def networks(networks: Iterable[Network], *, resamples: int) -> pd.DataFrame:
    """Return one row per network: what it is, its validation AUC with 95 % interval, its key."""
    import pandas as pd

    from medtransfer.measures import metrics, predictions

    networks = list(networks)
    named = ["architecture", "initialization", "data"]
    if len({spec.traits["network"] for spec in networks}) > 1:  # defended ones, or foreign ones
        named.append("network")
    rows = []
    for spec in networks:
        found = predictions.read(spec)
        drawn = metrics.Resamples(groups=found.groups, number=resamples)
        low, high = metrics.interval(drawn.macro_auc(found.truth, found.clean))
        traits = {"architecture": "", "initialization": "", "data": "", "steps": 0} | spec.traits
        rows.append(
            {
                **{name: traits[name] for name in named},
                "seed": getattr(spec, "seed", 0),
                "steps": traits["steps"],
                "validation_auc": metrics.macro_auc(found.truth, found.clean),
                "validation_auc_low": low,
                "validation_auc_high": high,
                "key": spec.key,
            }
        )
    return pd.DataFrame(rows)
