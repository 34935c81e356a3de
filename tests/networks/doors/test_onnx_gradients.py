"""Gradients of an ONNX file, taken only where they are right."""

import warnings

import numpy as np
import pytest
import targets
import torch

from medtransfer.assess import bring
from medtransfer.networks.brought import Answering
from medtransfer.networks.doors import door

pytest.importorskip("onnxruntime", reason="part of the extra `assess`")
pytest.importorskip("onnx2pytorch", reason="part of the extra `white-box`")
PX = 32


def network():
    import timm

    torch.manual_seed(0)
    model = timm.create_model("test_resnet", pretrained=False, num_classes=2).eval()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_var, 0.5, 2)
    return model


def write(model, path, *, batch):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            (torch.zeros(2, 3, PX, PX),),
            str(path),
            dynamo=False,
            opset_version=20,
            input_names=["images"],
            output_names=["logits"],
            dynamic_axes={"images": {0: "N"}, "logits": {0: "N"}} if batch is None else None,
        )
    given = {"size": [PX, PX], "channels": 3, "range": [0, 1], "mean": [0.5] * 3, "std": [0.2] * 3}
    found = bring.model(targets.write_target(path.parent, path.name, input=given))
    return Answering(
        door.opened(found.door, found.path, found.contract), found.contract, targets.LABELS
    )


@pytest.mark.parametrize("batch", [None, 2])
def test_they_are_those_of_the_network_that_was_exported(tmp_path, batch):
    model = network()
    found = write(model, tmp_path / "model.onnx", batch=batch)
    assert found.differentiable
    images = torch.rand(5, 3, PX, PX, generator=torch.manual_seed(1)) * 2 - 1
    gradients = []
    for answer in (found.module, lambda unit: model(((unit + 1) / 2 - 0.5) / 0.2)):
        taken = images.clone().requires_grad_(True)
        (given,) = torch.autograd.grad(answer(taken)[:, 1].sum(), taken)
        gradients.append(given.flatten(1))
    cosines = torch.cosine_similarity(*gradients)
    assert (cosines > 0.9999).all()


class Rounded(torch.nn.Module):
    """A network behind rounding: the same answers, and a gradient of zero."""

    def __init__(self):
        super().__init__()
        self.network = network()

    def forward(self, images):
        return self.network((images * 8).round() / 8)


def test_where_nothing_leads_anywhere_there_are_none(tmp_path):
    found = write(Rounded().eval(), tmp_path / "model.onnx", batch=None)
    assert not found.differentiable
    pictures = np.random.default_rng(0).integers(0, 256, (3, PX, PX, 3), np.uint8)
    assert np.isfinite(found.raw(pictures)).all(), "it answers all the same"


def test_a_converter_that_is_wrong_is_not_believed(tmp_path, monkeypatch):
    """Outputs of another network, and gradients of another sign, are both seen."""
    import onnx2pytorch

    model = network()
    found = write(model, tmp_path / "model.onnx", batch=None)

    class Other(torch.nn.Module):
        def __init__(self, file):
            super().__init__()
            self.graph = model

        def forward(self, images):
            return self.graph(images) * 1.01

    monkeypatch.setattr(onnx2pytorch, "ConvertModel", Other)
    assert not found.differentiable

    class Turned(Other):
        def forward(self, images):
            return self.graph(2 * images.detach() - images)  # the same answer

    monkeypatch.setattr(onnx2pytorch, "ConvertModel", Turned)
    again = write(model, tmp_path / "model.onnx", batch=None)
    assert not again.differentiable


def test_what_the_converter_would_guess_is_refused(tmp_path, monkeypatch):
    import onnx2pytorch

    def guessing(file):
        warnings.warn("guessing torch.load", RuntimeWarning, stacklevel=2)
        return network()

    found = write(network(), tmp_path / "model.onnx", batch=None)
    monkeypatch.setattr(onnx2pytorch, "ConvertModel", guessing)
    assert not found.differentiable
