"""The profiles that come with the project: a YAML file each, most of them a short diff of another.

`study.schema` says what they may hold, and reads these and a user's alike.
"""

from __future__ import annotations

from pathlib import Path

from medtransfer.errors import ManifestError, meant

ENDINGS = (".yaml", ".yml")
FOLDER = Path(__file__).parent


def built_in() -> dict[str, Path]:
    """Return the file of every profile that comes with the project, by name."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.yaml"))}


def allowed() -> str:
    """Return in words what names a profile."""
    return f"{', '.join(built_in())}, or a path to a YAML file"


def place(name_or_path: str, *, beside: Path) -> Path:
    """Return the file of a profile, given its name or a path from the folder `beside`.

    Raises:
        ManifestError: there is none.
    """
    if name_or_path in built_in():
        return built_in()[name_or_path]
    path = beside / Path(name_or_path).expanduser()
    if path.is_file():
        return path.resolve()
    if name_or_path.endswith(ENDINGS):
        raise ManifestError(f"{path}: no such file{_beside(path)}")
    near = meant(name_or_path, built_in())
    raise ManifestError(f"no profile {name_or_path!r}; allowed: {allowed()}{near}")


def _beside(path: Path) -> str:
    if not path.parent.is_dir():
        return f", and no folder {path.parent}"
    there = sorted(each.name for each in path.parent.iterdir() if each.name.endswith(ENDINGS))
    return meant(path.name, there)
