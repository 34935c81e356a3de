"""What people read: links that lead somewhere, and a README that stays short."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
import yaml

from medtransfer import paths

ROOT = paths.REPOSITORY
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "benchmarks" / "README.md"])
NOTEBOOKS = sorted(paths.notebooks().rglob("*.ipynb"))
# Turns of phrase that read as translated.
STIFF = re.compile(
    r"\b(of|from|by|to) who (has|have|knows)\b|\bof him\b"
    r"|\b(is|are) to be \w+ed\b|\bha(s|ve) not (the|a)\b",
    re.IGNORECASE,
)
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")


def prose(path: Path) -> str:
    if path.suffix == ".md":
        return path.read_text()
    cells = nbformat.read(path, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def anchors(path: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    heads = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", path.read_text(), flags=re.S), re.M)
    plain = (re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads)
    return set(plain)


@pytest.mark.parametrize("path", [*PAGES, *NOTEBOOKS], ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path: Path) -> None:
    text = re.sub(r"```.*?```", "", prose(path), flags=re.DOTALL)
    for place, anchor in LINK.findall(text):
        target = (path.parent / place).resolve() if place else path
        assert target.exists(), f"{place}: no such file"
        if anchor:
            assert anchor in anchors(target), f"{place}#{anchor}: no such heading"


@pytest.mark.parametrize("path", [*PAGES, *NOTEBOOKS], ids=lambda path: str(path.relative_to(ROOT)))
def test_no_page_reads_as_translated(path: Path) -> None:
    assert not (found := STIFF.search(prose(path))), found


def test_the_readme_can_be_read_in_five_minutes() -> None:
    assert len((ROOT / "README.md").read_text().split()) <= 1000


def test_the_readme_shows_an_attacked_image_first_and_then_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text()
    picture = re.search(r"!\[[^]]+\]\((figures/\w+_(?:attack|example)\.png)\)", text)
    assert picture and (ROOT / picture[1]).is_file()
    assert "**phantom**" in text[: text.index("```")]
    first = re.findall(r"```console\n(.*?)```", text, flags=re.DOTALL)[0]
    assert [line.split("#")[0].strip() for line in first.splitlines()] == [
        "make reproduce",
        "make test",
    ]


def test_every_page_stands_in_the_contents_of_the_site() -> None:
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text())

    def pages(nav: object) -> set[str]:
        if isinstance(nav, str):
            return {nav}
        parts = nav if isinstance(nav, list) else list(nav.values())  # type: ignore[attr-defined]
        return set().union(*map(pages, parts))

    written = {str(path.relative_to(ROOT / "docs")) for path in ROOT.glob("docs/**/*.md")}
    assert written <= pages(site["nav"])
