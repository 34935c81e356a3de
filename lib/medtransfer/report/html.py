"""Executed notebooks as pages with an index, which open from a folder without a network.

How pages look stands in `templates/medtransfer`, a template folder of nbconvert.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medtransfer import paths
from medtransfer.compute import sets
from medtransfer.domains import DOMAINS
from medtransfer.errors import ReportError
from medtransfer.report import notebooks, sentences, verdicts, wording
from medtransfer.study import builders

if TYPE_CHECKING:
    from markupsafe import Markup
    from nbformat import NotebookNode

    from medtransfer.study.schema import Profile

TEMPLATES = Path(__file__).parent / "templates"
NAME = "medtransfer"
PICTURE = "claims.png"
NOTEBOOK = re.compile(r"\[([^\]]+)\]\((?:\.\./)?(\d\d_\w+)\.ipynb\)")  # a link to one
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


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


def build(profile: Profile) -> Path:
    """Write a page for every executed notebook of a profile, and an index; return the index.

    Raises:
        ReportError: no notebook of the profile was executed.
    """
    import nbformat

    name = profile.name
    executed = [nbformat.read(path, as_version=4) for path in notebooks.executed(name)]
    if not executed:
        raise ReportError(
            f"no executed notebook in {paths.executed(name)}; run {verdicts.command(name)} first"
        )
    pages = [
        Page(path.stem, path.stem[:2], _title(notebook))
        for path, notebook in zip(notebooks.executed(name), executed, strict=True)
    ]
    folder = paths.report(name)
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

    _adapt(notebook, stems={each.stem for each in pages})
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


def _adapt(notebook: NotebookNode, *, stems: Collection[str]) -> None:
    """Fit a notebook for a page without a kernel: pictures for widgets, pages for notebooks.

    A link to a notebook that has no page becomes plain words. Outputs get the heading above them,
    by which the template describes pictures.
    """

    def turned(link: re.Match[str]) -> str:
        said, stem = link.groups()
        return f"[{said}]({stem}.html)" if stem in stems else said

    heading = ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = NOTEBOOK.sub(turned, cell.source)
            heading = next(reversed(HEADING.findall(cell.source)), heading)
        for output in cell.get("outputs", ()):
            output.setdefault("metadata", {})["heading"] = heading.strip().replace("`", "")
            output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)


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


def _index(profile: Profile, pages: Sequence[Page], *, folder: Path) -> str:
    from jinja2 import Environment, FileSystemLoader

    environment = Environment(loader=FileSystemLoader(TEMPLATES / NAME), autoescape=True)
    environment.filters["code"] = _code
    return environment.get_template("contents.html.j2").render(
        profile=profile.name,
        images=wording.listed([wording.source(each) for each in profile.sources.values()]),
        phantoms=wording.no_claim(profile.sources),
        caution=_caution(profile),
        omitted=sets.known_omitted(builders.known(profile)),
        parts=parts(pages),
        **_claims(profile.name, folder=folder),
    )


def _code(text: str) -> Markup:
    """Return text with what stands between backticks as code."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _caution(profile: Profile) -> str:
    claims = verdicts.read(profile.name)
    blind = claims is not None and sentences.blind(claims)
    return sentences.caution(profile, blind=blind)


def _claims(profile: str, *, folder: Path) -> dict[str, Any]:
    """Return what the first page says of the claims; nothing before the synthesis has run."""
    claims = verdicts.read(profile)
    if claims is None:
        return {}
    shutil.copy(paths.rendered(profile) / verdicts.PICTURE, folder / PICTURE)
    return {
        "told": sentences.told(claims),
        "claims": verdicts.by_claim(claims),
        "reasons": verdicts.reasons(claims),
        "units": verdicts.units(claims),
        "picture": PICTURE,
    }
