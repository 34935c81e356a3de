"""The commands `run` and `reproduce`: a study, or one factor of it, from nothing to its answers."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from medtransfer import paths
from medtransfer.cli_data import DOMAIN
from medtransfer.domains import DOMAINS
from medtransfer.printing import columns, pairs
from medtransfer.study.profiles import built_in

if TYPE_CHECKING:
    import pandas as pd

    from medtransfer.report.notebooks import Notebook
    from medtransfer.scoring.cell import Cell
    from medtransfer.study.schema import Profile


def _factors(_context: object, _parameter: object, given: Sequence[str]) -> Sequence[str]:
    from medtransfer.study import factors, plan

    for name in given:
        plan.factor(name)  # raises, before anything is fetched
    return given or tuple(factors.FACTORS)


FACTORS = click.argument("factors", metavar="[FACTOR]...", nargs=-1, callback=_factors)
PROFILE = click.option(
    "--profile",
    "name",
    default="default",
    show_default=True,
    help=f"{', '.join(built_in())}, or a YAML file that extends one.",
)


def profile_of(name: str) -> Profile:
    """Return a built-in profile, or the one in a YAML file."""
    from medtransfer.study import schema

    return schema.profile(name)


def _warn(sentences: Iterable[str]) -> None:
    for sentence in sentences:
        print(f"note: {sentence}", file=sys.stderr)


@click.command()
@DOMAIN
@FACTORS
@click.option("--csv", type=Path, help="Folder for the tables of all pairs, one CSV per factor.")
@click.option("--all", "whole", is_flag=True, help="Also print every pair and every network.")
@PROFILE
def run(domain: str, factors: Sequence[str], csv: Path | None, whole: bool, name: str) -> None:
    """Compute factors of one domain (default: all); print means and the outcome of the claims."""
    from medtransfer.analysis import exposed, sanity, tables
    from medtransfer.compute import notes, run, sets
    from medtransfer.compute.attacked import attacked
    from medtransfer.report import defended, sentences, summary, wording
    from medtransfer.study import builders, plan
    from medtransfer.units import shown

    profile = profile_of(name)
    _warn(builders.too_deep(profile))
    study = builders.resolve(profile, [domain])
    _warn(notes.before(study, [domain], factors))
    out = sets.left_out(study, domain, factors)
    resamples = profile.resamples
    found: dict[str, Sequence[Cell]] = {}
    met = None
    for factor in factors:
        if factor in out:
            continue
        cells = found[factor] = run.factor(study, domain, factor)
        epsilons = run.chosen_epsilons(study, domain)
        frame = tables.transfer_table(cells, resamples=resamples)
        if csv:
            csv.mkdir(parents=True, exist_ok=True)
            frame.to_csv(csv / f"{domain}_{factor}.csv", index=False)
        sanity.check(frame)
        print(f"\n{wording.source(profile.sources[domain])}: {domain}, {wording.spaced(factor)}")
        chosen = "; ".join(f"{wording.named(start)} {shown(at)}" for start, at in epsilons.items())
        print(f"profile {profile.name}; epsilons chosen on validation images: {chosen}")
        if whole:
            _print_all(frame, run.networks(plan.of_cells(cells), resamples=resamples))
        if factor == run.DEFENCES and cells:
            met = exposed.Exposed(study, domain, epsilon=next(iter(epsilons.values())))
            table = defended.against(exposed.table({domain: met})).drop(columns="keep secret")
            print(f"\n{columns(table.reset_index())}\n\n{defended.attackers()}")
            continue
        print(f"\n{columns(summary.targets(cells, resamples=resamples))}")
        print(f"\n{columns(summary.means(cells, epsilons=epsilons, resamples=resamples))}")
        if factor == run.PERTURBATION:
            print(f"\n{summary.SWEPT} by epsilon, {summary.LEFT}:")
            print(columns(summary.sweep(cells, resamples=resamples)))
        for sentence in summary.differences(cells, resamples=resamples):
            print(sentence)
    own = {domain: found[run.ATTACKERS]} if profile.attackers and run.ATTACKERS in found else {}
    stronger = attacked(study, own, {domain: epsilons}).get(domain)
    how: Any = {"epsilons": epsilons, "resamples": resamples, "attacked": stronger, "exposed": met}
    said = summary.judged(domain, found, **how)
    print("\nWhat this says about the claims:", *said, sep="\n- ")
    blind = any(sentences.BLIND in line for line in said)
    if caution := sentences.caution(profile, blind=blind):
        print(f"\n{caution}")
    numbers = " ".join(f"{DOMAINS[domain].number}{plan.factor(each).number}" for each in found)
    print(f"\npictures: medtransfer reproduce {numbers} --profile {shlex.quote(name)}")
    if not csv:
        print("every pair as a table: the same command with --csv FOLDER")


def _print_all(frame: pd.DataFrame, networks: pd.DataFrame) -> None:
    from medtransfer.attacks.delivery import FLOAT

    print(f"\n{pairs(frame[frame['delivery'] == FLOAT])}")
    print(f"\n{columns(networks.drop(columns=['key', 'seed']))}")


@click.command()
@click.argument("numbers", metavar="[NUMBER]...", nargs=-1)
@click.option(
    "--limit",
    nargs=2,
    type=int,
    metavar="IMAGES EPOCHS",
    help="Try everything on about IMAGES images of every source read from files, for EPOCHS.",
)
@PROFILE
def reproduce(numbers: Sequence[str], limit: tuple[int, int] | None, name: str) -> None:
    """Compute the study, execute the notebooks and write the report.

    NUMBER: the first digits of the notebooks to execute (default: all whose executed copies this
    run would not give again).
    """
    from medtransfer.compute import notes, sets
    from medtransfer.compute.run import everything, possible
    from medtransfer.report import fresh, html, notebooks
    from medtransfer.study import builders, schema, trial

    if limit:
        images, epochs = limit
        name = str(schema.limited(name, images=images, epochs=epochs))
        print(f"profile {name}")
    profile = profile_of(name)
    _warn(builders.too_deep(profile))
    chosen = notebooks.find(numbers=numbers, sources=profile.sources)
    if notebooks.waits(numbers, profile.sources):
        _warn(
            [
                "notebook 95, which assesses one of the networks as if it were your own model, is "
                f"left out because it takes longer; to run it: `medtransfer reproduce 95 --profile "
                f"{name}`"
            ]
        )
    first_digits = {notebook.name[0] for notebook in chosen}
    domains = [d for d in profile.sources if str(DOMAINS[d].number) in first_digits]
    study = builders.resolve(profile, domains)
    _warn(notes.before(study, domains))
    out = {domain: sets.left_out(study, domain) for domain in domains}
    _warn(
        [
            "you may stop this run with Ctrl-C; the same command continues where it was. In a "
            f"second terminal, `medtransfer status --profile {name}` says how much is left"
        ]
    )
    everything(study, domains, tell=_warn)
    made_of = fresh.ingredients(study, {each: possible(study, each) for each in domains})
    how = {"profile": name, "folder": profile.name, "made_of": made_of}
    chosen = notebooks.without(chosen, out)
    stand = [] if numbers else notebooks.standing(chosen, **how)
    if stand:
        _warn([_standing(stand, profile.name)])
    if left := [each for each in chosen if each not in stand]:
        notebooks.execute_all(left, **how)
    index = html.build(profile)
    if said := trial.only_tries(profile):
        print(said)
    print(index)


def _standing(stand: Sequence[Notebook], folder: str) -> str:
    return (
        f"{len(stand)} of the notebooks are kept: they ran before with the same code, profile and "
        f"images; to run them again, remove {paths.executed(folder)}"
    )
