"""From a setting to a finished assessment: train, attack, ask, and write down what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from medtransfer.assess import (
    answers,
    evidence,
    facts,
    pictures,
    plan,
    report,
    results,
    sentences,
    verdicts,
)
from medtransfer.assess.document import Assessment, RungFacts
from medtransfer.assess.evidence import Controls
from medtransfer.assess.plan import Step
from medtransfer.assess.setting import Setting
from medtransfer.compute.ensure import ensure
from medtransfer.data import manifests
from medtransfer.errors import WeightsError
from medtransfer.executors.local import executor
from medtransfer.networks import imagenet
from medtransfer.networks.trained import IMAGENET

WHITE_BOX = "PGD"
"""The method of an attacker who has the target, and so needs no surrogate to choose one."""


def assess(
    setting: Setting,
    folder: Path,
    *,
    only: Sequence[str] = (),
    minutes: float | None = None,
    say: Callable[[str], None] = print,
) -> Assessment:
    """Assess a setting, and write the report into a folder; return what the report says.

    What it takes is trained, attacked and stored, so that a second call returns soon.

    Args:
        folder: gets the page, the documents (see `report.write`), and `answers.parquet`.
        only: identifiers of the rungs that are wanted; none means all.
        minutes: rungs that would take longer in all are left out, and the report says so.
        say: takes a line for every step as soon as it is known.

    Raises:
        UsageError: there is no such rung.
        ComputeError: some work failed; the message names it, and the same call goes on.
    """
    begun = time.perf_counter()
    with executor():
        ensure([setting.target])
        steps = [_with_weights(step) for step in plan.ladder(setting, only)]
        say(facts.announced(setting, steps))
        tried = _tried(setting, steps, minutes, begun, say)
    found = {name: each for name, (_, each) in tried.items() if each is not None}
    methods = {name: method for name, (method, _) in tried.items()}
    steps = [each if each.rung.identifier in tried else _left(each, minutes) for each in steps]
    headline = evidence.headline(setting, list(found.values()))
    rungs = []
    for step in steps:
        name = step.rung.identifier
        rungs.append(results.rung(setting, step, methods.get(name, ""), found.get(name), headline))
    rungs = results.masked(rungs, headline)
    for rung in rungs:
        say(_line(rung, headline))
    made = Assessment(
        **facts.of(setting, steps),
        headline=headline,
        least=verdicts.LEAST,
        seconds=time.perf_counter() - begun,
        rungs=tuple(rungs),
        contrasts=results.contrasts(setting, steps, methods, headline),
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


def _tried(
    setting: Setting,
    steps: Sequence[Step],
    minutes: float | None,
    begun: float,
    say: Callable[[str], None],
) -> dict[str, tuple[str, Controls | None]]:
    """Try rung after rung; return the method and the controls of each that the time sufficed for.

    A rung is begun if it would end in time, were it to take as long as the longest before it.
    """
    tried: dict[str, tuple[str, Controls | None]] = {}
    longest = 0.0
    for step in (each for each in steps if each.surrogates):
        start = time.perf_counter()
        if minutes is not None and start - begun + longest > 60 * minutes:
            continue
        found = None
        if step.trained:
            ensure(plan.controls(setting, step).values())
            found = evidence.controls(setting, step)
        method = found.method if found else WHITE_BOX
        ensure(plan.cells(setting, step, method=method).values())
        tried[step.rung.identifier] = method, found
        spent = time.perf_counter() - start
        longest = max(longest, spent)
        say(f"{step.rung.number} {step.rung.name}: done in {spent:.0f} s, by {method}")
    return tried


def _left(step: Step, minutes: float | None) -> Step:
    """Return a rung as one that was not tried."""
    reason = step.reason or f"{minutes:g} minutes did not suffice for it"
    return Step(step.rung, reason=reason)


def _line(rung: RungFacts, headline: int) -> str:
    at = next((each for each in rung.overall if each.budget == headline), None)
    if at is None or at.share is None:
        return f"{rung.number} {rung.name}: {rung.verdict}: {rung.reason}"
    said = f"{sentences.share(at.share, at.low, at.high)} of the correct calls changed"
    return f"{rung.number} {rung.name}: {rung.verdict}; {said}"
