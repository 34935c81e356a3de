"""Executed notebooks as pages with an index: opens from a folder, needs no network."""

from __future__ import annotations

import html
import re
import shutil
from pathlib import Path

import nbformat
from nbconvert import HTMLExporter

from medtransfer import paths
from medtransfer.report import verdicts
from medtransfer.report.wording import DOMAIN_NUMBERS

_STYLE = """
body { font: 17px/1.55 system-ui, sans-serif; max-width: 58rem; margin: 2rem auto; padding: 0 1rem;
       color: #1a1a1a; background: #fff; }
h2 { margin: 2rem 0 .4rem; font-size: 1.15rem; } ul { margin: 0; padding-left: 1.1rem; }
li { margin: .35rem 0; } small, .note { color: #555; } a { color: #0a5a9c; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .88rem; }
th, td { padding: .4rem .8rem .4rem 0; text-align: left; vertical-align: top;
         border-bottom: 1px solid #ddd; }
td + td { white-space: nowrap; } td:first-child { min-width: 9rem; }
.supported { color: #00614a; } .refuted { color: #a33c00; } .undecided { color: #555; }
img { max-width: 100%; height: auto; }
"""
_PAGE_STYLE = (
    "<style>.jp-OutputArea-output img { max-width: 100%; height: auto; } "
    ".jp-OutputArea-output { overflow-x: auto; }</style>"
)
_NAVIGATION = (
    '<nav style="font:15px system-ui,sans-serif;padding:.6rem 1rem;border-bottom:1px solid #ccc">'
    '<a href="index.html">All notebooks</a>{around}</nav>'
)


def build(profile: str) -> Path:
    """Write a page for every executed notebook of a profile, and an index; return the index.

    Raises:
        FileNotFoundError: no notebook of the profile was executed.
    """
    executed = sorted(
        path for path in paths.executed(profile).glob("*.ipynb") if ".running" not in path.name
    )
    if not executed:
        raise FileNotFoundError(
            f"no executed notebook in {paths.executed(profile)}; run `make reproduce` first"
        )
    folder = paths.report(profile)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    titles = {path: _title(nbformat.read(path, as_version=4)) for path in executed}
    for number, path in enumerate(executed):
        around = _around(executed, number, titles)
        page = _page(path, navigation=_NAVIGATION.format(around=around))
        (folder / f"{path.stem}.html").write_text(page, encoding="utf-8")
    index = folder / "index.html"
    page = _index(profile, titles, claims=_verdicts(profile, folder))
    index.write_text(page, encoding="utf-8")
    return index


def _page(path: Path, *, navigation: str) -> str:
    notebook = nbformat.read(path, as_version=4)
    tags = [set(cell.metadata.get("tags", [])) for cell in notebook.cells]
    if {"injected-parameters"} in tags:  # the defaults that did not hold in this run
        kept = zip(notebook.cells, tags, strict=True)
        notebook.cells = [cell for cell, own in kept if "parameters" not in own]
    for cell in notebook.cells:  # progress bars are for the terminal
        cell["outputs"] = [o for o in cell.get("outputs", []) if o.get("name") != "stderr"]
    exporter = HTMLExporter(exclude_input_prompt=True, exclude_output_prompt=True, mathjax_url="")
    page, _ = exporter.from_notebook_node(notebook)
    page = re.sub(r"<script[^>]*src=[^>]*>\s*</script>", "", page)  # no address outside the folder
    page = page.replace("</head>", f"{_PAGE_STYLE}</head>", 1)
    return page.replace("<main>", f"{navigation}<main>", 1)


def _around(executed: list[Path], number: int, titles: dict[Path, str]) -> str:
    links = []
    for step, arrow in ((-1, "←"), (1, "→")):
        if 0 <= number + step < len(executed):
            path = executed[number + step]
            links.append(f'{arrow} <a href="{path.stem}.html">{html.escape(titles[path])}</a>')
    return "".join(f" &nbsp;·&nbsp; {link}" for link in links)


def _title(notebook: nbformat.NotebookNode) -> str:
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and cell.source.startswith("# "):
            return cell.source.splitlines()[0].removeprefix("# ").strip()
    return "untitled"


def _index(profile: str, titles: dict[Path, str], *, claims: str) -> str:
    parts = []
    for ten, heading in _PARTS.items():
        own = {path: title for path, title in titles.items() if path.name[0] == ten}
        items = "".join(
            f'<li><a href="{path.stem}.html">{html.escape(title)}</a> '
            f"<small>{path.stem[:2]}</small></li>"
            for path, title in own.items()
        )
        parts.append(f"<h2>{heading}</h2><ul>{items}</ul>" if own else "")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>medtransfer: {html.escape(profile)}</title><style>{_STYLE}</style></head><body>"
        "<h1>medtransfer</h1><p>What makes medical image analysis systems vulnerable to "
        "adversarial attacks that were crafted on another model. "
        f"Profile <b>{html.escape(profile)}</b>.</p>"
        '<p class="note">Where the images are phantoms, they were drawn by code: the numbers make '
        f"no medical claim.</p>{claims}{''.join(parts)}</body></html>"
    )


_PARTS = {"0": "Design", "4": "Synthesis"} | {
    number: domain.capitalize() for domain, number in DOMAIN_NUMBERS.items()
}


def _verdicts(profile: str, folder: Path) -> str:
    """Return the part of the first page about the claims, "" if there is none yet."""
    claims = verdicts.read(profile)
    if claims is None:
        return ""
    shutil.copy(paths.rendered(profile) / "40_claims.png", folder / "claims.png")
    return (
        f"<h2>The claims</h2><p class='note'>{verdicts.UNITS}</p>"
        f"<div class='wide'>{verdicts.as_html(claims)}</div>"
        "<p><img src='claims.png' alt='Effect of every claim with its interval'></p>"
    )
