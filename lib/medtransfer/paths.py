"""Every folder of the study, anchored on the checkout, the package or MEDTRANSFER_HOME."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
REPOSITORY = PACKAGE.parents[1]
"""The checkout; where the package was installed, a folder that means nothing."""


def checkout() -> bool:
    """Return whether the package is that of a checkout, and not an installed one."""
    return (REPOSITORY / "pyproject.toml").is_file() and PACKAGE.parent.name == "lib"


def home() -> Path:
    """Return the folder that holds everything a run makes.

    MEDTRANSFER_HOME, or `build` in the checkout, or for an installed package `~/medtransfer`.
    """
    default = str(REPOSITORY / "build") if checkout() else "~/medtransfer"
    return _resolved(os.environ.get("MEDTRANSFER_HOME") or default, os.getcwd())


@cache
def _resolved(place: str, _: str) -> Path:
    """Return a path without links; `_` is the folder from which a relative one counts."""
    return Path(place).expanduser().resolve()


def store() -> Path:
    """Return the folder of the content-addressed results."""
    return home() / "store"


def weights() -> Path:
    """Return the folder of the fetched ImageNet weights."""
    return home() / "weights"


def data() -> Path:
    """Return the folder of the published sources' files (MEDTRANSFER_DATA, or in `home`)."""
    return Path(os.environ.get("MEDTRANSFER_DATA") or home() / "data").expanduser().resolve()


def prepared() -> Path:
    """Return the folder of what is known of sources that were read from files."""
    return home() / "prepared"


def checked() -> Path:
    """Return the folder of the contact sheets of sources that were checked."""
    return home() / "checked"


def profiles() -> Path:
    """Return the folder of profiles that a command wrote for its notebooks."""
    return home() / "profiles"


def imported() -> Path:
    """Return the folder of networks that others trained."""
    return home() / "imported"


def assessed() -> Path:
    """Return the folder of the reports of assessments, each in a folder of its name."""
    return home() / "assess"


def brought() -> Path:
    """Return the folder of what is known of the models that people brought to assess."""
    return home() / "brought"


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
    return _shipped("data_manifests")


def notebooks() -> Path:
    """Return the folder of the notebooks."""
    return _shipped("notebooks")


def _shipped(name: str) -> Path:
    """Return a folder that stands beside the library in a checkout, and in an installed package."""
    return (REPOSITORY if checkout() else PACKAGE) / name
