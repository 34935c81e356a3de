"""Manifests: facts are validated on reading, and a mistake is named with what is allowed."""

import subprocess
import sys
from dataclasses import dataclass

import pytest
import yaml
from facts import COMMON, folder_facts
from studies import STUDIED

from medtransfer import domains, paths
from medtransfer.data import manifests, readers
from medtransfer.data.readers.folder import FolderManifest
from medtransfer.data.schema import numbered
from medtransfer.errors import ManifestError
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
    "group_column": "patient",
    "findings_column": "findings",
}
PHANTOM = {k: v for k, v in FOLDER.items() if k in {*COMMON, "domain", "task", "labels"}} | {
    "kind": "phantom",
    "group_rule": "by patient",
    "group_noun": "patient",
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
    found = manifests.read(write(GOOD[kind]))
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
    Wrong(
        "folder", {"labels": FOLDER["labels"][:1] * 2}, "folder", "every name may appear only once"
    ),
    Wrong("folder", {"task": "binary"}, "folder", "a binary task has one label, not 2"),
    Wrong("folder", {"label_columns": ["a", "b"]}, "folder", "either label_columns or"),
    Wrong(
        "folder",
        {"labels": [{"name": name, "meaning": "m"} for name in ("Grade 1", "x", "grade-1")]},
        "folder",
        "labels: Grade 1, grade-1: one finding in two spellings",
    ),
    Wrong("folder", {"labels": [{**FOLDER["labels"][0], "column": "x"}]}, "folder", "one of the t"),
    Wrong("folder", {"group_column": None}, "folder", "group_column: needed.*group_column: none`"),
    Wrong("folder", {"group_pattern": "("}, "group_pattern", "no regular expression"),
    Wrong(
        "folder",
        {"group_column": "none", "group_pattern": "p"},
        "folder",
        "group_pattern: needs a group_column",
    ),
    Wrong("folder", {"image_column": None}, "image_column", "valid string"),
    Wrong("folder", {"encoding": "klingon"}, "encoding", "utf-8, windows-1252"),
    Wrong("folder", {"separator": "x"}, "separator", "','"),
    Wrong("folder", {"only": {"view": []}}, "only.view", "at least 1"),
    Wrong("folder", {"allow": ["all"]}, "allow.0", "similar_groups"),
    Wrong("folder", {"split": {"rule": "official"}}, "split.rule", "'seeded' or 'column'"),
    Wrong("folder", {"split": {"rule": "column", "column": "s", "test": [1]}}, "split", "together"),
    Wrong("folder", {"split": {"rule": "seeded", "left_out": [1]}}, "split", "together"),
    Wrong(
        "folder",
        {"split": {"rule": "column", "column": "s", "development": ["a", 1], "test": ["01"]}},
        "split",
        "each value may be in only one of",
    ),
    Wrong(
        "folder",
        {"findings_column": None, "label_columns": ["a"]},
        "folder",
        "one column per label",
    ),
    Wrong("folder", {"table_sha256": "abc"}, "table_sha256", "pattern"),
    Wrong("folder", {"group_noun": ""}, "group_noun", "at least 1"),
    Wrong("folder", {"name": "../mine"}, "name", "pattern"),
    Wrong("folder", {"grup_noun": "x"}, "grup_noun", "allowed: name, .*is group_noun meant"),
    Wrong(
        "folder",
        {"labels": [{"name": "M", "meaning": "m", "colour": 1}]},
        "labels.0",
        "no field colour; allowed: name, meaning, column, positive, negative, left_out",
    ),
    Wrong("phantom", {"colour": 1}, "phantom", "no field colour; allowed: name, .*drawing"),
    Wrong("phantom", {"drawing": "teeth"}, "drawing", "allowed: chest, fundus, histology"),
    Wrong("weights", {"sha256": "xyz"}, "sha256", "pattern"),
    Wrong("weights", {"addresses": []}, "weights", "a wheel or at least one address"),
    Wrong(
        "weights",
        {"wheel": {"requirement": "torch>=2", "sha256": "0" * 64, "member": "m"}},
        "wheel.requirement",
        "pattern",
    ),
    Wrong("folder", {"kind": "video"}, "whole file", "phantom.*weights.*folder"),
]


