"""Executed notebooks as pages with an index: opens from a folder, needs no network."""

from __future__ import annotations

import html
import re
import shutil
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
from nbconvert import HTMLExporter

from medtransfer import paths
from medtransfer.evaluation.statistics import REFUTED, SUPPORTED, UNDECIDED
from medtransfer.words import DOMAIN_NUMBERS

_STYLE = """
body { font: 17px/1.55 system-ui, sans-serif; max-width: 58rem; margin: 2rem auto; padding: 0 1rem;
       color: #1a1a1a; background: #fff; }
h2 { margin: 2rem 0 .4rem; font-size: 1.15rem; } ul { margin: 0; padding-left: 1.1rem; }
li { margin: .35rem 0; } small, .note { color: #555; } a { color: #0a5a9c; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .88rem; }
th, td { padding: .4rem .8rem .4rem 0; text-align: left; vertical-align: top;
         border-bottom: 1px solid #ddd; }
td b { white-space: nowrap; } .supported { color: #00614a; } .refuted { color: #a33c00; }
.undecided { color: #555; } img { max-width: 100%; height: auto; }
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
    index.write_text(_index(profile, titles, verdicts=_verdicts(profile, folder)), encoding="utf-8")
    return index


def _page(path: Path, *, navigation: str) -> str:
    notebook = nbformat.read(path, as_version=4)
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


def _index(profile: str, titles: dict[Path, str], *, verdicts: str) -> str:
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
        f"no medical claim.</p>{verdicts}{''.join(parts)}</body></html>"
    )


_PARTS = {"0": "Design", "4": "Synthesis"} | {
    number: domain.capitalize() for domain, number in DOMAIN_NUMBERS.items()
}
_CLASSES = {SUPPORTED: "supported", REFUTED: "refuted", UNDECIDED: "undecided"}


def _verdicts(profile: str, folder: Path) -> str:
    """Return the table of claims that the synthesis wrote, "" if there is none yet."""
    source = paths.rendered(profile) / "40_claims.csv"
    if not source.is_file():
        return ""
    claims = pd.read_csv(source)
    domains = list(dict.fromkeys(claims["domain"]))
    head = "".join(f"<th>{html.escape(domain)}</th>" for domain in domains)
    rows = []
    for (name, says), own in claims.groupby(["claim", "says"], sort=False):
        cells = {row["domain"]: _verdict(row) for row in own.to_dict("records")}
        found = "".join(f"<td>{cells.get(domain, '')}</td>" for domain in domains)
        rows.append(f"<tr><td><b>{name}</b> {html.escape(str(says))}</td>{found}</tr>")
    shutil.copy(source.with_suffix(".png"), folder / "claims.png")
    return (
        "<h2>The claims</h2><p class='note'>Effect with 95 % interval over trained pairs and "
        "images: points of the clean AUC (C1, C3, C4), rank correlation (C2), % of the clean AUC "
        "that noise leaves (C5).</p><div class='wide'><table><tr><th></th>"
        f"{head}</tr>{''.join(rows)}</table></div>"
        "<p><img src='claims.png' alt='Effect of every claim with its interval'></p>"
    )


def _verdict(row: dict[Hashable, Any]) -> str:
    digits = 2 if row["unit"] == "rank correlation" else 0
    value, low, high = (f"{row[name]:.{digits}f}" for name in ("value", "low", "high"))
    verdict = str(row["verdict"])
    return f'<b class="{_CLASSES[verdict]}">{verdict}</b><br>{value} ({low} to {high})'
