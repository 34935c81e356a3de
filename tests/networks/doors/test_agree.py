"""One network through every door: the same outputs, and so the same calls."""

import json
import warnings

import numpy as np
import pandas as pd
import pytest
import targets
import timm
import torch
from PIL import Image
from safetensors.torch import save_file

from medtransfer import paths
from medtransfer.assess import bring
from medtransfer.networks import architectures
from medtransfer.networks.brought import Answering
from medtransfer.networks.doors import door
from medtransfer.networks.model import Classifier

pytest.importorskip("onnxruntime", reason="part of the extra `assess`")
onnx = pytest.importorskip("onnx", reason="writes the file of this test")

PX, NAME, OPSET = 32, "test_resnet", 20
PIECES = {"size": [PX, PX], "channels": 3}
UNIT = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "range": [0, 1]}


@pytest.fixture
def network(monkeypatch):
    """A network of the registry, as it is stored, whose inner network is one of timm."""
    entry = architectures.Architecture(
        lambda outputs: timm.create_model(NAME, pretrained=False, num_classes=outputs),
        stride=32,
        receptive_field_px=1,
        enough_px=1,
        head="fc.",
    )
    monkeypatch.setitem(architectures.ARCHITECTURES, NAME, entry)
    torch.manual_seed(0)
    model = Classifier(NAME, outputs=len(targets.LABELS)).eval()
    for name, each in model.named_modules():
        if isinstance(each, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(each.running_var, 0.5, 2)
        if name.endswith(".fc"):
            torch.nn.init.normal_(each.weight, std=1)
    return model


@pytest.fixture
def pictures():
    """Pictures of many colours, with noise."""
    rng = np.random.default_rng(0)
    found = rng.uniform(20, 235, (20, 1, 1, 3)) + rng.normal(0, 25, (20, PX, PX, 3))
    return np.clip(found, 0, 255).astype(np.uint8)


@pytest.fixture
def expected(network, pictures):
    """What the network says to the pictures, by the pixel contract of the study."""
    unit = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.no_grad():
        found = network(unit).numpy()
    assert (found.std(0) > 0.01).all()
    return found


def by_onnx(network, folder, _, __):
    path = folder / "model.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (torch.zeros(2, 3, PX, PX),),
            str(path),
            dynamo=False,  # the other one needs a package that the environment has not
            opset_version=OPSET,
            input_names=["images"],
            output_names=["logits"],
            dynamic_axes={"images": {0: "batch"}, "logits": {0: "batch"}},
        )
    assert [each.version for each in onnx.load(path).opset_import] == [OPSET]
    return bring.model(targets.write_target(folder, path.name, input=PIECES | {"range": [-1, 1]}))


def by_timm(network, folder, _, __):
    timm.models.save_for_hf(
        network.network,
        folder / "folder",
        safe_serialization=True,
        model_config={"label_names": [*targets.LABELS]},
        data_config={"input_size": (3, PX, PX), "crop_pct": 1.0},
    )
    return bring.model(targets.write_target(folder, "folder", input=PIECES | UNIT))


def by_store(network, folder, _, __):
    place = paths.store() / "Training" / "ab" / "ab12"
    place.mkdir(parents=True)
    save_file(network.state_dict(), place / "weights.safetensors")
    source = {"image_px": PX, "channels": 3, "labels": [*targets.LABELS]}
    (place / "spec.json").write_text(
        json.dumps({"architecture": NAME, "development": {"source": source}})
    )
    return bring.model(targets.write_target(folder, "store:ab12", input=None))


def by_code(network, folder, _, __):
    save_file(network.network.state_dict(), folder / "own.safetensors")
    (folder / "model.py").write_text(
        "import timm\nfrom safetensors.torch import load_file\n\ndef build():\n"
        f"    model = timm.create_model({NAME!r}, num_classes={len(targets.LABELS)})\n"
        f"    model.load_state_dict(load_file({str(folder / 'own.safetensors')!r}))\n"
        "    return model\n"
    )
    return bring.model(targets.write_target(folder, trust_code=True, input=PIECES | UNIT))


def by_answers(_, folder, pictures, expected):
    asked = folder / "asked"
    asked.mkdir()
    names = [f"{number}.png" for number in range(len(pictures))]
    for name, picture in zip(names, pictures, strict=True):
        Image.fromarray(picture).save(asked / name)
    table = pd.DataFrame(expected.astype(float), columns=[*targets.LABELS])
    table.assign(image=names).to_csv(asked / "answers.csv", index=False)
    path = targets.write_target(folder, "answers", input=PIECES)
    return bring.model(path, pictures=asked)


@pytest.mark.parametrize("bring_it", [by_onnx, by_timm, by_store, by_code, by_answers])
def test_the_same_network_answers_the_same_by_every_door(
    bring_it, network, pictures, expected, tmp_path
):
    """Logits to 1e-4, at opset 20; the same calls, at 0 and at a threshold between two answers."""
    model = bring_it(network, tmp_path, pictures, expected)
    opened = door.opened(model.door, model.path, model.contract)
    raw = Answering(opened, model.contract, targets.LABELS).raw(pictures)
    np.testing.assert_allclose(raw, expected, atol=1e-4, rtol=0)
    order = np.sort(expected, axis=0)
    widest = np.diff(order, axis=0).argmax(0)
    between = np.array([order[row : row + 2, k].mean() for k, row in enumerate(widest)])
    sure = np.abs(expected) > 1e-4
    np.testing.assert_array_equal((raw >= 0)[sure], (expected >= 0)[sure])
    np.testing.assert_array_equal(raw >= between, expected >= between)
