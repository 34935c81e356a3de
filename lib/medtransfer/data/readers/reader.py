"""What every source made of files offers: an index, and pictures one by one."""

from __future__ import annotations

import contextlib
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from medtransfer.data.readers import pictures
from medtransfer.data.readers.signatures import said
from medtransfer.data.schema import FileManifest, listed
from medtransfer.errors import SourceError

if TYPE_CHECKING:
    import pandas as pd
    from PIL import Image

# What one bad image may raise; anything else is a mistake of ours.
UNUSABLE = (OSError, SourceError)


@dataclass(frozen=True)
class Picture:
    """One image: uint8 pixels (px, px, C), and the sha256 of the bytes that it was read from."""

    pixels: np.ndarray
    sha256: str


Facts = TypeVar("Facts", bound=FileManifest)


class Reader(ABC, Generic[Facts]):
    """Reads one source; every process makes its own.

    Attributes:
        parallel: whether several processes may share the work; if not, the images lie in one
            stream that is read from its beginning.
    """

    parallel = True

    def __init__(self, manifest: Facts, *, root: Path, image_px: int) -> None:
        self.manifest, self.root, self.image_px = manifest, root, image_px

    @abstractmethod
    def index(self) -> pd.DataFrame:
        """Return one row per image: `image`, `group`, `split` and one 0/1 column per label.

        Raises:
            SourceError: tables are missing or do not fit the manifest.
        """

    @abstractmethod
    def picture(self, name: str) -> Picture:
        """Return one image of the index.

        Raises:
            one of `UNUSABLE`: it cannot be used; the message says why.
        """

    @abstractmethod
    def watched(self) -> Iterable[Path]:
        """Return the files whose change makes what was prepared from them out of date."""

    def check(self, index: pd.DataFrame) -> None:
        """Refuse pictures that are not what the index says, now that all are read.

        Args:
            index: with the sha256 of what each was read from as `source`, "" where it cannot be
                used.

        Raises:
            SourceError: there are such; the message names them.
        """

    def encoded(
        self,
        data: bytes,
        *,
        image: Image.Image | None = None,
        box: tuple[int, ...] | None = None,
    ) -> Picture:
        """Return the picture in an image file's bytes, or a `box` of its opened `image`.

        Raises:
            SourceError: see `pictures.opened` and `pictures.squared`.
        """
        image = self.opened(data) if image is None else image
        return Picture(self._squared(image, box=box), sha256(data))

    def opened(self, data: bytes) -> Image.Image:
        """Return the picture in an image file's bytes as the manifest says (`pictures.opened`)."""
        return pictures.opened(data, self.manifest.image, image_px=self.image_px)

    def _squared(self, image: Image.Image, *, box: tuple[int, ...] | None = None) -> np.ndarray:
        return pictures.squared(image, self.manifest.image, image_px=self.image_px, box=box)

    def stored(self, pixels: np.ndarray) -> Picture:
        """Return the picture of an array, uint8 (H, W[, 3]); its sha256 is that of its pixels."""
        from PIL import Image

        return Picture(self._squared(Image.fromarray(pixels)), sha256(pixels.tobytes()))

    def pictures(self, names: Sequence[str]) -> Iterator[Picture | Exception]:
        """Yield every image, or why it cannot be used."""
        for name in names:
            try:
                yield self.picture(name)
            except UNUSABLE as error:
                yield error


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn whatever the bytes of a file lead to into a SourceError that names the file."""
    try:
        yield
    except (SourceError, FileNotFoundError):
        raise
    except Exception as error:
        raise SourceError(f"{path}: not readable: {said(error)}") from error


def index_frame(
    *,
    images: Sequence[str],
    groups: Sequence[str],
    splits: Sequence[str],
    labels: np.ndarray,
    names: Sequence[str],
) -> pd.DataFrame:
    """Return an index; `labels` is (N, K), 0 or 1, for the K `names`."""
    import pandas as pd

    front = pd.DataFrame({"image": images, "group": groups, "split": splits}, dtype="str")
    return pd.concat([front, pd.DataFrame(labels.astype(np.uint8), columns=list(names))], axis=1)


def refuse(names: Iterable[object], what: str) -> None:
    """Raise SourceError that lists `names` and says `what` is wrong with them, if there are any."""
    if wrong := [*names]:
        raise SourceError(f"{len(wrong)} {what}: {listed(wrong)}")


def sha256(data: bytes | memoryview) -> str:
    """Return the sha256 (hex) of some bytes."""
    return hashlib.sha256(data).hexdigest()
