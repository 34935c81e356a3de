"""From what a target file says to a model that can be asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from medtransfer.assess import target as target_file
from medtransfer.assess.target import Input, Target
from medtransfer.data import manifests, roles
from medtransfer.data.images import Source
from medtransfer.errors import ManifestError, TargetError
from medtransfer.networks.brought import Brought
from medtransfer.networks.contract import Contract
from medtransfer.networks.doors import (
    answers,
    factory,
    found,
    onnx,
    onnx_fits,
    refused,
    stored,
    timm_folder,
)
from medtransfer.networks.doors.door import ANSWERS, FACTORY, ONNX, STORED, TIMM

SUFFIX, IN_STORE, CODE = ".onnx", "store:", ".py:"
FILES = {
    ONNX: onnx.files,
    TIMM: timm_folder.files,
    STORED: stored.files,
    FACTORY: factory.files,
    ANSWERS: answers.files,
}
ALLOWED = (
    "a file .onnx, a folder with config.json and model.safetensors, store:KEY, answers, or "
    "FILE.py:FUNCTION"
)


@dataclass(frozen=True)
class Model:
    """A model that was brought: what its target file says, where it lies, how it is asked."""

    target: Target
    path: Path
    door: str
    sha256: str
    contract: Contract


def model(path: Path, *, pictures: Path | None = None) -> Model:
    """Return the model of a target file, compared with its checksum, and remember where it lies.

    Nothing of it is opened but, for an ONNX file, in a process of its own.

    Args:
        path: the target file.
        pictures: the folder with `answers.csv`, for a system that cannot be called.

    Raises:
        ManifestError: the target file is missing or breaks the schema.
        TargetError: the model is missing, is of a kind that is refused, or is another one than the
            file says.
    """
    facts = target_file.read(path)
    door, place = _located(facts, path.parent, pictures)
    taken = _input(facts, door, place, path)
    contract = facts.contract(taken)
    if door == ONNX:
        described = onnx.described(place, contract)
        onnx_fits.fits(place, described["inputs"], contract)
        onnx_fits.chosen(place, described["outputs"], contract)
    _check_labels(facts, door, place)
    files = FILES[door](place)
    sha256 = found.checksum(files)
    if facts.sha256 not in (None, sha256):
        raise TargetError(
            f"{place}: its sha256 is {sha256}, {path} says {facts.sha256}: it is another model. "
            "Bring that one, or write down the new checksum"
        )
    found.remember(sha256, place, files)
    return Model(facts, place, door, sha256, contract)


def brought(model: Model, source: Source) -> Brought:
    """Return the network that a model is among the images of a source.

    Raises:
        TargetError: the images have labels that the model has not, or more channels than it takes.
    """
    check_images(model, source.labels, source.channels)
    return Brought(
        development=roles.of(source, roles.CALIBRATION),
        sha256=model.sha256,
        door=model.door,
        contract=model.contract,
    )


def check_images(model: Model, labels: tuple[str, ...], channels: int) -> None:
    """Refuse images that a model cannot be asked about.

    Raises:
        TargetError: they have labels that the model has not, or more channels than it takes.
    """
    has = model.target.labels
    if absent := [name for name in labels if name not in has]:
        raise TargetError(
            f"the images have labels that the model lacks: {', '.join(absent)}; it has "
            f"{', '.join(has)}. Labels are matched by name: rename them in one of the two files, "
            "or leave them out of that of the images"
        )
    takes = model.contract.channels
    if channels > takes or (model.door == ANSWERS and channels != takes):
        raise TargetError(
            f"the images have {channels} channels, the model takes {takes}: say "
            f"`image: {{channels: {takes}}}` in the manifest of the images, or mend `input`"
        )


def _located(facts: Target, beside: Path, pictures: Path | None) -> tuple[str, Path]:
    """Return the door of a model and where it lies."""
    said = facts.model
    if said == ANSWERS:
        if pictures is None:
            raise TargetError(
                "model: answers: this system cannot be called from here. Write pictures for it "
                "(`medtransfer assess craft`), and score what it says (`medtransfer assess score`)"
            )
        return ANSWERS, pictures
    if said.startswith(IN_STORE):
        return STORED, stored.place(said.removeprefix(IN_STORE))
    if CODE in said:
        file, _, function = said.rpartition(":")
        place = beside / Path(file).expanduser()
        if not place.is_file():
            raise TargetError(f"model: {place}: no such file")
        if not facts.trust_code:
            raise TargetError(
                f"model: {said} is code, and it runs with your rights. If you trust it, say "
                "`trust_code: true` in the target file; nothing of it was run"
            )
        return FACTORY, Path(f"{place}:{function}")
    place = beside / Path(said).expanduser()
    if not place.exists():
        raise TargetError(f"model: {place}: no such file; allowed: {ALLOWED}")
    if not place.is_file() and not place.is_dir():
        raise TargetError(f"model: {place}: neither a file nor a folder; allowed: {ALLOWED}")
    refused.check(place)
    if place.is_dir():
        if not (place / timm_folder.WEIGHTS).is_file():
            raise TargetError(
                f"model: {place} holds no {timm_folder.WEIGHTS}; write the folder by "
                f"`{timm_folder.SAVE}`"
            )
        return TIMM, place
    if place.suffix.lower() != SUFFIX:
        raise TargetError(f"model: {place}: nothing here opens such a file; allowed: {ALLOWED}")
    return ONNX, place


def _input(facts: Target, door: str, place: Path, path: Path) -> Input:
    if facts.input is not None:
        return facts.input
    if door not in (TIMM, STORED):
        raise ManifestError(f"{path}: input: needed: what the model takes, at least size, channels")
    said: dict[str, Any] = (timm_folder if door == TIMM else stored).facts(place)
    try:
        return Input.model_validate(said)
    except ValidationError as error:
        raise TargetError(f"{manifests.explain(place, error)}; give `input`") from None


def _check_labels(facts: Target, door: str, place: Path) -> None:
    names = {TIMM: timm_folder.label_names, STORED: stored.label_names}
    own = names[door](place) if door in names else []
    if own and own != [*facts.labels]:
        raise TargetError(
            f"labels: {', '.join(facts.labels)}; the model itself says {', '.join(own)}, in this "
            "order. Write them so"
        )
