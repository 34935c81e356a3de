"""The test images of the tiny study, and a home of its networks without any cell."""

import numpy as np
import pytest
import torch

from medtransfer.data import images as sources
from medtransfer.data import splits
from medtransfer.data.datamodule import to_unit


@pytest.fixture
def shown(studied):
    """The test images of the tiny study: rows of the index, images and labels."""
    prepared = sources.load(studied.source)
    rows = splits.parts(
        prepared.index, labels=prepared.labels, development=studied.development
    ).test
    images = to_unit(np.asarray(prepared.images[rows]))
    return prepared.index.iloc[rows], images, torch.from_numpy(prepared.targets[rows])


@pytest.fixture
def fresh(studied, shown, tmp_path, monkeypatch):
    """A home that links the study's images and networks and has no cells yet."""
    home = tmp_path / "fresh"
    (home / "store").mkdir(parents=True)
    for kind in ("phantomsource", "training"):
        (home / "store" / kind).symlink_to(studied.home / "store" / kind)
    monkeypatch.setenv("MEDTRANSFER_HOME", str(home))
    return studied
