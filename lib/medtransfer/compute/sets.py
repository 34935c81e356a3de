"""Whether the sets of images suffice for a study, checked before anything is trained."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

from medtransfer import store
from medtransfer.compute.ensure import ensure
from medtransfer.data import classes, images, splits
from medtransfer.data.images import FileSource
from medtransfer.data.splits import TEST, TRAIN, Development
from medtransfer.domains import domain as row_of
from medtransfer.errors import SplitError
from medtransfer.scoring.alignment import Alignment
from medtransfer.specs import Result
from medtransfer.study import plan
from medtransfer.study.builders import Study
from medtransfer.study.factors import FACTORS

if TYPE_CHECKING:
    import numpy as np

HALVES = ("d1", "d2")


def checked(study: Study, domains: Iterable[str], factors: Iterable[str] = FACTORS) -> list[str]:
    """Return in sentences which sets of the user's images show only one class of a label.

    Nothing is trained; images that are drawn by code are drawn for it. Of these no sentence is
    said, and their smaller sets may show one class: `smoke` draws too few, and means nothing.

    Raises:
        SplitError: a set cannot be drawn; or one to train or test on, or that from which epsilon
            is chosen, shows every label in one class only.
    """
    domains, factors = list(domains), list(factors)
    ensure(study.source(domain) for domain in domains)
    return [
        sentence
        for domain in domains
        for sentence in _checked(study, domain, _developments(study, domain, factors))
    ]


def left_out(study: Study, domain: str, factors: Iterable[str] = FACTORS) -> dict[str, str]:
    """Return factor -> why the sets of a domain cannot serve it; {} where they serve all.

    Raises:
        SplitError: they serve none of the factors.
    """
    ensure([study.source(domain)])
    factors = list(factors)
    found = {
        name: why
        for name in factors
        if (why := _refused(study, domain, _developments(study, domain, [name])))
    }
    if factors and len(found) == len(factors):
        raise SplitError(next(iter(found.values())))
    return found


def known_left_out(study: Study) -> dict[str, dict[str, str]]:
    """Return domain -> factor -> why (see `left_out`), of domains whose images are in the store.

    Nothing is drawn. Where the sets of a domain serve no factor, all are left out.
    """
    found = {}
    for domain, source in study.sources.items():
        if store.has(source):
            try:
                found[domain] = left_out(study, domain)
            except SplitError as why:
                found[domain] = dict.fromkeys(FACTORS, str(why))
    return found


def omitted(domain: str, out: dict[str, str]) -> list[str]:
    """Return in sentences which factors of a domain are left out, and why.

    Args:
        out: of `left_out`.
    """
    number = row_of(domain).number
    return [
        f"notebook {number}{FACTORS[name].number} ({domain}, {name.replace('_', ' ')}) is left "
        f"out: {why}"
        for name, why in out.items()
    ]


def known_omitted(study: Study) -> list[str]:
    """Return the sentences of `omitted` for all domains whose images are in the store."""
    out = known_left_out(study)
    return [said for domain, factors in out.items() for said in omitted(domain, factors)]


def beside(study: Study, domain: str, name: str) -> tuple[Result, ...]:
    """Return what the notebook of a factor shows beside its cells (see `plan.beside`).

    Comparisons with a network whose set shows every label in one class only are left out.
    """
    ensure([study.source(domain)])
    refused = cache(lambda development: _refused(study, domain, [development]))
    return tuple(
        spec
        for spec in plan.beside(study, domain, name)
        if not (isinstance(spec, Alignment) and refused(spec.surrogate.development))
    )


def _developments(study: Study, domain: str, factors: Iterable[str]) -> list[Development]:
    networks = (spec for name in factors for spec in plan.networks(study, domain, name))
    return list(dict.fromkeys(spec.development for spec in networks))


def _refused(study: Study, domain: str, developments: list[Development]) -> str:
    """Return why some sets cannot be used, "" if they can."""
    try:
        _checked(study, domain, developments)
    except SplitError as why:
        return str(why)
    return ""


def _checked(study: Study, domain: str, developments: list[Development]) -> list[str]:
    source, choosing = study.source(domain), study.development(domain, "d1")
    read = isinstance(source, FileSource)
    prepared = images.load(source)
    test = f"{domain} {TEST}"
    sets: dict[str, np.ndarray] = {}
    needed = [test, f"{domain} {choosing.name} validation"]
    for development in dict.fromkeys([choosing, *developments]):
        found = splits.parts(prepared.index, labels=prepared.labels, development=development)
        train = f"{domain} {development.name} {TRAIN}"
        sets[train], sets[test] = found.train, found.test
        sets[f"{domain} {development.name} validation"] = found.validation
        if read or development.name in HALVES:
            needed.append(train)
    poor = classes.check(prepared.index, labels=prepared.labels, sets=sets, needed=needed)
    return poor if read else []
