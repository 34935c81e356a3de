"""What target files and models are refused before anything of them runs."""

import builtins
import json
import os
import pickle
import zipfile

import numpy as np
import pytest
import targets
import torch
import yaml

from medtransfer.assess import bring
from medtransfer.errors import ManifestError, TargetError
from medtransfer.networks.doors import found


def brought(folder, **changes):
    return bring.model(targets.write_target(folder, **changes))


# --- the target file -----------------------------------------------------------------------------

WRONG_FIELDS = {
    "an unknown field": ({"treshold": {}}, "no field treshold; allowed: .*; is thresholds meant"),
    "another kind": ({"kind": "folder"}, "kind: .*'target'"),
    "unknown outputs": ({"outputs": "scores"}, "outputs: .*'logits', 'probabilities' or 'labels'"),
    "no labels": ({"labels": []}, "labels: .*at least 1"),
    "a label twice": ({"labels": ["Red", "Red"]}, "labels: Red: every name may stand once"),
    "a threshold of no label": (
        {"thresholds": {"Green": 0.5}},
        "thresholds: Green: not among labels, which are Red, Bright",
    ),
    "a declared AUC of no label": ({"declared": {"auc": {"Green": 0.5}}}, "declared.auc: Green"),
    "a declared AUC in percent": ({"declared": {"auc": {"Red": 87}}}, "less than or equal to 1"),
    "a threshold in percent": (
        {"outputs": "probabilities", "thresholds": {"Red": 31}},
        "of probabilities, above 0 and at most 1",
    ),
    "thresholds of calls": (
        {"outputs": "labels", "thresholds": {"Red": 0.5}},
        "a model whose outputs are labels has its own",
    ),
    "thresholds of classes": (
        {"head": "one-of-many", "thresholds": {"Red": 0.5}},
        "the largest output is the call",
    ),
    "one of one": ({"head": "one-of-many", "labels": ["Red"]}, "is independent meant"),
    "a mean of one number": (
        {"input": {**targets.INPUT, "mean": [0.5]}},
        "mean: 3 numbers, one for each channel",
    ),
    "a mean without std": (
        {"input": {**targets.INPUT, "std": []}},
        "mean and std: needed together",
    ),
    "a std of 0": ({"input": {**targets.INPUT, "std": [1, 1, 0]}}, "greater than 0"),
    "a range upside down": ({"input": {**targets.INPUT, "range": [1, 0]}}, "the smaller first"),
    "infinity": (
        {"input": {**targets.INPUT, "range": [0, float("inf")]}},
        "finite|less than or equal",
    ),
    "a size of one number": ({"input": {**targets.INPUT, "size": 224}}, "size"),
    "a step of two kinds": ({"chain": [{"jpeg": 90, "resize": 64}]}, "a step has one field"),
    "an unknown step": ({"chain": [{"blur": 2}]}, "no field blur; allowed: jpeg, resize"),
    "a quality of 0": ({"chain": [{"jpeg": 0}]}, "greater than or equal to 1"),
    "no input": ({"input": None, "trust_code": True}, "input: needed"),
}


@pytest.mark.parametrize("name", WRONG_FIELDS)
def test_a_wrong_target_file_names_the_field_and_what_is_allowed(tmp_path, name):
    changes, said = WRONG_FIELDS[name]
    targets.write_module(tmp_path)
    with pytest.raises(ManifestError, match=said) as caught:
        brought(tmp_path, **changes)
    assert str(caught.value).startswith(str(tmp_path / "target.yaml"))


@pytest.mark.parametrize("text", ["- a list", "kind: [", "!!python/object/apply:os.abort []", ""])
def test_what_is_no_target_file_is_refused(tmp_path, text):
    (tmp_path / "target.yaml").write_text(text)
    with pytest.raises(ManifestError, match=r"target\.yaml"):
        bring.model(tmp_path / "target.yaml")


def test_a_target_file_that_is_not_there(tmp_path):
    with pytest.raises(ManifestError, match=r"target\.yaml: no such file; see whether the path"):
        bring.model(tmp_path / "target.yaml")


# --- code ----------------------------------------------------------------------------------------


