"""The report: pages that open from a folder, without a network."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import facts
import nbformat
import pandas as pd
import pytest
import verdict_rows
import yaml
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from medtransfer import paths
from medtransfer.compute import sets
from medtransfer.errors import ReportError
from medtransfer.report import html as report
from medtransfer.study import schema

pytestmark = pytest.mark.slow
SMOKE = schema.profile("smoke")


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
    index = report.build(SMOKE)
    folder = index.parent
    assert sorted(p.name for p in folder.iterdir()) == [
        "00_page.html",
        "20_page.html",
        "index.html",
    ]
    text = index.read_text()
    assert "How &lt;strong&gt;?" in text
    for page in folder.iterdir():
        for link in re.findall(r'href="([^"#][^"]*\.html)"', page.read_text()):
            assert (folder / link).is_file(), f"{page.name} links to {link}"
    assert 'href="20_page.html"' in (folder / "00_page.html").read_text()


@pytest.mark.usefixtures("executed")
def test_pages_fetch_nothing_and_show_no_progress_bars() -> None:
    folder = report.build(SMOKE).parent
    for page in folder.glob("*.html"):
        text = page.read_text()
        assert not re.search(r"""(src|href|import\(|url\()=?["']?(https?:)?//""", text)
    for page in folder.glob("*_page.html"):
        text = page.read_text()
        assert "progress" not in text.split("<main")[1]
        assert f"result of {page.name[:2]}" in text


def rendered(claims: pd.DataFrame) -> str:
    """Return the first page of a report with these claims."""
    folder = paths.rendered("smoke")
    folder.mkdir(parents=True)
    claims.to_csv(folder / "90_claims.csv", index=False)
    (folder / "90_claims.png").write_bytes(b"png")
    return report.build(SMOKE).read_text()


@pytest.mark.usefixtures("executed")
def test_the_first_page_answers_before_it_shows_numbers() -> None:
    claims = verdict_rows.judged(domains=("the <whole>",))
    claims.loc[1, ["verdict", "why", "value", "low", "high"]] = ["not supported", "w", -3, -5, -1]
    text = rendered(claims)
    places = [
        text.index(found) for found in ('class="answers"', "<table>", "claims.png", "<h2>Des")
    ]
    assert places == sorted(places)
    heads, *rows = re.findall("<tr>(.*?)</tr>", text, flags=re.DOTALL)
    assert re.findall("<th>(.*?)</th>", heads) == ["", "all domains", "the &lt;whole&gt;"]
    assert [row.count("<td") for row in rows] == [2] * 9
    assert '<b class="supported">supported</b> <span>4.2 (3.0 to 5.5)</span>' in rows[0]
    assert '<b class="refuted">not supported</b> <span>-3.0 (-5.0 to -1.0)</span>' in rows[0]
    assert '<td data-domain="the &lt;whole&gt;"></td>' in rows[2], "C2 has no row per domain"
    assert (paths.report("smoke") / "claims.png").is_file()


@pytest.mark.usefixtures("executed")
@pytest.mark.parametrize("verdict", ["no room", "at chance", "one training"])
def test_the_first_page_says_why_nothing_could_be_decided(verdict: str) -> None:
    text = rendered(verdict_rows.judged(verdict))
    once = 4 if verdict == "at chance" else 0  # the halves of four claims share a sentence
    assert text.count("It remains open whether") == 9 - once
    assert verdict_rows.reason(verdict) in text
    assert verdict_rows.WHY in text, "the table below says it of each"
    assert f'<b class="open">{verdict}</b>' in text
    assert "undecided" not in text and not re.search(r"\bnan\b", text, flags=re.IGNORECASE)


@pytest.mark.usefixtures("executed")
def test_phantoms_are_named_on_the_first_page_where_there_are_some(tmp_path: Path) -> None:
    path = tmp_path / "hospital.yaml"
    path.write_text(yaml.safe_dump(facts.folder_facts()))
    real = {"pathology": str(path)}
    for sources, says in (
        (SMOKE.sources, "All images are phantoms"),
        ({**real, "radiology": "phantom_chest"}, "The images of radiology are phantoms"),
        (real, ""),
    ):
        text = report.build(SMOKE.model_copy(update={"sources": sources})).read_text()
        assert says in text and ("phantom" in text) is bool(says)


@pytest.mark.usefixtures("executed")
def test_the_first_page_names_what_was_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    why = "pathology d1/10 train (4 images) has no positive of <Tumour>"
    out = {"pathology": {"initialization_and_data": why}}
    monkeypatch.setattr(sets, "known_left_out", lambda study: out)
    text = rendered(verdict_rows.judged())
    said = (
        "Notebook 33 (pathology, initialization and data) is left out: pathology d1/10 train "
        "(4 images) has no positive of &lt;Tumour&gt;"
    )
    assert text.index('class="answers"') < text.index(said) < text.index("<table>")


def test_a_page_shows_the_profile_that_ran_and_not_the_default() -> None:
    folder = paths.executed("smoke")
    folder.mkdir(parents=True)
    cells = [
        new_markdown_cell("# T"),
        new_code_cell('profile = "default"', metadata={"tags": ["parameters"]}),
        new_code_cell('profile = "smoke"', metadata={"tags": ["injected-parameters"]}),
    ]
    nbformat.write(new_notebook(cells=cells), folder / "20_page.ipynb")
    text = (report.build(SMOKE).parent / "20_page.html").read_text()
    assert '>"smoke"<' in text and '>"default"<' not in text


@pytest.mark.usefixtures("executed")
@pytest.mark.parametrize("verdict", ["at chance", "no room"])
def test_the_first_page_says_once_what_stands_in_the_way_of_answers(verdict: str) -> None:
    text = rendered(verdict_rows.judged(verdict))
    assert text.count("learn next to nothing: this run only shows that everything works") == 1
    assert "<code>medtransfer reproduce</code>" in text and "`" not in text.split("<body")[1]
    assert text.index("learn next to nothing") < text.index('class="answers"')
    assert "larger images would help" not in text
    trained = SMOKE.model_copy(update={"recipes": schema.profile("default").recipes})
    text = report.build(trained).read_text()
    assert text.count("more or larger images would help") == (verdict == "at chance")
    assert "next to nothing" not in text


def test_nothing_executed_is_an_error_that_says_what_to_run() -> None:
    with pytest.raises(ReportError, match="make reproduce PROFILE=smoke"):
        report.build(SMOKE)


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
    for page in report.build(SMOKE).parent.glob("*.html"):
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        options += ["--enable-logging=stderr", f"--user-data-dir={tmp_path / page.stem}"]
        command = [BROWSER, *options, "--dump-dom", page.as_uri()]
        opened = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
        assert "CONSOLE" not in opened.stderr, opened.stderr
        assert "</body>" in opened.stdout
        assert ("result of" in opened.stdout) == (page.name != "index.html")


def test_of_widgets_the_page_shows_the_picture_that_stands_for_them(executed: None) -> None:
    path = next(iter(sorted(paths.executed("smoke").glob("*.ipynb"))))
    book = nbformat.read(path, as_version=4)
    data = {"application/vnd.jupyter.widget-view+json": {"model_id": "m"}, "image/png": "iVBORw0K"}
    book.cells.append(new_code_cell("chapter.play()", outputs=[new_output("display_data", data)]))
    nbformat.write(book, path)
    page = (report.build(SMOKE).parent / f"{path.stem}.html").read_text()
    assert "data:image/png;base64,iVBORw0K" in page
    assert "widget-view" not in page


def test_a_picture_is_described_by_the_heading_above_it(executed: None) -> None:
    path = next(iter(sorted(paths.executed("smoke").glob("*.ipynb"))))
    book = nbformat.read(path, as_version=4)
    shown = new_output("display_data", {"image/png": "iVBORw0K"})
    said = '## Is `it` "larger" & wider?\n\nWords.\n'
    book.cells += [new_code_cell("1", outputs=[shown]), new_markdown_cell(said)]
    book.cells += [new_code_cell("2", outputs=[shown]), new_markdown_cell("Words.")]
    book.cells += [new_code_cell("3", outputs=[new_output("execute_result", shown.data)])]
    nbformat.write(book, path)
    page = (report.build(SMOKE).parent / f"{path.stem}.html").read_text()
    found = [picture["alt"] for picture in BeautifulSoup(page, "html.parser").select("img")]
    assert found == ["Design?", *['Is it "larger" & wider?'] * 2]
    assert "No description" not in page


def test_links_between_notebooks_lead_to_their_pages_or_are_plain_words(executed: None) -> None:
    first, *_ = sorted(paths.executed("smoke").glob("*.ipynb"))
    book = nbformat.read(first, as_version=4)
    there = f"Open [this one]({first.stem}.ipynb), [it]({'../' + first.name})"
    book.cells.append(new_markdown_cell(f"{there} or [that one](77_of_no_run.ipynb)."))
    nbformat.write(book, first)
    page = (report.build(SMOKE).parent / f"{first.stem}.html").read_text()
    assert f'<a href="{first.stem}.html">this one</a>' in page
    assert f'<a href="{first.stem}.html">it</a>' in page
    assert "or that one." in page and "77_of_no_run" not in page
