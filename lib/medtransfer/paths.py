"""Every folder of the study, anchored on the repository or on MEDTRANSFER_HOME."""

from __future__ import annotations

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def home() -> Path:
    """Return the folder that holds everything a run makes (default: `build` in the repository)."""
    return Path(os.environ.get("MEDTRANSFER_HOME") or REPOSITORY / "build").expanduser().resolve()


def store() -> Path:
    """Return the folder of the content-addressed results."""
    return home() / "store"


def weights() -> Path:
    """Return the folder of the fetched ImageNet weights."""
    return home() / "weights"


def executed(profile: str) -> Path:
    """Return the folder of the executed notebooks of one profile."""
    return home() / "executed" / profile


def report(profile: str) -> Path:
    """Return the folder of the HTML report of one profile."""
    return home() / "report" / profile


def rendered(profile: str) -> Path:
    """Return the folder of one profile's figures, each beside the CSV that it shows."""
    return home() / "figures" / profile


def manifests() -> Path:
    """Return the folder of the manifests that come with the project."""
    return REPOSITORY / "data_manifests"


def notebooks() -> Path:
    """Return the folder of the notebooks."""
    return REPOSITORY / "notebooks"
