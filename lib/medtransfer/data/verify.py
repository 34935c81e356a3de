"""Whether a prepared source still agrees with its manifest and its files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tqdm import tqdm

from medtransfer import store
from medtransfer.data import catalog
from medtransfer.data.images import load
from medtransfer.data.schema import ImageFacts, Published
from medtransfer.errors import SourceError

if TYPE_CHECKING:
    import pandas as pd

ALL = "all"


@dataclass(frozen=True)
class Verified:
    """What `verify` found: numbers of images and of gone originals, and what is wrong."""

    images: int
    gone: int
    problems: tuple[str, ...]


def verify(wanted: catalog.Request) -> Verified:
    """Return what is wrong with a prepared source, after reading it and its files once more.

    Pixels are compared with their checksums, files with theirs and with the pixels that they gave,
    and labels with the counts in the manifest.

    Raises:
        SourceError: nothing was prepared.
    """
    import pandas as pd

    spec = catalog.in_store(wanted)
    images = load(spec).images
    with store.reading(spec, "index.parquet") as path:
        index = pd.read_parquet(path)
    problems = [] if catalog.digest(index) == spec.content else ["the index was changed"]
    if wanted.limit is None and not catalog.record(wanted).get("unreadable"):
        try:
            check_counts(index, wanted.manifest)
        except SourceError as error:
            problems.append(str(error))
    gone = 0
    again = wanted.reader().pictures(index["image"].tolist())
    rows = zip(index.itertuples(index=False), again, strict=True)
    for number, (row, found) in enumerate(tqdm(rows, total=len(index), unit="image")):
        if catalog.checksum(images[number]) != row.pixels:
            problems.append(f"{row.image}: the stored pixels were changed")
        if isinstance(found, FileNotFoundError):
            gone += 1
        elif isinstance(found, Exception) or found.sha256 != row.source:
            problems.append(f"{row.image}: its file was changed")
        elif catalog.checksum(found.pixels) != row.pixels:
            problems.append(f"{row.image}: its file now gives different pixels")
    return Verified(images=len(index), gone=gone, problems=tuple(problems))


def check_counts(index: pd.DataFrame, manifest: ImageFacts) -> None:
    """Compare an index with the counts in its manifest, where it states any.

    Raises:
        SourceError: numbers differ; the message lists them.
    """
    if not isinstance(manifest, Published) or not manifest.counts:
        return
    found = counted(index, manifest.label_names)
    wrong = [
        f"{name}, {what}: {found.get(name, {}).get(what, 0)} instead of {number}"
        for name, numbers in manifest.counts.items()
        for what, number in numbers.items()
        if found.get(name, {}).get(what, 0) != number
    ]
    if wrong:
        raise SourceError(
            f"{manifest.name}: tables do not have the numbers of the published set, so they are "
            f"another version or were changed: {'; '.join(wrong[:8])}"
        )


def counted(index: pd.DataFrame, labels: tuple[str, ...]) -> dict[str, dict[str, int]]:
    """Return set and part ("d1:train", "test", ..., "all") -> "images", "groups", every label."""
    sets = index["split"].str.split(";")
    found = {}
    for name in [ALL, *sorted({name for row in sets for name in row if name})]:
        rows = index if name == ALL else index[[name in row for row in sets]]
        found[name] = {"images": len(rows), "groups": rows["group"].nunique()}
        found[name] |= {label: int(rows[label].sum()) for label in labels}
    return found
