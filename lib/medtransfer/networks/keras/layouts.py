"""Which tensor of ours a dataset of a Keras file belongs to, by the names that Keras gave."""

from __future__ import annotations

import re

from torch import nn
from torchvision.models.inception import BasicConv2d

from medtransfer.errors import KerasError
from medtransfer.networks.imagenet import COUNTER
from medtransfer.networks.keras.reading import VARIABLES, Stored
from medtransfer.networks.model import Classifier

INCEPTION, DENSENET = "inception_v3_keras", "densenet121_keras"
DENSE = "dense"
INCEPTION_LAYER = "(?P<kind>conv2d|batch_normalization)(_v1)?(_(?P<number>[0-9]+))?"
COPY = "(?P<copy>_[0-9]+)?"


def places(model: Classifier) -> dict[str, str]:
    """Return the name of the network's tensor for each "layer/variable" of Keras.

    Raises:
        KerasError: the architecture is another.
    """
    if model.architecture not in (INCEPTION, DENSENET):
        raise KerasError(
            f"{model.architecture} does not compute what Keras does; allowed: {INCEPTION}, "
            f"{DENSENET}: build the classifier with one of them"
        )
    assert isinstance(model.head, str)  # it is, of both
    network, inception = model.network, model.architecture == INCEPTION
    layers = _inception_layers(network) if inception else _densenet_layers()
    found = {}
    for layer, module in {**layers, DENSE: model.head.removesuffix(".")}.items():
        tensors = [name for name in network.get_submodule(module).state_dict() if name != COUNTER]
        tensors = tensors[1:] if inception and len(tensors) == 4 else tensors
        for variable, tensor in zip(VARIABLES[len(tensors)], tensors, strict=True):
            found[f"{layer}/{variable}"] = f"{module}.{tensor}"
    return found


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


def check_last_relu(layers: set[str], model: Classifier) -> None:
    """Refuse a DenseNet that lacks the last ReLU, where the file lists layers without weights.

    Raises:
        KerasError: it lacks the last ReLU.
    """
    lists_all = not layers.isdisjoint({"conv1_relu", "conv1/relu"})
    if model.architecture == DENSENET and lists_all and "relu" not in layers:
        raise KerasError(
            "its DenseNet121 has no ReLU after the last batch norm, as in Keras before 2.2.3; "
            f"{DENSENET} has one: train it again with a newer version"
        )


def matched(stored: list[Stored], places: dict[str, str], model: Classifier) -> dict[str, Stored]:
    """Return the file's dataset for each "layer/variable" of `places`, one for one.

    Raises:
        KerasError: a dataset or a place is left over, or the names do not tell the order.
    """
    found: dict[str, Stored] = {}
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


def _layers(stored: list[Stored], places: dict[str, str], model: Classifier) -> list[str]:
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
