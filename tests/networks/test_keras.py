"""Networks trained in Keras: the same logits and gradients here.

Keras itself is the reference, with random weights and random batch-norm statistics. `pytest -s`
prints the largest differences, one line per case.
"""

import copy
import os
import re
import shutil
from types import SimpleNamespace
from unittest import mock

import h5py
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from medtransfer.networks.fast.folding import folded
from medtransfer.networks.keras import load_keras
from medtransfer.networks.model import Classifier

# NumPy 2 about the PyTorch side of Keras, thousands of times.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:__array__ implementation")]

APPLICATIONS = {"inception_v3_keras": "InceptionV3", "densenet121_keras": "DenseNet121"}
OUTPUTS = 15
LOGIT_TOLERANCE = 1e-4
SIGN_AGREEMENT = 0.999


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder for this module; its files are large, so that they do not outlive it."""
    folder = tmp_path_factory.mktemp("keras")
    yield folder
    shutil.rmtree(folder)


# --- Keras ---------------------------------------------------------------------------------------


def defaults():
    return (
        dict(os.environ),
        torch.get_default_dtype(),
        torch.get_default_device(),
        torch.is_grad_enabled(),
        torch.get_num_threads(),
    )


@pytest.fixture(scope="module")
def keras(folder):
    """Keras on PyTorch; its import leaves neither settings nor a folder behind."""
    before = defaults()
    settings = {"KERAS_BACKEND": "torch", "KERAS_HOME": str(folder / "home")}
    with mock.patch.dict(os.environ, settings):
        module = pytest.importorskip("keras", reason="Keras is not installed: no reference")
    if module.backend.backend() != "torch":
        pytest.skip(f"Keras already runs on {module.backend.backend()}, not on PyTorch")
    assert defaults() == before
    return module


def enliven(model, *, seed):
    """Draw all weights and statistics so that activations keep their size through the layers."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        kind, shape = weight.path.split("/")[-1], tuple(weight.shape)
        if kind == "kernel":
            gain = 2 if len(shape) == 4 else 1  # a ReLU halves the second moment, Dense has none
            value = rng.normal(0, np.sqrt(gain / np.prod(shape[:-1])), shape)
        elif kind == "gamma":
            value = rng.uniform(0.8, 1.2, shape)
        elif kind == "moving_variance":
            value = rng.uniform(0.5, 1.5, shape)
        else:
            value = rng.normal(0, 0.2, shape)
        weight.assign(value.astype(np.float32))


@pytest.fixture(scope="module", params=APPLICATIONS)
def reference(request, keras):
    """One body and one Dense layer as a flat and as a nested Keras model, and a classifier."""
    layers = keras.layers
    application = getattr(keras.applications, APPLICATIONS[request.param])
    body = application(include_top=False, weights=None, input_shape=(None, None, 3))
    head = layers.Dense(OUTPUTS, name="findings")
    flat = keras.Model(body.input, head(layers.GlobalAveragePooling2D()(body.output)))
    images = layers.Input((None, None, 3))
    nested = keras.Model(images, head(layers.GlobalAveragePooling2D()(body(images))))
    enliven(flat, seed=0)
    model = Classifier(request.param, outputs=OUTPUTS).eval()
    return SimpleNamespace(
        name=request.param, body=body, head=head, flat=flat, nested=nested, model=model
    )


def spoil(model):
    """Fill the classifier with NaN, so that what a file does not set shows."""
    for tensor in model.state_dict().values():
        if tensor.is_floating_point():
            tensor.fill_(float("nan"))
    return model


def draw(px):
    """Two images with coarse shapes and fine noise, (2, 3, px, px) in [-1, 1]."""
    generator = torch.Generator().manual_seed(px)
    shapes = torch.rand(2, 3, 5, 5, generator=generator) * 2 - 1
    noise = torch.rand(2, 3, px, px, generator=generator) * 2 - 1
    return 0.8 * F.interpolate(shapes, size=px, mode="bilinear") + 0.2 * noise


