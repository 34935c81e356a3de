"""Input from strangers: whatever bytes come, an error says what is wrong and no code runs."""

import contextlib
import io
import os
import tarfile

import numpy as np
import pandas as pd
import pytest
import torch
import upstream
import yaml
from facts import folder_facts
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from strange import IMAGES, anything, damaged, many, radiograph

from medtransfer.data import manifests as manifest
from medtransfer.data.download import extract_tar
from medtransfer.data.readers import chestxray14, dicom
from medtransfer.data.readers.folder import FolderManifest
from medtransfer.data.readers.reader import UNUSABLE
from medtransfer.errors import AttackError, DicomError, FetchError, ManifestError, SourceError
from medtransfer.study import schema as profiles

pytestmark = pytest.mark.slow

COMMITTED = sorted(path.stem for path in manifest.paths.manifests().glob("*.yaml"))


@many
@given(content=st.binary(max_size=300) | anything.map(lambda v: yaml.safe_dump(v).encode()))
def test_any_file_is_a_manifest_or_an_error(content, tmp_path):
    path = tmp_path / "any.yaml"
    path.write_bytes(content)
    for read in (manifest.read, lambda p: profiles.profile(str(p))):
        with contextlib.suppress(ManifestError):
            read(path)


@many
@given(name=st.sampled_from(COMMITTED), data=st.data())
def test_a_manifest_with_one_other_value_is_a_manifest_or_an_error(name, data, tmp_path):
    content = yaml.safe_load((manifest.paths.manifests() / f"{name}.yaml").read_text())
    field = data.draw(st.sampled_from(sorted(content)))
    content[field] = data.draw(anything)
    path = tmp_path / "any.yaml"
    path.write_text(yaml.safe_dump(content))
    with contextlib.suppress(ManifestError):
        manifest.read(path)


# Each made PyYAML or what reads its values fail in a way of its own, or without an end.
ODD_YAML = {
    "no such day": "verified: 2001-99-99",
    "huge number": "verified: " + "9" * 5000,
    "no such truth": "verified: !!bool perhaps",
    "depth": "[" * 3000,
    "doubling": "kind: &a0 [x]\n"
    + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 20)),
}


@pytest.mark.parametrize("kind", ODD_YAML)
def test_odd_yaml_is_refused(kind, tmp_path):
    path = tmp_path / "any.yaml"
    path.write_text(ODD_YAML[kind])
    with pytest.raises(ManifestError, match=r"any\.yaml: not readable as YAML"):
        manifest.read(path)


@pytest.mark.parametrize("value", [".nan", ".inf"])
def test_a_profile_holds_finite_numbers(value, tmp_path):
    path = tmp_path / "any.yaml"
    path.write_text(f"name: mine\nextends: default\nweight_decay: {value}\n")
    with pytest.raises(ManifestError, match="weight_decay"):
        profiles.profile(str(path))


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x", "C:/x", "a\\..\\x", ""])
def test_a_manifest_names_no_file_outside_its_folder(path, tmp_path):
    content = yaml.safe_load((manifest.paths.manifests() / "pathmnist.yaml").read_text())
    content["files"][0]["path"] = path
    (tmp_path / "any.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(ManifestError, match=r"files\.0\.path"):
        manifest.read(tmp_path / "any.yaml")


@many
@given(
    text=st.binary(max_size=200)
    | st.lists(st.lists(st.text(max_size=6), max_size=4), max_size=5).map(
        lambda rows: "\n".join(["file,sick", *(",".join(row) for row in rows)]).encode()
    )
)
def test_any_table_of_labels_is_an_index_or_an_error(text, tmp_path):
    (tmp_path / "labels.csv").write_bytes(text)
    facts = FolderManifest.model_validate(folder_facts())
    with contextlib.suppress(SourceError):
        index = facts.reader(root=tmp_path, image_px=32).index()
        assert index["Tumour"].isin([0, 1]).all()


def test_a_table_with_a_byte_of_zeros_is_refused(tmp_path):
    (tmp_path / "labels.csv").write_bytes(b"file,sick\na\0.png,0\n")
    facts = FolderManifest.model_validate(folder_facts())
    with pytest.raises(
        SourceError, match=r"labels\.csv: not readable as CSV: it holds a zero byte"
    ):
        facts.reader(root=tmp_path, image_px=32).index()


@pytest.mark.parametrize(
    "names", ["[[a]]", "[2001-99-99]", "9" * 5000], ids=["deep", "day", "huge"]
)
def test_an_odd_split_file_is_refused(names, tmp_path):
    for name in chestxray14.SPLITS:
        (tmp_path / name).write_text(f"trainIDs: {names}\nvalIDs: []\ntestIDs: []\n")
    with pytest.raises(SourceError, match=r"filenames\.yml: not readable as YAML"):
        chestxray14.published_sets(tmp_path)


@many
@given(content=st.binary(max_size=200) | anything.map(lambda v: yaml.safe_dump(v).encode()))
def test_any_split_file_is_a_split_or_an_error(content, tmp_path):
    for name in chestxray14.SPLITS:
        (tmp_path / name).write_bytes(content)
    with contextlib.suppress(SourceError):
        chestxray14.published_sets(tmp_path)


@pytest.mark.filterwarnings("ignore")
@many
@given(name=st.sampled_from(sorted(IMAGES)), data=st.data())
def test_any_bytes_are_a_picture_or_an_error(name, data, tmp_path):
    content = data.draw(damaged(IMAGES[name]) | st.binary(max_size=60))
    (tmp_path / "images").mkdir(exist_ok=True)
    (tmp_path / "images" / "any").write_bytes(content)
    facts = FolderManifest.model_validate(folder_facts(image={"channels": 3, "fit": "pad"}))
    with contextlib.suppress(*UNUSABLE):
        found = facts.reader(root=tmp_path, image_px=32).picture("any")
        assert found.pixels.shape == (32, 32, 3) and found.pixels.dtype == np.uint8


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB"])
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (33, 32), (2, 3)])
def test_images_of_every_mode_and_size_are_read_or_refused(mode, size, tmp_path):
    (tmp_path / "images").mkdir()
    image = Image.new(mode, size) if mode == "LAB" else Image.new("RGB", size).convert(mode)
    image.save(tmp_path / "images" / "any", "PNG" if mode == "LA" else "TIFF")
    for channels in (1, 3):
        facts = FolderManifest.model_validate(
            folder_facts(image={"channels": channels, "fit": "pad"})
        )
        reader = facts.reader(root=tmp_path, image_px=32)
        if mode == "LAB" and channels == 1:
            with pytest.raises(SourceError, match="colours of mode LAB"):
                reader.picture("any")
        else:
            assert reader.picture("any").pixels.shape == (32, 32, channels)


