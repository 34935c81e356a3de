"""Tables: read as they stand, or refused with what they seem to be; never guessed at."""

import csv
import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medtransfer.data.readers.tables import SEPARATORS, table
from medtransfer.errors import SourceError

PLAIN = "file,patient,sick\na.png,p1,1\nb.png,p2,0\n"
WANTED = [["a.png", "1"], ["b.png", "0"]]


@pytest.fixture
def read(tmp_path):
    def read(content, columns=("file", "sick"), **more):
        path = tmp_path / "labels.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return table(path, columns=columns, **more)

    return read


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        PLAIN.encode("utf-8-sig"),
        PLAIN.encode("utf-16"),
        b"\xfe\xff" + PLAIN.encode("utf-16-be"),
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        PLAIN.replace("\n", "\n\n , ,\n"),
        PLAIN.replace(",", ", "),
        PLAIN.replace(",", " ,\t"),
        '"file","patient","sick"\n"a.png","p, 1","1"\n"b.png", "p ""2""", 0\n',
        ",file,,sick,\n1,a.png,,1,\n2,b.png,,0,x\n",
    ],
    ids=repr,
)
def test_what_stands_in_a_table_is_read(read, content):
    assert read(content).to_numpy().tolist() == WANTED


@pytest.mark.parametrize("separator", SEPARATORS)
def test_another_separator_is_said(read, separator):
    content = PLAIN.replace(",", separator)
    assert read(content, separator=separator).to_numpy().tolist() == WANTED


def test_another_encoding_is_said(read):
    content = "file,sick\nMüller.png,1\n".encode("windows-1252")
    assert read(content, encoding="windows-1252")["file"].tolist() == ["Müller.png"]
    with pytest.raises(SourceError, match=r"no UTF-8 in line 2.*`encoding: windows-1252`"):
        read(content)


def test_rows_are_known_by_their_lines(read):
    content = 'file,sick\n\na.png,1\n"b\nb.png",0\n,\nc.png,1\n'
    assert read(content).index.tolist() == [3, 5, 7]


@pytest.mark.parametrize("text", ["007", "1.0", "NA", "nan", "1e3", "TRUE", "2001-02-03"])
def test_a_cell_stays_the_text_that_it_is(read, text):
    assert read(f"file,sick\n{text},1\n")["file"].tolist() == [text]


@given(
    rows=st.lists(
        st.lists(st.text(max_size=5).filter(lambda t: "\0" not in t), min_size=3, max_size=3),
        min_size=1,
        max_size=6,
    )
)
def test_what_a_writer_wrote_is_read_again(rows, tmp_path_factory):
    path = tmp_path_factory.mktemp("any") / "labels.csv"
    text = io.StringIO(newline="")
    try:
        csv.writer(text).writerows([["a", "b", "c"], *rows])
        path.write_bytes(text.getvalue().encode())
    except UnicodeError:
        return
    whole = [[cell.strip() for cell in row] for row in rows]
    whole = [row for row in whole if any(row)]
    if whole:
        assert table(path, columns=["c", "a"]).to_numpy().tolist() == [[r[2], r[0]] for r in whole]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("file,sick\na.png,1,\nb.png,0,\n", "header has 2 cells, but 2 of 2 rows.*lines 2, 3"),
        ("file,sick\na.png,1,\nb.png,0\n", r"1 of 2 rows.*line 2 \(3 in line 2\)"),
        ("file,sick\na.png,1\nb.png\n", r"1 of 2 rows.*line 3 \(1 in line 3\)"),
        ("file,sick,\na.png,1\n", "1 of 1 rows"),
        ("file,sick,sick\na.png,1,0\n", r"columns \['sick'\] appear twice"),
        ("file,sick, sick\na.png,1,0\n", r"columns \['sick'\] appear twice"),
        (
            "file;sick\na.png;1\n",
            r"lacks \['file', 'sick'\].*Its separator is `;`: write `separator: \";\"`",
        ),
        ("file\tsick\na.png\t1\n", r'Its separator is tab: write `separator: "\\t"`'),
        ("Labels of 2024\n\nfile,sick\na.png,1\n", "They are in line 3; delete what is above"),
        ("File,SICK\na.png,1\n", r"Perhaps you mean \['File', 'SICK'\]"),
        ("file,sich\na.png,1\n", r"lacks \['sick'\]; columns: .*; is sich meant\?$"),
        ("a.png,1\nb.png,0\n", r"lacks \['file', 'sick'\]; columns: \['a.png', '1'\]$"),
        ("", r"lacks \['file', 'sick'\]; columns: \[\]"),
        ("file,sick\n", "lacks rows"),
        ("file,sick\n,\n \n", "lacks rows"),
        ('file,sick\n"a.png,1\nb.png,0\n', "not readable as CSV: line .*end of data"),
        ('file,sick\n"a"b.png,1\n', "not readable as CSV: line 2: ',' expected"),
        ("file,sick\na\0.png,1\n", "zero byte.*utf-16-le"),
        (PLAIN.encode("utf-16-le"), "zero byte.*utf-16-le"),
        (PLAIN.encode("utf-16")[:-1], "no utf-16 in line"),
        (b"PK\x03\x04rest", "an Excel workbook"),
        (b"file,sick\n\xff\xfe,\x81\n", "not readable as CSV: no UTF-8 in line 2"),
        (f"file,sick\n{'a' * 200_000},1\n", "field larger than"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_no_plain_table_is_refused_with_what_it_seems(read, content, says):
    with pytest.raises(SourceError, match=says) as caught:
        read(content)
    assert "labels.csv: " in str(caught.value)


def test_a_column_that_nobody_asks_for_may_stand_twice(read):
    content = "file,sick,note,note\na.png,1,x,y\nb.png,0,,\n"
    assert read(content).to_numpy().tolist() == WANTED


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(SourceError, match=r"labels\.csv: no such table"):
        table(tmp_path / "labels.csv", columns=["file"])


def test_a_table_as_pandas_writes_it_is_read(read):
    frame = pd.DataFrame({"file": ["a", "b"], "sick": np.array([1, np.nan])})
    assert read(frame.to_csv()).to_numpy().tolist() == [["a", "1.0"], ["b", ""]]