class Trap:
    """A pickle that leaves a mark when it is loaded."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return (builtins.open, (str(self.mark), "w"))


def pickled(path, mark):
    path.write_bytes(pickle.dumps(Trap(mark)))


def torch_saved(path, mark):
    torch.save({"model": Trap(mark)}, path)


def archive(path, mark):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("data.pkl", pickle.dumps(Trap(mark)))


def keras_like(path, mark):
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + b"\0" * 64)


STRANGE = {
    "model.pkl": (pickled, "is a pickle, .* runs any code"),
    "model.pth": (torch_saved, "is a pickle"),
    "model.pt": (torch_saved, "is a pickle"),
    "model.joblib": (pickled, "is a pickle"),
    "model.pt2": (archive, r"torch\.export.*pickle.*Convert it: `torch\.onnx\.export"),
    "network.pt": (torch_saved, r'dynamic_shapes=\(\{0: torch.export.Dim\("batch"\)\},\)\)`'),
    "network.pth": (torch_saved, "pip install onnxscript"),
    "network.pt2": (archive, "pip install onnxscript"),
    "network.ts": (archive, "pip install onnxscript"),
    "network.safetensors": (pickled, "pip install onnxscript"),
    "model.ts": (archive, "TorchScript"),
    "model.keras": (archive, r"a Keras model.*Convert it: `keras\.models\.load_model"),
    "model.h5": (keras_like, "a Keras model"),
    "model.tflite": (pickled, "TensorFlow Lite.*tf2onnx"),
    "pickle.onnx": (pickled, "is a pickle, whatever its name says"),
    "archive.onnx": (torch_saved, "is an archive, .*, whatever its name says"),
    "hdf5.onnx": (keras_like, "is a Keras model, whatever its name says"),
    "model.safetensors": (pickled, "tensors alone.*save_for_hf|config.json"),
    "model.txt": (lambda path, mark: path.write_text("hello"), "nothing here opens such a file"),
    "empty.onnx": (lambda path, mark: path.touch(), "is empty"),
}


@pytest.mark.parametrize("name", STRANGE)
def test_what_may_run_code_is_refused_and_runs_none(tmp_path, name):
    write, said = STRANGE[name]
    mark = tmp_path / "ran"
    write(tmp_path / name, mark)
    with pytest.raises(TargetError, match=said):
        brought(tmp_path, model=name)
    assert not mark.exists()


def test_bundles_and_saved_models_are_refused(tmp_path):
    (tmp_path / "bundle" / "configs").mkdir(parents=True)
    with pytest.raises(TargetError, match=r"a bundle of MONAI.*onnx_export --bundle_root"):
        brought(tmp_path, model="bundle")
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "saved_model.pb").write_bytes(b"graph")
    with pytest.raises(TargetError, match=r"tf2onnx\.convert --saved-model"):
        brought(tmp_path, model="saved")


def test_code_runs_with_consent_alone(tmp_path):
    model = targets.write_module(tmp_path)
    file = tmp_path / "model.py"
    file.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n{file.read_text()}")
    with pytest.raises(TargetError, match=r"`trust_code: true`.*nothing of it was run"):
        brought(tmp_path, model=model)
    brought(tmp_path, model=model, trust_code=True)
    assert not (tmp_path / "ran").exists(), "bringing opens nothing"


def test_what_is_no_file_is_not_waited_for(tmp_path):
    """A pipe never ends, and a device may give anything."""
    os.mkfifo(tmp_path / "pipe.onnx")
    for model in ("pipe.onnx", "/dev/zero"):
        with pytest.raises(TargetError, match="neither a file nor a folder"):
            brought(tmp_path, model=model)


@pytest.mark.parametrize("model", ["absent.onnx", "absent.py:build", "absent"])
def test_a_model_that_is_not_there(tmp_path, model):
    with pytest.raises(TargetError, match="no such file"):
        brought(tmp_path, model=model)


def test_a_stored_network_that_is_not_there(tmp_path):
    with pytest.raises(TargetError, match="0 networks of the store"):
        brought(tmp_path, model="store:12ab", input=None)
    with pytest.raises(TargetError, match="0 networks of the store"):
        brought(tmp_path, model="store:*", input=None)


def test_a_system_that_cannot_be_called_says_what_to_do(tmp_path):
    with pytest.raises(TargetError, match="assess craft"):
        brought(tmp_path, model="answers")


# --- which model it is ---------------------------------------------------------------------------


def test_another_file_than_the_checksum_says_is_refused(tmp_path):
    model = targets.write_module(tmp_path)
    right = brought(tmp_path, model=model, trust_code=True).sha256
    assert brought(tmp_path, model=model, trust_code=True, sha256=right).sha256 == right
    with pytest.raises(TargetError, match=f"its sha256 is {right}.*it is another model"):
        brought(tmp_path, model=model, trust_code=True, sha256="0" * 64)


def test_a_model_that_changes_afterwards_is_refused(tmp_path):
    model = targets.write_module(tmp_path)
    sha256 = brought(tmp_path, model=model, trust_code=True).sha256
    assert str(found.path(sha256)) == str(tmp_path / model)
    with (tmp_path / "model.py").open("a") as file:
        file.write("# another\n")
    with pytest.raises(TargetError, match="changed since it was brought"):
        found.path(sha256)
    os.unlink(tmp_path / "model.py")
    with pytest.raises(TargetError, match="cannot be read"):
        found.path(sha256)


def test_a_model_that_nobody_brought(home):
    with pytest.raises(TargetError, match="run `medtransfer assess check`"):
        found.path("0" * 64)


def test_images_of_other_labels_or_channels_are_not_for_it(tmp_path, toy):
    model = brought(tmp_path, model=targets.write_module(tmp_path), trust_code=True)
    with pytest.raises(TargetError, match="labels that the model lacks: Green; it has Red, Bright"):
        bring.brought(model, toy.source(labels=("Red", "Green")))
    grey = {**targets.INPUT, "channels": 1, "mean": [0.5], "std": [0.5]}
    model = brought(tmp_path, model=targets.write_module(tmp_path), trust_code=True, input=grey)
    with pytest.raises(TargetError, match="have 3 channels, the model takes 1"):
        bring.brought(model, toy.source(labels=("Red",)))


# --- folders of timm -----------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    """A folder as timm writes it, of one of its smallest networks."""
    import timm

    torch.manual_seed(0)
    model = timm.create_model("test_resnet.r160_in1k", pretrained=False, num_classes=2)
    timm.models.save_for_hf(
        model,
        tmp_path / "folder",
        safe_serialization=True,
        model_config={"label_names": ["Red", "Bright"]},
    )
    return tmp_path / "folder"


def edit(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_timm_folder_says_its_input_itself(tmp_path, folder):
    model = brought(tmp_path, model="folder", input=None)
    known = json.loads((folder / "config.json").read_text())["pretrained_cfg"]
    assert model.contract.size == tuple(known["input_size"][1:])
    assert list(model.contract.mean) == known["mean"] and list(model.contract.std) == known["std"]
    assert (model.contract.low, model.contract.high) == (0, 1)
    assert model.contract.centre == known["crop_pct"]


def test_a_timm_folder_whose_labels_are_in_another_order(tmp_path, folder):
    with pytest.raises(TargetError, match="the model itself says Red, Bright, in this order"):
        brought(tmp_path, model="folder", input=None, labels=["Bright", "Red"])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"architecture": "no_such_net"}, "timm has no architecture 'no_such_net'"),
        ({"architecture": "hf-hub:someone/model"}, "timm has no architecture"),
        ({"architecture": "test_vit"}, "do not make a test_vit"),
        (
            {"model_args": {"checkpoint_path": "/etc/passwd"}},
            "checkpoint_path: what lies elsewhere",
        ),
        ({"model_args": {"no_such": 1}}, "do not make a test_resnet"),
    ],
)
def test_a_timm_folder_that_does_not_fit(tmp_path, folder, changes, said):
    from medtransfer.networks.doors import door

    edit(folder, **changes)
    model = brought(tmp_path, model="folder", input=None)
    with pytest.raises(TargetError, match=said):
        door.opened(model.door, model.path, model.contract)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"model_type": "vit", "id2label": {}}, "one of transformers, vit.*or bring .* ONNX"),
        ({"architecture": "resnet18"}, "does not say input_size.*give `input`"),
        ({"architecture": "resnet18", "pretrained_cfg": {"input_size": [3, 9]}}, "input_size"),
        ([], "names no `architecture`"),
    ],
)
def test_a_folder_of_something_else(tmp_path, folder, config, said):
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(TargetError, match=said):
        brought(tmp_path, model="folder", input=None)


def test_a_folder_without_weights(tmp_path, folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(TargetError, match=r"holds no model\.safetensors.*save_for_hf"):
        brought(tmp_path, model="folder", input=None)


def test_a_pickle_in_place_of_tensors_runs_no_code(tmp_path, folder):
    from medtransfer.networks.doors import door

    torch_saved(folder / "model.safetensors", tmp_path / "ran")
    model = brought(tmp_path, model="folder", input=None)
    with pytest.raises(TargetError, match="do not make a test_resnet"):
        door.opened(model.door, model.path, model.contract)
    assert not (tmp_path / "ran").exists()


def test_its_own_checksum_covers_configuration_and_weights(tmp_path, folder):
    before = brought(tmp_path, model="folder", input=None).sha256
    edit(folder, extra=1)
    assert brought(tmp_path, model="folder", input=None).sha256 != before


def test_a_target_file_reads_back_as_a_contract(tmp_path):
    path = targets.write_target(tmp_path, chain=[{"resize": 20}, {"jpeg": 80}])
    assert yaml.safe_load(path.read_text())["chain"] == [{"resize": 20}, {"jpeg": 80}]
    model = brought(
        tmp_path,
        model=targets.write_module(tmp_path),
        trust_code=True,
        chain=[{"resize": 20}, {"jpeg": 80}],
    )
    assert [(step.name, step.value) for step in model.contract.chain] == [
        ("resize", 20),
        ("jpeg", 80),
    ]
    assert np.isclose(model.contract.mean, targets.MEAN).all()
