"""Published sources: what stands in their files becomes images, groups, sets and labels."""

import h5py
import numpy as np
import pandas as pd
import pytest
import upstream
import yaml
from PIL import Image

from medtransfer.data.readers.eyepacs import field_of_view
from medtransfer.errors import SourceError


@pytest.fixture
def eyepacs(tmp_path):
    upstream.eyepacs(tmp_path / "eyepacs")
    return upstream.facts("eyepacs").reader(root=tmp_path / "eyepacs", image_px=64)


@pytest.fixture
def chest(tmp_path):
    upstream.chestxray14(tmp_path / "chest")
    return upstream.facts("chestxray14").reader(root=tmp_path / "chest", image_px=32)


@pytest.fixture
def patches(tmp_path):
    upstream.patchcamelyon(tmp_path / "pcam")
    return upstream.facts("patchcamelyon").reader(root=tmp_path / "pcam", image_px=96)


def edit(path, *, row, **values):
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    for column, value in values.items():
        table.loc[row, column] = value
    table.to_csv(path, index=False)


# --- EyePACS -------------------------------------------------------------------------------------


def test_both_eyes_are_one_patient_and_grades_from_two_are_referable(eyepacs):
    index = eyepacs.index()
    assert index.groupby("group").size().eq(2).all()
    assert set(index["split"]) == {"development", "test"}
    table = pd.read_csv(eyepacs.root / "trainLabels.csv")
    ours = index[index["split"] == "development"]
    assert ours["Referable DR"].tolist() == (table["level"] >= 2).astype(int).tolist()
    assert ours["image"].tolist() == ("train/" + table["image"]).tolist()


def test_a_photograph_is_cut_to_its_field_of_view(eyepacs):
    found = eyepacs.picture("train/0_left").pixels
    assert found.shape == (64, 64, 3)
    lit = found[..., 0] > 40
    assert lit.any(axis=0).mean() > 0.95 and lit.any(axis=1).mean() > 0.95
    assert not lit[:6, :6].any() and not lit[-6:, -6:].any()  # a disc, with its corners


def test_a_photograph_that_was_kept_on_its_side_stands_upright(eyepacs):
    upright = upstream.fundus(120, bright=200)
    upright.paste((255, 255, 255), (60, 30, 90, 60))  # so that top and left can be told
    exif = Image.Exif()
    exif[274] = 6  # to be turned by a quarter to the right
    place = eyepacs.root / "train"
    upright.save(place / "a_left.jpeg", quality=98, subsampling=0)
    lying = upright.transpose(Image.Transpose.ROTATE_90)
    lying.save(place / "b_left.jpeg", quality=98, subsampling=0, exif=exif)
    stood, turned = (eyepacs.picture(f"train/{name}_left").pixels.astype(int) for name in "ab")
    assert np.abs(stood - turned).mean() < 2


@pytest.mark.parametrize("side", [200, 900])
def test_the_field_of_view_is_found_off_centre_and_beside_specks(side):
    image = upstream.fundus(side, shift=side // 10)
    image.putpixel((1, 1), (255, 255, 255))
    left, top, right, bottom = field_of_view(image)
    middle = image.width / 2 + side // 10
    assert left == pytest.approx(middle - side / 2, abs=side / 20)
    assert right == pytest.approx(middle + side / 2, abs=side / 20)
    assert (top, bottom) == (
        pytest.approx(10, abs=side / 20),
        pytest.approx(10 + side, abs=side / 20),
    )


@pytest.mark.parametrize("value", [0, 3])
def test_a_dark_photograph_is_unusable(value):
    with pytest.raises(SourceError, match="dark"):
        field_of_view(Image.new("RGB", (300, 200), (value, value, value)))


def test_a_large_photograph_is_read_like_a_small_one(eyepacs):
    path = eyepacs.root / "train" / "big_left.jpeg"
    upstream.fundus(1200, bright=200).save(path, quality=95)
    fine = np.asarray(eyepacs.picture("train/big_left").pixels, int)
    upstream.fundus(120, bright=200).save(path, quality=95)
    coarse = np.asarray(eyepacs.picture("train/big_left").pixels, int)
    assert np.abs(fine - coarse).mean() < 6


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"image": "0_up"}, "1 in trainLabels.csv are not named PATIENT_left or _right: 0_up"),
        ({"image": "1_left"}, "1 appear twice in trainLabels.csv: 1_left"),
        ({"level": "7"}, "1 in trainLabels.csv have no grade from 0 to 4: 0_left"),
    ],
)
def test_wrong_rows_of_the_label_table_are_named(eyepacs, values, says):
    edit(eyepacs.root / "trainLabels.csv", row=0, **values)
    with pytest.raises(SourceError, match=says):
        eyepacs.index()


# --- ChestX-ray14 --------------------------------------------------------------------------------