@pytest.mark.parametrize("wrong", BAD, ids=lambda w: f"{w.kind}-{'-'.join(w.change)}-{w.says[:12]}")
def test_a_wrong_field_is_named_with_what_is_allowed(write, wrong):
    path = write(GOOD[wrong.kind] | wrong.change)
    with pytest.raises(ManifestError, match=wrong.says) as caught:
        manifests.read(path)
    assert str(path) in str(caught.value)
    assert wrong.field in str(caught.value)


@pytest.mark.parametrize("kind", ["folder", "phantom"])
@pytest.mark.parametrize("name", ["image", "group", "split", "source", "pixels", " group ", " "])
def test_a_label_is_not_called_as_a_column_of_the_index(write, kind, name):
    labels = [{"name": name, "meaning": "m"}]
    with pytest.raises(ManifestError, match="image, group, split, source, pixels"):
        manifests.read(write(GOOD[kind] | {"labels": labels}))


@pytest.mark.parametrize(
    "lists",
    [
        {"positive": [1], "negative": [1.0]},
        {"positive": ["yes"], "left_out": ["YES"]},
        {"negative": [1]},
        {"left_out": [0]},
        {"positive": [1], "left_out": [None], "negative": [""]},
    ],
    ids=str,
)
def test_a_value_of_a_label_stands_in_one_list(lists):
    labels = [{"name": "Tumour", "meaning": "m", **lists}]
    with pytest.raises(ValueError, match="each value may be in only one of positive"):
        FolderManifest.model_validate(folder_facts(labels=labels, label_columns=None))


def test_a_table_needs_the_column_of_its_files():
    facts = folder_facts()
    del facts["image_column"]
    with pytest.raises(ValueError, match="image_column: needed"):
        FolderManifest.model_validate(facts)


def test_all_wrong_fields_are_named_at_once(write):
    path = write(FOLDER | {"domain": "dentistry", "task": "regression", "verified": "perhaps"})
    with pytest.raises(ManifestError) as caught:
        manifests.read(path)
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert all(line.startswith(f"{path}: ") for line in lines)


def test_a_missing_field_is_named(write):
    with pytest.raises(ManifestError, match=r"mine\.yaml: .*licence: Field required"):
        manifests.read(write({k: v for k, v in FOLDER.items() if k != "licence"}))


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
        manifests.read(write(text))


@pytest.mark.parametrize("text", ["", "- a list", "a word", "3"])
def test_what_is_not_a_mapping_is_refused(write, text):
    with pytest.raises(ManifestError, match=r"mine\.yaml"):
        manifests.read(write(text))


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(ManifestError, match="not readable as YAML"):
        manifests.read(path)


def test_a_missing_manifest_lists_the_known_names(tmp_path):
    for name in ("phantom_teeth", str(tmp_path / "none.yaml")):
        with pytest.raises(ManifestError, match=r"no such manifest; known names: .*phantom_chest"):
            manifests.named(name)
    with pytest.raises(ManifestError, match="no such file"):
        manifests.read(tmp_path / "none.yaml")


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_committed_manifests_are_valid_and_named_as_their_files(path):
    assert manifests.read(path).name == path.stem
    assert manifests.named(path.stem) == (path, manifests.read(path))


def test_every_domain_has_a_phantom_with_the_labels_of_its_drawing():
    phantoms = [manifests.read(path) for path in COMMITTED if path.stem.startswith("phantom_")]
    assert {found.domain for found in phantoms} == set(STUDIED)
    for found in phantoms:
        drawing = phantom(found.drawing)
        assert found.label_names == tuple(drawing.LABELS)
        assert found.image.channels == drawing.CHANNELS


