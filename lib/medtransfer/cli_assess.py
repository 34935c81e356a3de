"""The commands `assess ...`: your own model, and what attackers could do to it."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from medtransfer.assess.rungs import RUNGS
from medtransfer.cli_run import PROFILE, profile_of
from medtransfer.errors import TargetError, UsageError
from medtransfer.printing import checked

if TYPE_CHECKING:
    from medtransfer.assess.effort import Pace
    from medtransfer.assess.files import Format
    from medtransfer.assess.setting import Setting
    from medtransfer.data.looks import Checked

BROKEN = 3
"""The exit status of `run --fail-above` if a rung changes more calls than that."""


FAIL_ABOVE = click.option(
    "--fail-above",
    type=click.FloatRange(0, 1),
    help="Exit with status 3 if a vulnerable rung changes more than this share of calls.",
)


class Minutes(click.ParamType):
    """A time such as 30m, 90s or 2h, as minutes."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the minutes of a time."""
        if isinstance(value, float):
            return value
        text = str(value)
        units = {"s": 1 / 60, "m": 1.0, "h": 60.0}
        if text[-1:] not in units or not text[:-1].isdecimal() or not int(text[:-1]):
            self.fail(f"{text!r} is not a time; allowed: 90s, 30m, 2h", param, ctx)
        return int(text[:-1]) * units[text[-1]]


@click.group()
def assess() -> None:
    """Your own model: what an attacker would have to know to mislead it.

    TARGET: the file that describes the model (docs/own_model.md). IMAGES: the manifest of
    labelled images. Test only systems that you are entitled to test.
    """


@assess.command()
@click.argument("target", type=Path)
@click.argument("images")
@click.pass_context
def check(context: click.Context, target: Path, images: str) -> None:
    """Check a model and its images before anything is trained; takes about a minute."""
    from medtransfer.assess import check
    from medtransfer.data.schema import numbered

    _, found = check.check(target, images)
    print(checked(found))
    if found.errors:
        print(f"\n{numbered(len(found.errors), 'error')} to fix")
        context.exit(1)
    judged = f", {numbered(len(found.warnings), 'warning')} to judge" if found.warnings else ""
    print(f"\nno errors{judged}")
    print(f"next: medtransfer assess run {shlex.join([str(target), images])}")


def wanted(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the parameters that say which attackers are simulated."""
    for parameter in (
        PROFILE,
        click.option(
            "--surrogates", default=3, show_default=True, help="Networks per rung, at least 2."
        ),
        click.option(
            "--rung",
            "rungs",
            multiple=True,
            type=click.Choice([rung.identifier for rung in RUNGS]),
            help="Only these rungs (default: all).",
        ),
        click.option("--finding", "goal", default="", help="Aim at this one (default: at all)."),
        click.option("--public", help="Manifest of images of another source, for the outsider."),
        click.argument("images"),
        click.argument("target", type=Path),
    ):
        command = parameter(command)
    return command


@assess.command()
@wanted
@click.option("--time", "minutes", type=Minutes(), help="Leave out what is longer: 90s, 30m, 2h.")
@click.option("--out", type=Path, help="Folder of the report (default: build/assess/NAME).")
@FAIL_ABOVE
def run(
    target: Path,
    images: str,
    public: str | None,
    goal: str,
    rungs: tuple[str, ...],
    surrogates: int,
    name: str,
    minutes: float | None,
    out: Path | None,
    fail_above: float | None,
) -> None:
    """Train simulated attackers, attack, and write the report."""
    from medtransfer.assess import case, check
    from medtransfer.assess.effort import Pace

    begun = time.perf_counter()
    _check_number(surrogates)
    profile = profile_of(name)
    model, looked = check.check(target, images)
    _say(looked)
    setting = case.of_target(
        model, images, profile=profile, public=public, replicates=surrogates, goal=goal
    )
    pace = None if minutes is None else Pace(begun + 60 * minutes, answer=looked.seconds)
    _assess(setting, looked, out, only=rungs, pace=pace, fail_above=fail_above)


def _say(looked: Checked) -> None:
    """Print what was found; stop at errors."""
    print(checked(looked))
    if looked.errors:
        raise TargetError("nothing was trained: fix these errors first")


def _check_number(surrogates: int) -> None:
    if surrogates < 2:
        raise UsageError("--surrogates: at least 2: one network attacks, another is the control")


def _assess(
    setting: Setting,
    looked: Checked,
    out: Path | None,
    *,
    only: Sequence[str],
    pace: Pace | None = None,
    fail_above: float | None,
) -> None:
    from medtransfer import paths
    from medtransfer.assess import run, sentences, verdicts

    aim = "".join(each if each.isalnum() else "_" for each in setting.goal)
    folder = out or paths.assessed() / "_".join(filter(None, [setting.system.name, aim]))
    found = run.assess(setting, folder, only=only, pace=pace, warnings=looked.warnings)
    print(folder / "index.html")
    if fail_above is None:
        return
    for rung in found.rungs:
        at = sentences.overall(found, rung)
        if rung.verdict == verdicts.VULNERABLE and at and (at.share or 0) > fail_above:
            click.get_current_context().exit(BROKEN)


@assess.command()
@click.argument("folder", type=Path)
def report(folder: Path) -> None:
    """Write the page of the assessment in FOLDER again, without computing anything."""
    from medtransfer.assess import report

    print(report.write(report.read(folder), folder))


@assess.command()
@wanted
@click.option(
    "--levels",
    multiple=True,
    default=(4,),
    show_default=True,
    type=click.IntRange(1, 64),
    help="Budget in grey levels of 255; may be given several times.",
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(["png", "dicom"]),
    default="png",
    show_default=True,
    help="Format of the pictures; DICOM: 8-bit secondary captures without a patient.",
)
@click.option("--out", type=Path, required=True, help="Folder of the pictures.")
def craft(
    target: Path,
    images: str,
    public: str | None,
    goal: str,
    rungs: tuple[str, ...],
    surrogates: int,
    name: str,
    levels: tuple[int, ...],
    kind: Format,
    out: Path,
) -> None:
    """Write pictures, clean and attacked, for a system that cannot be called from here."""
    from medtransfer.assess import check, craft

    _check_number(surrogates)
    _say(check.looked(craft.uncalled(target, out), images, asking=False))
    order = craft.Order(
        target=str(target),
        manifest=images,
        public=public or "",
        profile=name,
        rungs=rungs,
        budgets=tuple(sorted(set(levels))),
        replicates=surrogates,
        format=kind,
        goal=goal,
    )
    craft.craft(order, out)
    print(f"next: let the system answer them, as {out / craft.READ_ME} says")


@assess.command()
@click.argument("folder", type=Path)
@click.option("--out", type=Path, help="Folder of the report (default: build/assess/NAME).")
@FAIL_ABOVE
def score(folder: Path, out: Path | None, fail_above: float | None) -> None:
    """Assess a system by its answers to the pictures in FOLDER (answers.csv)."""
    from medtransfer.assess import check, craft

    order = craft.ordered(folder)
    model, setting = craft.answered(order, folder)
    looked = check.answers(model, setting)
    _say(looked)
    _assess(setting, looked, out, only=order.rungs, fail_above=fail_above)
