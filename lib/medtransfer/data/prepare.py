"""Sources made of files, from their addresses to the store: fetch, read, verify, list."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from medtransfer import paths, store
from medtransfer.data import counts, ingest
from medtransfer.data import download as fetch
from medtransfer.data import images as prepare
from medtransfer.data.manifests import ManifestError, named, read
from medtransfer.data.readers.reader import SourceError
from medtransfer.data.request import Request, known, record, up_to_date
from medtransfer.data.schema import FolderManifest, ImageFacts, PhantomManifest, Published
from medtransfer.specs import FileSource

ARCHIVES = "images_*.tar.gz"


def request(name_or_path: str, *, image_px: int, limit: int | None = None) -> Request:
    """Return what is to be read for a manifest that is made of files.

    Raises:
        ManifestError: there is no such manifest, or it is not one of files.
    """
    path, manifest = named(name_or_path)
    if not isinstance(manifest, ImageFacts) or isinstance(manifest, PhantomManifest):
        raise ManifestError(f"{path}: kind: nothing is read from files for it")
    local = isinstance(manifest, FolderManifest)
    root = path.parent if local else paths.data() / manifest.name
    return Request(manifest=manifest, root=root, image_px=image_px, limit=limit)


def ready(wanted: Request, *, skip_unreadable: bool = False) -> FileSource:
    """Return the spec of a source that is in the store; fetch and read what is missing.

    Raises:
        FetchError: files can neither be found nor fetched; the message says how to get them.
        SourceError: see `ingest.prepared_source`.
    """
    if spec := up_to_date(wanted):
        return spec
    fetch_files(wanted)
    return ingest.prepared_source(wanted, skip_unreadable=skip_unreadable)


def fetch_files(wanted: Request) -> list[Path]:
    """Bring every file of a published source that a request needs; return where they lie.

    Archives of images that lie in the source's folder are unpacked there, once.

    Raises:
        FetchError: a file can neither be found nor fetched, or images must be got by hand; the
            message holds the steps.
    """
    manifest = wanted.manifest
    if not isinstance(manifest, Published):
        return []
    steps = manifest.by_hand.replace("{folder}", str(wanted.root))
    try:
        files = manifest.files_for(wanted.image_px)
        found = [fetch.fetch(file, folder=wanted.root) for file in files]
    except fetch.FetchError as error:
        raise fetch.FetchError(f"{manifest.name}: {error}\n{steps}".rstrip()) from error
    for archive in sorted(wanted.root.glob(ARCHIVES)):
        mark = archive.with_name(archive.name + ".unpacked")
        if not mark.exists():
            fetch.extract_tar(archive, into=wanted.root)
            mark.touch()
    missing = [str(wanted.root / name) for name in manifest.folders if not any_file(wanted, name)]
    if missing:
        raise fetch.FetchError(
            f"{manifest.name}: no images in {', '.join(missing)}; get them by hand:\n{steps}"
        )
    return found


def any_file(wanted: Request, folder: str) -> bool:
    """Return whether a folder of a source exists and holds anything."""
    place = wanted.root / folder
    return place.is_dir() and any(place.iterdir())


def described(wanted: Request) -> str:
    """Return a line on a prepared source: images, groups, positives, and what was left out."""
    spec = known(wanted)
    if spec is None:
        raise SourceError(f"{wanted.place.name} was not prepared; run `medtransfer data prepare`")
    index = prepare.load(spec).index
    positives = ", ".join(f"{name} {int(index[name].sum())}" for name in spec.labels)
    left_out = record(wanted).get("unreadable", 0)
    report = f" ({left_out} could not be used, see {wanted.place / 'unreadable.csv'})"
    return (
        f"{wanted.manifest.name}, {wanted.image_px} px: {len(index)} images of "
        f"{index['group'].nunique()} groups{report if left_out else ''}; positive: {positives}"
    )


@dataclass(frozen=True)
class Verified:
    """What `verify` found: numbers of images and of gone originals, and what is wrong."""

    images: int
    gone: int
    problems: tuple[str, ...]


def verify(wanted: Request) -> Verified:
    """Return what is wrong with a prepared source, after reading it and its files once more.

    Pixels are compared with their checksums, files with theirs and with the pixels that they gave,
    and labels with the counts in the manifest.

    Raises:
        SourceError: nothing was prepared.
    """
    spec = known(wanted)
    if spec is None:
        raise SourceError(f"{wanted.place.name} was not prepared; run `medtransfer data prepare`")
    images = prepare.load(spec).images
    with store.reading(spec, "index.parquet") as path:
        index = pd.read_parquet(path)
    problems = [] if ingest.digest(index) == spec.content else ["the index was changed"]
    complete = wanted.limit is None and not record(wanted).get("unreadable")
    if complete:
        try:
            counts.check(index, wanted.manifest)
        except SourceError as error:
            problems.append(str(error))
    gone = 0
    again = wanted.reader().pictures(index["image"].tolist())
    rows = zip(index.itertuples(index=False), again, strict=True)
    for number, (row, found) in enumerate(tqdm(rows, total=len(index), unit="image")):
        if ingest.checksum(images[number]) != row.pixels:
            problems.append(f"{row.image}: the stored pixels were changed")
        if isinstance(found, FileNotFoundError):
            gone += 1
        elif isinstance(found, Exception) or found.sha256 != row.source:
            problems.append(f"{row.image}: its file was changed")
        elif ingest.checksum(found.pixels) != row.pixels:
            problems.append(f"{row.image}: its file gives other pixels now")
    return Verified(images=len(index), gone=gone, problems=tuple(problems))


def listed() -> pd.DataFrame:
    """Return one row per published source: what it is, which files are there, what is prepared."""
    rows = []
    for path in sorted(paths.manifests().glob("*.yaml")):
        manifest = read(path)
        if not isinstance(manifest, Published):
            continue
        root = paths.data() / manifest.name
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
