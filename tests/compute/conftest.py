"""What the tests of `compute` share: studies of tiny networks, and of images of one's own."""

import hashlib
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from facts import COMMON

from medtransfer import paths, store
from medtransfer.data.images import FileSource, write_index
from medtransfer.networks.model import Classifier
from medtransfer.study import builders, schema
from medtransfer.study.builders import Study


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


LABELS = {"pathology": ("Tumour",), "radiology": ("Mass", "Nodule")}


@pytest.fixture
def own_study(profile, home):
    """Makes a study of images read from files, two of each patient, with the labels of a test."""

    def make(*labels, domain="pathology", split=None):
        source = FileSource(
            manifest="mine",
            domain=domain,
            content="".join(map(str, labels[0])),
            image_px=32,
            channels=1,
            labels=LABELS[domain],
            groups_of_any_size=True,
        )
        number = len(labels[0])
        index = pd.DataFrame({"image": [f"{row:03d}.png" for row in range(number)]})
        index["group"] = [f"p{row // 2}" for row in range(number)]
        index["split"] = "" if split is None else split
        for name, values in zip(LABELS[domain], labels, strict=True):
            index[name] = np.array(values, np.uint8)
        with store.draft(source) as place:
            np.save(place / "images.npy", np.zeros((number, 32, 32, 1), np.uint8))
            write_index(place, index)
        return Study(profile.model_copy(update={"sources": {domain: "mine"}}), {domain: source})

    return make
