"""Executed notebooks as pages with an index: opens from a folder, needs no network.

How pages look stands in `templates/medtransfer`, a template folder of nbconvert.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from medtransfer import paths
from medtransfer.domains import DOMAINS
from medtransfer.errors import ReportError
from medtransfer.report import notebooks, verdicts

if TYPE_CHECKING:
    from nbformat import NotebookNode

TEMPLATES = Path(__file__).parent / "templates"
NAME = "medtransfer"
PICTURE = "claims.png"


@dataclass(frozen=True)
class Page:
    """An executed notebook: the stem of its file, the number it begins with, its question."""

    stem: str
    number: str
    title: str


@dataclass(frozen=True)
class Part:
    """Pages that belong together: the design, the synthesis, a domain."""

    heading: str
    pages: tuple[Page, ...]


def build(profile: str) -> Path:
    """Write a page for every executed notebook of a profile, and an index; return the index.

    Raises:
        ReportError: no notebook of the profile was executed.
    """
    import nbformat

    executed = [nbformat.read(path, as_version=4) for path in notebooks.executed(profile)]
    if not executed:
        raise ReportError(
            f"no executed notebook in {paths.executed(profile)}; run "
            f"`make reproduce PROFILE={profile}` first"
        )
    pages = [
        Page(path.stem, path.stem[:2], _title(notebook))
        for path, notebook in zip(notebooks.executed(profile), executed, strict=True)
    ]
    folder = paths.report(profile)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for page, notebook in zip(pages, executed, strict=True):
        text = _page(notebook, page=page, pages=pages)
        (folder / f"{page.stem}.html").write_text(text, encoding="utf-8")
    index = folder / "index.html"
    index.write_text(_index(profile, pages, folder=folder), encoding="utf-8")
    return index


def _page(notebook: NotebookNode, *, page: Page, pages: Sequence[Page]) -> str:
    from nbconvert import HTMLExporter

    place = pages.index(page)
    exporter = HTMLExporter(
        template_name=NAME,
        extra_template_basedirs=[str(TEMPLATES)],
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    resources = {
        "metadata": {"name": f"{page.title} · medtransfer"},
        "page": asdict(page),
        "parts": [asdict(part) for part in parts(pages)],
        "before": asdict(pages[place - 1]) if place else None,
        "after": asdict(pages[place + 1]) if place + 1 < len(pages) else None,
        "injected": any("injected-parameters" in _tags(cell) for cell in notebook.cells),
    }
    text, _ = exporter.from_notebook_node(notebook, resources)
    return text


def _tags(cell: NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


def _title(notebook: NotebookNode) -> str:
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and cell.source.startswith("# "):
            return cell.source.splitlines()[0].removeprefix("# ").strip()
    return "untitled"


def parts(pages: Sequence[Page]) -> list[Part]:
    """Return pages by the first digit of their numbers: design, synthesis, domains, others."""
    headings = {0: "Design", 9: "Synthesis"} | {
        domain.number: name.capitalize() for name, domain in DOMAINS.items()
    }
    found: dict[str, list[Page]] = {heading: [] for heading in (*headings.values(), "Others")}
    for page in pages:
        found[headings.get(int(page.number[0]), "Others")].append(page)
    return [Part(heading, tuple(own)) for heading, own in found.items() if own]


def _index(profile: str, pages: Sequence[Page], *, folder: Path) -> str:
    from jinja2 import Environment, FileSystemLoader

    claims = verdicts.read(profile)
    if claims is not None:
        shutil.copy(paths.rendered(profile) / verdicts.PICTURE, folder / PICTURE)
    environment = Environment(loader=FileSystemLoader(TEMPLATES / NAME), autoescape=True)
    return environment.get_template("contents.html.j2").render(
        profile=profile,
        parts=parts(pages),
        claims=None if claims is None else verdicts.by_claim(claims),
        classes=verdicts.CLASSES,
        units=verdicts.UNITS,
        picture=PICTURE,
    )
