"""What is known about sources of images without touching their files."""

from __future__ import annotations

import contextlib
import json
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import numpy as np

from medtransfer import paths, phantoms, store
from medtransfer.data.images import FileSource, PhantomSource, Source, load
from medtransfer.data.manifests import named, read
from medtransfer.data.readers.reader import Reader, sha256
from medtransfer.data.schema import (
    FileManifest,
    ImageFacts,
    PhantomManifest,
    Published,
    plural,
)
from medtransfer.errors import ManifestError, SourceError

if TYPE_CHECKING:
    import pandas as pd

PROSE = {  # and what changes no image
    *("allow", "title", "addresses", "licence", "citation", "verified", "verification"),
    *("files", "by_hand", "caveats", "counts", "group_rule", "group_noun"),
}


@dataclass(frozen=True)
class Request:
    """What is to be read: a source, the folder of its files, the size of the images, how many.

    `limit` keeps about so many images, whole groups of every set; None keeps all. `named` is what
    the user calls the source: its name, or the path of its manifest.
    """

    manifest: FileManifest
    root: Path
    image_px: int
    limit: int | None = None
    named: str = field(default="", compare=False)

    @property
    def command(self) -> str:
        """The command that reads it."""
        limit = "" if self.limit is None else f" --limit {self.limit}"
        source = shlex.quote(self.named or self.manifest.name)
        return f"medtransfer data prepare {source} --image-px {self.image_px}{limit}"

    @property
    def place(self) -> Path:
        """The folder of what is known of it, and of what is read so far."""
        # Published sources are the same wherever they lie; prose may be mended.
        root = "" if isinstance(self.manifest, Published) else self.root.resolve()
        facts = f"{self.manifest.model_dump_json(exclude=PROSE)}|{root}|{self.limit}"
        name = f"{self.manifest.name}-{self.image_px}px-{sha256(facts.encode())[:8]}"
        return paths.prepared() / name

    def reader(self) -> Reader[Any]:
        """Return what reads the images."""
        return self.manifest.reader(root=self.root, image_px=self.image_px)

    def spec(self, content: str) -> FileSource:
        """Return the spec of images whose index has the checksum `content`."""
        common = _common(self.manifest, image_px=self.image_px)
        return FileSource(**common, content=content, groups_of_any_size=True)


def request(name_or_path: str, *, image_px: int, limit: int | None = None) -> Request:
    """Return what is to be read for a manifest that is made of files.

    Raises:
        ManifestError: there is no such manifest, or it is not one of files.
    """
    return _request(name_or_path, image_px=image_px, limit=limit)


def _request(name_or_path: str, *, image_px: int, limit: int | None) -> Request:
    path, manifest = named(name_or_path)
    if not isinstance(manifest, FileManifest):
        raise ManifestError(f"{path}: kind: nothing is read from files for it")
    root = manifest.folder(path)
    return Request(manifest=manifest, root=root, image_px=image_px, limit=limit, named=name_or_path)


class Wanted(TypedDict):
    """What a study asks of a source.

    Attributes:
        domain: which its manifest must have.
        image_px: side of the images.
        groups: how many patients or slides to draw; only phantoms need it.
        limit: about how many images to keep, of those that are read; None keeps all.
        seed: draws a phantom.
    """

    domain: str
    image_px: int
    groups: int | None
    limit: int | None
    seed: int


def asked(name_or_path: str, **wanted: Unpack[Wanted]) -> PhantomSource | Request:
    """Return the spec of a phantom, or what is to be read from files.

    `name_or_path` is a name in `data_manifests/`, or the path of a manifest.

    Raises:
        ManifestError: there is no such manifest, it does not fit, or groups are missing.
    """
    domain, image_px, groups = wanted["domain"], wanted["image_px"], wanted["groups"]
    path, manifest = named(name_or_path)
    if not isinstance(manifest, ImageFacts) or manifest.domain != domain:
        raise ManifestError(
            f"{path}: domain: must be {domain}, under which sources of the profile name it"
        )
    if not isinstance(manifest, PhantomManifest):
        return _request(name_or_path, image_px=image_px, limit=wanted["limit"])
    if groups is None:
        nouns = plural(manifest.group_noun)
        raise ManifestError(f"groups: {domain}: needed, how many {nouns} to draw")
    drawn = phantoms.phantom(manifest.drawing)
    if not {*manifest.label_names} <= {*drawn.LABELS} or manifest.image.channels != drawn.CHANNELS:
        raise ManifestError(
            f"{path}: the drawing {manifest.drawing} has {drawn.CHANNELS} channels and the labels "
            f"{', '.join(drawn.LABELS)}"
        )
    return PhantomSource(
        **_common(manifest, image_px=image_px),
        content=f"{manifest.drawing} {drawn.VERSION}",
        drawing=manifest.drawing,
        groups=groups,
        seed=wanted["seed"],
    )


