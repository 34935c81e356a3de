"""From rows to an index: one row per image, and every row that does not fit is named."""

import os
import shutil

import numpy as np
import pandas as pd
import pytest
from facts import folder_facts
from PIL import Image

from medtransfer.data import catalog, prepare
from medtransfer.data.images import load
from medtransfer.data.readers.folder import FolderManifest
from medtransfer.errors import SourceError, SplitError

LABEL = {"name": "Sick", "meaning": "m"}


@pytest.fixture
def folder(tmp_path):
    """Writes a table and the images asked for; returns a request for them."""

    def make(content, *images, **changes):
        for number, name in enumerate(images):
            path = tmp_path / "images" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.full((8, 8, 3), 10 + number, np.uint8)
            Image.fromarray(pixels).save(path, "PNG")
        if content is not None:
            (tmp_path / "labels.csv").write_text(content, encoding="utf-8")
        facts = folder_facts(**{"labels": [LABEL], "group_column": "patient", **changes})
        manifest = FolderManifest.model_validate(facts)
        return catalog.Request(manifest=manifest, root=tmp_path, image_px=32)

    return make


def index(request):
    return request.reader().index()


OF_COLUMN = {"label_columns": None}
TWO = "file,patient,sick\na.png,p1,1\nb.png,p2,0\n"


@pytest.mark.parametrize("again", ["./a.png", "x/../a.png", "a.png", ".\\a.png", "A.png"])
def test_one_picture_in_two_rows_is_refused_with_both(folder, again):
    wanted = folder(f"{TWO}{again},p3,0\n", "a.png", "b.png")
    with pytest.raises(SourceError, match=r"1 images have several rows: a\.png.*lines 2, 4"):
        index(wanted)


def test_two_files_that_differ_by_case_are_two(folder):
    wanted = folder(f"{TWO}A.png,p3,0\n", "a.png", "b.png", "A.png")
    if len(os.listdir(wanted.root / "images")) < 3:
        pytest.skip("a disk without case")
    assert index(wanted)["image"].tolist() == ["a.png", "b.png", "A.png"]


def test_ids_that_differ_by_case_are_two_patients_where_the_manifest_says_so(folder):
    allowed = folder(f"{TWO}c.png,P1,1\n", "a.png", "b.png", "c.png", allow=["similar_groups"])
    assert index(allowed)["group"].tolist() == ["p1", "p2", "P1"]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (",p3,1", r"labels\.csv: 1 rows have no file: line 4"),
        ("../x.png,p3,1", r"1 rows lie outside .*images: \.\./x\.png \(line 4\)"),
        ("..\\x.png,p3,1", "1 rows lie outside"),
        ("c.png,,1", r"column 'patient': 1 rows name no patient.*: '' \(line 4\)"),
        ("c.png,P1,1", "'p1' and 'P1'"),
        ("c.png,p3,maybe", r"column 'sick': 1 rows hold.*'maybe' \(line 4\)"),
    ],
)
def test_a_row_that_does_not_fit_is_named(folder, row, says):
    with pytest.raises(SourceError, match=says):
        index(folder(f"{TWO}{row}\n", "a.png", "b.png", "c.png"))


def test_cells_of_several_findings_are_no_negatives_of_a_class(folder):
    by_class = [{**LABEL, "column": "sick", "positive": ["Mass"]}]
    table = "file,patient,sick\na.png,p1,Mass\nb.png,p2,Nodule\nc.png,p3,Nodule|Mass\n"
    wanted = folder(table, "a.png", "b.png", "c.png", labels=by_class, **OF_COLUMN)
    with pytest.raises(SourceError, match=r"'Nodule\|Mass' \(line 4\).*use `findings_column`"):
        index(wanted)


def test_files_of_which_none_is_there_are_refused_before_any_is_read(folder):
    wanted = folder("file,patient,sick\na,p1,1\nb,p2,0\n", "a.png", "b.png")
    with pytest.raises(SourceError, match=r"none of 2 images is there.*`image_suffix: \.png`"):
        index(wanted)


