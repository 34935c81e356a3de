"""Keras files that do not fit or are not safe: refused with a reason, and nothing is changed."""

import pickle
import shutil
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
import torch
import upstream
from strange import Trap

from medtransfer.errors import KerasError, WeightsError
from medtransfer.networks.keras import load_keras, reading
from medtransfer.networks.model import Classifier

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder for this module; its files are large, so that they do not outlive it."""
    folder = tmp_path_factory.mktemp("keras")
    yield folder
    shutil.rmtree(folder)


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
    monkeypatch.setattr(reading, "MAXIMUM_OBJECTS", 3000)

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
