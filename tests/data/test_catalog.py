"""What is known of sources: said in words, and without touching their files."""

import shutil
import socket

import pytest
import yaml
from facts import folder_facts

from medtransfer import paths
from medtransfer.data import catalog, prepare
from medtransfer.errors import ManifestError, SourceError


def rows():
    return catalog.listed().set_index("name")


def test_the_list_says_what_there_is(patches):
    found = rows()
    assert list(found.loc["patchcamelyon", ["domain", "files", "prepared", "by hand"]]) == [
        *("pathology", "9 of 9", "-", "no")
    ]
    assert list(found.loc["eyepacs", ["files", "by hand"]]) == ["0 of 2", "yes"]
    prepare.ready(patches)
    assert rows().loc["patchcamelyon", "prepared"] == "96px"


def test_a_prepared_source_is_described_in_its_own_words(patches):
    prepare.ready(patches)
    said = catalog.described(patches)
    assert said.startswith("patchcamelyon, 96 px: 108 images of 36 slides; positive: Tumour ")


def test_what_was_not_prepared_is_not_described():
    with pytest.raises(SourceError, match="was not prepared; run `medtransfer data prepare`"):
        catalog.described(catalog.request("pathmnist", image_px=64))


@pytest.mark.parametrize("name", ["phantom_chest", "imagenet_mobilenet_v2", "no_such_source"])
def test_manifests_without_files_are_refused(name):
    with pytest.raises(ManifestError, match=name):
        catalog.request(name, image_px=64)


@pytest.fixture
def untouched(monkeypatch):
    """From now on, whoever makes a reader, fetches or opens a connection fails."""

    def stop():
        def touched(*_, **__):
            raise AssertionError("a source was touched")

        monkeypatch.setattr(catalog.Request, "reader", touched)
        monkeypatch.setattr(prepare.download, "fetch", touched)
        monkeypatch.setattr(socket, "socket", touched)

    return stop


@pytest.mark.parametrize(
    ("name", "domain"), [("retinamnist", "ophthalmology"), ("eyepacs", "ophthalmology")]
)
def test_what_was_not_prepared_is_unknown_and_nothing_is_touched(untouched, name, domain):
    untouched()
    wanted = {"domain": domain, "image_px": 48, "groups": None, "limit": None, "seed": 0}
    assert catalog.known(name, **wanted) is None
    assert not paths.data().exists() and not paths.prepared().exists()


def test_what_was_prepared_is_known_whatever_became_of_the_files(patches, untouched):
    wanted = {"domain": "pathology", "image_px": 96, "groups": None, "limit": None, "seed": 0}
    source = prepare.source("patchcamelyon", **wanted)
    shutil.rmtree(patches.root)
    untouched()
    assert catalog.known("patchcamelyon", **wanted) == source


def test_a_folder_without_its_table_is_unknown(tmp_path, untouched):
    untouched()
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(folder_facts()))
    wanted = {"domain": "pathology", "image_px": 48, "groups": None, "limit": None, "seed": 0}
    assert catalog.known(str(path), **wanted) is None
