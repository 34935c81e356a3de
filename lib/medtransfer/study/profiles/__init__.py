"""The profiles that come with the project: a YAML file each, most of them a short diff of another.

`study.schema` says what they may hold, and reads these and a user's alike.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent


def built_in() -> dict[str, Path]:
    """Return the file of every profile that comes with the project, by name."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.yaml"))}
