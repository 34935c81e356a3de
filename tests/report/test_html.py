"""The report: pages that open from a folder, without a network."""

from __future__ import annotations

import re
import shutil
import subprocess

import nbformat
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from medtransfer import paths
from medtransfer.errors import ReportError
from medtransfer.report import html as report

pytestmark = pytest.mark.slow


@pytest.fixture
def executed() -> None:
    """Two notebooks as a run leaves them, one of which a killed run has begun."""
    folder = paths.executed("smoke")
    folder.mkdir(parents=True)
    for number, title in (("00", "Design?"), ("20", "How <strong>?")):
        streams = [
            new_output("stream", name="stderr", text="99%|progress"),
            new_output("stream", name="stdout", text=f"result of {number}"),
        ]
        cells = [new_markdown_cell(f"# {title}"), new_code_cell("1", outputs=streams)]
        nbformat.write(new_notebook(cells=cells), folder / f"{number}_page.ipynb")
    (folder / "21_page.running.ipynb").write_text("{")  # what a killed run leaves


@pytest.mark.usefixtures("executed")
def test_index_links_to_every_page_and_pages_to_each_other() -> None:
    index = report.build("smoke")
    folder = index.parent
    assert sorted(p.name for p in folder.iterdir()) == [
        "00_page.html",
        "20_page.html",
        "index.html",
    ]
    text = index.read_text()
    assert "How &lt;strong&gt;?" in text
    assert "no medical" in text
    for page in folder.iterdir():
        for link in re.findall(r'href="([^"#][^"]*\.html)"', page.read_text()):
            assert (folder / link).is_file(), f"{page.name} links to {link}"
    assert 'href="20_page.html"' in (folder / "00_page.html").read_text()


@pytest.mark.usefixtures("executed")
def test_pages_fetch_nothing_and_show_no_progress_bars() -> None:
    folder = report.build("smoke").parent
    for page in folder.glob("*.html"):
        text = page.read_text()
        assert not re.search(r"""(src|href|import\(|url\()=?["']?(https?:)?//""", text)
    for page in folder.glob("*_page.html"):
        text = page.read_text()
        assert "progress" not in text.split("<main")[1]
        assert f"result of {page.name[:2]}" in text


CLAIM = {
    "claim": "C1",
    "says": "pre-training",
    "domain": "radiology",
    "value": 31.2,
    "low": 20.0,
    "high": 42.0,
    "unit": "points of clean AUC",
    "verdict": "supported",
}


@pytest.mark.usefixtures("executed")
def test_verdicts_stand_on_the_first_page() -> None:
    folder = paths.rendered("smoke")
    folder.mkdir(parents=True)
    second = {**CLAIM, "domain": "the <whole>", "verdict": "not supported"}
    third = {**CLAIM, "claim": "C2", "verdict": "undecided", "unit": "rank correlation"}
    pd.DataFrame([CLAIM, second, third]).to_csv(folder / "90_claims.csv", index=False)
    (folder / "90_claims.png").write_bytes(b"png")
    index = report.build("smoke")
    text = index.read_text()
    heads, *rows = re.findall("<tr>(.*?)</tr>", text, flags=re.DOTALL)
    assert re.findall("<th>(.*?)</th>", heads) == ["", "radiology", "the &lt;whole&gt;"]
    assert [row.count("<td>") for row in rows] == [3, 3]
    assert '<b class="supported">supported</b><br>31 (20 to 42)' in rows[0]
    assert '<b class="refuted">not supported</b>' in rows[0]
    assert '<b class="undecided">undecided</b><br>31.20 (20.00 to 42.00)' in rows[1]
    assert (index.parent / "claims.png").is_file()


def test_a_page_shows_the_profile_that_ran_and_not_the_default() -> None:
    folder = paths.executed("smoke")
    folder.mkdir(parents=True)
    cells = [
        new_markdown_cell("# T"),
        new_code_cell('profile = "default"', metadata={"tags": ["parameters"]}),
        new_code_cell('profile = "smoke"', metadata={"tags": ["injected-parameters"]}),
    ]
    nbformat.write(new_notebook(cells=cells), folder / "20_page.ipynb")
    text = (report.build("smoke").parent / "20_page.html").read_text()
    assert '>"smoke"<' in text and '>"default"<' not in text


def test_nothing_executed_is_an_error_that_says_what_to_run() -> None:
    with pytest.raises(ReportError, match="make reproduce PROFILE=smoke"):
        report.build("smoke")


def test_pages_stand_under_their_domain_the_synthesis_and_whatever_else_there_is() -> None:
    pages = [report.Page(f"{n}_x", n, "T?") for n in ("00", "05", "10", "31", "71", "90", "95")]
    found = {part.heading: [page.number for page in part.pages] for part in report.parts(pages)}
    assert found == {
        "Design": ["00", "05"],
        "Synthesis": ["90", "95"],
        "Ophthalmology": ["10"],
        "Pathology": ["31"],
        "Others": ["71"],
    }


BROWSER = next(filter(shutil.which, ("chromium", "chromium-browser", "google-chrome")), None)


@pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome on PATH")
@pytest.mark.usefixtures("executed")
def test_a_browser_opens_every_page_from_a_folder_without_complaint(tmp_path) -> None:
    for page in report.build("smoke").parent.glob("*.html"):
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        options += ["--enable-logging=stderr", f"--user-data-dir={tmp_path / page.stem}"]
        command = [BROWSER, *options, "--dump-dom", page.as_uri()]
        opened = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
        assert "CONSOLE" not in opened.stderr, opened.stderr
        assert "</body>" in opened.stdout
        assert ("result of" in opened.stdout) == (page.name != "index.html")
