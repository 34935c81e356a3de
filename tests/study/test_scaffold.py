"""`init`: what it writes from a folder and its table passes `data check`, every guess marked."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
import yaml
from PIL import Image

from medtransfer import cli
from medtransfer.data import manifests
from medtransfer.domains import DOMAINS, OTHER
from medtransfer.study import schema

NUMBER = 80


@pytest.fixture
def folder(tmp_path):
    """Makes a folder of pictures, one for each name, and a table of lines."""

    def make(names, *, table=None, header="", separator=",", grey=False, px=40, encoding="utf-8"):
        place = tmp_path / "my images"
        rng = np.random.default_rng(3)
        for name in names:
            path = place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = rng.integers(0, 256, (px, px, 1 if grey else 3), np.uint8)
            Image.fromarray(np.broadcast_to(pixels, (px, px, 3))).save(path)
        if table is not None:
            lines = [separator.join(row) for row in [header.split(), *table]]
            (place / "labels.csv").write_text("\n".join(lines), encoding=encoding)
        return place

    return make


@pytest.fixture
def begun(capsys):
    """Runs `init` and `data check`; returns manifest, profile, and what check printed."""

    def run(place, *options):
        assert cli.main(["init", str(place), *options]) == 0, capsys.readouterr().err
        said = capsys.readouterr().out
        path = re.search(r"^(.*\.yaml): what the images are$", said, re.MULTILINE)[1]
        profile = re.search(r"^(.*\.yaml): how large the study is$", said, re.MULTILINE)[1]
        assert f"data check '{path}'" in said and f"reproduce --profile '{profile}'" in said
        status = cli.main(["data", "check", path])
        checked = capsys.readouterr().out
        assert status == 0, checked
        return manifests.read(Path(path)), schema.profile(profile), checked

    return run


def names(suffix=".png", *, below="pictures/"):
    return [f"{below}{row:03d}{suffix}" for row in range(NUMBER)]


def rows(*columns, suffix=".png"):
    return [
        (f"{row:03d}{suffix}", *(str(column(row)) for column in columns)) for row in range(NUMBER)
    ]


def test_a_table_of_files_patients_and_labels(folder, begun):
    table = rows(lambda row: f"p{row // 2}", lambda row: row // 2 % 2)
    place = folder(names(), header="file patient_id effusion", table=table, grey=True)
    manifest, profile, said = begun(place)
    assert manifest.name == "my_images"
    assert (manifest.domain, manifest.task) == ("radiology", "binary")  # by the word effusion
    assert manifest.label_names == ("effusion",)
    assert (manifest.group_column, manifest.group_noun) == ("patient_id", "patient")
    assert manifest.split.rule == "seeded"
    assert (manifest.image.channels, manifest.image.fit) == (1, "exact")
    assert profile.image_px["radiology"] == 32
    header = said.split("\n\n")[2].splitlines()
    assert header[1].split() == ["all", "80", "40", "40"]


def test_findings_a_published_split_and_names_without_a_suffix(folder, begun):
    table = rows(
        lambda row: f"p{row // 4}",
        lambda row: ["Mass|Nodule", "Mass", "No Finding", "Nodule"][row % 4],
        lambda row: "test" if row >= 60 else "train",
        suffix="",
    )
    header = "image subject finding_labels split"
    place = folder(names(".jpg"), header=header, table=table, separator=";")
    manifest, _, said = begun(place, "--domain", "radiology")
    assert manifest.image_suffix == ".jpg" and manifest.separator == ";"
    assert manifest.image.channels == 3
    assert sorted(manifest.label_names) == ["Mass", "Nodule"]
    assert manifest.ignored_findings == ("No Finding",)
    assert manifest.split.development == ("train",) and manifest.split.test == ("test",)
    assert re.search(r"^test +20 +5 +10 +10$", said, re.MULTILINE)


def test_a_split_that_divides_patients_is_not_taken(folder, begun):
    table = rows(
        lambda row: f"p{row // 4}",
        lambda row: row % 2,
        lambda row: "test" if row % 4 == 0 else "train",
    )
    place = folder(names(), header="file patient sick set", table=table)
    manifest, _, _ = begun(place, "--domain", "radiology")
    assert manifest.split.rule == "seeded"
    assert "set, which has 20 groups in training and in test sets" in text(place)


def text(place):
    return (place / "my_images.yaml").read_text()


@pytest.mark.parametrize("sets", [("",), ("train/", "test/")])
def test_folders_that_are_classes(folder, begun, sets):
    found = [
        f"{sets[row % 5 == 0 and len(sets) == 2]}{kind}/{kind}{row}.png"
        for row in range(NUMBER // 2)
        for kind in ("NORMAL", "PNEUMONIA")
    ]
    manifest, _, said = begun(folder(found))
    assert manifest.table is None
    assert manifest.label_names == ("PNEUMONIA",)
    assert manifest.domain == "radiology"
    assert manifest.split.rule == ("column" if len(sets) == 2 else "seeded")
    assert re.search(r"^all +80 +40$", said, re.MULTILINE)
    assert "group_column: none  # to fill in" in text(folder([]))


def test_grades_and_photographs_that_are_not_square(folder, begun):
    place = folder(names(below=""), header="id_code diagnosis", table=rows(lambda row: row % 5))
    for path in place.glob("*.png"):
        with Image.open(path) as image:
            image.resize((60, 45)).save(path)
    manifest, _, said = begun(place, "--domain", "ophthalmology")
    assert manifest.image.fit == "pad"
    assert manifest.labels[0].positive == (2, 3, 4)
    assert re.search(r"^all +80 +48$", said, re.MULTILINE)


def test_rows_that_are_findings_of_an_image(folder, begun):
    table = [row for row in rows(lambda row: f"p{row}", lambda row: row % 2) for _ in range(2)]
    place = folder(names(), header="file patient sick", table=table)
    manifest, _, said = begun(place, "--domain", "pathology")
    assert manifest.rows_per_image == "many"
    assert re.search(r"^all +80 +80 +40$", said, re.MULTILINE)


def test_a_table_of_windows(folder, begun):
    table = rows(lambda row: f"Jörg{row}", lambda row: row % 2)
    place = folder(names(), header="file patient sick", table=table, encoding="windows-1252")
    assert begun(place, "--domain", "radiology")[0].encoding == "windows-1252"


def test_of_several_tables_the_one_that_names_most_files_is_taken(folder):
    table = [*rows(lambda row: f"p{row}", lambda row: row % 2), ("lost.png", "q", "1")]
    place = folder(names(), header="file patient sick", table=table)
    (place / "blurred.csv").write_text("file,why\n003.png,moved\n004.png,moved\n")
    assert cli.main(["init", str(place), "--domain", "radiology"]) == 0
    assert "\ntable: labels.csv\n" in text(place)


def test_a_table_elsewhere_is_given(folder, begun, tmp_path):
    place = folder(names(), header="file patient sick", table=rows(str, lambda row: row % 2))
    other = tmp_path / "other"
    other.mkdir()
    (place / "labels.csv").rename(other / "t.csv")
    manifest, _, _ = begun(place, "--domain", "pathology", "--table", str(other / "t.csv"))
    assert manifest.table == "../other/t.csv"


def test_every_guess_is_marked_and_printed(folder, capsys):
    table = rows(lambda row: f"p{row}", lambda row: row % 2)
    place = folder(names(), header="file patient effusion", table=table)
    assert cli.main(["init", str(place)]) == 0
    printed = capsys.readouterr().out
    content = yaml.safe_load(text(place))
    lines = text(place).splitlines()
    guessed = {line.split(":")[0] for line in lines if "# guessed" in line}
    missing = {line.split(":")[0] for line in lines if "# to fill in" in line}
    assert {"title", "domain", "labels", "image_column", "group_column", "split"} <= guessed
    assert "licence" in missing
    assert guessed | missing <= {*content}
    for line in lines:
        marked = "# guessed" in line or "to fill in" in line
        assert (f"  {line}\n" in printed) == (marked and not line.startswith("#")), line


def test_images_of_no_known_domain_are_of_another(folder, begun):
    place = folder(names(), header="file patient sick", table=rows(str, lambda row: row % 2))
    manifest, profile, _ = begun(place)
    assert manifest.domain == OTHER and [*profile.sources] == [OTHER]
    [line] = [line for line in text(place).splitlines() if line.startswith("domain")]
    assert all(name in line for name in DOMAINS)
    assert set(DOMAINS[OTHER].augmentation) == set.intersection(
        *(set(row.augmentation) for row in DOMAINS.values())
    )


def test_a_named_domain_is_taken(folder, begun):
    place = folder(names(), header="file patient sick", table=rows(str, lambda row: row % 2))
    manifest, profile, _ = begun(place, "--domain", "pathology")
    assert manifest.domain == "pathology" and [*profile.sources] == ["pathology"]


def test_words_of_two_domains_decide_nothing(folder, begun):
    place = folder(names(), header="file lung tumour", table=rows(lambda n: n % 2, lambda n: n % 2))
    assert begun(place)[0].domain == OTHER


def test_a_german_table(folder, begun, tmp_path):
    table = rows(
        lambda row: f"P{row // 2}", lambda row: "ja" if row % 3 else "nein", lambda row: "w"
    )
    header = "Datei Patientennummer Auffällig Geschlecht"
    place = folder(names(), header=header, table=table, separator=";", encoding="windows-1252")
    place = place.rename(tmp_path / "Thorax Röntgen")
    manifest, _, _ = begun(place)
    assert (manifest.name, manifest.title) == ("Thorax_Rontgen", "Thorax Röntgen")
    assert (manifest.domain, manifest.group_column) == ("radiology", "Patientennummer")
    assert manifest.label_names == ("Auffällig",)


def test_both_eyes_of_a_patient_stay_together(folder, begun):
    found = [f"images/{n // 2:03d}_{'left' if n % 2 else 'right'}.png" for n in range(NUMBER)]
    table = [(PurePosixPath(name).stem, str(n % 5)) for n, name in enumerate(found)]
    place = folder(found, header="image level", table=table)
    manifest, _, said = begun(place, "--domain", "ophthalmology")
    assert (manifest.group_column, manifest.group_noun) == ("image", "patient")
    header = said.split("\n\n")[2].splitlines()
    assert header[0].split()[:3] == ["set", "images", "patients"]
    assert header[1].split()[:3] == ["all", "80", "40"]


def test_nothing_is_overwritten(folder, capsys):
    place = folder(names(), header="file sick", table=rows(lambda row: row % 2))
    (place / "my_images_profile.yaml").write_text("mine")
    assert cli.main(["init", str(place)]) == 1
    assert "my_images_profile.yaml: exists already" in capsys.readouterr().err
    assert (place / "my_images_profile.yaml").read_text() == "mine"
    assert not (place / "my_images.yaml").exists()


def test_labels_that_nobody_knows_are_to_be_filled_in(folder, capsys):
    place = folder(names(), header="file note", table=rows(lambda row: f"n{row}"))
    assert cli.main(["init", str(place), "--domain", "radiology"]) == 0
    assert "labels:  # to fill in: the column; none of these looks like it: note" in text(place)
    capsys.readouterr()
    assert cli.main(["data", "check", str(place / "my_images.yaml")]) == 1
    said = capsys.readouterr().out
    assert "to fill in" in said and "1 error to fix" in said


@pytest.mark.parametrize(
    ("sheet", "says"),
    [(None, "folders are no classes"), ("labels.xlsx", "save labels.xlsx as CSV")],
)
def test_images_of_which_nothing_is_said_are_refused(folder, capsys, sheet, says):
    place = folder(names(below=""))
    if sheet:
        (place / sheet).write_bytes(b"PK")
    assert cli.main(["init", str(place), "--domain", "radiology"]) == 1
    said = capsys.readouterr().err
    assert "nothing there says what the images show" in said and says in said


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "no images there"),
        ("file,sick\nz.png,1\n", "no images there"),
        ("file,sick\na.txt,1\n", "no file there is a picture that can be read"),
        ("file,sick\n1,2,3\n", "the header has 2 cells"),
    ],
)
def test_what_cannot_be_begun_is_a_message(tmp_path, capsys, content, says):
    (tmp_path / "a.txt").write_text("no picture")
    if content:
        (tmp_path / "labels.csv").write_text(content)
    assert cli.main(["init", str(tmp_path)]) == 1
    captured = capsys.readouterr()
    assert says in captured.err and "Traceback" not in captured.err
    assert not [*tmp_path.glob("*.yaml")]


def test_a_table_that_names_no_files_is_refused(folder, tmp_path, capsys):
    place = folder(names())
    (tmp_path / "t.csv").write_text("file,sick\nz.png,1\n")
    assert cli.main(["init", str(place), "--table", str(tmp_path / "t.csv")]) == 1
    assert "none of its columns names the files" in capsys.readouterr().err
