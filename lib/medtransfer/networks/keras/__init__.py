"""Networks trained in Keras: their HDF5 weights, put into ours name by name.

A file holds a body of keras.applications (InceptionV3 or DenseNet121, `include_top=False`), which
a global average pool and one Dense layer follow. Keras writes it in three layouts:

- Keras 1 and 2, and `model.save("x.h5")` of Keras 3: `conv2d_1/conv2d_1/kernel:0`;
- the same with the body as one nested layer: `inception_v3/conv2d_1/kernel:0`;
- `save_weights("x.weights.h5")` of Keras 3: `layers/conv2d_1/vars/0`, the layer's own name in an
  attribute.

Keras itself does not read them here, since it goes by the order in which a file lists its tensors:
it refuses a nested body that was saved frozen, takes equal shapes in a wrong order, NaN and a
DenseNet without its last ReLU without a word, and as a network it is slower than torchvision's.
"""

from __future__ import annotations

from pathlib import Path

import h5py
from torch import Tensor

from medtransfer.errors import KerasError
from medtransfer.networks.imagenet import COUNTER
from medtransfer.networks.keras.layouts import DENSE, check_last_relu, matched, places
from medtransfer.networks.keras.reading import Stored, contents, read
from medtransfer.networks.model import Classifier

# Axes of Keras's arrays in our order, and of ours in Keras's, whose kernels are (H, W, in, out).
TO_OURS = {1: (0,), 2: (1, 0), 4: (3, 2, 0, 1)}
TO_KERAS = {1: (0,), 2: (1, 0), 4: (2, 3, 1, 0)}


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
    names = places(model)
    try:
        with h5py.File(path, "r") as file:
            stored, layers = contents(file)
            check_last_relu(layers, model)
            found = matched(stored, names, model)
            own = model.network.state_dict()
            values = _values(found, {key: own[name] for key, name in names.items()})
    except KerasError as error:
        raise KerasError(f"{path}: {error}") from None
    except Exception as error:
        raise KerasError(
            f"{path} cannot be read as HDF5 ({error}); allowed: what Keras writes with "
            "`model.save_weights('x.weights.h5')` or `model.save('x.h5')`; fetch or save it again"
        ) from error
    for key, value in values.items():
        own[names[key]].copy_(value)
    for name in own.keys() - names.values():
        if not name.endswith(COUNTER):
            own[name].fill_(1)  # the gamma that Keras's Inception does not have


def _values(found: dict[str, Stored], own: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return what belongs into each tensor of `own`, in its shape, float32."""
    kernel, bias = f"{DENSE}/kernel", f"{DENSE}/bias"
    softmax = own[bias].shape == (1,) and found[kernel].data.shape[-1:] == (2,)
    values = {}
    for key, tensor in own.items():
        shape = tuple(tensor.permute(TO_KERAS[tensor.ndim]).shape)
        if softmax and key in (kernel, bias):
            pair = read(found[key], (*shape[:-1], 2))
            value = pair[..., 1:] - pair[..., :1]  # softmax of (a, b) is the sigmoid of b - a
        else:
            value = read(found[key], shape)
        values[key] = value.permute(TO_OURS[value.ndim])
    return values
