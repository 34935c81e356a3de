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
from medtransfer.assess import plan
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
from medtransfer.networks.contract import CALLS, PROBABILITIES
from medtransfer.networks.trained import IMAGENET
from medtransfer.report.wording import groups
from medtransfer.scoring import transfer


def of(setting: Setting, steps: Sequence[Step]) -> dict[str, Any]:
    """Return the parts of the document that hold no result of an attack."""
    sets = counted(setting)
    return {
        "tool": _tool(),
        "tester": Tester(**setting.system.tester),
        "system": _system(setting),
        "images": sets,
        "clean": clean(setting),
        "budgets": setting.budgets,
        "methods": setting.methods,
        "resamples": setting.profile.resamples,
        "target_calls": _target_calls(setting, steps, sets),
        "notes": tuple(_notes(setting, sets)),
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
    return plan.target_calls(
        setting, steps, images=sets.test_images, calibration=sets.calibration_images
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
    shown = _in_units(system.outputs, setting.limits)
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


def _in_units(outputs: str, limits: np.ndarray) -> np.ndarray:
    """Return thresholds in units of the outputs: scores are log-odds of probabilities."""
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


def clean(setting: Setting) -> tuple[Clean, ...]:
    """Return what the target says to the test images without any attack."""
    rows = _parts(setting.attacker).test
    prepared = images.load(setting.attacker.source)
    outputs = transfer.clean_answers(setting.target, rows)
    index = prepared.index.iloc[rows]
    truth = index[list(prepared.labels)].to_numpy()
    weights = resampled(tuple(index["group"]), setting.profile.resamples).weights
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


def _notes(setting: Setting, sets: Sets) -> list[str]:
    said = []
    if sets.phantom:
        said.append("The images are phantoms, drawn by code: nothing here is a medical result.")
    if setting.known is None:
        said.append(
            "Nobody says which images the model was made with: the attacker's may be among them, "
            "so that attackers with images of the same source may look stronger than they are."
        )
    if setting.architecture is None:
        said.append(
            "Nobody says which architecture the model has: an attacker's may be the same by chance."
        )
    if setting.initialization is None:
        said.append(
            "Nobody says how the model's weights began: attackers who do not know it begin with "
            "public weights, which may be the model's own."
        )
    elif setting.public is not None and setting.initialization == IMAGENET:
        said.append("The outsider begins with public weights, and so did the model.")
    if not setting.system.limits or np.isnan(setting.system.limits).any():
        said.append(
            "Thresholds that the owner does not say were chosen on calibration images, where "
            "sensitivity + specificity is largest."
        )
    if setting.images.group_noun == "image":
        said.append(
            "Nobody says which images belong to one patient: each image counts as one, and "
            "intervals are too narrow if patients have several."
        )
    return said