def answer(function, images):
    """Return the logits, and the input's gradient of the loss that the study attacks."""
    images = images.clone().requires_grad_(True)
    logits = function(images)
    labels = torch.arange(OUTPUTS).remainder(2).float().expand_as(logits)
    F.binary_cross_entropy_with_logits(logits, labels).backward()
    return logits.detach(), images.grad


def in_keras(model):
    return lambda images: model(images.permute(0, 2, 3, 1), training=False)


# --- the layouts ---------------------------------------------------------------------------------


def write_keras2(path, layers, *, whole=False, chunks=1, rename=lambda name: name, copy=""):
    """Write layers {name: variables} as Keras 2 does, with names in its style."""

    def attribute(group, name, values):
        values = np.array([value.encode() for value in values], "S")
        for number, part in enumerate(np.array_split(values, chunks)):
            group.attrs[f"{name}{number}" if chunks > 1 else name] = part

    with h5py.File(path, "w") as file:
        root = file.create_group("model_weights") if whole else file
        root.attrs.update({"backend": b"tensorflow", "keras_version": b"2.2.4"})
        attribute(root, "layer_names", [rename(layer) for layer in layers])
        for layer, variables in layers.items():
            group = root.create_group(rename(layer))
            names = [each.path.split("/")[-2:] for each in variables]
            names = [f"{rename(scope)}{copy}/{kind}:0" for scope, kind in names]
            attribute(group, "weight_names", names)
            for name, variable in zip(names, variables, strict=True):
                group[name] = variable.numpy()
        if whole:
            file["optimizer_weights/training/Adam/iterations:0"] = np.int64(7)


def flat_layers(case):
    return {layer.name: layer.weights for layer in case.flat.layers}


def nested_layers(case):
    """The body as one layer: what is trained first, then the statistics."""
    body = case.body.trainable_weights + case.body.non_trainable_weights
    kinds = [each.path.split("/")[-1] for each in body]
    assert kinds.index("moving_mean") > max(i for i, kind in enumerate(kinds) if kind == "beta")
    return {"input_1": [], case.body.name: body, "gap": [], case.head.name: case.head.weights}


def write_nested_frozen(case, path):
    """Write a nested body whose first layers were frozen, as after transfer learning."""
    frozen = case.body.layers[:100]
    for layer in frozen:
        layer.trainable = False
    case.nested.save(path)
    for layer in frozen:
        layer.trainable = True


def write_in_another_order(case, path):
    """Write the layers, and the variables of each, listed from the last to the first."""
    layers = {name: variables[::-1] for name, variables in flat_layers(case).items()}
    write_keras2(path, dict(reversed(layers.items())))


def old(name, *, shift=1):
    """A name as Keras 2.2 gives it: counted from 1, or later in a session; and `conv1/conv`."""
    found = re.fullmatch(r"(conv2d|batch_normalization)(?:_(\d+))?", name)
    if found:
        return f"{found[1]}_{int(found[2] or 0) + shift + (found[1] != 'conv2d')}"
    return re.sub(r"^conv1_(conv|bn|relu)$", r"conv1/\1", name)


def later(name):
    return old(name, shift=95)


