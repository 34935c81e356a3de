"""Networks trained in Keras: the same logits and gradients here, and nothing else is read.

Keras itself is the reference, with random weights and random batch-norm statistics. `pytest -s`
prints the largest differences, one line per case.
"""

import os
import pickle
import re
import shutil
from types import SimpleNamespace
from unittest import mock

import h5py
import numpy as np
import pytest
import torch
import torch.nn.functional as F
import upstream

from medtransfer.models import keras as importer
from medtransfer.models.architectures import Classifier
from medtransfer.models.folding import folded
from medtransfer.models.keras import KerasError, load_keras
from medtransfer.models.weights import WeightsError

# NumPy 2 about the PyTorch side of Keras, thousands of times.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")

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
        assert torch.allclose(folded(loaded.model, images)(images), expected, atol=1e-4)


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


# --- what is refused; without Keras --------------------------------------------------------------


@pytest.fixture(scope="module", params=["densenet121_keras"])
def whole(request, folder):
    """A classifier with two outputs, a file that fits it, and the state before any test."""
    model = Classifier(request.param, outputs=2)
    path = upstream.keras_file(folder / f"{request.param}.h5", model)
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    return SimpleNamespace(model=model, path=path, state=state)


@pytest.fixture
def refused(whole, folder):
    """Changes a copy of the whole file and asserts that it is refused and changes nothing."""
    path = folder / "damaged.h5"

    def check(damage, says, *, model=whole.model, source=whole.path):
        shutil.copy(source, path)
        with h5py.File(path, "r+") as file:
            damage(file)
        with pytest.raises(KerasError, match=says):
            load_keras(model, path=path)
        if model is whole.model:
            now = model.state_dict()
            assert all(torch.equal(now[name], value) for name, value in whole.state.items())

    return check


BN, DENSE = "bn/bn/gamma:0", "dense/dense/bias:0"


def put(name, **dataset):
    """Replace a dataset."""

    def damage(file):
        if name in file:
            del file[name]
        file.create_dataset(name, **dataset)

    return damage


def link(name, target):
    def damage(file):
        del file[name]
        file[name] = target

    return damage


def move(old_name, new_name):
    return lambda file: file.move(old_name, new_name)


def delete(name):
    return lambda file: file.__delitem__(name)


def filled(value):
    return np.full(1024, value, np.float32)


def virtual(file):
    layout = h5py.VirtualLayout((1024,), "f4")
    layout[:] = h5py.VirtualSource("elsewhere.h5", "secret", (1024,))
    del file[BN]
    file.create_virtual_dataset(BN, layout)


def without_names(file):
    file.create_dataset("layers/dense/vars/0", data=filled(1))


