"""The local folder: what does not fit its manifest is named; what fits becomes uint8 squares."""

import hashlib
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from facts import folder_facts
from PIL import Image

from medtransfer.data import prepare
from medtransfer.data.catalog import Request
from medtransfer.data.readers.folder import FolderManifest, FolderReader
from medtransfer.errors import SourceError

LABELS = ("Mass", "Nodule")


def describe(**changes):
    radiographs = {
        "domain": "radiology",
        "task": "multi-label",
        "labels": [{"name": name, "meaning": name} for name in LABELS],
        "group_rule": "by patient",
        "image": {"channels": 1, "fit": "exact"},
        "group_column": "patient",
        "label_columns": LABELS,
    }
    return FolderManifest.model_validate(folder_facts(**{**radiographs, **changes}))


@dataclass
class Folder:
    """A folder of images with its table, that tests change before they read it."""

    root: Path
    rows: list[dict] = field(default_factory=list)

    def add(self, name, pixels=None, *, patient="p1", labels=("0", "1"), **more):
        if pixels is not None:
            (self.root / "images").mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(self.root / "images" / name)
        columns = dict(zip(LABELS, labels, strict=True))
        self.rows.append({"file": name, "patient": patient, **columns, **more})
        self.write()

    def write(self):
        self.root.mkdir(parents=True, exist_ok=True)
        pd.DataFrame(self.rows).to_csv(self.root / "labels.csv", index=False)

    def index(self, **changes):
        return FolderReader(describe(**changes), root=self.root, image_px=16).index()

    def images(self, *, image_px=16, channels=1, **changes):
        shown = describe(image={"channels": channels, "fit": changes.pop("fit", "exact")})
        reader = FolderReader(shown, root=self.root, image_px=image_px)
        return np.stack([reader.picture(name).pixels for name in reader.index()["image"]])

    def content(self, **changes):
        wanted = Request(manifest=describe(**changes), root=self.root, image_px=16)
        return prepare.prepared_source(wanted).content


GREY = np.arange(256, dtype=np.uint8).reshape(16, 16)
COLOUR = np.stack([GREY, GREY[::-1], GREY.T], axis=-1)


@pytest.fixture
def made(tmp_path):
    result = Folder(tmp_path / "mine")
    result.add("a.png", GREY, patient="p1", labels=("1", "0"))
    result.add("b.png", GREY.T.copy(), patient="p1", labels=("0", "1"))
    result.add("c.png", GREY[::-1].copy(), patient="p2", labels=("0", "0"))
    return result


def test_the_index_holds_images_groups_and_labels_in_the_order_of_the_table(made):
    index = made.index()
    assert list(index.columns) == ["image", "group", "split", *LABELS]
    assert index["image"].tolist() == ["a.png", "b.png", "c.png"]
    assert index["group"].tolist() == ["p1", "p1", "p2"]
    assert index[list(LABELS)].to_numpy().tolist() == [[1, 0], [0, 1], [0, 0]]
    assert set(index["split"]) == {""}


def test_without_a_group_column_every_image_is_its_own_group(made):
    assert made.index(group_column="none")["group"].tolist() == ["a.png", "b.png", "c.png"]


def test_names_that_look_like_numbers_or_nothing_stay_as_they_are(tmp_path):
    made = Folder(tmp_path)
    for name in ("001", "NA", "1e3"):
        made.add(name + ".png", GREY, patient=f"0{name}")
        made.rows[-1]["file"] = name
    made.write()
    index = made.index(image_suffix=".png")
    assert index["image"].tolist() == ["001", "NA", "1e3"]
    assert index["group"].tolist() == ["0001", "0NA", "01e3"]


# --- pixels --------------------------------------------------------------------------------------


def test_an_image_of_the_right_size_is_taken_pixel_by_pixel(made):
    assert np.array_equal(made.images()[0, ..., 0], GREY)


def test_colour_is_kept_where_the_manifest_says_so(tmp_path):
    made = Folder(tmp_path)
    made.add("rgb.png", COLOUR)
    made.add("rgba.png", np.dstack([COLOUR, GREY]))
    made.add("grey.png", GREY)
    rgb, rgba, grey = made.images(channels=3)
    assert np.array_equal(rgb, COLOUR)
    assert np.array_equal(rgba, COLOUR)  # opacity is left out
    assert np.array_equal(grey, np.stack([GREY] * 3, axis=-1))


def test_colour_becomes_grey_where_the_manifest_says_so(tmp_path):
    made = Folder(tmp_path)
    made.add("rgb.png", np.full((16, 16, 3), (255, 0, 0), np.uint8))
    assert set(np.unique(made.images(channels=1))) == {76}  # luma of pure red


def test_sixteen_bits_are_scaled_or_refused_but_never_clipped(tmp_path):
    made = Folder(tmp_path)
    made.add("deep.png", (np.arange(256).reshape(16, 16) * 256).astype(np.uint16))
    try:
        image = made.images()[0, ..., 0]
    except SourceError as error:
        assert "16" in str(error)
    else:
        assert np.abs(image.astype(int) - GREY).max() <= 1


