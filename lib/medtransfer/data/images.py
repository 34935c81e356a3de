"""Sources of images: one memory-mapped uint8 array and one index, wherever they came from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from medtransfer import phantoms, store
from medtransfer.data import capacity
from medtransfer.errors import StoreError
from medtransfer.specs import Result

if TYPE_CHECKING:
    import pandas as pd

DRAWING = 256  # bytes per pixel that the hungriest drawing takes, measured at 1,024 px


@dataclass(frozen=True, kw_only=True, eq=False)
class Source(Result):
    """A set of images with labels and groups, stored as one uint8 array and an index.

    Attributes:
        manifest: name of the manifest that states its facts.
        domain: a row of `domains`.
        content: what the images are: version of the drawing, or sha256 of what was read.
        image_px: side of the square images, in pixels.
        channels: 1 (grey) or 3 (RGB).
        labels: names of the outputs, in order.
    """

    manifest: str
    domain: str
    content: str
    image_px: int
    channels: int
    labels: tuple[str, ...]

    @property
    def title(self) -> str:
        return f"images of {self.manifest}"

    @property
    def even(self) -> bool:
        """Whether each set has its share of groups with many images (see `division.divide`).

        Sizes of phantoms' groups mean nothing: their sets stay what they were.
        """
        return False

    @property
    def effort(self) -> str:
        return "reading"

    @classmethod
    def make(cls, specs: Sequence[Self]) -> None:
        """Refuse: files are read before anything is planned, never during a run.

        Raises:
            StoreError: always.
        """
        names = ", ".join(spec.manifest for spec in specs)
        raise StoreError(
            f"the store no longer holds the images of {names}; run `medtransfer data prepare` again"
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class FileSource(Source):
    """Images read from files; `content` covers their index and every pixel.

    Attributes:
        groups_of_any_size: whether each set has its share of groups with many images. Always true;
            it stands here since results of sets that were drawn otherwise have other keys.
    """

    groups_of_any_size: bool

    @property
    def even(self) -> bool:
        return self.groups_of_any_size


@dataclass(frozen=True, kw_only=True, eq=False)
class PhantomSource(Source):
    """Images drawn by code: `groups` patients or slides of the phantom `drawing`, from `seed`."""

    drawing: str
    groups: int
    seed: int

    @property
    def title(self) -> str:
        return f"draw the {self.drawing} phantom"

    @property
    def effort(self) -> str:
        return "drawing"

    @classmethod
    def make(cls, specs: Sequence[Self]) -> None:
        """Draw every image and publish it.

        Raises:
            SourceError: there is not enough room in memory or on the disk.
        """
        for spec in specs:
            check_memory(spec)
            with store.draft(spec) as place:
                write_index(place, draw(spec, place / "images.npy"))


@dataclass(frozen=True)
class Prepared:
    """Images with their index.

    Attributes:
        images: memory map, uint8, (N, H, W, C), 0-255.
        index: one row per image: `image` and `group` (str), `split` (str, "" unless published),
            then one 0/1 column per label.
        labels: names of the label columns, in order.
    """

    images: np.ndarray
    index: pd.DataFrame
    labels: tuple[str, ...]

    @property
    def targets(self) -> np.ndarray:
        """The labels, float32 (N, K), 0 or 1."""
        return self.index[list(self.labels)].to_numpy("float32")


def load(source: Source) -> Prepared:
    """Return a source from the store.

    Raises:
        StoreError: it has not been prepared, or its files do not belong together.
    """
    import pandas as pd

    columns = ["image", "group", "split", *source.labels]
    with store.reading(source, "index.parquet") as path:
        index = pd.read_parquet(path, columns=columns)
    shape = (len(index), source.image_px, source.image_px, source.channels)
    with store.reading(source, "images.npy") as path:
        images = np.load(path, mmap_mode="r", allow_pickle=False)
        if images.shape != shape or images.dtype != np.uint8:
            raise ValueError(f"it is {images.dtype} {images.shape}, its spec says uint8 {shape}")
    return Prepared(images=images, index=index, labels=source.labels)


def check_memory(source: PhantomSource) -> None:
    """Raise SourceError if one image of a phantom can never fit into this machine's memory."""
    what = f"drawing the {source.drawing} phantom at {source.image_px:,} px"
    capacity.check_memory(DRAWING * source.image_px**2, what=what)


def draw(source: PhantomSource, path: Path) -> pd.DataFrame:
    """Draw the images of a phantom into the array file `path`; return their index.

    Raises:
        SourceError: the disk is too full for them.
    """
    found = index(source)
    shape = (len(found), source.image_px, source.image_px, source.channels)
    what = f"{len(found):,} images of {source.image_px:,} px"
    capacity.check_disk(math.prod(shape), what=what, place=path.parent)
    images = capacity.array_file(path, shape)
    for number, name in enumerate(found["image"]):
        images[number] = drawn(source, name)
    images.flush()
    return found


def index(source: PhantomSource) -> pd.DataFrame:
    """Return the index of a phantom (see `Prepared`); nothing is drawn."""
    import pandas as pd

    phantom = phantoms.phantom(source.drawing)
    columns = [phantom.LABELS.index(name) for name in source.labels]
    rows = []
    for group in range(source.groups):
        for number in range(phantom.count(seed=source.seed, group=group)):
            values = phantom.labels(seed=source.seed, group=group, index=number)[columns]
            name = {"image": f"{group:05d}_{number:03d}", "group": f"{group:05d}", "split": ""}
            rows.append({**name, **dict(zip(source.labels, values, strict=True))})
    return pd.DataFrame(rows)


def drawn(source: PhantomSource, name: str) -> np.ndarray:
    """Return the picture of an image in the index of a phantom, uint8 (px, px, C)."""
    group, number = map(int, name.split("_"))
    phantom = phantoms.phantom(source.drawing)
    return phantom.draw(seed=source.seed, group=group, index=number, image_px=source.image_px)


def write_index(place: Path, index: pd.DataFrame) -> None:
    """Write an index as parquet."""
    index.to_parquet(place / "index.parquet", index=False)
