"""`data check`: what is wrong with a source and what its sets hold, before anything is computed."""

from __future__ import annotations

import re
import shlex
import shutil

import numpy as np
import pandas as pd
import pytest
import yaml
from dicoms import made
from facts import folder_facts
from PIL import Image

from medtransfer import cli, paths
from medtransfer.data import catalog, looks, prepare, words
from medtransfer.data.check import _lines as lines_below
from medtransfer.data.check import table
from medtransfer.data.readers.folder import FolderManifest
from medtransfer.errors import MedtransferError

SMALL = "warning: pathology test has 10 positive and 10 negative images among 20"
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
    assert all(line.startswith(("warning: d1/10 validation", SMALL)) for line in marked)
    assert "looked at all 100 images" in said
    assert "side lengths of the files: 40 px; image_px is 32" in said
    assert "as profile own takes them" in said
    sheet = paths.checked() / "mine-32px.png"
    assert f"contact sheet: {sheet}" in said and sheet.is_file()


def test_the_table_counts_what_each_set_holds(folder, check):
    _, said = check(folder.write())
    header, *lines = said.split("\n\n")[2].splitlines()
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
        (broken, "1 of 100 images cannot be used: 003.png (not readable as a picture"),
        (missing, "1 of 100 images cannot be used: 003.png"),
        (copied, "1 files appear again, byte for byte"),
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
    assert "look the same" not in said, "what is said of files is not said of pictures again"
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
    assert "error: the given split has 1 group in both test and development: p5" in said
    with pytest.raises(MedtransferError):
        prepare.ready(catalog.request(str(manifest), image_px=32))


def test_pictures_as_good_as_the_same_are_named_with_their_patients(folder, check):
    with Image.open(folder.place / "images" / "003.png") as image:
        image.convert("RGB").save(folder.place / "images" / "x.jpg", quality=95)
    folder.rows["x.jpg"] = ["somebody", 1]
    status, said = check(folder.write())
    assert status == 0
    assert "warning: 1 pair of pictures of two patients look the same" in said
    assert "003.png (p3) = x.jpg (somebody)" in said
    _, said = check(folder.write(group_column="none", group_noun="image"))
    assert "warning: 1 pair of pictures look the same: 003.png = x.jpg. " in said


def test_constant_pictures_are_named(folder, check):
    flat = np.full((40, 40, 3), 128, np.uint8)
    folder.add("flat.png", flat, patient="q", sick=1)
    folder.add("black.png", flat * 0, patient="r", sick=0)
    status, said = check(folder.write())
    assert status == 0
    assert "warning: 2 of 102 pictures are a single grey or colour" in said
    assert "flat.png" in said and "black.png" in said


def test_photographs_on_their_side_are_named(folder, check):
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = np.random.default_rng(1).integers(0, 256, (40, 40, 3), np.uint8)
    folder.add("side.jpg", pixels, patient="q", sick=1, exif=exif)
    _, said = check(folder.write())
    assert "warning: 1 of 101 photographs are rotated or mirrored" in said
    assert "side.jpg" in said


def test_files_smaller_than_the_images_are_not_enlarged_in_silence(folder, check):
    manifest = folder.write()
    profile = folder.place / "large.yaml"
    profile.write_text(yaml.safe_dump({**PROFILE, "image_px": 64, "name": "large"}))
    _, said = check(manifest, "--profile", str(profile))
    assert "100 of 100 files are smaller than image_px, 64" in said
    assert "Recommended: image_px: 32" in said


def test_files_smaller_than_any_study_takes_cannot_be_helped_by_its_size(tmp_path, check):
    _, said = check(Folder(tmp_path, number=30, px=28).write())
    assert "30 of 30 files are smaller than image_px, 32" in said
    assert "Recommended: files of at least 32 px" in said


def test_photographs_of_the_retina_need_large_images(tmp_path, check):
    manifest = Folder(tmp_path, number=30, px=150).write(domain="ophthalmology")
    _, said = check(manifest)
    assert "image_px is 32, and photographs in ophthalmology lose small signs below 128" in said
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
    assert "name it: group_column" in said
    assert "patients" not in said.split("\n\n")[2]


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
    assert "side lengths of the files: 32 px" in said and "smaller than" not in said


def test_missing_files_are_looked_for_among_all(folder, check, monkeypatch):
    monkeypatch.setattr(looks, "IMAGES", 30)
    for row in range(5):
        (folder.place / "images" / f"{row:03d}.png").unlink()
    assert "error: 5 of 100 images cannot be used" in check(folder.write())[1]


