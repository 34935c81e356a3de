"""What the site has beside docs/: README, CONTRIBUTING and CHANGELOG, figures, and the report.

Links are written for a reader of the repository; here they are turned to where the site has it.
"""

import json
import os
import re
from pathlib import Path

from mkdocs.structure.files import File

REPOSITORY = Path(__file__).resolve().parents[1]
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "CHANGELOG.md": "CHANGELOG.md",
}
REPORT = REPOSITORY / "build" / "report" / os.environ.get("SITE_PROFILE", "default")
WIDE = "---\nhide: [toc]\n---\n\n"  # no contents beside a page whose pictures need the room
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)(#[^)\s]*)?\)")


def on_files(files, config):
    """Add what lies outside of docs/."""
    for source, page in PAGES.items():
        text = _linked((REPOSITORY / source).read_text(encoding="utf-8"), folder=".")
        files.append(File.generated(config, page, content=WIDE + text))
    for picture in (REPOSITORY / "figures").rglob("*.png"):
        place = picture.relative_to(REPOSITORY).as_posix()
        files.append(File.generated(config, place, abs_src_path=str(picture)))
    for path in REPORT.glob("*") if REPORT.is_dir() else ():
        files.append(File.generated(config, f"report/{path.name}", abs_src_path=str(path)))
    files.append(File.generated(config, "notebooks.md", content=_notebooks()))
    return files


def on_page_markdown(markdown, page, **_):
    """Turn the links of a page of docs/."""
    if page.file.src_uri in (*PAGES.values(), "notebooks.md"):
        return markdown
    return _linked(markdown, folder=str(Path("docs") / Path(page.file.src_uri).parent))


def _linked(text, *, folder):
    """Turn links to what lies in docs/ or beside it; what the site does not have loses its link."""
    here = REPOSITORY / folder
    start = "../" * len(Path(folder).parts[1:])

    def turned(found):
        place = os.path.relpath((here / found[1]).resolve(), REPOSITORY)
        if (REPOSITORY / place / "README.md").is_file():
            place += "/README.md"
        if place in PAGES:
            place = PAGES[place]
        elif place.startswith("docs/"):
            place = place.removeprefix("docs/")
        elif not place.startswith("figures/") or not place.endswith(".png"):
            return "]"
        return f"]({start}{place}{found[2] or ''})"

    bare = LINK.sub(turned, text)
    return re.sub(r"\[([^\][]+)\](?![(\[:])", r"\1", bare) if bare != text else text


def _notebooks():
    """Return the page of the notebooks, with links to those that were executed."""
    lines = ["# Notebooks", "", "`make lab` opens them; each runs alone, in any order.", ""]
    if REPORT.is_dir():
        lines += [
            f"[The report of profile `{REPORT.name}`](report/index.html) has them executed.",
            "",
        ]
    for path in sorted((REPOSITORY / "notebooks").glob("*.ipynb")):
        first = "".join(json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"])
        title = first.splitlines()[0].removeprefix("# ")
        there = (REPORT / f"{path.stem}.html").is_file()
        said = f"[{title}](report/{path.stem}.html)" if there else title
        lines.append(f"- **{path.stem[:2]}** {said}")
    return "\n".join(lines)