def test_a_file_that_is_missing_among_others_is_listed_with_what_lies_near(folder):
    wanted = folder(f"{TWO}c.jpg,p3,0\n", "a.png", "b.png", "c.png")
    with pytest.raises(
        SourceError, match=r"1 of 3 images cannot be used.*c\.jpg.*similar: 'c\.png'"
    ):
        prepare.prepared_source(wanted)


def test_rows_are_left_out_as_the_manifest_says(folder):
    table = (
        "file,patient,sick,view,part\n"
        "a.png,p1,1,PA,train\n"
        "b.png,p2,0,AP,train\n"
        "c.png,,,LL,train\n"  # of no use, and wrong: nobody looks
        "d.png,p4,-1,PA,test\n"
        "e.png,p5,0,pa,test\n"
        "f.png,,?,PA,hidden\n"
    )
    split = {"rule": "column", "column": "part", "development": ["train"], "test": ["test"]}
    found = index(
        folder(
            table,
            *(f"{name}.png" for name in "abcdef"),
            only={"view": ["PA", "AP"]},
            split={**split, "left_out": ["hidden"]},
            labels=[{**LABEL, "column": "sick", "left_out": [-1]}],
            label_columns=None,
        )
    )
    assert found["image"].tolist() == ["a.png", "b.png", "e.png"]
    assert found["split"].tolist() == ["development", "development", "test"]
    assert found["Sick"].tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"only": {"sick": [7]}},
            "only: column 'sick': none of 2 rows holds 7; its values: '1', '0'",
        ),
        ({"only": {"sick": [1], "patient": ["p2"]}}, "column 'patient': none of 1 rows holds p2"),
        (
            OF_COLUMN
            | {"labels": [{**LABEL, "column": "sick", "positive": [2], "left_out": [0, 1]}]},
            "no row is",
        ),
        (
            OF_COLUMN | {"labels": [{**LABEL, "column": "sick", "positive": [1], "left_out": [0]}]},
            "the source .1 image. has only positives of Sick",
        ),
    ],
    ids=["only", "only, together", "values", "labels"],
)
def test_what_leaves_nothing_is_refused(folder, changes, says):
    wanted = folder(TWO, "a.png", "b.png", **changes)
    with pytest.raises((SourceError, SplitError), match=says):
        prepare.prepared_source(wanted)


def test_the_home_of_the_user_may_be_written_as_a_tilde(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    wanted = folder(TWO, "a.png", "b.png", images="~/images", table="~/labels.csv")
    assert len(index(wanted)) == 2
    assert all(path.is_file() for path in wanted.reader().watched())


# --- several rows of an image --------------------------------------------------------------------

MANY = (
    "file,patient,sick\na.png,p1,0\nb.png,p2,0\na.png,p1,1\nc.png,p3,-1\nc.png,p3,0\nb.png,p2,0\n"
)


def many(folder, table, **changes):
    labels = [{**LABEL, "column": "sick", "left_out": [-1]}]
    more = {"labels": labels, "label_columns": None, "rows_per_image": "many", **changes}
    return index(folder(table, "a.png", "b.png", "c.png", **more))


def test_an_image_is_positive_where_any_of_its_rows_is(folder):
    found = many(folder, MANY)
    assert found["image"].tolist() == ["a.png", "b.png"]  # of c.png nobody is sure
    assert found["Sick"].tolist() == [1, 0]
    sure = many(folder, MANY + "c.png,p3,1\n")
    assert sure["Sick"].tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("row", "changes", "says"),
    [
        ("a.png,p2,1", {}, "name several patients for one image: a.png"),
        (
            "a.png,p1,0",
            {
                "split": {
                    "rule": "column",
                    "column": "sick",
                    "development": [0, -1],
                    "test": [1],
                }
            },
            "name several sets for one image",
        ),
    ],
    ids=["patients", "sets"],
)
def test_rows_of_an_image_agree_on_its_patient_and_set(folder, row, changes, says):
    with pytest.raises(SourceError, match=says):
        many(folder, f"{MANY}{row}\n", **changes)