def test_radiographs_are_joined_by_name_and_keep_the_published_sets(chest):
    index = chest.index().set_index("image")
    table = pd.read_csv(chest.root / "Data_Entry_2017_v2020.csv").set_index("Image Index")
    assert index.index.tolist() == table.index.tolist()
    for name, row in index.iterrows():
        findings = {*table.loc[name, "Finding Labels"].split("|")}
        assert {label for label in chest.manifest.label_names if row[label]} == findings
    published = yaml.safe_load((chest.root / "d3_filenames.yml").read_text())
    ours = index[[("d2/2:train" in split.split(";")) for split in index["split"]]]
    assert {*ours.index} == {f"{name}.png" for name in published["trainIDs"]}
    assert (index["group"] == index.index.str[:8]).all()
    assert index.loc["00000001_000.png", "split"] == "test"


def test_colour_and_opacity_are_left_out_and_the_centre_is_kept(chest):
    found = chest.picture("00000001_000.png").pixels
    assert found.shape == (32, 32, 1)
    with Image.open(chest.root / "images" / "00000001_000.png") as image:
        assert image.mode == "RGBA"
        grey = image.convert("L")
    margin = grey.width / 16
    box = (margin, margin, grey.width - margin, grey.width - margin)
    expected = grey.resize((32, 32), Image.Resampling.HAMMING, box=box, reducing_gap=2.0)
    np.testing.assert_array_equal(found[..., 0], np.asarray(expected))


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"Finding Labels": "Mas"}, "1 are findings that the manifest does not list"),
        ({"Patient ID": "77"}, "1 in Data_Entry_2017_v2020.csv have another patient"),
        ({"Image Index": "00000040_000.png"}, "appear twice in Data_Entry_2017_v2020.csv"),
    ],
)
def test_wrong_rows_of_the_table_of_findings_are_named(chest, values, says):
    edit(chest.root / "Data_Entry_2017_v2020.csv", row=0, **values)
    with pytest.raises(SourceError, match=says):
        chest.index()


def test_images_of_the_split_without_a_row_are_named(chest):
    path = chest.root / "Data_Entry_2017_v2020.csv"
    pd.read_csv(path, dtype=str).iloc[1:].to_csv(path, index=False)
    with pytest.raises(
        SourceError, match=r"1 of the published split have no row .*00000040_001\.png"
    ):
        chest.index()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("testIDs: [a]\ntrainIDs: [b]\nvalIDs: [c]\n", "different test sets"),
        ("testIDs: [a]\ntrainIDs: [b, b]\nvalIDs: [c]\n", "trainIDs: names an image twice"),
        ("testIDs: [a]\ntrainIDs: [1]\nvalIDs: [c]\n", "trainIDs: must be a list of file names"),
        ("testIDs: [a]\n", "trainIDs: must be a list"),
        ("[1, 2]", "IDs: must be a list"),
        ("{", "not readable as YAML"),
        ("!!python/object/apply:os.system [echo]", "not readable as YAML"),
    ],
)
def test_a_wrong_split_file_is_refused(chest, content, says):
    (chest.root / "d3_filenames.yml").write_text(content)
    with pytest.raises(SourceError, match=says):
        chest.index()


# --- PatchCamelyon -------------------------------------------------------------------------------


def test_patches_are_grouped_by_slide_and_keep_their_pixels(patches):
    index = patches.index()
    assert index.groupby("group").size().eq(3).all()
    assert index["split"].value_counts().to_dict() == {"development": 72, "test": 36}
    stem = patches.root / "camelyonpatch_level_2_split_valid_"
    with h5py.File(f"{stem}x.h5") as x, h5py.File(f"{stem}y.h5") as y:
        assert np.array_equal(patches.picture("valid/000017").pixels, x["x"][17])
        ours = index[index["image"].str.startswith("valid/")]["Tumour"]
        assert ours.tolist() == y["y"][:].reshape(-1).tolist()


def test_labels_that_differ_from_the_table_are_refused(patches):
    path = patches.root / "camelyonpatch_level_2_split_test_meta.csv"
    said = pd.read_csv(path, dtype=str).loc[0, "center_tumor_patch"]
    edit(path, row=0, center_tumor_patch="False" if said == "True" else "True")
    with pytest.raises(SourceError, match=r"test: the labels of y\.h5 and meta\.csv differ"):
        patches.index()


def test_files_of_different_lengths_are_refused(patches):
    path = patches.root / "camelyonpatch_level_2_split_train_meta.csv"
    pd.read_csv(path, dtype=str).iloc[1:].to_csv(path, index=False)
    with pytest.raises(SourceError, match="train: 36 patches, 36 labels and 35 rows"):
        patches.index()


@pytest.mark.parametrize("damage", ["gone", "text", "cut off", "no array", "elsewhere"])
def test_a_damaged_array_file_is_refused(patches, damage):
    path = patches.root / "camelyonpatch_level_2_split_valid_x.h5"
    if damage == "gone":
        path.unlink()
    elif damage == "text":
        path.write_text("no HDF5")
    elif damage == "cut off":
        path.write_bytes(path.read_bytes()[:2000])
    else:
        path.unlink()
        with h5py.File(path, "w") as file:
            if damage == "elsewhere":
                where = [(str(patches.root / "secret"), 0, h5py.h5f.UNLIMITED)]
                file.create_dataset("x", (36, 96, 96, 3), np.uint8, external=where)
    with pytest.raises(SourceError, match=r"valid_x\.h5"):
        patches.index()
