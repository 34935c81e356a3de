"""The command line. Every command imports what it needs: help and `status` answer at once."""

from __future__ import annotations

import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from medtransfer.cli_assess import assess
from medtransfer.cli_data import DOMAIN, data, init, models, weights
from medtransfer.cli_run import FACTORS, PROFILE, profile_of, reproduce, run
from medtransfer.errors import MedtransferError, StoreError
from medtransfer.printing import columns, rows, unread

# Shown as a message, without a traceback; anything else is a fault of this project.
EXPECTED = (MedtransferError, OSError)
STOPPED, UNREAD = 128 + signal.SIGINT, 128 + signal.SIGPIPE  # exit statuses, as of other commands


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stopped as by Ctrl-C
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:  # not by `medtransfer.main`, which has its own answers to Ctrl-C and broken pipes
        with medtransfer.make_context("medtransfer", given) as context:
            medtransfer.invoke(context)
        print(end="", flush=True)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as mistake:
        mistake.show()
        return mistake.exit_code
    except KeyboardInterrupt:
        print("\nstopped; finished work is stored, the same command continues", file=sys.stderr)
        return STOPPED
    except EXPECTED as error:
        if isinstance(error, BrokenPipeError) and unread():
            return UNREAD
        print(f"medtransfer: {error}", file=sys.stderr)
        return 1
    return 0


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="medtransfer", message="%(prog)s %(version)s")
def medtransfer() -> None:
    """What makes adversarial attacks transfer in medical image analysis: a reproducible study.

    `medtransfer reproduce --profile smoke` shows in minutes that everything runs.
    """


medtransfer.add_command(assess)
medtransfer.add_command(data)
medtransfer.add_command(init)
medtransfer.add_command(models)
medtransfer.add_command(weights)
medtransfer.add_command(run)
medtransfer.add_command(reproduce)


@medtransfer.command()
def clean_drafts() -> None:
    """Delete what killed runs left in the store; only while nothing runs."""
    from medtransfer import store

    print(f"{store.clean_drafts()} drafts deleted")


@medtransfer.command()
@PROFILE
def status(name: str) -> None:
    """Show what is stored and missing for each notebook, and the time left."""
    from medtransfer.compute import sets, status
    from medtransfer.report import notebooks
    from medtransfer.report.wording import named
    from medtransfer.study.builders import known
    from medtransfer.units import shown

    study = known(profile_of(name))
    needed = rows(status.notebooks(study))
    print(columns(needed, digits=1))
    print(*(f"{sentence}\n" for sentence in sets.known_omitted(study)), sep="", end="")
    for domain in study.domains:
        chosen = status.epsilons(study, domain)
        for start in study.starts:
            at = shown(chosen[start]) if start in chosen else "not chosen yet"
            print(f"{domain}, {named(start)} networks: epsilon {at}")
    spent = [{"work": w, "results": n, "minutes": m} for w, (n, m) in status.spent(study).items()]
    print(f"time spent, in minutes of one process:\n{columns(spent, digits=1)}")
    left = sum(row["minutes left"] for row in needed)
    whole = all(status.chosen(study, d) for d in study.domains)  # else not every cell is known
    print(f"all: {status.in_words(left, whole=whole)}")
    wanted = notebooks.find(sources=study.profile.sources)
    done = {path.stem for path in notebooks.executed(study.profile.name)}
    there = sum(each.name in done for each in wanted)
    print(f"notebooks executed: {there} of {len(wanted)}; their time is not counted")


@medtransfer.command("list")
@DOMAIN
@FACTORS
@PROFILE
def list_(domain: str, factors: Sequence[str], name: str) -> None:
    """List every cell of a domain's factors (default: all) with its key in the store."""
    from medtransfer.compute import inspect
    from medtransfer.study.builders import known

    print(columns(inspect.listed(known(profile_of(name)), domain, factors)))


@medtransfer.command()
@click.argument("key")
def show(key: str) -> None:
    """Show a stored result: its spec, run and AUC; the first digits of KEY are enough."""
    from medtransfer.compute import inspect

    print(inspect.shown(key))


@medtransfer.command()
@click.option("--trainings", default=1, show_default=True, help="Number of trainings.")
@click.option("--cells", default=5, show_default=True, help="Number of cells.")
@click.option("--seed", default=0, show_default=True, help="Seed that draws them.")
@PROFILE
def verify(trainings: int, cells: int, seed: int, name: str) -> None:
    """Recompute a random sample of stored results, and compare."""
    from medtransfer.compute import verify
    from medtransfer.study.builders import known

    study = known(profile_of(name))
    drawn = verify.sample(study, networks=trainings, cells=cells, seed=seed)
    found = rows(verify.made_again(drawn))
    print(columns(found, digits=15))
    if any(row["difference"] != 0 for row in found):
        raise StoreError("some results differ; `medtransfer show KEY` says where each was computed")


@medtransfer.command()
@PROFILE
def verdicts(name: str) -> None:
    """Print the outcome of each claim, in sentences and as a table (Markdown)."""
    from medtransfer import paths
    from medtransfer.report import recommendations, sentences, verdicts

    profile = profile_of(name)
    claims = verdicts.needed(profile.name)
    if caution := sentences.caution(profile, blind=sentences.blind(claims)):
        print(f"**{caution}**\n")
    print(verdicts.as_markdown(claims))
    defended = verdicts.defended(paths.rendered(profile.name))
    if defended is not None:
        print(f"\n{recommendations.as_markdown(claims, defended)}")


@medtransfer.command("notebooks")
@click.argument("folder", type=Path)
def copy_notebooks(folder: Path) -> None:
    """Copy the notebooks into FOLDER, where you can open and change them."""
    from medtransfer import paths
    from medtransfer.errors import UsageError

    known = sorted(paths.notebooks().rglob("*.ipynb"))
    copies = {path: folder / path.relative_to(paths.notebooks()) for path in known}
    if there := [str(copy) for copy in copies.values() if copy.exists()]:
        raise UsageError(f"{there[0]} exists already, so nothing was copied; name another folder")
    for path, copy in copies.items():
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    print(f"{len(copies)} notebooks copied; open them with: jupyter lab {folder}")


@medtransfer.command()
@PROFILE
def report(name: str) -> None:
    """Turn the executed notebooks into pages with an index."""
    from medtransfer.report import html

    print(html.build(profile_of(name)))


if __name__ == "__main__":
    sys.exit(main())
