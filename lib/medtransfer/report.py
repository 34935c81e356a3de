"""Executed notebooks as pages with an index: opens from a folder, needs no network."""

from __future__ import annotations

import html
import re
import shutil
from pathlib import Path

import nbformat
from nbconvert import HTMLExporter

from medtransfer import paths

_STYLE = """
body { font: 17px/1.55 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem;
       color: #1a1a1a; background: #fff; }
li { margin: .5rem 0; } small { color: #555; } a { color: #0a5a9c; }
img { max-width: 100%; height: auto; } figure { margin: 1.5rem 0; }
"""
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
    index.write_text(_index(profile, titles), encoding="utf-8")
    return index


def _page(path: Path, *, navigation: str) -> str:
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:  # progress bars are for the terminal
        cell["outputs"] = [o for o in cell.get("outputs", []) if o.get("name") != "stderr"]
    exporter = HTMLExporter(exclude_input_prompt=True, exclude_output_prompt=True, mathjax_url="")
    page, _ = exporter.from_notebook_node(notebook)
    page = re.sub(r"<script[^>]*src=[^>]*>\s*</script>", "", page)  # no address outside the folder
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


def _index(profile: str, titles: dict[Path, str]) -> str:
    items = "".join(
        f'<li><a href="{path.stem}.html">{html.escape(title)}</a> '
        f"<small>{path.stem[:2]}</small></li>"
        for path, title in titles.items()
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>medtransfer: {html.escape(profile)}</title><style>{_STYLE}</style></head><body>"
        "<h1>medtransfer</h1><p>What makes medical image analysis systems vulnerable to "
        "adversarial attacks that were crafted on another model. "
        f"Profile <b>{html.escape(profile)}</b>.</p>"
        "<p>Where the images are phantoms, they were drawn by code: the numbers make no medical "
        f"claim.</p><ol style='list-style:none;padding:0'>{items}</ol></body></html>"
    )
