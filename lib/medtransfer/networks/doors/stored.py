"""A network that was trained here, from the folder that the store keeps of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from medtransfer import paths, store
from medtransfer.errors import TargetError
from medtransfer.networks.contract import Contract
from medtransfer.networks.doors import modules

SPEC, WEIGHTS = "spec.json", "weights.safetensors"


def files(path: Path) -> list[Path]:
    """Return the files of a result that decide what its network answers."""
    return [path / SPEC, path / WEIGHTS]


def place(key: str) -> Path:
    """Return the folder of the stored network whose key begins with `key`.

    Raises:
        TargetError: there is none, or more than one.
    """
    found = [
        each.parent
        for each in paths.store().glob(f"*/{key[:2]}/{key}*/{WEIGHTS}")
        if key.isalnum() and (each.parent / SPEC).is_file()
    ]
    if len(found) != 1:
        raise TargetError(
            f"{len(found)} networks of the store have a key that begins with {key!r}; "
            "`medtransfer list` shows keys of cells, and `medtransfer show` the networks in them"
        )
    return found[0]


def facts(path: Path) -> dict[str, Any]:
    """Return what the network takes, as fields of a target file's `input`.

    Raises:
        StoreError: its record is damaged.
    """
    source = store.read_json(path / SPEC)["development"]["source"]
    side = source["image_px"]
    return {"size": (side, side), "channels": source["channels"], "range": (-1.0, 1.0)}


def label_names(path: Path) -> list[str]:
    """Return the names of the outputs.

    Raises:
        StoreError: its record is damaged.
    """
    return list(store.read_json(path / SPEC)["development"]["source"]["labels"])


def opened(path: Path, contract: Contract) -> modules.ModuleDoor:
    """Return the door of a stored network.

    Raises:
        StoreError: its record or its weights are damaged.
    """
    from safetensors.torch import load_file

    from medtransfer.networks.model import Classifier

    architecture = store.read_json(path / SPEC)["architecture"]
    model = Classifier(architecture, outputs=len(label_names(path)))
    with store.explained(path / WEIGHTS):
        model.load_state_dict(load_file(path / WEIGHTS))
    return modules.of(model, contract)
