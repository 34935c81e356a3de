"""Manifests: facts are validated on reading, and a mistake is named with what is allowed."""

from dataclasses import dataclass

import pytest
import yaml
from facts import COMMON

from medtransfer import paths
from medtransfer.data import manifests as manifest
from medtransfer.data.manifests import ManifestError
from medtransfer.data.schema import DOMAINS
from medtransfer.phantoms import phantom

COMMITTED = sorted(paths.manifests().glob("*.yaml"))
FOLDER = COMMON | {
    "kind": "folder",
    "domain": "radiology",
    "task": "multi-label",
    "labels": [{"name": "Mass", "meaning": "m"}, {"name": "Nodule", "meaning": "n"}],
    "group_rule": "by patient",
    "split": {"rule": "seeded"},
    "image": {"channels": 1},
    "images": "images",
    "table": "labels.csv",
    "image_column": "file",
    "findings_column": "findings",
}
PHANTOM = {k: v for k, v in FOLDER.items() if k in {*COMMON, "domain", "task", "labels"}} | {
    "kind": "phantom",
    "group_rule": "by patient",
    "split": {"rule": "seeded"},
    "image": {"channels": 1},
    "drawing": "chest",
}
WEIGHTS = COMMON | {
    "kind": "weights",
    "architecture": "mobilenet_v2",
    "addresses": ["https://example.org/w.pth"],
    "file": "w.pth",
    "sha256": "0" * 64,
    "has_head": True,
}
GOOD = {"folder": FOLDER, "phantom": PHANTOM, "weights": WEIGHTS}


@dataclass(frozen=True)
class Wrong:
    kind: str
    change: dict
    field: str
    says: str


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "mine.yaml"
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return path

    return write


@pytest.mark.parametrize("kind", GOOD)
def test_a_good_manifest_is_read(write, kind):
    found = manifest.read(write(GOOD[kind]))
    assert (found.kind, found.name) == (kind, "mine")


BAD = [
    Wrong("folder", {"domain": "dentistry"}, "domain", "ophthalmology.*radiology.*pathology"),
    Wrong("folder", {"task": "regression"}, "task", "binary.*multi-label"),
    Wrong("folder", {"image": {"channels": 2}}, "image.channels", "1 or 3"),
    Wrong("folder", {"image": {"channels": 1, "fit": "stretch"}}, "image.fit", "exact.*crop.*pad"),
    Wrong("folder", {"image": {"channels": 1, "values": "float"}}, "image.values", "uint8 0-255"),
    Wrong("folder", {"split": {"rule": "random"}}, "split.rule", "seeded.*column"),
    Wrong("folder", {"split": {"rule": "column"}}, "split", "split.column is needed"),
    Wrong("folder", {"split": {"rule": "seeded", "column": "x"}}, "split", "only then"),
    Wrong("folder", {"labels": []}, "labels", "at least 1"),
    Wrong("folder", {"labels": FOLDER["labels"][:1] * 2}, "folder", "every name may stand once"),
    Wrong("folder", {"task": "binary"}, "folder", "a binary task has one label, not 2"),
    Wrong("folder", {"findings_column": None}, "folder", "label_columns or findings_column"),
    Wrong("folder", {"label_columns": ["a", "b"]}, "folder", "either label_columns or"),
    Wrong(
        "folder",
        {"findings_column": None, "label_columns": ["a"]},
        "folder",
        "one column per label",
    ),
    Wrong("folder", {"table_sha256": "abc"}, "table_sha256", "pattern"),
    Wrong("folder", {"name": "../mine"}, "name", "pattern"),
    Wrong("folder", {"grupo": "x"}, "grupo", "Extra inputs are not permitted"),
    Wrong("folder", {"labels": [{"name": "M", "meaning": "m", "colour": 1}]}, "colour", "Extra"),
    Wrong("phantom", {"drawing": "teeth"}, "drawing", "fundus.*chest.*histology"),
    Wrong("weights", {"sha256": "xyz"}, "sha256", "pattern"),
    Wrong("weights", {"addresses": []}, "weights", "a wheel or at least one address"),
    Wrong(
        "weights",
        {"wheel": {"requirement": "torch>=2", "sha256": "0" * 64, "member": "m"}},
        "wheel.requirement",
        "pattern",
    ),
    Wrong("folder", {"kind": "video"}, "whole file", "phantom.*folder.*weights"),
]


@pytest.mark.parametrize("wrong", BAD, ids=lambda w: f"{w.kind}-{'-'.join(w.change)}-{w.says[:12]}")
def test_a_wrong_field_is_named_with_what_is_allowed(write, wrong):
    path = write(GOOD[wrong.kind] | wrong.change)
    with pytest.raises(ManifestError, match=wrong.says) as caught:
        manifest.read(path)
    assert str(path) in str(caught.value)
    assert wrong.field in str(caught.value)


def test_all_wrong_fields_are_named_at_once(write):
    path = write(FOLDER | {"domain": "dentistry", "task": "regression", "verified": "perhaps"})
    with pytest.raises(ManifestError) as caught:
        manifest.read(path)
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert all(line.startswith(f"{path}: ") for line in lines)


def test_a_missing_field_is_named(write):
    with pytest.raises(ManifestError, match=r"mine\.yaml: .*licence: Field required"):
        manifest.read(write({k: v for k, v in FOLDER.items() if k != "licence"}))


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.system ['true']",
        "name: !!python/name:os.system",
        "name: !!python/object:collections.OrderedDict {}",
        "a: [1, 2",
        "a: b: c",
    ],
)
def test_what_is_not_plain_yaml_is_refused(write, text):
    with pytest.raises(ManifestError, match="not readable as YAML"):
        manifest.read(write(text))


@pytest.mark.parametrize("text", ["", "- a list", "a word", "3"])
def test_what_is_not_a_mapping_is_refused(write, text):
    with pytest.raises(ManifestError, match=r"mine\.yaml"):
        manifest.read(write(text))


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(ManifestError, match="not readable as YAML"):
        manifest.read(path)


def test_a_missing_manifest_lists_the_known_names(tmp_path):
    for name in ("phantom_teeth", str(tmp_path / "none.yaml")):
        with pytest.raises(ManifestError, match=r"no such manifest; known names: .*phantom_chest"):
            manifest.named(name)
    with pytest.raises(ManifestError, match="no such manifest"):
        manifest.read(tmp_path / "none.yaml")


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_committed_manifests_are_valid_and_named_as_their_files(path):
    assert manifest.read(path).name == path.stem
    assert manifest.named(path.stem) == (path, manifest.read(path))


def test_every_domain_has_a_phantom_with_the_labels_of_its_drawing():
    phantoms = [manifest.read(path) for path in COMMITTED if path.stem.startswith("phantom_")]
    assert {found.domain for found in phantoms} == set(DOMAINS)
    for found in phantoms:
        drawing = phantom(found.drawing)
        assert found.label_names == tuple(drawing.LABELS)
        assert found.image.channels == drawing.CHANNELS


def test_weights_are_found_by_architecture():
    for name in ("efficientnet_lite0", "mobilenet_v2", "inception_v3", "densenet121"):
        assert manifest.imagenet_weights(name).architecture == name
    with pytest.raises(ManifestError, match=r"'resnet'.*add data_manifests/imagenet_resnet\.yaml"):
        manifest.imagenet_weights("resnet")


def test_a_checksum_stands_in_full_where_a_file_was_verified():
    for path in COMMITTED:
        found = manifest.read(path)
        if found.kind == "weights" and found.verified:
            assert len(found.sha256) == 64
