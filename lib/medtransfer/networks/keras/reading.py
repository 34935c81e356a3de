"""Safe reading of a Keras file: what it holds, and one array at a time.

The path of a dataset says all that the attributes `layer_names` and `weight_names` repeat. Keras
itself goes by these, whose order depends on what was frozen when the model was saved; here they
are not read.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import h5py
import numpy as np
import torch
from torch import Tensor

from medtransfer.errors import KerasError

# A layer's variables in Keras's order, which is ours as well. How many there are tells their names;
# the batch norms of Keras's Inception have no gamma.
VARIABLES = {
    1: ("kernel",),
    2: ("kernel", "bias"),
    3: ("beta", "moving_mean", "moving_variance"),
    4: ("gamma", "beta", "moving_mean", "moving_variance"),
}
NOT_THE_MODEL = {"optimizer", "optimizer_weights", "seed_generator"}
MAXIMUM_OBJECTS = 10_000  # such a file has 1,500


class Stored(NamedTuple):
    """A dataset with the names of the layers around it, from the outside in."""

    path: str
    layers: list[str]
    variable: str
    data: h5py.Dataset


def contents(file: h5py.File) -> tuple[list[Stored], set[str]]:
    """Return the model's datasets, none of them read, and the names of all layers.

    Raises:
        KerasError: the file holds links, too many objects, or layers without a name.
    """
    stored: list[Stored] = []
    layers = set(re.findall(r'"name": ?"([^"]+)"', _text(file, "model_config")))
    waiting: list[tuple[str, h5py.Group]] = [("", file)]
    objects = 0
    while waiting:
        place, group = waiting.pop()
        layers |= {*_spelled(place).split("/"), _text(group, "name")}
        for name in sorted(group.keys() - NOT_THE_MODEL):
            path, objects = f"{place}/{name}".lstrip("/"), objects + 1
            # A link may lead into another file, and h5py follows it when the object is asked for.
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise KerasError(f"{path} is a link; Keras writes none: do not use this file")
            if objects > MAXIMUM_OBJECTS:
                raise KerasError(f"more than {MAXIMUM_OBJECTS} objects; Keras writes about 1,500")
            found = group[name]
            if isinstance(found, h5py.Group):
                waiting.append((path, found))
            else:
                stored.append(_named(path, group, found))
    return stored, layers


def _text(group: h5py.Group, attribute: str) -> str:
    value = group.attrs.get(attribute, "")
    value = value.decode() if isinstance(value, bytes) else value
    return value if isinstance(value, str) else ""


def _spelled(path: str) -> str:
    """Return a path where DenseNet's `conv1/conv` is one name, as in newer versions."""
    return re.sub(r"(^|/)conv1/(?=(conv|bn|relu)(/|_|$))", r"\1conv1_", path)


def _named(path: str, group: h5py.Group, data: h5py.Dataset) -> Stored:
    *layers, variable = _spelled(path).split("/")
    if layers and layers[-1] == "vars" and variable.isdecimal():
        if not (layer := _text(group, "name")):
            raise KerasError(
                f"{path} does not say which layer it belongs to, as in the first versions of this "
                "layout; load the model into Keras and save it as 'x.h5'"
            )
        names = dict(enumerate(VARIABLES.get(len(group), ())))
        return Stored(path, [layer], names.get(int(variable), variable), data)
    return Stored(path, layers, variable.removesuffix(":0"), data)


def read(stored: Stored, shape: tuple[int, ...]) -> Tensor:
    """Return a dataset of `shape`, float32; it is not read before its size and kind are known.

    Raises:
        KerasError: it has another shape or kind, is not stored in one piece, or holds values that
            no trained network has.
    """
    data, path = stored.data, stored.path
    if data.shape != shape:
        raise KerasError(f"{path} has shape {data.shape}; allowed: {shape}; is it another model?")
    if data.dtype.kind != "f":
        raise KerasError(f"{path} holds {data.dtype}; allowed: floating-point numbers")
    # No filters that could expand or run a plug-in, no parts in other files, none never written.
    whole = data.chunks is None and not data.external and not data.is_virtual
    if not whole or data.id.get_storage_size() != data.nbytes:
        raise KerasError(f"{path} is not stored in one piece, as Keras does; save the model anew")
    with np.errstate(over="ignore"):
        value = torch.from_numpy(data[()].astype(np.float32))
    if not bool(torch.isfinite(value).all()):
        raise KerasError(f"{path} holds NaN or infinite values; the model cannot be used")
    if stored.variable == "moving_variance" and bool((value < 0).any()):
        raise KerasError(f"{path} holds negative variances; the model cannot be used")
    return value
