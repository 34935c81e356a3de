"""What an assessment states beside its results: system, images, clean answers, cost, versions."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
from scipy.special import expit

from medtransfer import provenance, store
from medtransfer.analysis.tables import resampled
from medtransfer.assess import effort, notes, plan
from medtransfer.assess.document import (
    Clean,
    Sets,
    Surrogate,
    SystemFacts,
    Tester,
    Threshold,
    Tool,
)
from medtransfer.assess.plan import Step
from medtransfer.assess.setting import Setting
from medtransfer.data import images, splits
from medtransfer.data.schema import PhantomManifest
from medtransfer.data.splits import Development
from medtransfer.measures import metrics, predictions
from medtransfer.measures.predictions import Predictions
from medtransfer.networks import network
from medtransfer.networks.contract import CALLS, PROBABILITIES
from medtransfer.report.wording import groups
from medtransfer.scoring import transfer


def of(setting: Setting, steps: Sequence[Step], methods: dict[str, str]) -> dict[str, Any]:
    """Return the parts of the document that hold no result of an attack.

    Args:
        methods: identifier of a rung -> method of its attacks.
    """
    sets, used = counted(setting), {*setting.tried, *methods.values()}
    return {
        "tool": _tool(),
        "tester": Tester(**setting.system.tester),
        "system": _system(setting),
        "images": sets,
        "clean": clean(setting, _unattacked(setting, steps, methods)),
        "budgets": setting.budgets,
        "methods": {name: own for name, own in setting.methods.items() if name in used},
        "resamples": setting.profile.resamples,
        "target_calls": _target_calls(setting, steps, sets),
        "notes": tuple(notes.of(setting)),
        "goal": setting.goal,
    }


def announced(setting: Setting, steps: Sequence[Step]) -> str:
    """Return in words, before anything is trained, what an assessment takes."""
    sets = counted(setting)
    number = sum(len(step.trained) for step in steps)
    skipped = [f"{step.rung.name} ({step.reason})" for step in steps if not step.surrogates]
    said = (
        f"{setting.system.title}: {sets.test_images:,} test images of {sets.test_groups:,} "
        f"{sets.groups}; {number} surrogates to train; the target is asked "
        f"{_target_calls(setting, steps, sets):,} times"
    )
    return said + (f"\nnot assessed: {'; '.join(skipped)}" if skipped else "")


def _target_calls(setting: Setting, steps: Sequence[Step], sets: Sets) -> int:
    return effort.target_calls(
        setting,
        steps,
        images=sets.test_images,
        calibration=sets.calibration_images,
        attacker=sets.attacker_images,
    )


def _tool() -> Tool:
    found = provenance.provenance()
    return Tool(
        version=version("medtransfer"),
        revision=found["git"],
        date=found["date"],
        host=found["platform"],
        python=found["python"],
        versions=found["versions"],
        command=" ".join(["medtransfer", *sys.argv[1:]]) if "medtransfer" in sys.argv[0] else "",
    )


def _system(setting: Setting) -> SystemFacts:
    system, source, labels = setting.system, setting.attacker.source, setting.target.labels
    owner = np.isfinite(system.limits or np.full(len(labels), np.nan))
    shown = in_units(system.outputs, setting.limits)
    return SystemFacts(
        name=system.name,
        title=system.title,
        sha256=system.sha256 or setting.target.key,
        outputs=system.outputs,
        one_of_many=system.one_of_many,
        thresholds=tuple(
            Threshold(
                finding=name,
                value=float(shown[k]),
                origin="owner" if owner[k] else "calibration",
            )
            for k, name in enumerate(labels)
        ),
        image_px=source.image_px,
        channels=source.channels,
        path=system.path,
    )


def in_units(outputs: str, limits: Any) -> Any:
    """Return scores in units of the outputs: those of probabilities are log-odds."""
    return expit(limits) if outputs == PROBABILITIES else limits


def counted(setting: Setting) -> Sets:
    """Return how many images each side has."""
    source = setting.attacker.source
    attacker, owner = _parts(setting.attacker), _parts(setting.target.development)
    known = None if setting.known is None else _parts(setting.known)
    index = images.load(source).index
    return Sets(
        title=setting.images.title,
        phantom=isinstance(setting.images, PhantomManifest),
        groups=groups(setting.images),
        test_images=len(attacker.test),
        test_groups=index["group"].iloc[attacker.test].nunique(),
        calibration_images=len(owner.validation),
        attacker_images=len(attacker.train) + len(attacker.validation),
        development_images=None if known is None else len(known.train) + len(known.validation),
    )


def _parts(development: Development) -> splits.Parts:
    prepared = images.load(development.source)
    return splits.parts(prepared.index, labels=prepared.labels, development=development)


def _unattacked(setting: Setting, steps: Sequence[Step], methods: dict[str, str]) -> Predictions:
    """Return what the target says to the test images without any attack; every cell holds it."""
    for step in (each for each in steps if each.surrogates):
        cells = plan.cells(setting, step, method=methods[step.rung.identifier])
        return predictions.read(next(iter(cells.values())))
    rows = _parts(setting.attacker).test
    answers = transfer.clean_answers(setting.target, rows)
    return network.predictions(images.load(setting.attacker.source), rows, clean=answers)


def clean(setting: Setting, said: Predictions) -> tuple[Clean, ...]:
    """Return how well the target does on the test images without any attack."""
    truth, outputs = said.truth, said.clean
    weights = resampled(said.groups, setting.profile.resamples).weights
    auc = metrics.label_auc(truth, outputs)
    if setting.system.outputs == CALLS:  # calls have no ranks
        auc = np.full_like(auc, np.nan)
    draws = metrics.weighted_auc(truth, outputs, weights=weights)
    called = outputs >= setting.limits
    found = []
    for k, name in enumerate(setting.target.labels):
        ill, low_high = truth[:, k] > 0, metrics.interval(draws[:, k])
        found.append(
            Clean(
                finding=name,
                positives=int(ill.sum()),
                negatives=int((~ill).sum()),
                auc=float(auc[k]),
                low=low_high[0],
                high=low_high[1],
                declared=setting.system.declared.get(name),
                sensitivity=_mean(called[ill, k]),
                specificity=_mean(~called[~ill, k]),
            )
        )
    return tuple(found)


def _mean(hits: np.ndarray) -> float:
    return float(hits.mean()) if len(hits) else float("nan")


def surrogates(step: Step) -> tuple[Surrogate, ...]:
    """Return the attacker's networks; of a white box the target, without an AUC."""
    found = []
    for each in step.trained or step.surrogates:
        kept = predictions.read(each)
        found.append(
            Surrogate(name=each.name, key=each.key, auc=metrics.macro_auc(kept.truth, kept.clean))
        )
    return tuple(found)


def spent(setting: Setting, step: Step, *, method: str) -> dict[str, float]:
    """Return the seconds that a rung cost its attacker: training, and crafting on test images."""
    cells = plan.cells(setting, step, method=method).values()
    return {
        "training_seconds": sum(store.run_record(each)["seconds"] for each in step.trained),
        "crafting_seconds": sum(store.run_record(c)["work"]["crafting"] for c in cells),
    }