# --- findings ------------------------------------------------------------------------------------

FINDINGS = "file,patient,found\na.png,p1,No Finding\nb.png,p2,Effusion|Mass\n"
BY_NAME = {
    "task": "multi-label",
    "labels": [{"name": name, "meaning": "m"} for name in ("No Finding", "Effusion")],
    "label_columns": None,
    "findings_column": "found",
    "ignored_findings": ["Mass"],
}


def test_no_finding_beside_a_finding_is_refused_unless_allowed(folder):
    assert len(index(folder(FINDINGS, "a.png", "b.png", **BY_NAME))) == 2
    table = f"{FINDINGS}c.png,p3,No Finding|Effusion\n"
    wanted = folder(table, "a.png", "b.png", "c.png", **BY_NAME)
    with pytest.raises(
        SourceError, match=r"have no finding and a finding together.*c\.png \(line 4"
    ):
        index(wanted)
    allowed = folder(table, "a.png", **BY_NAME, allow=["contradicting_findings"])
    assert index(allowed)["No Finding"].tolist() == [1, 0, 1]


# --- a folder without a table --------------------------------------------------------------------

CLASSES = {
    "table": None,
    "label_columns": None,
    "labels": [{**LABEL, "column": "folder", "positive": ["sick"], "negative": ["healthy"]}],
}


def bare(**changes):
    facts = folder_facts(**CLASSES, **changes)
    return {name: value for name, value in facts.items() if name != "image_column"}


def test_folders_may_be_classes_and_sets(folder, tmp_path):
    names = [
        f"{part}/{kind}/{kind[0]}{part}{number}.png"
        for part in ("train", "test")
        for kind in ("sick", "healthy")
        for number in range(2)
    ]
    wanted = folder(None, *names)
    (tmp_path / "images" / "train" / "notes.txt").touch()
    (tmp_path / "images" / "train" / "sick" / "._s.png").touch()
    split = {
        "rule": "column",
        "column": "outer_folder",
        "development": ["train"],
        "test": ["test"],
    }
    manifest = FolderManifest.model_validate(bare(split=split))
    found = catalog.Request(manifest=manifest, root=tmp_path, image_px=32).reader().index()
    assert sorted(found["image"]) == sorted(names)
    assert ((found["Sick"] == 1) == found["image"].str.contains("/sick/")).all()
    assert ((found["split"] == "test") == found["image"].str.startswith("test")).all()
    assert wanted.root == tmp_path


def test_a_new_file_of_a_folder_without_a_table_is_seen(folder, tmp_path):
    folder(None, "sick/a.png", "healthy/b.png")
    manifest = FolderManifest.model_validate(bare())
    wanted = catalog.Request(manifest=manifest, root=tmp_path, image_px=32)
    assert len(load(prepare.prepared_source(wanted)).index) == 2
    Image.new("RGB", (8, 8), "red").save(tmp_path / "images" / "sick" / "c.png")
    assert len(load(prepare.prepared_source(wanted)).index) == 3


def gone(path):
    shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.mark.parametrize("table", [TWO, None])
@pytest.mark.parametrize("what", ["labels.csv", "images"])
def test_what_was_read_is_there_when_its_files_are_gone(folder, table, what):
    facts = {**bare(), "group_column": "none"} if table is None else {}
    wanted = folder(table, "sick/a.png", "healthy/b.png", "a.png", "b.png", **facts)
    if table is None:
        gone(wanted.root / "images" / "a.png")
        gone(wanted.root / "images" / "b.png")
    before = prepare.ready(wanted)
    if (wanted.root / what).exists():
        gone(wanted.root / what)
    assert prepare.ready(wanted) == before


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"group_column": "patient"}, "no column patient.*file, folder, outer_folder"),
        ({"labels": [{**LABEL, "column": "folder", "positive": ["ill"]}]}, "no row is positive"),
    ],
)
def test_a_folder_without_a_table_has_columns_of_its_own(folder, tmp_path, changes, says):
    folder(None, "sick/a.png", "healthy/b.png")
    manifest = FolderManifest.model_validate({**bare(), **changes})
    with pytest.raises(SourceError, match=says):
        catalog.Request(manifest=manifest, root=tmp_path, image_px=32).reader().index()


