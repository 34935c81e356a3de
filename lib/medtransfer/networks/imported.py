"""Networks that others trained with Keras: imported once, then used like any network."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from medtransfer import paths, store
from medtransfer.errors import ImportedError
from medtransfer.networks.trained import StoredNetwork

if TYPE_CHECKING:
    from medtransfer.data.weights import ModelsManifest, Naming

MANIFEST = "authors_models"


@dataclass(frozen=True, kw_only=True, eq=False)
class Imported(StoredNetwork):
    """A network that others trained; `weights` is the sha256 of their file."""

    @property
    def title(self) -> str:
        return f"bring {self.name}"

    @classmethod
    def make(cls, specs: Sequence[Self]) -> None:
        """Publish networks that were imported, as if they had been trained here."""
        for spec in specs:
            publish(spec)


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
        """The path of its tensors once they are imported."""
        parts = [self.architecture, self.initialization, self.data.replace("/", "_")]
        stem = "-".join([*parts, "bis"] if self.bis else parts)
        return paths.imported() / self.domain / f"{stem}.safetensors"


def _manifest() -> ModelsManifest:
    from medtransfer.data import manifests
    from medtransfer.data.weights import ModelsManifest

    _, found = manifests.named(MANIFEST)
    assert isinstance(found, ModelsManifest)
    return found


def naming(domain: str) -> Naming:
    """Return how the files of a domain are named.

    Raises:
        ImportedError: nobody's networks of this domain are known.
    """
    known: dict[str, Naming] = {**_manifest().networks}
    if domain not in known:
        raise ImportedError(
            f"{MANIFEST}.yaml names no networks of {domain}; allowed: {', '.join(known)}; add how "
            "their files are called"
        )
    return known[domain]


def names(domain: str) -> dict[str, Name]:
    """Return path of a file -> which network it holds, for all networks of a domain.

    Raises:
        ImportedError: nobody's networks of this domain are known.
    """
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
        ImportedError: nobody's networks of this domain are known, or the folder holds none.
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
    from safetensors.torch import save_file

    from medtransfer.networks.keras import load_keras
    from medtransfer.networks.model import Classifier

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
    from safetensors import safe_open

    try:
        with safe_open(name.place, framework="np") as file:
            return json.loads(file.metadata()["facts"])["sha256"]
    except Exception as error:
        raise ImportedError(
            f"no network {name.place.stem} of {name.domain} was imported ({error}):\n"
            f"{_manifest().by_hand}"
        ) from error


def publish(spec: Imported) -> None:
    """Publish an imported network like a trained one, with its predictions on validation images.

    Raises:
        ImportedError: no imported network has the checksum of the spec, or it is damaged.
        SplitError: the development set has an empty part.
    """
    from safetensors.torch import load_file

    from medtransfer.measures.metrics import macro_auc
    from medtransfer.networks import stored
    from medtransfer.networks.model import Classifier
    from medtransfer.networks.network import ModulePredictor, answered, device

    path = _found(spec)
    model = Classifier(spec.architecture, outputs=len(spec.labels))
    try:
        state = load_file(path)
        model.load_state_dict(state)
    except Exception as error:
        raise ImportedError(f"{path} is damaged ({error}); import the network again") from error
    found = answered(spec, ModulePredictor(model.to(device()).eval().requires_grad_(False)))
    epoch = {"epoch": 0, "loss": float("nan"), "auc": macro_auc(found.truth, found.clean)}
    with store.draft(spec, device=str(device())) as place:
        stored.write(place, state=state, history=[epoch])
        found.write(place)


def _found(spec: Imported) -> Path:
    domain = spec.development.source.domain
    for name in names(domain).values():
        if name.place.is_file() and checksum(name) == spec.weights:
            return name.place
    raise ImportedError(f"no imported network of {domain} has the sha256 {spec.weights}")
