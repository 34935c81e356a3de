"""A folder that timm writes: `config.json` and `model.safetensors`. No code is in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from medtransfer.errors import TargetError
from medtransfer.networks.contract import Contract
from medtransfer.networks.doors import modules

CONFIG, WEIGHTS = "config.json", "model.safetensors"
# Arguments of a model that bring other files or weights.
ELSEWHERE = ("pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "checkpoint_path")
SAVE = 'timm.models.save_for_hf(model, "FOLDER", safe_serialization=True)'


def files(path: Path) -> list[Path]:
    """Return the files of a folder that decide what its model answers."""
    return [path / CONFIG, path / WEIGHTS]


def config(path: Path) -> dict[str, Any]:
    """Return what `config.json` of a folder says.

    Raises:
        TargetError: it is missing or is no such file.
    """
    try:
        found = json.loads((path / CONFIG).read_text(encoding="utf-8"))
    except Exception as error:
        raise TargetError(
            f"{path / CONFIG} is not readable: {error}; write it by `{SAVE}`"
        ) from error
    if not isinstance(found, dict) or not isinstance(found.get("architecture"), str):
        kind = found.get("model_type") if isinstance(found, dict) else None
        said = f" (it is one of transformers, {kind})" if kind else ""
        raise TargetError(
            f"{path / CONFIG} names no `architecture` of timm{said}; write the folder by `{SAVE}`, "
            "or bring the model as ONNX"
        )
    return found


def facts(path: Path) -> dict[str, Any]:
    """Return what the folder says of its input, as fields of a target file's `input`.

    Raises:
        TargetError: it does not say it.
    """
    given = config(path)
    known = given.get("pretrained_cfg", given)
    try:
        channels, height, width = known["input_size"]
        return {
            "size": (height, width),
            "channels": channels,
            "range": (0.0, 1.0),
            "mean": tuple(known["mean"])[:channels],
            "std": tuple(known["std"])[:channels],
            "fit": "stretch" if known.get("crop_mode") == "squash" else "crop",
            "centre": known.get("crop_pct", 1.0),
            "interpolation": known.get("interpolation", "bilinear"),
        }
    except (KeyError, TypeError, ValueError) as error:
        raise TargetError(
            f"{path / CONFIG} does not say input_size, mean and std ({error}); give `input`"
        ) from error


def label_names(path: Path) -> list[str]:
    """Return the names of the outputs, [] where the folder does not say them.

    Raises:
        TargetError: see `config`.
    """
    given = config(path)
    names = given.get("label_names") or given.get("pretrained_cfg", {}).get("label_names")
    return [str(name) for name in names] if isinstance(names, list) else []


def opened(path: Path, contract: Contract) -> modules.ModuleDoor:
    """Return the door of the model in a folder.

    Raises:
        TargetError: timm has no such architecture, or the files do not make one.
    """
    import timm
    from safetensors.torch import load_file

    given = config(path)
    name, arguments = given["architecture"], given.get("model_args") or {}
    if not timm.is_model(name):
        raise TargetError(f"{path / CONFIG}: timm has no architecture {name!r}")
    if wrong := [each for each in arguments if each in ELSEWHERE]:
        raise TargetError(
            f"{path / CONFIG}: model_args: {', '.join(wrong)}: what lies elsewhere is not read; "
            f"leave it out, or write the folder again by `{SAVE}`"
        )
    fields = {"num_classes": given.get("num_classes"), "in_chans": contract.channels, **arguments}
    try:
        model = timm.create_model(name, pretrained=False, **fields)
        model.load_state_dict(load_file(path / WEIGHTS))
    except Exception as error:
        said = str(error).strip().split("\n")
        raise TargetError(
            f"{path}: {CONFIG} and {WEIGHTS} do not make a {name}: {' '.join(said[:3])[:300]}"
        ) from error
    return modules.of(model, contract)
