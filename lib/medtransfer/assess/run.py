"""From a setting to a finished assessment: train, attack, ask, and write down what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from medtransfer.assess import (
    answers,
    chain,
    controls,
    facts,
    pictures,
    plan,
    report,
    results,
    sentences,
    verdicts,
)
from medtransfer.assess.controls import Controls
from medtransfer.assess.document import Assessment, RungFacts
from medtransfer.assess.effort import Pace
from medtransfer.assess.plan import Step
from medtransfer.assess.setting import Setting
from medtransfer.compute.ensure import ensure
from medtransfer.compute.progress import Stage
from medtransfer.data import manifests
from medtransfer.errors import WeightsError
from medtransfer.executors.local import executor
from medtransfer.networks import imagenet
from medtransfer.networks.trained import IMAGENET
from medtransfer.report.wording import listed
from medtransfer.scoring.cell import Cell

FIRST = Stage("an attacker's first network, for the time it takes")


def assess(
    setting: Setting,
    folder: Path,
    *,
    only: Sequence[str] = (),
    pace: Pace | None = None,
    warnings: Sequence[str] = (),
    say: Callable[[str], None] = print,
) -> Assessment:
    """Assess a setting, and write the report into a folder; return what the report says.

    What it takes is trained, attacked and stored, so that a second call returns soon.

    Args:
        folder: gets the page, the documents (see `report.write`), and `answers.parquet`.
        only: identifiers of the rungs that are wanted; none means all.
        pace: the methods of most gradients are left out if the rungs would not end in time with
            them, then rungs, and the report says so; None: there is time for all.
        warnings: what a check of model and images found, for the report.
        say: takes a line for every step as soon as it is known.

    Raises:
        UsageError: there is no such rung.
        ComputeError: some work failed; the message names it, and the same call goes on.
    """
    begun = time.perf_counter()
    with executor():
        ensure([setting.target], stage=Stage("answers of the model"))
        steps = [_with_weights(step) for step in plan.ladder(setting, only)]
        say(facts.announced(setting, steps))
        if pace is not None:
            setting = _affordable(setting, steps, pace)
            if setting.without:
                warnings = [*warnings, _without(setting)]
                say(warnings[-1])
        found = _tried(setting, steps, pace, say)
    methods = {name: each.method for name, each in found.items()}
    steps = [each if each.rung.identifier in found else _left(each) for each in steps]
    headline = controls.headline(setting, list(found.values()))
    rungs = []
    for step in steps:
        name = step.rung.identifier
        rungs.append(results.rung(setting, step, methods.get(name, ""), found.get(name), headline))
    rungs = results.masked(rungs, headline)
    for rung in rungs:
        say(_line(rung, headline))
    made = Assessment(
        **facts.of(setting, steps, methods),
        warnings=tuple(warnings),
        headline=headline,
        least=verdicts.LEAST,
        seconds=time.perf_counter() - begun,
        rungs=tuple(rungs),
        contrasts=(
            *results.contrasts(setting, steps, methods, headline),
            *chain.contrast(setting, steps, rungs, headline),
        ),
    )
    folder.mkdir(parents=True, exist_ok=True)
    shown = pictures.examples(setting, steps, made, folder)
    answers.table(setting, steps, methods).to_parquet(folder / answers.FILE, index=False)
    made = made.model_copy(update={"examples": shown})
    report.write(made, folder)
    return made


def _with_weights(step: Step) -> Step:
    """Return a rung as it is, or with the reason if the public weights of its networks lack."""
    begun = {
        str(e.traits["architecture"])
        for e in step.trained
        if e.traits.get("initialization") == IMAGENET
    }
    try:
        for name in sorted(begun):
            imagenet.find(manifests.imagenet_weights(name))
    except WeightsError as why:
        return Step(step.rung, reason=f"no surrogate can be trained: {why}")
    return step


def _affordable(setting: Setting, steps: Sequence[Step], pace: Pace) -> Setting:
    """Return the setting with the methods that leave time for all rungs, but with two at least.

    The first network is trained to know.
    """
    trained = [network for step in steps for network in step.trained]
    if not trained or not pace.suffices(setting):
        return setting
    ensure(trained[:1], stage=FIRST)
    pace.learn(trained[0])
    while len(setting.tried) > 2 and not pace.suffices(setting, *steps):
        setting = replace(setting, without=(*setting.without, setting.tried[-1]))
    return setting


def _without(setting: Setting) -> str:
    return (
        f"Attackers who do not have the model do without {listed(setting.without)}: there was not "
        "enough time for all rungs with so many gradients."
    )


def _tried(
    setting: Setting, steps: Sequence[Step], pace: Pace | None, say: Callable[[str], None]
) -> dict[str, Controls]:
    """Try the rungs; return the controls of each that the time sufficed for.

    With time for all of them they are tried together, so that no worker waits for another.
    """
    tried: dict[str, Controls] = {}
    waiting = [step for step in steps if step.surrogates]
    for group in [waiting] if waiting and pace is None else [[step] for step in waiting]:
        start, expected = time.perf_counter(), 0.0
        if pace is not None:
            if not _in_time(setting, group[0], pace):
                continue
            expected = time.perf_counter() - start + pace.seconds(setting, group[0])
        which = f" of {group[0].rung.name}" if len(group) == 1 else ""
        ensure(
            (cell for step in group for cell in plan.rehearsals(setting, step).values()),
            stage=Stage(f"1 of 2, attackers' networks{which}"),
        )
        ensure(
            (cell for step in group for cell in _attacks(setting, step)),
            stage=Stage(f"2 of 2, attacks{which}"),
        )
        tried |= {step.rung.identifier: controls.of(setting, step) for step in group}
        spent = time.perf_counter() - start
        if pace is not None:
            pace.correct(expected, spent)
        names = "; ".join(f"{step.rung.number} {step.rung.name}" for step in group)
        say(f"{names}: done in {spent:.0f} s")
    return tried


def _attacks(setting: Setting, step: Step) -> list[Cell]:
    """Return the controls of a rung and its attacks on the target, by its chosen method."""
    method = controls.chosen(setting, step)
    each = (plan.controls, plan.cells)
    return [cell for cells in each for cell in cells(setting, step, method=method).values()]


def _in_time(setting: Setting, step: Step, pace: Pace) -> bool:
    """Return whether a rung would end in time; the first of its networks is trained to know."""
    if not pace.suffices(setting, step):
        return False
    ensure(step.trained[:1], stage=FIRST)
    for network in step.trained[:1]:
        pace.learn(network)
    return pace.suffices(setting, step)


def _left(step: Step) -> Step:
    """Return a rung as one that was not tried."""
    return Step(step.rung, reason=step.reason or "there was not enough time for it")


def _line(rung: RungFacts, headline: int) -> str:
    at = next((each for each in rung.overall if each.budget == headline), None)
    if at is None or at.share is None:
        return f"{rung.number} {rung.name}: {rung.verdict}: {rung.reason}"
    said = f"{sentences.share(at.share, at.low, at.high)} of the correct calls changed"
    return f"{rung.number} {rung.name}: {rung.verdict}; {said}"
