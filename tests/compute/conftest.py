"""What the tests of `compute` share: a study of tiny networks that can be run whole."""

import hashlib
from dataclasses import replace

import pytest
import torch
import yaml
from facts import COMMON

from medtransfer import paths
from medtransfer.networks.model import Classifier
from medtransfer.study import builders, schema


@pytest.fixture
def runnable(planned, profile, publish_images, tiny_architectures, home, tmp_path, monkeypatch):
    """The tiny study of pathology: random images, tiny networks with weights as of ImageNet."""
    paths.weights().mkdir(parents=True)
    torch.manual_seed(0)
    file = paths.weights() / "tiny.pth"
    torch.save(Classifier("tiny", outputs=3).network.state_dict(), file)
    facts = {
        "kind": "weights",
        **COMMON,
        "architecture": "tiny",
        "addresses": ["https://example.org/tiny.pth"],
        "file": file.name,
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "has_head": True,
    }
    folder = tmp_path / "manifests"
    folder.mkdir()
    for path in paths.manifests().glob("*.yaml"):
        (folder / path.name).symlink_to(path)
    (folder / "imagenet_tiny.yaml").write_text(yaml.safe_dump(facts))
    monkeypatch.setattr(paths, "manifests", lambda: folder)
    builders._weights.cache_clear()
    # Enough to see what is bright: an AUC of 0 would leave nothing to attack.
    length = {"steps": 1, "least_epochs": 2, "most_epochs": 2}
    recipe = schema.Recipe(**length, learning_rate=0.01, head_learning_rate=0.01)
    few = profile.model_copy(
        update={
            "architectures": ("tiny",),
            "recipes": {name: recipe for name in profile.recipes},
            "sources": {"pathology": profile.sources["pathology"]},
        }
    )
    study = replace(planned, profile=few, sources={"pathology": planned.sources["pathology"]})
    publish_images(study.source("pathology"), number=120, groups=30)
    yield study
    builders._weights.cache_clear()