# --- what cannot serve a study is refused before any image is read -------------------------------


def divided(folder, *rows):
    """Rows are (patient, sick, set)."""
    lines = [f"{number}.png,{','.join(row)}" for number, row in enumerate(rows)]
    split = {"rule": "column", "column": "part"}
    names = [f"{number}.png" for number in range(len(rows))]
    return folder("\n".join(["file,patient,sick,part", *lines]), *names, split=split)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([("p", "1", "train"), ("q", "0", "val"), ("r", "1", "test")], "names test, train"),
        ([("p", "1", "development"), ("q", "0", "tset")], "names development, tset"),
        (
            [("p", "1", "development"), ("q", "0", "development"), ("p", "0", "test")],
            "1 group in both test and development: p",
        ),
        (
            [("p", "1", "development"), ("q", "0", "development"), ("r", "0", "test")],
            "test .1 image. has no positive of Sick",
        ),
        (
            [("p", "0", "development"), ("q", "0", "development"), ("r", "0", "test")],
            "the source .3 images. has no positive of Sick",
        ),
    ],
    ids=["names", "typo", "patient", "test of one class", "one class"],
)
def test_a_split_that_cannot_serve_is_refused_before_anything_is_read(folder, unread, rows, says):
    wanted = divided(folder, *rows)
    unread()
    with pytest.raises(SplitError, match=says):
        prepare.prepared_source(wanted)


# --- one file under two names --------------------------------------------------------------------


def copies(folder, table, **changes):
    wanted = folder(table, "a.png", "b.png", "c.png", **changes)
    images = wanted.root / "images"
    (images / "copy.png").write_bytes((images / "a.png").read_bytes())
    return wanted


@pytest.mark.parametrize("row", ["copy.png,p3,1", "copy.png,p1,0"], ids=["patient", "label"])
def test_one_file_of_two_patients_or_with_two_labels_is_refused_unless_allowed(folder, row):
    table = f"{TWO}c.png,p4,0\n{row}\n"
    with pytest.raises(SourceError, match=r"1 files.*byte for byte.*a\.png \(p1\) = copy\.png \(p"):
        prepare.prepared_source(copies(folder, table))
    wanted = copies(folder, table, allow=["identical_images"])
    assert len(load(prepare.prepared_source(wanted)).index) == 4


def test_copies_of_one_patient_with_one_label_are_kept(folder):
    wanted = copies(folder, f"{TWO}copy.png,p1,1\n")
    assert len(load(prepare.prepared_source(wanted)).index) == 3


def test_an_image_is_named_by_the_columns_of_its_folder_and_file(folder):
    table = "dir,file,patient,sick\n0,a.png,p1,1\n12,a.png,p2,0\n"
    found = index(folder(table, "0/a.png", "12/a.png", folder_column="dir"))
    assert found["image"].tolist() == ["0/a.png", "12/a.png"]
    table = "dir,file,patient,sick\n,a.png,p1,1\nx/,b.png,p2,0\n"
    found = index(folder(table, "a.png", "x/b.png", folder_column="dir"))
    assert found["image"].tolist() == ["a.png", "x/b.png"]


def test_an_index_as_before_has_the_content_that_it_had(folder):
    """What a plain table says of a plain folder: image, group, split and labels as text and 0/1."""
    found = index(folder(TWO, "a.png", "b.png"))
    expected = pd.DataFrame({"image": ["a.png", "b.png"], "group": ["p1", "p2"], "split": ""})
    assert found.to_csv(index=False) == expected.assign(Sick=[1, 0]).to_csv(index=False)
