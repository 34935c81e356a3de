"""Manifests: one YAML file of facts per source of images or weights, validated on reading."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Any, Union

import yaml
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from medtransfer import paths
from medtransfer.data import readers
from medtransfer.data.schema import ImageFacts, Manifest, PhantomManifest
from medtransfer.data.weights import ModelsManifest, WeightsManifest
from medtransfer.errors import ManifestError

ALIASES = 16


@cache
def _adapter() -> TypeAdapter[Any]:
    kinds = (PhantomManifest, WeightsManifest, ModelsManifest, *readers.manifests())
    any_of_them: Any = Annotated[Union[kinds], Field(discriminator="kind")]  # noqa: UP007
    return TypeAdapter(any_of_them)


def read(path: Path) -> Manifest:
    """Return the validated manifest in the YAML file `path`.

    Raises:
        ManifestError: the file is missing, is not YAML, or breaks the schema; the message names
            the file, each wrong field, and what is allowed there.
    """
    try:
        return _adapter().validate_python(content(path))
    except ValidationError as error:
        raise ManifestError(explain(path, error)) from None


class _Loader(yaml.SafeLoader):
    """YAML with few aliases: each may double what a file stands for, and thirty fill a memory."""

    aliases = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.aliases += self.check_event(yaml.AliasEvent)
        if self.aliases > ALIASES:
            raise yaml.YAMLError(f"more than {ALIASES} aliases (*name); write them out")
        return super().compose_node(parent, index)


def content(path: Path) -> Any:
    """Return what a YAML file holds.

    Raises:
        ManifestError: it is missing or is not plain YAML.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except FileNotFoundError:
        raise ManifestError(f"{path}: no such file; see whether the path is right") from None
    except Exception as error:  # wrong dates, huge numbers and depth have errors of their own
        said = f"{type(error).__name__}: {error}"
        raise ManifestError(f"{path}: not readable as YAML: {said}") from error


def explain(path: Path, error: ValidationError) -> str:
    """Return one line per wrong field: file, field, what was wrong, what is allowed."""
    lines = []
    for problem in error.errors():
        field = ".".join(str(part) for part in problem["loc"]) or "(whole file)"
        whole = problem["type"] == "missing" or isinstance(problem["input"], dict | BaseModel)
        given = "" if whole else f", got {str(problem['input'])[:60]!r}"
        lines.append(f"{path}: {field}: {problem['msg'].removeprefix('Value error, ')}{given}")
    return "\n".join(lines)


def named(name_or_path: str) -> tuple[Path, Manifest]:
    """Return path and content of a manifest, given a name in `data_manifests/` or a path.

    Raises:
        ManifestError: there is no such manifest, or it breaks the schema.
    """
    if name_or_path.endswith((".yaml", ".yml")):
        path = Path(name_or_path).expanduser()
    else:
        path = paths.manifests() / f"{name_or_path}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in paths.manifests().glob("*.yaml")))
        raise ManifestError(f"{path}: no such manifest; known names: {known}; or give a path")
    return path, read(path)


def image_facts(name_or_path: str) -> ImageFacts:
    """Return the manifest of a source of images (see `named`).

    Raises:
        ManifestError: there is no such manifest, it breaks the schema, or is of another kind.
    """
    path, manifest = named(name_or_path)
    if not isinstance(manifest, ImageFacts):
        raise ManifestError(f"{path}: describes no images")
    return manifest


def imagenet_weights(architecture: str) -> WeightsManifest:
    """Return the manifest of an architecture's ImageNet weights.

    Raises:
        ManifestError: no manifest in `data_manifests/` names the architecture.
    """
    known = [read(path) for path in sorted(paths.manifests().glob("imagenet_*.yaml"))]
    for manifest in known:
        if isinstance(manifest, WeightsManifest) and manifest.architecture == architecture:
            return manifest
    raise ManifestError(
        f"no ImageNet weights for {architecture!r}: add data_manifests/imagenet_{architecture}.yaml"
    )
