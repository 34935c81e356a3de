"""Where and on what this process runs: git revision, versions, host, date."""

from __future__ import annotations

import contextlib
import platform
import subprocess
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from typing import Any

from medtransfer import paths

PACKAGES = ("torch", "torchvision", "pytorch-lightning", "timm", "foolbox", "numpy")
UNKNOWN = "unknown"  # the revision, where there is no git


def provenance() -> dict[str, Any]:
    """Return where and on what this process runs: git revision, versions, host, date (UTC)."""
    return {**_machine(), "date": datetime.now(UTC).isoformat(timespec="seconds")}


@cache
def _machine() -> dict[str, Any]:
    return {
        "git": _revision(),
        "host": platform.node(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
    }


def _revision() -> str:
    if not paths.checkout():
        return f"installed {version('medtransfer')}"
    command = ["git", "-C", str(paths.REPOSITORY), "describe", "--always", "--dirty", "--abbrev=12"]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        return subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=10
        ).stdout.strip()
    return UNKNOWN
