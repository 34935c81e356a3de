"""Tables from strangers: the right index by plain arithmetic, or a message that is true."""

import csv
import io
import unicodedata
from decimal import Decimal, InvalidOperation

import pytest
from facts import folder_facts
from hypothesis import given
from hypothesis import strategies as st
from strange import many

from medtransfer.data.readers.folder import FolderManifest
from medtransfer.errors import SourceError

pytestmark = pytest.mark.slow

FILES = ("a.png", "b.png", "sub/c.png", "\u00fc.png")
NAMES = (
    *FILES,
    "./a.png",
    "sub\\c.png",
    "u\u0308.png",
    "A.PNG",
    "../a.png",
    "",
    "sub/../b.png",
    "d",
)
PATIENTS = ("1", "01", "1.0", "2", "p", "P", "q ", "", "NaN", 'r,\n"s"', "\u00e9", "e\u0301")
VALUES = ("0", "1", "0.0", "1.0", "true", "False", "01", "-1", "", "yes", "2", " 1 ", "1e0", "NA")
SETS = ("train", "Test", "val ", "test", "", "tset")
HEADER = ["patient", "file", "set", "sick"]
ROWS = st.lists(
    st.tuples(*map(st.sampled_from, (PATIENTS, NAMES, SETS, VALUES))), min_size=1, max_size=4
)
SPLIT = {"rule": "column", "column": "set", "development": ["train", "val"], "test": ["test"]}


def composed(text):
    return unicodedata.normalize("NFC", text.strip())


def place(name):
    """Return which of the files a name stands for; None if it stands outside or for none."""
    parts = []
    for part in composed(name).replace("\\", "/").split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in (".", ""):
            parts.append(part)
    path = "/".join(parts)
    return next((file for file in FILES if file.casefold() == path.casefold()), path or None)


def number(value):
    try:
        return Decimal(value)
    except InvalidOperation:
        return None


def is_positive(value):
    """Return True, False, or None where nothing says what it is."""
    text = value.strip().casefold()
    if text in ("true", "false"):
        return text == "true"
    found = number(text)
    return None if found is None or found.is_nan() or found not in (0, 1) else found == 1


def same(patient):
    found = number(patient)
    return patient.casefold() if found is None or found.is_nan() else str(found.normalize())


def expected(rows):
    """Return the index, (file, patient, set, positive); None where a row must be refused."""
    index = []
    for patient, name, part, value in rows:
        patient, part, name = composed(patient), part.strip().casefold(), name.strip()
        known = {"train": "development", "val": "development", "test": "test"}.get(part)
        wrong = not name or place(name) is None or is_positive(value) is None
        if wrong or known is None or patient.casefold() in ("", "nan"):
            return None
        index.append((name, patient, known, is_positive(value)))
    patients = {row[1] for row in index}
    places = [place(row[0]) for row in index]
    torn = len({*map(same, patients)}) < len(patients) or len({*places}) < len(places)
    return None if torn or not {*places} & {*FILES} else index


@many
@given(
    rows=ROWS,
    separator=st.sampled_from([",", ";", "\t", "|"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    ending=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    blank=st.sampled_from(["", "\n", " \n"]),
)
def test_a_table_is_what_its_rows_say_or_refused(
    rows, separator, quoting, ending, encoding, blank, tmp_path
):
    for name in FILES:
        (tmp_path / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "images" / name).touch()
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator, quoting=quoting, lineterminator=ending)
    writer.writerows([HEADER, *rows])
    (tmp_path / "labels.csv").write_bytes((text.getvalue() + blank).encode(encoding))
    facts = folder_facts(separator=separator, group_column="patient", split=SPLIT)
    reader = FolderManifest.model_validate(facts).reader(root=tmp_path, image_px=32)
    wanted = expected([row for row in rows if any(cell.strip() for cell in row)])
    try:
        found = reader.index()
    except SourceError as error:
        assert wanted is None, error
    else:
        columns = ("image", "group", "split", "Tumour")
        assert [*zip(*(found[name] for name in columns), strict=True)] == wanted
