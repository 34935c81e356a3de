"""Small sources in the layouts of the published ones, and what counts the pictures read."""

import pytest
import upstream

from medtransfer import paths
from medtransfer.data import catalog, draft, manifests, prepare


@pytest.fixture
def wanted(tmp_path):
    """ChestX-ray14 of 80 made radiographs, to be read at 32 px."""
    upstream.chestxray14(tmp_path / "chest")
    facts = upstream.facts("chestxray14")
    return catalog.Request(manifest=facts, root=tmp_path / "chest", image_px=32)


@pytest.fixture
def made(monkeypatch):
    """Committed manifests without the counts of the whole sets; no file is fetched."""

    def small(name):
        path, found = manifests.named(name)
        return path, upstream.facts(name) if hasattr(found, "counts") else found

    monkeypatch.setattr(catalog, "named", small)
    monkeypatch.setattr(prepare, "fetch_files", lambda _: [])


@pytest.fixture
def patches(made):
    """PatchCamelyon of 108 made patches, in the folder where its files belong."""
    upstream.patchcamelyon(paths.data() / "patchcamelyon")
    return catalog.request("patchcamelyon", image_px=96)


@pytest.fixture
def unread(monkeypatch):
    """From now on, reading an image fails."""
    return lambda: monkeypatch.setattr(draft, "read_chunk", None)