@many
@given(content=damaged(radiograph()))
@pytest.mark.filterwarnings("ignore")
def test_any_dicom_file_is_a_picture_or_an_error(content):
    with contextlib.suppress(SourceError):
        assert dicom.read_picture(content).mode in ("L", "RGB")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "changes",
    [
        {"floats": [0.5] * 255 + [np.nan]},
        {"floats": [0.5] * 255 + [-np.inf]},
        {"RescaleSlope": "nan", "RescaleIntercept": "0"},
        {"RescaleSlope": "1", "RescaleIntercept": "inf"},
        {"WindowCenter": "nan"},
        {"WindowWidth": "inf"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_radiograph_of_what_are_no_numbers_is_refused(changes):
    with pytest.raises(DicomError, match=r"NaN or infinite|its window"):
        dicom.read_picture(radiograph(**changes))


@pytest.mark.parametrize("value", [0.5, np.nan, np.inf])
def test_an_image_of_fractions_is_refused(value, tmp_path):
    (tmp_path / "images").mkdir()
    pixels = np.full((32, 32), value, np.float32)
    Image.fromarray(pixels).save(tmp_path / "images" / "any", "TIFF")
    facts = FolderManifest.model_validate(folder_facts())
    with pytest.raises(SourceError, match="more than 8 bits"):
        facts.reader(root=tmp_path, image_px=32).picture("any")


@pytest.mark.parametrize("damage", ["cut off", "another name", "other bytes"])
def test_images_of_a_damaged_archive_are_unusable(damage, tmp_path):
    reader = upstream.facts("retinamnist").reader(root=tmp_path, image_px=64)
    upstream.medmnist(reader.path, labels=1, channels=3, px=8, number=4)
    content = reader.path.read_bytes()
    first = content.find(b"train_images") + 60
    damaged = {
        "cut off": content[:-30],
        "another name": content.replace(b"train_images", b"other_images"),
        "other bytes": content[:first] + b"\xff" * 100 + content[first + 100 :],
    }
    reader.path.write_bytes(damaged[damage])
    with pytest.raises(SourceError, match=r"retinamnist_64\.npz: not readable"):
        reader.picture("train/000000")


# --- archives ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "members",
    [
        [("a", {}), ("a/b", {})],
        [("a/b", {}), ("a", {})],
        [("a" * 300, {})],
        [(".", {})],
        [("a", {"path": "a\0b"})],
        [("a", {"mtime": "1e400"})],
        [("a", {"GNU.sparse.map": "0,x"})],
    ],
    ids=["below a file", "over a folder", "long", "itself", "zeros", "time", "sparse"],
)
def test_an_odd_archive_is_refused(members, tmp_path):
    with tarfile.open(tmp_path / "any.tar.gz", "w:gz", format=tarfile.PAX_FORMAT) as tar:
        for name, headers in members:
            member = tarfile.TarInfo(name)
            member.size, member.pax_headers = 1, headers
            tar.addfile(member, io.BytesIO(b"x"))
    (tmp_path / "in").mkdir()
    with pytest.raises(FetchError, match=r"any\.tar\.gz: not a whole and safe"):
        extract_tar(tmp_path / "any.tar.gz", into=tmp_path / "in")


# --- what reaches an attack, and the disk --------------------------------------------------------


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_pixels_that_are_no_numbers_do_not_reach_an_attack(network, value):
    from medtransfer.attacks.fgsm import FGSM
    from medtransfer.attacks.method import craft

    images = torch.zeros(2, 3, 32, 32)
    images[1, 2, 3, 4] = value
    with pytest.raises(AttackError, match="finite"):
        list(craft(network(outputs=1), images, torch.zeros(2, 1), [FGSM(epsilon=0.02)]))


def test_nothing_is_written_outside_the_store(tmp_path, home):
    (tmp_path / "mine" / "images").mkdir(parents=True)
    for name, colour in (("a.png", "black"), ("b.png", "red")):
        Image.new("RGB", (32, 32), colour).save(tmp_path / "mine" / "images" / name)
    table = pd.DataFrame({"file": ["a.png", "b.png"], "sick": [0, 1]})
    table.to_csv(tmp_path / "mine" / "labels.csv", index=False)
    facts = FolderManifest.model_validate(folder_facts())
    before = {path: os.stat(path).st_mtime_ns for path in (tmp_path / "mine").rglob("*")}
    from medtransfer.data import prepare
    from medtransfer.data.catalog import Request

    prepare.prepared_source(Request(manifest=facts, root=tmp_path / "mine", image_px=32))
    assert {path: os.stat(path).st_mtime_ns for path in (tmp_path / "mine").rglob("*")} == before
    assert {path.name for path in tmp_path.iterdir()} == {"mine", home.name}
