"""Networks that others trained with Keras: brought here once, then like any network."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch.utils.data import DataLoader

from medtransfer import paths, store
from medtransfer.data import images as prepare
from medtransfer.data import manifests as manifest
from medtransfer.data import splits as development
from medtransfer.data.datamodule import PlainImages
from medtransfer.data.schema import ModelsManifest, Naming
from medtransfer.measures.metrics import macro_auc
from medtransfer.networks import training
from medtransfer.networks.architectures import Classifier
from medtransfer.networks.keras import load_keras
from medtransfer.specs import Imported

BATCH = 64
MANIFEST = "authors_models"


class ImportedError(ValueError):
    """A network of others is missing or is another one than expected."""


@dataclass(frozen=True)
class Name:
    """Which network of the study a file holds; `bis` is the second training on a set."""

    domain: str
    architecture: str
    initialization: str
    data: str
    bis: bool

    @property
    def place(self) -> Path:
        """Where its tensors lie once they are imported."""
        parts = [self.architecture, self.initialization, self.data.replace("/", "_")]
        stem = "-".join([*parts, "bis"] if self.bis else parts)
        return paths.imported() / self.domain / f"{stem}.safetensors"


def naming(domain: str) -> Naming:
    """Return how the files of a domain are named."""
    _, found = manifest.named(MANIFEST)
    assert isinstance(found, ModelsManifest)
    return found.networks[domain]  # type: ignore[index]


def names(domain: str) -> dict[str, Name]:
    """Return path of a file -> which network it holds, for all networks of a domain."""
    rule = naming(domain)
    found = {}
    for architecture, its in rule.architectures.items():
        for initialization, start in rule.initializations.items():
            for data, called in rule.data.items():
                for bis in (False, True):
                    path = rule.path.format(
                        architecture=its,
                        initialization=start,
                        data=called,
                        bis=rule.bis if bis else "",
                    )
                    found[path] = Name(domain, architecture, initialization, data, bis)
    return found


def import_folder(domain: str, folder: Path) -> tuple[list[Name], list[str]]:
    """Convert every file of a folder whose name is known; return what was imported, what is absent.

    Raises:
        ImportedError: the folder holds none of the files.
        KerasError: a file is not such a network.
    """
    known = names(domain)
    there = {path: name for path, name in known.items() if (folder / path).is_file()}
    if not there:
        raise ImportedError(
            f"{folder} holds none of the {len(known)} files that {MANIFEST}.yaml names for "
            f"{domain}, such as {next(iter(known))}"
        )
    for path, name in there.items():
        _convert(folder / path, name)
    return [*there.values()], sorted({*known} - {*there})


def _convert(path: Path, name: Name) -> None:
    model = Classifier(name.architecture, outputs=naming(name.domain).outputs)
    load_keras(model, path=path)
    place = name.place
    place.parent.mkdir(parents=True, exist_ok=True)
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    facts = {**asdict(name), "file": path.name, "sha256": sha256}
    scratch = place.with_suffix(f".{os.getpid()}")
    save_file(model.state_dict(), scratch, metadata={"facts": json.dumps(facts)})
    os.replace(scratch, place)


def checksum(name: Name) -> str:
    """Return the sha256 of the file that a network was imported from.

    Raises:
        ImportedError: it was not imported; the message holds the steps.
    """
    try:
        with safe_open(name.place, framework="pt") as file:
            return json.loads(file.metadata()["facts"])["sha256"]
    except Exception as error:
        _, found = manifest.named(MANIFEST)
        assert isinstance(found, ModelsManifest)
        raise ImportedError(
            f"no network {name.place.stem} of {name.domain} was imported ({error}):\n"
            f"{found.by_hand}"
        ) from error


def publish(spec: Imported) -> None:
    """Publish an imported network like a trained one, with its answers to validation images.

    Raises:
        ImportedError: no imported network has the checksum of the spec, or it is damaged.
        SplitError: the development set has an empty part.
    """
    path = _found(spec)
    prepared = prepare.load(spec.development.source)
    rows = development.parts(
        prepared.index, labels=prepared.labels, development=spec.development
    ).validation
    model = Classifier(spec.architecture, outputs=len(prepared.labels))
    try:
        model.load_state_dict(load_file(path))
    except Exception as error:
        raise ImportedError(f"{path} is damaged ({error}); import the network again") from error
    logits = _answers(model.to(training.device()).eval(), PlainImages(prepared, rows))
    auc = macro_auc(prepared.targets[rows], logits)
    with store.draft(spec, device=str(training.device())) as place:
        history = [{"epoch": 0, "loss": float("nan"), "auc": auc}]
        training.write(place, state=model.cpu().state_dict(), history=history)
        training.write_validation(place, prepared, rows, logits=logits)


def _found(spec: Imported) -> Path:
    domain = spec.development.source.domain
    for name in names(domain).values():
        if name.place.is_file() and checksum(name) == spec.weights:
            return name.place
    raise ImportedError(f"no imported network of {domain} has the sha256 {spec.weights}")


@torch.no_grad()
def _answers(model: Classifier, images: PlainImages) -> np.ndarray:
    batches = DataLoader(images, batch_size=BATCH)
    return np.concatenate(
        [model(batch.to(training.device())).float().cpu().numpy() for batch, _ in batches]
    )
