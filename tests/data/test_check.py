"""`data check`: what is wrong with a source and what its sets hold, before anything is computed."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest
import yaml
from facts import folder_facts
from PIL import Image

from medtransfer import cli, paths
from medtransfer.data import catalog, looks, prepare
from medtransfer.data.check import table
from medtransfer.data.readers.folder import FolderManifest
from medtransfer.errors import MedtransferError

PROFILE = {"name": "own", "extends": "default", "image_px": 32}


class Folder:
    """A folder of one image for each row of a table; every second one is positive."""

    def __init__(self, place, *, number=100, px=40):
        self.place, self.rows, self.facts = place, {}, {}
        (place / "images").mkdir()
        rng = np.random.default_rng(0)
        for row in range(number):
            pixels = rng.integers(0, 256, (px, px, 3), np.uint8)
            self.add(f"{row:03d}.png", pixels, patient=f"p{row}", sick=row % 2)

    def add(self, name, pixels, *, patient, sick, **saving):
        Image.fromarray(pixels).save(self.place / "images" / name, **saving)
        self.rows[name] = [patient, sick]

    def write(self, **facts):
        lines = [f"{name},{patient},{sick}\n" for name, (patient, sick) in self.rows.items()]
        (self.place / "labels.csv").write_text("file,patient,sick\n" + "".join(lines))
        facts = folder_facts(**{"group_column": "patient", "group_noun": "patient", **facts})
        manifest = self.place / "mine.yaml"
        manifest.write_text(yaml.safe_dump(facts))
        source = {facts["domain"]: "mine.yaml"}
        text = yaml.safe_dump({**PROFILE, "sources": source})
        (self.place / "mine_profile.yaml").write_text(text)
        return manifest


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


@pytest.fixture
def check(capsys):
    """Runs the command; returns its exit status and what it printed."""

    def run(manifest, *options):
        status = cli.main(["data", "check", str(manifest), *options])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return status, captured.out

    return run


def test_ordinary_images_have_neither_errors_nor_warnings(folder, check):
    status, said = check(folder.write())
    assert status == 0
    marked = [line for line in said.splitlines() if line.startswith(("error: ", "warning: "))]
    assert all(line.startswith("warning: d1/10 validation") for line in marked)
    assert "looked at all 100 images" in said
    assert "sides of the files from 40 to 40 px" in said and "image_px is 32" in said
    assert "as profile own takes them" in said
    sheet = paths.checked() / "mine-32px.png"
    assert f"contact sheet: {sheet}" in said and sheet.is_file()


def test_the_table_counts_what_each_set_holds(folder, check):
    _, said = check(folder.write())
    header, *lines = said.split("\n\n")[1].splitlines()
    assert header.split() == ["set", "images", "patients", "Tumour"]
    found = {line[:16].strip(): [int(n) for n in line[16:].split()] for line in lines}
    assert found["all"] == [100, 100, 50]
    assert found["test"][:2] == [20, 20]  # a fifth
    whole = [found[name] for name in found if name.split()[0] in ("test", "d1", "d2")]
    assert np.sum(whole, axis=0).tolist() == [100, 100, 50]


def broken(folder):
    (folder.place / "images" / "003.png").write_bytes(b"no picture")


def missing(folder):
    (folder.place / "images" / "003.png").unlink()


def copied(folder):
    shutil.copy(folder.place / "images" / "003.png", folder.place / "images" / "010.png")


def one_class(folder):
    for row in folder.rows.values():
        row[1] = 0


def similar(folder):
    folder.rows["004.png"][0] = "P5"


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (broken, "1 of 100 cannot be used: 003.png (not readable as a picture"),
        (missing, "1 of 100 cannot be used: 003.png"),
        (copied, "1 files stand there again, byte for byte"),
        (one_class, "no positive of Tumour"),
        (similar, "1 patients are spelled in several ways: 'P5' and 'p5'"),
    ],
)
def test_what_prepare_refuses_is_an_error(folder, check, spoil, says):
    spoil(folder)
    manifest = folder.write()
    status, said = check(manifest)
    assert status == 1
    (error,) = [line for line in said.splitlines() if line.startswith("error: ")]
    assert says in error
    assert "as good as the same" not in said, "what is said of files is not said of pictures again"
    with pytest.raises(MedtransferError):
        prepare.ready(catalog.request(str(manifest), image_px=32))


def test_a_patient_in_two_sets_is_an_error(folder, check):
    folder.rows["004.png"][0] = "p5"
    manifest = folder.write()
    table = folder.place / "labels.csv"
    header, *lines = table.read_text().splitlines()
    lines = [f"{line},{'test' if row < 5 else 'train'}" for row, line in enumerate(lines)]
    table.write_text("\n".join([f"{header},set", *lines]))
    split = {"rule": "column", "column": "set", "development": ["train"], "test": ["test"]}
    facts = yaml.safe_load(manifest.read_text()) | {"split": split}
    manifest.write_text(yaml.safe_dump(facts))
    status, said = check(manifest)
    assert status == 1
    assert "error: the published split has 1 groups in both test and development: p5" in said
    with pytest.raises(MedtransferError):
        prepare.ready(catalog.request(str(manifest), image_px=32))


def test_pictures_as_good_as_the_same_are_named_with_their_patients(folder, check):
    with Image.open(folder.place / "images" / "003.png") as image:
        image.convert("RGB").save(folder.place / "images" / "x.jpg", quality=95)
    folder.rows["x.jpg"] = ["somebody", 1]
    status, said = check(folder.write())
    assert status == 0
    assert "warning: 1 pairs of pictures of two groups are as good as the same" in said
    assert "003.png (p3) = x.jpg (somebody)" in said


def test_constant_pictures_are_named(folder, check):
    flat = np.full((40, 40, 3), 128, np.uint8)
    folder.add("flat.png", flat, patient="q", sick=1)
    folder.add("black.png", flat * 0, patient="r", sick=0)
    status, said = check(folder.write())
    assert status == 0
    assert "warning: 2 of 102 pictures are of one grey or colour" in said
    assert "flat.png" in said and "black.png" in said


def test_photographs_on_their_side_are_named(folder, check):
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = np.random.default_rng(1).integers(0, 256, (40, 40, 3), np.uint8)
    folder.add("side.jpg", pixels, patient="q", sick=1, exif=exif)
    _, said = check(folder.write())
    assert "warning: 1 of 101 photographs lie on their side or are mirrored" in said
    assert "side.jpg" in said


def test_files_smaller_than_the_images_are_not_enlarged_in_silence(folder, check):
    manifest = folder.write()
    profile = folder.place / "large.yaml"
    profile.write_text(yaml.safe_dump({**PROFILE, "image_px": 64, "name": "large"}))
    _, said = check(manifest, "--profile", str(profile))
    assert "100 of 100 files are smaller than image_px, 64" in said
    assert "Recommended: image_px: 32" in said


def test_photographs_of_the_retina_need_large_images(tmp_path, check):
    manifest = Folder(tmp_path, number=30, px=150).write(domain="ophthalmology")
    _, said = check(manifest)
    assert "images of ophthalmology lose signs below 128 px, and image_px is 32" in said
    assert "Recommended: image_px: 128" in said


@pytest.mark.parametrize(
    ("sides", "least_px", "usual"),
    [
        ([500] * 20, 32, 64),
        ([500] * 20, 128, 128),
        ([100] * 20, 128, 96),
        ([50] * 20, 32, 48),
        ([20] * 20, 32, 32),
        ([500] * 99 + [10], 32, 64),  # one thumbnail among photographs
    ],
)
def test_a_side_is_recommended_that_files_have(sides, least_px, usual):
    assert looks.recommended(np.array(sides), least_px=least_px) == usual


def test_images_that_nobody_grouped_are_warned_of(folder, check):
    _, said = check(folder.write(group_column="none", group_noun="image"))
    assert "warning: nothing says which images belong together" in said
    assert "patients" not in said.split("\n\n")[1]


def test_small_sets_of_one_class_are_warnings(tmp_path, check):
    folder = Folder(tmp_path, number=120)
    for number, row in enumerate(folder.rows.values()):
        row[1] = int(number % 6 == 0)
    status, said = check(folder.write())
    assert status == 0
    assert "warning: d1/10 validation" in said


def test_a_label_called_as_a_number_of_the_table_is_told_from_it():
    facts = {"labels": [{"name": "images", "meaning": "m"}], "group_noun": "image"}
    manifest = FolderManifest.model_validate(folder_facts(**facts, label_columns=None))
    index = pd.DataFrame({"group": ["a", "b", "c"], "images": [1, 0, 0]})
    assert table(index, manifest, {}) == [{"set": "all", "images": 3, "images (label)": 1}]


def test_files_of_the_size_of_the_images_are_not_called_small(tmp_path, check):
    _, said = check(Folder(tmp_path, number=30, px=32).write())
    assert "sides of the files from 32 to 32 px" in said and "smaller than" not in said


def test_missing_files_are_looked_for_among_all(folder, check, monkeypatch):
    monkeypatch.setattr(looks, "IMAGES", 30)
    for row in range(5):
        (folder.place / "images" / f"{row:03d}.png").unlink()
    assert "error: 5 of 100 cannot be used" in check(folder.write())[1]


def test_many_images_are_looked_at_in_part(folder, check, monkeypatch):
    monkeypatch.setattr(looks, "IMAGES", 30)
    shutil.copy(folder.place / "images" / "003.png", folder.place / "images" / "010.png")
    status, said = check(folder.write())
    assert "looked at 30 of 100 images" in said
    assert status == 1 and "byte for byte" in said  # copies are looked for among all


def test_slow_images_are_looked_at_for_a_while(folder, check, monkeypatch):
    monkeypatch.setattr(looks, "SECONDS", -1)
    status, said = check(folder.write())
    assert status == 0
    assert "looked at 1 of 100 images" in said


@pytest.mark.parametrize("name", ["phantom_fundus", "phantom_chest", "phantom_histology"])
def test_phantoms_are_drawn_for_the_sheet_alone(check, name):
    status, said = check(name, "--profile", "smoke")
    assert status in (0, 1)  # so few may show one class
    assert "there are no files to look at" in said
    assert (paths.checked() / f"{name}-32px.png").is_file()
    assert not paths.store().exists()


@pytest.mark.parametrize("name", ["eyepacs", "chestxray14", "patchcamelyon", "retinamnist"])
def test_files_that_are_not_there_are_said_to_be_fetched(check, name):
    status, said = check(name, "--profile", "medmnist")
    assert status == 1
    assert f"run `medtransfer data fetch {name}`" in said


def test_a_published_source_is_looked_at_through_its_reader(patches, check):
    status, said = check("patchcamelyon", "--profile", "medmnist")
    assert status == 0
    assert "warning: d1/10: the validation part is empty" in said
    assert "looked at all 108 images" in said