def _common(manifest: ImageFacts, *, image_px: int) -> dict[str, Any]:
    return {
        "manifest": manifest.name,
        "domain": manifest.domain,
        "image_px": image_px,
        "channels": manifest.image.channels,
        "labels": manifest.label_names,
    }


def known(name_or_path: str, **wanted: Unpack[Wanted]) -> Source | None:
    """Return the spec of a phantom, or of images in the store; None where they must be read first.

    Neither the network nor a file of the source is touched.

    Raises:
        ManifestError: see `asked`.
    """
    found = asked(name_or_path, **wanted)
    return found if isinstance(found, PhantomSource) else recorded(found)


def recorded(wanted: Request) -> FileSource | None:
    """Return the spec of what was read, if the store has it, whatever became of the files."""
    content = record(wanted).get("content")
    spec = wanted.spec(content) if content else None
    return spec if spec is not None and store.has(spec) else None


def record(wanted: Request) -> dict[str, Any]:
    """Return `content`, `stamps` and the number of `unreadable` images; {} if nothing was read."""
    with contextlib.suppress(OSError, ValueError):
        found = json.loads((wanted.place / "prepared.json").read_text())
        return found if isinstance(found, dict) else {}
    return {}


def in_store(wanted: Request) -> FileSource:
    """Return the spec of what was read.

    Raises:
        SourceError: nothing was, or the store lost it.
    """
    if spec := recorded(wanted):
        return spec
    raise SourceError(f"{wanted.place.name} was not prepared; run `medtransfer data prepare`")


def described(wanted: Request) -> str:
    """Return a line on a prepared source: images, groups, positives, and what was left out.

    Raises:
        SourceError: nothing was prepared.
    """
    spec = in_store(wanted)
    index = load(spec).index
    found = wanted.manifest.counted(images=len(index), groups=index["group"].nunique())
    positives = ", ".join(f"{name} {int(index[name].sum())}" for name in spec.labels)
    left_out = record(wanted).get("unreadable", 0)
    report = f" ({left_out} could not be used, see {wanted.place / 'unreadable.csv'})"
    return (
        f"{wanted.manifest.name}, {wanted.image_px} px: {found}{report if left_out else ''}; "
        f"positive: {positives}"
    )


def listed() -> pd.DataFrame:
    """Return one row per published source: what it is, which files are there, what is prepared."""
    import pandas as pd

    rows = []
    for path in sorted(paths.manifests().glob("*.yaml")):
        manifest = read(path)
        if not isinstance(manifest, Published):
            continue
        root = manifest.folder(path)
        there = sum((root / file.path).is_file() for file in manifest.files)
        sizes = sorted(
            place.parent.name.removeprefix(f"{manifest.name}-").split("-")[0]
            for place in paths.prepared().glob(f"{manifest.name}-*/prepared.json")
        )
        rows.append(
            {
                "name": manifest.name,
                "domain": manifest.domain,
                "files": f"{there} of {len(manifest.files)}",
                "prepared": ", ".join(sizes) or "-",
                "by hand": "yes" if manifest.by_hand else "no",
                "title": manifest.title,
            }
        )
    return pd.DataFrame(rows)


def digest(index: pd.DataFrame) -> str:
    """Return the sha256 of an index; it covers the pixels, whose checksums it holds."""
    return sha256(index.to_csv(index=False).encode())


def checksum(pixels: np.ndarray) -> str:
    """Return the sha256 of an image's pixels."""
    return sha256(np.ascontiguousarray(pixels).data)
