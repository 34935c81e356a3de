"""Brought models as targets: the same network through every door, and through the study's work."""

import dataclasses
import json

import numpy as np
import pytest
import targets
import torch

from medtransfer.assess import bring
from medtransfer.attacks.delivery import CONTROL, EIGHT_BIT, deliver
from medtransfer.attacks.method import craft
from medtransfer.data import images as sources
from medtransfer.data import roles, splits
from medtransfer.data.datamodule import to_unit
from medtransfer.errors import TargetError
from medtransfer.measures import predictions
from medtransfer.networks import stored
from medtransfer.networks.brought import Answering
from medtransfer.networks.doors import door
from medtransfer.scoring.cell import Cell


def network_of(path, **named):
    model = bring.model(path, **named)
    return Answering(
        door.opened(model.door, model.path, model.contract), model.contract, model.target.labels
    )


# --- the same network by every door --------------------------------------------------------------


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A network of timm, its folder, its preprocessing and pictures of its size."""
    import timm

    torch.manual_seed(0)
    place = tmp_path_factory.mktemp("small")
    model = timm.create_model("test_resnet", pretrained=False, num_classes=2).eval()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_var, 0.5, 2)
    timm.models.save_for_hf(
        model,
        place / "folder",
        safe_serialization=True,
        data_config={"input_size": (3, 32, 32), "crop_pct": 1.0},
    )
    known = json.loads((place / "folder" / "config.json").read_text())["pretrained_cfg"]
    given = {"size": [32, 32], "channels": 3, "range": [0, 1], "fit": "crop"}
    given |= {name: known[name] for name in ("mean", "std", "interpolation")}
    images = np.random.default_rng(0).integers(0, 256, (12, 32, 32, 3), np.uint8)
    mean, std = (torch.tensor(known[name]).view(1, 3, 1, 1) for name in ("mean", "std"))
    with torch.no_grad():
        taken = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
        expected = model((taken - mean) / std).numpy()
    return place, model, given, images, expected


def test_a_timm_folder_answers_as_its_network(small, tmp_path):
    place, _, _, images, expected = small
    found = network_of(targets.write_target(tmp_path, str(place / "folder"), input=None))
    np.testing.assert_allclose(found.raw(images), expected, atol=1e-4)
    assert found.differentiable


def test_code_answers_as_its_network(small, tmp_path):
    place, _, given, images, expected = small
    (tmp_path / "model.py").write_text(
        "import timm\nfrom safetensors.torch import load_file\n"
        "def build():\n"
        "    model = timm.create_model('test_resnet', pretrained=False, num_classes=2)\n"
        f"    model.load_state_dict(load_file({str(place / 'folder' / 'model.safetensors')!r}))\n"
        "    return model\n"
    )
    path = targets.write_target(tmp_path, "model.py:build", trust_code=True, input=given)
    np.testing.assert_allclose(network_of(path).raw(images), expected, atol=1e-4)


def test_a_function_takes_images_as_they_are(tmp_path):
    (tmp_path / "model.py").write_text(
        "def build():\n"
        "    def answer(images):\n"
        "        assert images.dtype.name == 'uint8'\n"
        "        return images.mean((1, 2))[:, :2]\n"
        "    return answer\n"
    )
    path = targets.write_target(tmp_path, trust_code=True)
    images, _ = targets.pictures(6)
    found = network_of(path)
    np.testing.assert_allclose(found.raw(images), images.mean((1, 2))[:, :2])
    assert not found.differentiable


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            "def build():\n    return 3\n",
            "returned a int; allowed: a torch.nn.Module, or a function",
        ),
        ("def make():\n    pass\n", "has no attribute 'build'"),
        ("1 / 0\n", "fails: ZeroDivisionError"),
        ("raise SystemExit(0)\n", "fails: SystemExit"),
        ("def build():\n    return lambda images: 1 / 0\n", "the model fails: ZeroDivisionError"),
    ],
)
def test_code_that_makes_no_model(tmp_path, code, said):
    (tmp_path / "model.py").write_text(code)
    with pytest.raises(TargetError, match=said):
        network_of(targets.write_target(tmp_path, trust_code=True)).raw(targets.pictures(2)[0])


@pytest.mark.slow
def test_an_onnx_file_answers_as_its_network(small, tmp_path):
    pytest.importorskip("onnxruntime", reason="part of the extra `assess`")
    pytest.importorskip("onnxscript", reason="torch needs it to write ONNX")
    _, model, given, images, expected = small
    torch.onnx.export(
        model,
        (torch.zeros(2, 3, 32, 32),),
        str(tmp_path / "model.onnx"),
        dynamo=True,
        opset_version=20,
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        verbose=False,
    )
    found = network_of(targets.write_target(tmp_path, "model.onnx", input=given))
    np.testing.assert_allclose(found.raw(images), expected, atol=1e-4)


def test_a_stored_network_answers_as_in_the_study(studied, tmp_path):
    target = studied.target
    path = targets.write_target(
        tmp_path, f"store:{target.key[:16]}", labels=[*target.labels], input=None
    )
    prepared = sources.load(studied.source)
    images = np.asarray(prepared.images[:9])
    with torch.no_grad():
        expected = stored.load(target)(to_unit(images))
    found = network_of(path)
    np.testing.assert_allclose(found.raw(images), expected, atol=1e-4)
    np.testing.assert_allclose(found.logits(to_unit(images)), expected, atol=1e-4)
    with torch.no_grad():
        np.testing.assert_allclose(found.module(to_unit(images)), expected, atol=1e-4)


# --- as a target of the study --------------------------------------------------------------------


@pytest.fixture
def studied_target(studied, copied, tmp_path):
    """A stored network brought behind a JPEG, asked for its calibration images."""
    target = studied.target
    path = targets.write_target(
        tmp_path,
        f"store:{target.key}",
        labels=[*target.labels],
        input=None,
        chain=[{"jpeg": 60}],
    )
    made = bring.brought(bring.model(path), studied.source)
    type(made).make([made])
    return made


def test_it_is_asked_about_its_calibration_images(studied_target, studied):
    found = predictions.read(studied_target)
    prepared = sources.load(studied.source)
    rows = splits.parts(
        prepared.index,
        labels=prepared.labels,
        development=roles.of(studied.source, roles.CALIBRATION),
    ).validation
    assert found.images == tuple(prepared.index["image"].iloc[rows])
    images = np.asarray(prepared.images[rows])
    np.testing.assert_allclose(found.clean, studied_target.open().raw(images), atol=1e-4)


def test_what_it_is_called(studied_target):
    assert studied_target.seen is None
    assert studied_target.traits["network"] == "brought"
    assert studied_target.sha256[:12] in studied_target.name
    other = dataclasses.replace(studied_target, sha256="0" * 64)
    assert other.key != studied_target.key


def test_cells_score_it_as_files_through_its_chain(studied_target, studied, toy):
    surrogate = dataclasses.replace(
        studied.bis, development=roles.of(studied.source, roles.ATTACKER), seed=11
    )
    type(surrogate).make([surrogate])
    attack = toy.attack(surrogate, epsilon=0.06)
    cells = [
        Cell(attack=attack, target=studied_target, delivery=kind) for kind in (EIGHT_BIT, CONTROL)
    ]
    Cell.make(cells)
    prepared = sources.load(studied.source)
    rows = splits.parts(
        prepared.index, labels=prepared.labels, development=surrogate.development
    ).test
    clean = to_unit(np.asarray(prepared.images[rows]))
    truth = torch.from_numpy(prepared.targets[rows])
    ((_, attacked),) = craft(stored.load(surrogate), clean, truth, [attack.method])
    names = prepared.index["image"].iloc[rows].tolist()
    opened = studied_target.open()
    for cell in cells:
        found = predictions.read(cell)
        assert found.images == tuple(names)
        moved = deliver(cell.delivery, clean, attacked, names=names)
        grey = ((moved + 1) * 127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()
        np.testing.assert_allclose(found.after, opened.raw(grey), atol=0.05)
        assert np.abs(found.change).max() > 0


def test_a_file_that_changed_is_no_longer_asked(studied_target):
    with pytest.raises(TargetError, match="no model with the sha256"):
        dataclasses.replace(studied_target, sha256="1" * 64).open()
