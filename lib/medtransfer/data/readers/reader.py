"""What every source made of files offers: an index, and pictures one by one."""

from __future__ import annotations

import contextlib
import hashlib
import io
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from medtransfer.data import room
from medtransfer.data.schema import FileManifest, ImageFacts
from medtransfer.errors import SourceError

if TYPE_CHECKING:
    import pandas as pd
    from PIL import Image

SHOWN = 5
PADDED = 4  # bytes of a pixel in Pillow
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
        """Return the picture in an image file's bytes, or a `box` of its decoded `image`."""
        image = opened(data, at_least_px=2 * self.image_px) if image is None else image
        return Picture(squared(image, self.manifest, image_px=self.image_px, box=box), sha256(data))

    def stored(self, pixels: np.ndarray) -> Picture:
        """Return the picture of an array, uint8 (H, W[, 3]); its sha256 is that of its pixels."""
        from PIL import Image

        image = Image.fromarray(pixels)
        return Picture(
            squared(image, self.manifest, image_px=self.image_px), sha256(pixels.tobytes())
        )

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
        raise SourceError(f"{path}: not readable: {_said(error)}") from error


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
    listed = [str(name) for name in names]
    if listed:
        more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
        raise SourceError(f"{len(listed)} {what}: {', '.join(listed[:SHOWN])}{more}")


def opened(data: bytes, *, at_least_px: int) -> Image.Image:
    """Return an image file's picture, decoded; a large JPEG at a half, quarter or eighth.

    Its sides keep at least `at_least_px`, so that reducing it to half of that loses nothing.

    Raises:
        SourceError: it cannot be decoded, or has more than 8 bits.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as image:
            image.draft(None, (at_least_px, at_least_px))  # type: ignore[arg-type]
            image.load()
    except Exception as error:  # decoders raise whatever the bytes of strangers lead to
        raise SourceError(f"not readable as an image: {_said(error)}") from error
    if image.mode.startswith(("I", "F")):
        raise SourceError(f"pixels of more than 8 bits (mode {image.mode}); convert it first")
    return image


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def squared(
    image: Image.Image, facts: ImageFacts, *, image_px: int, box: tuple[int, ...] | None = None
) -> np.ndarray:
    """Return a picture, or a `box` of it, as uint8 (image_px, image_px, C), square as `fit` says.

    Raises:
        SourceError: it is not square though `fit` is "exact", or has colours that nobody converts.
    """
    from PIL import Image

    left, top, right, bottom = box or (0, 0, *image.size)
    width, height = right - left, bottom - top
    if width != height and facts.image.fit == "exact":
        raise SourceError(f'{width}x{height} is not square; set image.fit to "crop" or "pad"')
    side = max(width, height) if facts.image.fit == "pad" else min(width, height)
    side_kept = side * facts.image.centre
    x, y = left + (width - side) // 2, top + (height - side) // 2
    if side != width or side != height:  # beyond the border: black
        square = f"{width}x{height} on a black square"
        room.check_memory(PADDED * side**2, what=square, mend="crop it")
        image = image.crop((x, y, x + side, y + side))
        x = y = 0
    image = _coloured(image, "L" if facts.image.channels == 1 else "RGB")
    margin = (side - side_kept) / 2
    kept = (x + margin, y + margin, x + margin + side_kept, y + margin + side_kept)
    if kept != (0, 0, *image.size) or side_kept != image_px:
        # To shrink, Hamming's window reads a third of the lines that Lanczos's does.
        filters = Image.Resampling
        chosen = filters.HAMMING if side_kept > image_px else filters.LANCZOS
        image = image.resize((image_px, image_px), chosen, box=kept, reducing_gap=2.0)
    pixels = np.asarray(image, dtype=np.uint8)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _coloured(image: Image.Image, mode: str) -> Image.Image:
    try:
        return image.convert(mode)
    except ValueError as error:
        raise SourceError(f"colours of mode {image.mode}; convert them to {mode} first") from error


def sha256(data: bytes | memoryview) -> str:
    """Return the sha256 (hex) of some bytes."""
    return hashlib.sha256(data).hexdigest()
