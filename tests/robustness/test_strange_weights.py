"""Weights from strangers: no code of theirs runs, and what is damaged is refused."""

import contextlib
import io
import pickle

import pytest
import torch
import upstream
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from safetensors.torch import save_file
from strange import Trap, damaged, many

from medtransfer import store
from medtransfer.data.manifests import imagenet_weights
from medtransfer.data.weights import WeightsManifest
from medtransfer.errors import ImportedError, KerasError, StoreError, WeightsError
from medtransfer.networks import imagenet as weights
from medtransfer.networks import imported, stored
from medtransfer.networks.imported import Name
from medtransfer.networks.keras import load_keras
from medtransfer.networks.model import Classifier

pytestmark = pytest.mark.slow


def test_the_trap_would_spring(tmp_path):
    pickle.loads(pickle.dumps(Trap(tmp_path / "sprung"))).close()
    assert (tmp_path / "sprung").exists()


def test_no_code_of_a_weights_file_runs(tmp_path):
    path = tmp_path / "weights.pt"
    torch.save({"features.0.0.weight": Trap(tmp_path / "sprung")}, path)
    model = Classifier("mobilenet_v2", outputs=1)
    with pytest.raises(WeightsError, match="not readable as tensors alone"):
        weights.load_imagenet(model, imagenet_weights("mobilenet_v2"), path=path)
    assert not (tmp_path / "sprung").exists()


def test_a_pickle_called_safetensors_runs_nothing(tmp_path, toy, tiny_architectures):
    content = pickle.dumps(Trap(tmp_path / "sprung"))
    spec = toy.training()
    with store.draft(spec) as place:
        (place / "weights.safetensors").write_bytes(content)
    with pytest.raises(StoreError, match="damaged"):
        stored.load(spec)
    name = Name("pathology", "tiny", "random", "d1", False)
    name.place.parent.mkdir(parents=True)
    name.place.write_bytes(content)
    with pytest.raises(ImportedError):
        imported.checksum(name)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("facts", ["[]", "{}", "null", "no JSON"])
def test_an_imported_file_that_does_not_say_its_origin_is_refused(facts, home):
    name = Name("pathology", "tiny", "random", "d1", False)
    name.place.parent.mkdir(parents=True)
    save_file({"a": torch.zeros(1)}, name.place, metadata={"facts": facts})
    with pytest.raises(ImportedError):
        imported.checksum(name)


@pytest.mark.parametrize("path", ["../x.pt", "/x.pt", "a/../../x.pt"])
def test_weights_are_written_nowhere_else(path, home):
    facts = {**imagenet_weights("mobilenet_v2").model_dump(), "file": path}
    with pytest.raises(WeightsError, match="leads out of"):
        weights.fetch(WeightsManifest.model_validate(facts))
    assert not home.exists()


@pytest.mark.parametrize("requirement", ["-r==1.0", "--target==1", "a @ file", "a==1.0 --pre"])
def test_a_wheel_is_no_option_of_pip(requirement):
    facts = imagenet_weights("mobilenet_v2").model_dump()
    facts["wheel"]["requirement"] = requirement
    with pytest.raises(ValidationError, match=r"wheel\.requirement"):
        WeightsManifest.model_validate(facts)


@settings(many, max_examples=30)
@given(content=st.binary(max_size=100), data=st.data())
def test_any_weights_file_is_refused(content, data, tmp_path):
    buffer = io.BytesIO()
    torch.save({"a": torch.zeros(3)}, buffer)
    path = tmp_path / "weights.pt"
    path.write_bytes(data.draw(st.just(content) | damaged(buffer.getvalue())))
    model = Classifier("mobilenet_v2", outputs=1)
    with pytest.raises(WeightsError):
        weights.load_imagenet(model, imagenet_weights("mobilenet_v2"), path=path)


@pytest.fixture(scope="module")
def keras_file(tmp_path_factory):
    model = Classifier("densenet121_keras", outputs=1)
    return model, upstream.keras_file(tmp_path_factory.mktemp("keras") / "any.h5", model)


@settings(many, max_examples=30)
@given(data=st.data())
def test_a_damaged_keras_file_is_taken_or_refused(keras_file, data, tmp_path):
    model, whole = keras_file
    head = whole.read_bytes()[:60_000]
    path = tmp_path / "any.h5"
    path.write_bytes(data.draw(damaged(head)))
    with contextlib.suppress(KerasError):
        load_keras(model, path=path)
