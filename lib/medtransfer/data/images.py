"""Sources of images: one memory-mapped uint8 array and one index, wherever they came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from medtransfer import phantoms, store
from medtransfer.specs import Result

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


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

    @classmethod
    def make(cls, specs: Sequence[Self]) -> None:
        """Explain that nobody can make it: its files are read before anything is planned.

        Raises:
            StoreError: always.
        """
        for spec in specs:
            store.find(spec)


@dataclass(frozen=True, kw_only=True, eq=False)
class FileSource(Source):
    """Images read from files; `content` covers their index and every pixel."""


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
        """Draw every image and publish it."""
        import numpy as np

        for spec in specs:
            with store.draft(spec) as place:
                images, index = drawn(spec)
                np.save(place / "images.npy", images)
                write_index(place, index)


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
    import numpy as np
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


def drawn(source: PhantomSource) -> tuple[np.ndarray, pd.DataFrame]:
    """Return images, uint8 (N, px, px, C), and index of a phantom."""
    import numpy as np
    import pandas as pd

    phantom = phantoms.phantom(source.drawing)
    columns = [phantom.LABELS.index(name) for name in source.labels]
    images, rows = [], []
    for group in range(source.groups):
        for index in range(phantom.count(seed=source.seed, group=group)):
            where = {"seed": source.seed, "group": group, "index": index}
            images.append(phantom.draw(**where, image_px=source.image_px))
            values = phantom.labels(**where)[columns]
            name = {"image": f"{group:05d}_{index:03d}", "group": f"{group:05d}", "split": ""}
            rows.append({**name, **dict(zip(source.labels, values, strict=True))})
    return np.stack(images), pd.DataFrame(rows)


def write_index(place: Path, index: pd.DataFrame) -> None:
    """Write an index as parquet."""
    index.to_parquet(place / "index.parquet", index=False)