def test_weights_are_found_by_architecture():
    for name in ("efficientnet_lite0", "mobilenet_v2", "inception_v3", "densenet121"):
        assert manifests.imagenet_weights(name).architecture == name
    with pytest.raises(ManifestError, match=r"'resnet'.*add data_manifests/imagenet_resnet\.yaml"):
        manifests.imagenet_weights("resnet")


def test_a_checksum_stands_in_full_where_a_file_was_verified():
    for path in COMMITTED:
        found = manifests.read(path)
        if found.kind == "weights" and found.verified:
            assert len(found.sha256) == 64


# --- doors: a domain, a kind of source -----------------------------------------------------------


def test_a_new_domain_is_one_row(write, monkeypatch):
    row = domains.Domain(number=6, augmentation=("shift",), colour="#117733")
    with pytest.raises(ManifestError, match=f"allowed: {', '.join(domains.DOMAINS)}, got"):
        manifests.read(write(FOLDER | {"domain": "endoscopy"}))
    monkeypatch.setitem(domains.DOMAINS, "endoscopy", row)
    assert manifests.read(write(FOLDER | {"domain": "endoscopy"})).domain == "endoscopy"


SKIN = """
from typing import Literal
from medtransfer.data.schema import Published

class SkinManifest(Published):
    kind: Literal["skin"]

    def reader(self, *, root, image_px):
        return f"reads {root} at {image_px} px"
"""


def test_a_new_kind_of_source_is_one_module(write, tmp_path, monkeypatch):
    published = PHANTOM | {"kind": "skin", "files": [{"path": "skin.zip"}]}
    del published["drawing"]
    (tmp_path / "skin.py").write_text(SKIN)
    monkeypatch.setattr(readers, "__path__", [*readers.__path__, str(tmp_path)])
    manifests._adapter.cache_clear()
    try:
        found = manifests.read(write(published))
        assert found.reader(root="here", image_px=64) == "reads here at 64 px"
    finally:
        manifests._adapter.cache_clear()
        sys.modules.pop("medtransfer.data.readers.skin")


LIGHT = """
import sys
from medtransfer import paths
from medtransfer.data import catalog, manifests
for path in paths.manifests().glob("*.yaml"):
    manifests.read(path)
asked = {"image_px": 48, "groups": 12, "limit": None, "seed": 0}
catalog.known("phantom_chest", domain="radiology", **asked)
catalog.known("retinamnist", domain="ophthalmology", **asked)
heavy = ("pandas", "h5py", "pydicom", "scipy", "torch", "requests", "matplotlib")
print(*[name for name in heavy if name in sys.modules])
"""


def test_reading_all_manifests_imports_nothing_heavy():
    run = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


# --- what groups are called ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("retinamnist", "1,600 images"),
        ("chestmnist", "1,600 images"),
        ("pathmnist", "1,600 images"),
        ("eyepacs", "1,600 images of 400 patients"),
        ("chestxray14", "1,600 images of 400 patients"),
        ("patchcamelyon", "1,600 images of 400 slides"),
        ("phantom_fundus", "1,600 images of 400 patients"),
        ("phantom_chest", "1,600 images of 400 patients"),
        ("phantom_histology", "1,600 images of 400 slides"),
    ],
)
def test_groups_are_called_what_they_are(name, says):
    _, facts = manifests.named(name)
    assert facts.counted(images=1600, groups=400) == says


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, "9 images"),
        ({"group_column": "none"}, "9 images"),
        ({"group_column": "patient"}, "9 images of 3 groups"),
        ({"group_column": "patient", "group_noun": "biopsy"}, "9 images of 3 biopsies"),
    ],
)
def test_groups_of_a_folder_have_a_noun_without_being_told(changes, says):
    facts = FolderManifest.model_validate(folder_facts(**changes))
    assert facts.counted(images=9, groups=3) == says


@pytest.mark.parametrize(
    ("number", "noun", "says"),
    [(1, "eye", "1 eye"), (0, "eye", "0 eyes"), (2, "biopsy", "2 biopsies"), (2, "day", "2 days")],
)
def test_one_is_no_plural(number, noun, says):
    assert numbered(number, noun) == says
