"""The commands `assess ...`: your own model, and what attackers could make of it."""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def assess() -> None:
    """Assess your own model: who could mislead it, with what knowledge?"""


@assess.command()
@click.argument("folder", type=Path)
def report(folder: Path) -> None:
    """Write the page of the assessment in FOLDER again; nothing is computed."""
    from medtransfer.assess import report

    print(report.write(report.read(folder), folder))
