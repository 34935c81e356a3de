"""The commands `assess`: your own model, and what an attacker would have to know of it."""

from __future__ import annotations

from pathlib import Path

import click

from medtransfer.printing import checked


@click.group()
def assess() -> None:
    """Your own model: how its answers change when it is attacked.

    TARGET: the file that says what the model is (docs/own_model.md). IMAGES: the manifest of
    labelled images.
    """


@assess.command()
@click.argument("target", type=Path)
@click.argument("images")
@click.pass_context
def check(context: click.Context, target: Path, images: str) -> None:
    """Look at a model and its images before anything is trained; takes about a minute."""
    from medtransfer.assess import check

    _, found = check.check(target, images)
    print(checked(found))
    if found.errors:
        context.exit(1)