LAYOUTS = {
    "keras3-flat.weights.h5": lambda case, path: case.flat.save_weights(path),
    "keras3-nested.weights.h5": lambda case, path: case.nested.save_weights(path),
    "keras3-flat.h5": lambda case, path: case.flat.save(path),
    "keras3-nested.h5": lambda case, path: case.nested.save(path),
    "keras3-nested-frozen.h5": write_nested_frozen,
    "keras2-flat.h5": lambda case, path: write_keras2(path, flat_layers(case)),
    "keras2-nested.h5": lambda case, path: write_keras2(path, nested_layers(case)),
    "keras2-flat-old.hdf5": lambda case, path: write_keras2(
        path, flat_layers(case), whole=True, rename=old, copy="_1"
    ),
    "keras2-nested-later.hdf5": lambda case, path: write_keras2(
        path, nested_layers(case), whole=True, chunks=3, rename=later
    ),
    "keras2-nested-copy.hdf5": lambda case, path: write_keras2(
        path, nested_layers(case), rename=old, copy="_1"
    ),
    "keras2-flat-reversed.h5": write_in_another_order,
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_logits_of_keras(reference, folder, layout):
    LAYOUTS[layout](reference, folder / layout)
    load_keras(spoil(reference.model), path=folder / layout)
    images = draw(96)
    with torch.no_grad():
        ours, theirs = reference.model(images), in_keras(reference.flat)(images)
    largest = (ours - theirs).abs().max().item()
    print(f"\n{reference.name} {layout}: largest logit difference {largest:.1e}")
    assert (theirs[0] - theirs[1]).abs().mean() > 100 * LOGIT_TOLERANCE  # images matter
    assert largest <= LOGIT_TOLERANCE


@pytest.fixture(scope="module")
def loaded(reference, folder):
    """The classifier of `reference` with its weights."""
    path = folder / "flat.h5"
    write_keras2(path, flat_layers(reference))
    load_keras(spoil(reference.model), path=path)
    return reference


@pytest.mark.parametrize("px", [96, 224, pytest.param(299, marks=pytest.mark.slow)])
def test_logits_and_gradients_are_those_of_keras(loaded, px):
    images = draw(px)
    ours, gradient = answer(loaded.model, images)
    theirs, expected = answer(in_keras(loaded.nested), images)
    largest = (ours - theirs).abs().max().item()
    agreement = (gradient.sign() == expected.sign()).float().mean().item()
    print(
        f"\n{loaded.name} {px} px: largest logit difference {largest:.1e}, "
        f"equal gradient signs {agreement:.4%}"
    )
    assert (expected != 0).float().mean() > 0.9
    assert largest <= LOGIT_TOLERANCE
    assert agreement >= SIGN_AGREEMENT


def test_grey_images_reach_keras_as_three_equal_channels(loaded):
    grey = draw(96)[:, :1]
    with torch.no_grad():
        theirs = in_keras(loaded.flat)(grey.expand(-1, 3, -1, -1))
        assert torch.allclose(loaded.model(grey), theirs, atol=LOGIT_TOLERANCE)


def test_the_network_can_be_folded_for_attacks(loaded):
    images = draw(96)
    with torch.no_grad():
        expected = loaded.model(images)
        rewritten = folded(copy.deepcopy(loaded.model), images)
        assert torch.allclose(rewritten(images), expected, atol=1e-4)


def test_two_softmax_outputs_become_one_logit(keras, reference, folder):
    layers = keras.layers
    head = layers.Dense(2, activation="softmax")
    binary = keras.Model(
        reference.body.input, head(layers.GlobalAveragePooling2D()(reference.body.output))
    )
    head.set_weights([0.05 * np.random.default_rng(1).normal(size=w.shape) for w in head.weights])
    binary.save_weights(folder / "binary.weights.h5")
    model = Classifier(reference.name, outputs=1).eval()
    load_keras(model, path=folder / "binary.weights.h5")
    with torch.no_grad():
        ours = torch.sigmoid(model(draw(96)))
        theirs = in_keras(binary)(draw(96))[:, 1:]
    assert 0.01 < theirs.min() < theirs.max() < 0.99
    assert torch.allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize("precision", [np.float16, np.float64])
def test_other_precisions_are_taken(reference, folder, precision):
    path = folder / "model.weights.h5"
    reference.flat.save_weights(path)
    with h5py.File(path, "r+") as file:
        place = next(name for name in file["layers"] if name.startswith("dense"))
        value = file[f"layers/{place}/vars/0"][()].astype(precision)
        del file[f"layers/{place}/vars/0"]
        file[f"layers/{place}/vars/0"] = value
    load_keras(reference.model, path=path)
    weight = reference.model.state_dict()[f"network.{reference.model.head}weight"]
    assert torch.equal(weight, torch.from_numpy(value.T.astype(np.float32)))