DAMAGES = {
    "link into a file": (link(BN, h5py.ExternalLink("x.h5", "/secret")), f"{BN} is a link; Keras"),
    "linked layer": (link("bn", h5py.ExternalLink("x.h5", "/bn")), "bn is a link; Keras writes"),
    "symbolic link": (link(BN, h5py.SoftLink("/dense")), f"{BN} is a link"),
    "raw data elsewhere": (
        put(BN, shape=(1024,), dtype="f4", external=[("/etc/hostname", 0, 4096)]),
        f"{BN} is not stored in one piece",
    ),
    "virtual": (virtual, f"{BN} is not stored in one piece"),
    "compressed": (put(BN, data=filled(1), compression="gzip"), f"{BN} is not stored in one piece"),
    "never written": (put(BN, shape=(1024,), dtype="f4"), f"{BN} is not stored in one piece"),
    "huge": (put(BN, shape=(1 << 42,), dtype="f4"), rf"{BN} has shape \(4398046511104,\)"),
    "no shape": (put(BN, data=h5py.Empty("f4")), "bn/gamma.* has shape None; allowed"),
    "scalar": (put(BN, data=1.0), rf"{BN} has shape \(\); allowed: \(1024,\)"),
    "whole numbers": (put(BN, data=np.ones(1024, "i4")), f"{BN} holds int32; allowed: floating"),
    "text": (put(BN, shape=(1024,), dtype=h5py.string_dtype()), f"{BN} holds object; allowed"),
    "references": (put(BN, shape=(1024,), dtype=h5py.ref_dtype), f"{BN} holds object; allowed"),
    "NaN": (put(BN, data=filled(np.nan)), f"{BN} holds NaN or infinite values"),
    "infinite": (put(BN, data=filled(-np.inf)), f"{BN} holds NaN or infinite values"),
    "too large": (put(BN, data=np.full(1024, 1e300)), f"{BN} holds NaN or infinite values"),
    "variance": (
        put("bn/bn/moving_variance:0", data=filled(-1)),
        "bn/bn/moving_variance:0 holds negative variances",
    ),
    "missing": (delete(BN), r"605 tensors, .*has 606; missing .*: bn/gamma; without a place: none"),
    "missing layer": (
        delete("pool3_bn"),
        "602 tensors.* pool3_bn/beta, pool3_bn/gamma, pool3_bn/m",
    ),
    "one more": (put("bn/bn/delta:0", data=filled(1)), "607 .*without a place: bn/bn/delta:0;"),
    "unknown layer": (
        put("extra/extra/gamma:0", data=filled(1)),
        "607 tensors.* missing .*: none; without a place: extra/extra/gamma:0; allowed: a body",
    ),
    "two Dense layers": (
        put("fc/fc/kernel:0", data=np.ones((2, 2), "f4")),
        "fc/fc/kernel:0 and dense/dense/kernel:0 have one place, dense; allowed: a body",
    ),
    "no bias": (delete(DENSE), "605 tensors.* dense/bias; .*Dense layer with bias"),
    "other outputs": (
        put(DENSE, data=np.ones(3, "f4")),
        rf"{DENSE} has shape \(3,\); allowed: \(2,",
    ),
    "no layer names": (without_names, "layers/dense/vars/0 does not say which layer it belongs to"),
    "no last ReLU": (lambda file: file.create_group("conv1_relu"), "no ReLU after the last batch"),
    "no last ReLU, old": (lambda file: file.create_group("conv1/relu"), "no ReLU after the last"),
    "no last ReLU, nested": (
        lambda file: file.attrs.update({"model_config": b'[{"name": "conv1/relu"}]'}),
        "no ReLU after the last batch norm, as in Keras before 2.2.3",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_does_not_fit_or_is_not_safe_is_refused(refused, damage):
    refused(*DAMAGES[damage])


def test_the_whole_file_is_taken(whole):
    model = Classifier(whole.model.architecture, outputs=2)
    load_keras(model, path=whole.path)
    load_keras(Classifier(whole.model.architecture, outputs=1), path=whole.path)


def test_a_listed_last_relu_is_enough(whole, folder):
    path = folder / "listed.h5"
    shutil.copy(whole.path, path)
    with h5py.File(path, "r+") as file:
        file.create_group("conv1/relu")
        file.create_group("relu")
    load_keras(Classifier(whole.model.architecture, outputs=2), path=path)


def test_a_maze_is_left(refused, monkeypatch):
    monkeypatch.setattr(importer, "MAXIMUM_OBJECTS", 3000)

    def loop(file):
        file["bn/again"] = file["bn"]

    refused(loop, "more than 3000 objects")


def test_another_number_of_outputs_is_refused(refused):
    model = Classifier("densenet121_keras", outputs=3)
    says = r"dense/dense/kernel:0 has shape \(1024, 2\); allowed: \(1024, 3\)"
    refused(lambda file: None, says, model=model)


def test_a_softmax_must_have_two_biases(refused):
    model = Classifier("densenet121_keras", outputs=1)
    says = rf"{DENSE} has shape \(1,\); allowed: \(2,\)"
    refused(put(DENSE, data=np.ones(1, "f4")), says, model=model)


def test_layers_of_inception_are_numbered_without_gaps_and_in_one_way(refused, folder):
    model = Classifier("inception_v3_keras", outputs=2)
    source = upstream.keras_file(folder / "inception.h5", model)
    gap = "missing .*: conv2d_93/kernel; without a place: conv2d_94/conv2d_93/kernel:0"
    refused(move("conv2d_93", "conv2d_94"), gap, model=model, source=source)
    copy = "some of its layers have a second number"
    refused(move("conv2d_5", "conv2d_5_1"), copy, model=model, source=source)
    other = r"\d+ tensors, inception_v3_keras has 378|have one place"
    refused(lambda file: None, other, model=model)


def test_only_the_keras_architectures_are_filled(whole):
    says = "mobilenet_v2 does not compute what Keras does; allowed: inception_v3_keras, densenet"
    with pytest.raises(KerasError, match=says):
        load_keras(Classifier("mobilenet_v2", outputs=2), path=whole.path)


class Trap:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (open, (self.path, "w"))


@pytest.mark.parametrize("content", ["text", "pickle", "zip", "empty", "truncated", "missing"])
def test_what_is_not_hdf5_is_refused_and_runs_nothing(whole, tmp_path, content):
    path, sprung = tmp_path / "model.h5", tmp_path / "sprung"
    contents = {
        "text": b"Not found",
        "pickle": pickle.dumps(Trap(sprung)),
        "zip": b"PK\x03\x04 a .keras archive",
        "empty": b"",
        "truncated": whole.path.read_bytes()[: 1 << 20],
    }
    if content in contents:
        path.write_bytes(contents[content])
    says = r"model\.h5 cannot be read as HDF5 \(.*\); allowed: what Keras writes with"
    with pytest.raises(WeightsError, match=says):  # callers that know other weights catch it, too
        load_keras(whole.model, path=path)
    assert not sprung.exists()
    if content == "pickle":
        pickle.loads(path.read_bytes()).close()
        assert sprung.exists()  # the trap would have worked
