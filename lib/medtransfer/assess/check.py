"""Look at a model and its images before anything is trained: what fits, and what it sees."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medtransfer import paths
from medtransfer.assess import bring, clean, described, judge
from medtransfer.assess.bring import Model
from medtransfer.assess.setting import Setting
from medtransfer.assess.target import Known
from medtransfer.data import catalog, classes, looks, manifests, roles, sheet, splits
from medtransfer.data import images as sources
from medtransfer.data.catalog import Request
from medtransfer.data.check import NOBODY, table
from medtransfer.data.looks import Checked
from medtransfer.data.schema import ImageFacts, plural
from medtransfer.data.splits import ATTACKER, CALIBRATION, DEVELOPMENT, TEST
from medtransfer.networks import of_timm
from medtransfer.networks.architectures import ARCHITECTURES, TIMM
from medtransfer.networks.brought import Answering
from medtransfer.networks.doors import door, pixels
from medtransfer.networks.doors.factory import FunctionDoor
from medtransfer.networks.trained import IMAGENET, RANDOM

if TYPE_CHECKING:
    import pandas as pd

KEPT, SECONDS = 512, 20  # images that the model is asked about, read in about so many seconds
ON_SHEET = 12
ENOUGH = 30  # groups with and without a finding, below which it is not assessed


def check(target: Path, images: str) -> tuple[Model, Checked]:
    """Return a model, and what is wrong with it, with its images, and with both together.

    What the model sees of some images is drawn on a sheet. Nothing is trained; nothing but the
    sheet, and where the model lies, is written.

    Args:
        target: path of the target file.
        images: path of the manifest of the images, which are read from files.

    Raises:
        ManifestError: a file is missing or breaks its schema.
        TargetError: the model cannot be brought or opened, or the images are not for it.
    """
    model = bring.model(target)
    return model, looked(model, images, asking=True)


def looked(model: Model, images: str, *, asking: bool) -> Checked:
    """Return what is wrong with images for a model and, if it is asked, with its answers.

    Raises:
        ManifestError: a file is missing or breaks its schema.
        TargetError: the model cannot be opened, or the images are not for it.
    """
    manifest = manifests.image_facts(images)
    bring.check_images(model, manifest.label_names, manifest.image.channels)
    asked = catalog.request(images, image_px=model.contract.image_px)
    network = _opened(model, manifest) if asking else None
    found = Checked()
    index = found.tried(lambda: asked.reader().index())
    if index is None:
        return found
    sets = found.tried(_sets, index, asked) or {}
    found.warnings += found.tried(_poor, index, asked, sets) or []
    if manifest.group_noun == "image":
        found.warnings.append(NOBODY)
    found.warnings += _few(model, index, sets, manifest)
    found.warnings += _unknown(model.target.known)
    found.table = table(index, manifest, sets)
    order = _order(index, sets)
    found.facts.append(described.model(model))
    scaled = network is not None and not isinstance(network.door, FunctionDoor)
    found.measured.append(described.taken(model, scaled=scaled))
    seen = looks.look(asked, index, order, keep=KEPT, noted=found, seconds=SECONDS)
    rows = [row for row in order.tolist() if row in seen]
    if rows:
        pictures = np.stack([seen[row] for row in rows])
        _draw(found, model, manifest, index.iloc[rows[:ON_SHEET]], pictures[:ON_SHEET])
        if network is not None:
            judge.judge(found, model, network, index, np.array(rows), pictures, sets)
    return found


def answers(model: Model, setting: Setting) -> Checked:
    """Return what is wrong with the answers to clean pictures of a system that was asked elsewhere.

    Raises:
        TargetError: pictures have no answer.
    """
    found, prepared = Checked(), sources.load(setting.attacker.source)
    found.measured.append(described.taken(model, scaled=False))
    test, owner = (
        splits.parts(prepared.index, labels=prepared.labels, development=each)
        for each in (setting.attacker, setting.target.development)
    )
    sets = {TEST: test.test, CALIBRATION: owner.validation}
    found.warnings += _few(model, prepared.index, sets, setting.images)
    rows = np.union1d(test.test, owner.validation)
    network = setting.target.open()
    assert isinstance(network, Answering)
    pictures = np.asarray(prepared.images[rows])
    judge.judge(found, model, network, prepared.index, rows, pictures, sets)
    return found


def _opened(model: Model, manifest: ImageFacts) -> Answering:
    opened = door.opened(model.door, model.path, model.contract)
    return Answering(opened, model.contract, manifest.label_names)


def _sets(index: pd.DataFrame, asked: Request) -> dict[str, np.ndarray]:
    """Return the rows of every side of an assessment, those of the development set if named."""
    source, labels = asked.spec(""), asked.manifest.label_names
    parts = {
        name: splits.parts(index, labels=labels, development=roles.of(source, name))
        for name in (CALIBRATION, ATTACKER)
    }
    sets = {
        TEST: parts[ATTACKER].test,
        CALIBRATION: parts[CALIBRATION].validation,
        f"{ATTACKER} train": parts[ATTACKER].train,
        f"{ATTACKER} validation": parts[ATTACKER].validation,
    }
    if index["split"].str.contains(DEVELOPMENT).any():
        own = splits.parts(index, labels=labels, development=roles.of(source, DEVELOPMENT))
        sets[DEVELOPMENT] = np.union1d(own.train, own.validation)
    return sets


def _poor(index: pd.DataFrame, asked: Request, sets: dict[str, np.ndarray]) -> list[str]:
    """Return which sets or findings are too small, in sentences."""
    if not sets:
        return []
    labels, noun = asked.manifest.label_names, asked.manifest.group_noun
    said = classes.check(index, labels=labels, sets=sets, needed=(TEST, f"{ATTACKER} train"))
    test = index.iloc[sets[TEST]]
    for name in labels:
        sides = [test.loc[test[name] == value, "group"].nunique() for value in (1, 0)]
        if min(sides) < ENOUGH:
            said.append(
                f"{name}: the test set has {sides[0]} {plural(noun)} with it and {sides[1]} "
                f"without; below {ENOUGH} of each nothing is said about it"
            )
    return said


def _few(
    model: Model, index: pd.DataFrame, sets: Mapping[str, np.ndarray], manifest: ImageFacts
) -> list[str]:
    """Return in sentences which thresholds will be chosen on too few images."""
    if CALIBRATION not in sets:
        return []
    own, given = index.iloc[sets[CALIBRATION]], model.target.thresholds
    labels, noun = manifest.label_names, manifest.group_noun
    return clean.few(own, model.contract, given, labels=labels, noun=noun)


def _unknown(known: Known) -> list[str]:
    """Return in sentences which attackers cannot be simulated, for want of what they would know."""
    said = []
    named = known.architecture and of_timm.known_as(known.architecture)
    for name, value, fits, allowed, who in (
        (
            "architecture",
            known.architecture,
            named,
            f"{', '.join(ARCHITECTURES)}, or any of timm",
            "the architecture",
        ),
        (
            "initialization",
            known.initialization,
            known.initialization in (IMAGENET, RANDOM),
            f"{IMAGENET}, {RANDOM}",
            "how the weights began",
        ),
    ):
        if fits:
            continue
        why = "not said" if value is None else f"{value}: no attacker's network can be trained so"
        said.append(
            f"known.{name}: {why}; attackers who know {who} are not assessed. Allowed: {allowed}"
        )
    if named and named.startswith(TIMM) and known.initialization in (IMAGENET, RANDOM):
        too = known.initialization == IMAGENET
        who = "how its weights began, too," if too else "the architecture alone"
        said.append(
            f"known.architecture: {known.architecture}: attackers train it from random weights, "
            f"since its public ones are not here; attackers who know {who} are not assessed"
        )
    return said


def _order(index: pd.DataFrame, sets: dict[str, np.ndarray]) -> np.ndarray:
    """Return rows in a random order, those of test and calibration first."""
    shuffled = np.random.default_rng(0).permutation(len(index))
    own = [sets[name] for name in (TEST, CALIBRATION) if name in sets]
    late = ~np.isin(shuffled, np.concatenate(own)) if own else np.zeros(len(index), bool)
    return shuffled[np.argsort(late, kind="stable")]


def _draw(
    found: Checked,
    model: Model,
    manifest: ImageFacts,
    index: pd.DataFrame,
    pictures: np.ndarray,
) -> None:
    """Draw some images as the model gets them, in size and colours."""
    after = pixels.delivered(model.contract.chain, pictures)
    shown = pixels.shown(model.contract, after)
    lines = []
    for _, row in index.iterrows():
        positive = [label for label in manifest.label_names if row[label]]
        lines.append((row["image"], ", ".join(positive) or "no label"))
    found.sheet = paths.checked() / f"{model.target.name}-sees.png"
    sheet.draw(found.sheet, [*shown], lines)
