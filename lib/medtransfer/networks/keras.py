"""Networks trained in Keras: their HDF5 weights, put into ours name by name.

A file holds a body of keras.applications (InceptionV3 or DenseNet121, `include_top=False`), which
a global average pool and one Dense layer follow. Keras writes it in three layouts:

- Keras 1 and 2, and `model.save("x.h5")` of Keras 3: `conv2d_1/conv2d_1/kernel:0`;
- the same with the body as one nested layer: `inception_v3/conv2d_1/kernel:0`;
- `save_weights("x.weights.h5")` of Keras 3: `layers/conv2d_1/vars/0`, the layer's own name in an
  attribute.

The path of a dataset says all that the attributes `layer_names` and `weight_names` repeat, so
these, whose order in a nested model is not that of its layers, are not read.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import torch
from torch import Tensor, nn
from torchvision.models.inception import BasicConv2d

from medtransfer.networks.architectures import Classifier
from medtransfer.networks.imagenet import COUNTER, WeightsError

INCEPTION, DENSENET = "inception_v3_keras", "densenet121_keras"
DENSE = "dense"
# A layer's variables in Keras's order, which is ours as well. How many there are tells their names;
# the batch norms of Keras's Inception have no gamma.
VARIABLES = {
    1: ("kernel",),
    2: ("kernel", "bias"),
    3: ("beta", "moving_mean", "moving_variance"),
    4: ("gamma", "beta", "moving_mean", "moving_variance"),
}
# Axes of Keras's arrays in our order, and of ours in Keras's, whose kernels are (H, W, in, out).
TO_OURS = {1: (0,), 2: (1, 0), 4: (3, 2, 0, 1)}
TO_KERAS = {1: (0,), 2: (1, 0), 4: (2, 3, 1, 0)}
INCEPTION_LAYER = "(?P<kind>conv2d|batch_normalization)(_v1)?(_(?P<number>[0-9]+))?"
COPY = "(?P<copy>_[0-9]+)?"
NOT_THE_MODEL = {"optimizer", "optimizer_weights", "seed_generator"}
MAXIMUM_OBJECTS = 10_000  # such a file has 1,500


class KerasError(WeightsError):
    """A Keras file cannot be read safely, or does not fit the network."""


class _Stored(NamedTuple):
    """A dataset with the names of the layers around it, from the outside in."""

    path: str
    layers: list[str]
    variable: str
    data: h5py.Dataset


def load_keras(model: Classifier, *, path: Path) -> None:
    """Fill `model` with the weights of a Keras file: every tensor of either, exactly once.

    Args:
        model: an `inception_v3_keras` or `densenet121_keras`. Where it has one output and the
            file's Dense layer has two, these are taken for a softmax over (no, yes), whose logit
            is their difference. Whether the Dense layer has an activation makes no difference.
        path: an HDF5 file as described above.

    Raises:
        KerasError: the architecture is another, or the file cannot be read safely, is not such a
            network, does not fit, or holds NaN, infinite or impossible values. Nothing is changed.
    """
    places = _places(model)
    try:
        with h5py.File(path, "r") as file:
            stored, layers = _contents(file)
            _check_last_relu(layers, model)
            found = _matched(stored, places, model)
            own = model.network.state_dict()
            values = _values(found, {key: own[name] for key, name in places.items()})
    except KerasError as error:
        raise KerasError(f"{path}: {error}") from None
    except Exception as error:
        raise KerasError(
            f"{path} cannot be read as HDF5 ({error}); allowed: what Keras writes with "
            "`model.save_weights('x.weights.h5')` or `model.save('x.h5')`; fetch or save it again"
        ) from error
    for key, value in values.items():
        own[places[key]].copy_(value)
    for name in own.keys() - places.values():
        if not name.endswith(COUNTER):
            own[name].fill_(1)  # the gamma that Keras's Inception does not have


def _places(model: Classifier) -> dict[str, str]:
    """Return the name of the network's tensor for each "layer/variable" of Keras."""
    if model.architecture not in (INCEPTION, DENSENET):
        raise KerasError(
            f"{model.architecture} does not compute what Keras does; allowed: {INCEPTION}, "
            f"{DENSENET}: build the classifier with one of them"
        )
    network, inception = model.network, model.architecture == INCEPTION
    layers = _inception_layers(network) if inception else _densenet_layers()
    places = {}
    for layer, module in {**layers, DENSE: model.head.removesuffix(".")}.items():
        tensors = [name for name in network.get_submodule(module).state_dict() if name != COUNTER]
        tensors = tensors[1:] if inception and len(tensors) == 4 else tensors
        for variable, tensor in zip(VARIABLES[len(tensors)], tensors, strict=True):
            places[f"{layer}/{variable}"] = f"{module}.{tensor}"
    return places


def _inception_layers(network: nn.Module) -> dict[str, str]:
    """Return the module of each layer; Keras numbers them in the order in which we build them."""
    blocks = [name for name, part in network.named_modules() if isinstance(part, BasicConv2d)]
    parts = {"conv2d": "conv", "batch_normalization": "bn"}
    return {
        f"{kind}_{i}": f"{blocks[i]}.{parts[kind]}" for kind in parts for i in range(len(blocks))
    }


