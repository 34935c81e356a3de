"""Which executed notebooks a run would give again, so that it need not execute them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from hashlib import sha256
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medtransfer import paths
from medtransfer.data import manifests
from medtransfer.study import plan
from medtransfer.study.builders import Study

if TYPE_CHECKING:
    from nbformat import NotebookNode

MARK = "medtransfer"
"""The name of what an executed notebook holds about itself, in its metadata."""


def ingredients(study: Study, served: Mapping[str, Iterable[str]]) -> str:
    """Return a digest of all that the results of a study come from.

    The code of the library, the versions of what it uses, the profile, what the manifests say, and
    the networks with their images.

    Args:
        served: domain -> the factors that its images can serve.
    """
    networks = {
        spec.key
        for domain, factors in served.items()
        for factor in factors
        for spec in plan.networks(study, domain, factor)
    }
    facts = [manifests.image_facts(source) for source in study.profile.sources.values()]
    return _digest(
        _code(),
        sorted(f"{each.name} {each.version}" for each in distributions()),
        study.profile.model_dump(mode="json"),
        [each.model_dump(mode="json") for each in facts],
        sorted(networks),
    )


@cache
def _code() -> str:
    files = sorted(
        path for ending in ("py", "yaml", "json") for path in paths.PACKAGE.rglob(f"*.{ending}")
    )
    return _digest(
        [(str(path.relative_to(paths.PACKAGE)), sha256(path.read_bytes()).hexdigest())]
        for path in files
    )


def fingerprint(book: NotebookNode, parameters: Mapping[str, str], made_of: str) -> str:
    """Return a digest of a notebook, its parameters and all that its results come from."""
    return _digest(made_of, parameters, [(cell.cell_type, cell.source) for cell in book.cells])


def mark(fingerprint: str, *, figures: Iterable[str]) -> dict[str, Any]:
    """Return what an executed notebook holds about itself.

    Args:
        figures: names of the files that it wrote beside itself.
    """
    return {"made_of": fingerprint, "figures": sorted(figures)}


def stands(executed: Path, fingerprint: str, *, figures: Path) -> bool:
    """Return whether an executed notebook is there that a run would give again.

    Args:
        figures: the folder in which its figures must still be.
    """
    try:
        found = json.loads(executed.read_text())["metadata"][MARK]
    except (OSError, ValueError, KeyError):
        return False
    return found["made_of"] == fingerprint and all(
        (figures / name).is_file() for name in found["figures"]
    )


def _digest(*parts: Any) -> str:
    return sha256(json.dumps(parts, sort_keys=True, default=list).encode()).hexdigest()