def test_a_larger_image_is_made_smaller(tmp_path):
    made = Folder(tmp_path)
    made.add("large.png", np.kron(GREY, np.ones((4, 4), np.uint8)))
    image = made.images()[0, ..., 0].astype(int)
    assert np.abs(image - GREY)[2:-2, 2:-2].mean() < 12


@pytest.mark.parametrize("fit", ["crop", "pad"])
@pytest.mark.parametrize("wide", [True, False])
def test_an_image_becomes_square_as_the_manifest_says(tmp_path, fit, wide):
    pixels = np.zeros((16, 32), np.uint8)
    pixels[:, 8:24] = 200  # white centre, black left and right of it
    made = Folder(tmp_path)
    made.add("a.png", pixels if wide else pixels.T.copy())
    side = 16 if fit == "crop" else 32
    image = made.images(image_px=side, fit=fit)[0, ..., 0]
    image = image if wide else image.T
    if fit == "crop":
        assert (image == 200).all()
    else:
        assert (image[8:24] == pixels).all()
        assert not image[:8].any() and not image[24:].any()


def test_an_image_that_is_not_square_is_refused_with_the_choices(made):
    made.add("d.png", GREY[:8].copy())
    with pytest.raises(SourceError, match=r'16x8 is not square; set.*"crop" or "pad"'):
        made.images()


# --- the table -----------------------------------------------------------------------------------


def test_the_checksum_of_the_table_is_compared(made):
    right = hashlib.sha256((made.root / "labels.csv").read_bytes()).hexdigest()
    assert len(made.index(table_sha256=right)) == 3
    with pytest.raises(SourceError, match=rf"sha256 is {right}, the manifest says {'0' * 64}"):
        made.index(table_sha256="0" * 64)


@pytest.mark.parametrize(
    "change",
    [
        {"image_column": "absent"},
        {"folder_column": "absent"},
        {"group_column": "absent"},
        {"label_columns": ("Mass", "absent")},
        {"label_columns": None, "findings_column": "absent"},
        {"only": {"absent": [1]}},
        {"split": {"rule": "column", "column": "absent"}},
    ],
    ids=lambda change: [*change][-1],
)
def test_a_missing_column_is_named_beside_those_that_are_there(made, change):
    (*_, field) = change
    says = rf"lacks \['absent'\] \({field}.*\); columns: \['file', 'patient'"
    with pytest.raises(SourceError, match=says):
        made.index(**change)


def test_a_missing_column_of_a_label_is_named_with_the_one_that_may_be_meant(made):
    labels = [{"name": "Mass", "meaning": "a mass", "column": "Maas"}]
    with pytest.raises(
        SourceError, match=r"lacks \['Maas'\] \(labels: column\); .*; is Mass meant\?$"
    ):
        made.index(labels=labels, label_columns=None)


@pytest.mark.parametrize("value", ["2", "-1", "", "yes", "NaN"])
def test_labels_without_a_rule_are_refused(made, value):
    made.add("d.png", GREY, labels=("0", value))
    with pytest.raises(SourceError, match=rf"labels\.csv: column 'Nodule'.*'{value}' \(line 5\)"):
        made.index()


# --- the content hash ----------------------------------------------------------------------------


def test_the_content_does_not_depend_on_where_the_folder_lies(made, tmp_path):
    before = made.content()
    shutil.copytree(made.root, tmp_path / "elsewhere")
    assert Folder(tmp_path / "elsewhere").content() == before


@pytest.mark.parametrize("what", ["pixel", "label", "group", "order", "name"])
def test_the_content_changes_with_what_a_network_sees(made, what):
    before = made.content()
    if what == "pixel":
        pixels = GREY.copy()
        pixels[3, 3] += 1
        Image.fromarray(pixels).save(made.root / "images" / "a.png")
    elif what == "label":
        made.rows[0]["Mass"] = "0"
    elif what == "group":
        made.rows[0]["patient"] = "p7"
    elif what == "order":
        made.rows.reverse()
    else:
        (made.root / "images" / "a.png").rename(made.root / "images" / "z.png")
        made.rows[0]["file"] = "z.png"
    made.write()
    assert made.content() != before


def test_the_content_leaves_out_columns_that_nobody_uses(made):
    before = made.content()
    for row in made.rows:
        row["remark"] = "blurred"
    made.write()
    assert made.content() == before


def test_the_content_changes_with_the_published_split(tmp_path):
    made = Folder(tmp_path)
    for number, part in enumerate(["development"] * 4 + ["test"] * 4):
        labels = (str(number % 2), "0")
        made.add(f"{number}.png", GREY + number, patient=f"p{number}", labels=labels, part=part)
    split = {"rule": "column", "column": "part"}
    before = made.content(split=split)
    made.rows[0]["part"] = "test"
    made.write()
    assert made.content(split=split) != before