def _densenet_layers() -> dict[str, str]:
    """Return the module of each layer; Keras calls the first dense block conv2, and so on."""
    layers = {"conv1_conv": "features.conv0", "conv1_bn": "features.norm0", "bn": "features.norm5"}
    parts = {"0_bn": "norm1", "1_conv": "conv1", "1_bn": "norm2", "2_conv": "conv2"}
    for block, length in enumerate((6, 12, 24, 16), start=1):
        for layer in range(1, length + 1):
            place = f"features.denseblock{block}.denselayer{layer}"
            for theirs, ours in parts.items():
                layers[f"conv{block + 1}_block{layer}_{theirs}"] = f"{place}.{ours}"
    for block in (1, 2, 3):
        layers[f"pool{block + 1}_bn"] = f"features.transition{block}.norm"
        layers[f"pool{block + 1}_conv"] = f"features.transition{block}.conv"
    return layers


def _contents(file: h5py.File) -> tuple[list[_Stored], set[str]]:
    """Return the model's datasets, none of them read, and the names of all layers."""
    stored: list[_Stored] = []
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


def _named(path: str, group: h5py.Group, data: h5py.Dataset) -> _Stored:
    *layers, variable = _spelled(path).split("/")
    if layers and layers[-1] == "vars" and variable.isdecimal():
        if not (layer := _text(group, "name")):
            raise KerasError(
                f"{path} does not say which layer it belongs to, as in the first versions of this "
                "layout; load the model into Keras and save it as 'x.h5'"
            )
        names = dict(enumerate(VARIABLES.get(len(group), ())))
        return _Stored(path, [layer], names.get(int(variable), variable), data)
    return _Stored(path, layers, variable.removesuffix(":0"), data)


def _check_last_relu(layers: set[str], model: Classifier) -> None:
    """Refuse a DenseNet that lacks the last ReLU, where the file lists layers without weights."""
    lists_all = not layers.isdisjoint({"conv1_relu", "conv1/relu"})
    if model.architecture == DENSENET and lists_all and "relu" not in layers:
        raise KerasError(
            "its DenseNet121 has no ReLU after the last batch norm, as in Keras before 2.2.3; "
            f"{DENSENET} has one: train it again with a newer version"
        )


def _matched(
    stored: list[_Stored], places: dict[str, str], model: Classifier
) -> dict[str, _Stored]:
    """Return the file's dataset for each "layer/variable", one for one."""
    found: dict[str, _Stored] = {}
    for layer, each in zip(_layers(stored, places, model), stored, strict=True):
        if (other := found.setdefault(f"{layer}/{each.variable}", each)) is not each:
            raise KerasError(
                f"{other.path} and {each.path} have one place, {layer}; allowed: a body of "
                "keras.applications and one Dense layer"
            )
    if found.keys() != places.keys():
        lacks = ", ".join(sorted(places.keys() - found.keys())[:3])
        extra = ", ".join(sorted(found[key].path for key in found.keys() - places.keys())[:3])
        raise KerasError(
            f"{len(found)} tensors, {model.architecture} has {len(places)}; missing (at most 3 "
            f"named): {lacks or 'none'}; without a place: {extra or 'none'}; allowed: a body of "
            "keras.applications and one Dense layer with bias, under the names that Keras gave"
        )
    return found


def _layers(stored: list[_Stored], places: dict[str, str], model: Classifier) -> list[str]:
    """Return the layer of each dataset, in the words of `places`; what is not of the body is Dense.

    Keras counts layers through a whole session; here those of each kind begin at 0.
    """
    pattern = INCEPTION_LAYER
    if model.architecture == DENSENET:
        names = sorted({key.split("/")[0] for key in places} - {DENSE})
        pattern = f"(?P<kind>{'|'.join(names)})(?P<number>)"
    # The outermost name counts: TensorFlow 1 may have changed the inner ones.
    matches = [
        next(filter(None, (re.fullmatch(pattern + COPY, name) for name in each.layers)), None)
        for each in stored
    ]
    # It appends a number, conv2d_7_1, where a name was taken; then it must have done so always.
    if len({match["copy"] for match in matches if match}) > 1:
        raise KerasError(
            "some of its layers have a second number (conv2d_7_1), others have none, so their "
            "order is unknown; load it into a fresh session of Keras and save it again"
        )
    # The first one is called conv2d, the second one conv2d_1.
    labels = [(m["kind"], int(m["number"] or 0)) if m else (DENSE, 0) for m in matches]
    first: dict[str, int] = {}
    for kind, number in labels:
        first[kind] = min(number, first.get(kind, number))
    counted = model.architecture == INCEPTION
    return [
        f"{kind}_{number - first[kind]}" if counted and kind != DENSE else kind
        for kind, number in labels
    ]


def _values(found: dict[str, _Stored], own: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return what belongs into each tensor of `own`, in its shape, float32."""
    kernel, bias = f"{DENSE}/kernel", f"{DENSE}/bias"
    softmax = own[bias].shape == (1,) and found[kernel].data.shape[-1:] == (2,)
    values = {}
    for key, tensor in own.items():
        shape = tuple(tensor.permute(TO_KERAS[tensor.ndim]).shape)
        if softmax and key in (kernel, bias):
            pair = _read(found[key], (*shape[:-1], 2))
            value = pair[..., 1:] - pair[..., :1]  # softmax of (a, b) is the sigmoid of b - a
        else:
            value = _read(found[key], shape)
        values[key] = value.permute(TO_OURS[value.ndim])
    return values


def _read(stored: _Stored, shape: tuple[int, ...]) -> Tensor:
    """Return a dataset of `shape`, float32; it is not read before its size and kind are known."""
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