def test_the_command_that_leaves_out_what_is_unusable_is_given_whole(folder, check, tmp_path):
    missing(folder)
    manifest = folder.write()
    _, said = check(manifest)
    (command,) = re.findall(r"`(medtransfer .*--skip-unreadable)`", said)
    assert command == f"medtransfer data prepare {manifest} --image-px 32 --skip-unreadable"
    assert said.index("the table counts the images that cannot be used, too") < said.index("\nset")
    assert cli.main(shlex.split(command)[1:]) == 0


@pytest.mark.parametrize(
    ("labels", "said"), [(["krank"], "krank: no"), (["a", "b", "c"], "none of 3 labels")]
)
def test_a_negative_is_not_taken_for_an_image_without_a_label(labels, said):
    facts = folder_facts(labels=[{"name": name, "meaning": "m"} for name in labels])
    facts |= {"task": "binary" if len(labels) == 1 else "multi-label", "label_columns": labels}
    manifest = FolderManifest(**facts)
    row = {"image": "a.png", **dict.fromkeys(labels, 0)}
    assert lines_below(row, manifest, "test") == ("a.png", said, "test")
    assert lines_below({**row, labels[0]: 1}, manifest, "test")[1] == labels[0]


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


def dicom_folder(folder, patients):
    """Rename the first images of a folder to DICOM, each with an id of its patient."""
    for number, patient in enumerate(patients):
        name = f"{number:03d}"
        (folder.place / "images" / f"{name}.png").unlink()
        row = folder.rows.pop(f"{name}.png")
        pixels = np.random.default_rng(number).integers(0, 4096, (40, 40), np.uint16)
        (folder.place / "images" / f"{name}.dcm").write_bytes(made(pixels, PatientID=patient))
        folder.rows[f"{name}.dcm"] = row


@pytest.mark.parametrize(
    ("patients", "divided"),
    [
        (["A", "A", "B", "C", "C"], "2 patients are in several groups"),
        (["A", "B", "C", "D"], None),
        (["ANONYMOUS"] * 5, None),
        (["", "", "A"], None),
    ],
)
@pytest.mark.parametrize("column", ["patient", "none"])
def test_patients_that_dicom_files_name_are_not_divided_in_silence(
    folder, check, patients, divided, column
):
    dicom_folder(folder, patients)
    noun = "image" if column == "none" else "patient"
    facts = {"image": {"channels": 1, "fit": "exact"}, "group_noun": noun}
    status, said = check(folder.write(group_column=column, **facts))
    assert status == 0
    assert ("PatientID" in said) == bool(divided)
    if divided:
        assert f"warning: according to their files (PatientID), images of {divided}" in said
        assert ": A, C. Add the patient to the table" in said


def test_what_is_still_to_fill_in_is_named(folder, check):
    label = {"name": "Tumour", "meaning": words.MISSING, "column": "sick"}
    status, said = check(folder.write(labels=[label], label_columns=None))
    assert status == 0
    assert "warning: the meaning of Tumour is still to fill in" in said


def test_the_end_says_what_to_do_next(folder, check):
    manifest = folder.write()
    status, said = check(manifest)
    warnings = said.count("warning: ")
    noun = "warning" if warnings == 1 else "warnings"
    counted = f"no errors, {warnings} {noun} to judge" if warnings else "no errors"
    assert said.rstrip().splitlines()[-2:] == [
        counted,
        f"next: medtransfer reproduce --profile {folder.place / 'mine_profile.yaml'}",
    ]
    missing(folder)
    status, said = check(manifest)
    assert status == 1 and said.rstrip().endswith("1 error to fix")


def test_a_domain_that_the_profile_says_otherwise_is_an_error(folder, check):
    manifest = folder.write(domain="pathology")
    text = manifest.read_text().replace("domain: pathology", "domain: radiology")
    manifest.write_text(text)
    status, said = check(manifest)
    assert status == 1
    assert "error: domain: radiology, but the profile has these images under pathology" in said


def test_a_test_set_too_small_to_say_much_is_warned_of(tmp_path, check):
    says = "positive and 10 negative images among 20: a clean AUC of 0.8 is known to +/- 0."
    assert f"warning: pathology test has 10 {says}" in check(Folder(tmp_path).write())[1]


def test_a_large_test_set_is_not(tmp_path, check):
    assert "a clean AUC of 0.8" not in check(Folder(tmp_path, number=400).write())[1]
