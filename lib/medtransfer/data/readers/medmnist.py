"""MedMNIST+: one archive of arrays per set and size, downloaded without an account.

Its images lie one after the other in a compressed stream of up to 12 GB, which is read once from
its beginning and never held in memory.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

import numpy as np

from medtransfer.data.readers.reader import Picture, Reader, index_frame, reading
from medtransfer.data.schema import Published
from medtransfer.data.splits import DEVELOPMENT, TEST
from medtransfer.errors import SourceError

if TYPE_CHECKING:
    import pandas as pd

SPLITS = {"train": DEVELOPMENT, "val": DEVELOPMENT, "test": TEST}


class MedMnistManifest(Published):
    """Arrays of MedMNIST+; `positive` are the classes of a positive label, for one label."""

    kind: Literal["medmnist"]
    positive: tuple[int, ...] | None = None

    def reader(self, *, root: Path, image_px: int) -> MedMnistReader:
        """Return what reads its archive."""
        return MedMnistReader(self, root=root, image_px=image_px)


class MedMnistReader(Reader[MedMnistManifest]):
    """Images without patients: every image is its own group."""

    parallel = False

    def __init__(self, manifest: MedMnistManifest, *, root: Path, image_px: int) -> None:
        super().__init__(manifest, root=root, image_px=image_px)
        self.path = root / manifest.files_for(image_px)[0].path
        self.stream: _Stream | None = None

    def index(self) -> pd.DataFrame:
        """Return all images of the three parts.

        Raises:
            SourceError: the archive is missing or damaged, or holds other labels than stated.
        """
        import pandas as pd

        if not self.path.is_file():
            raise SourceError(f"{self.path}: no such file")
        with reading(self.path), np.load(self.path, allow_pickle=False) as arrays:
            labels = {part: arrays[f"{part}_labels"] for part in SPLITS}
        return pd.concat(
            [self._part(part, values) for part, values in labels.items()], ignore_index=True
        )

    def _part(self, part: str, values: np.ndarray) -> pd.DataFrame:
        names = self.manifest.label_names
        if self.manifest.positive is not None:
            values = np.isin(values.reshape(len(values), -1), self.manifest.positive)
        if values.shape != (len(values), len(names)) or not np.isin(values, (0, 1)).all():
            raise SourceError(
                f"{self.path}: {part}_labels {values.shape} are not {len(names)} values 0/1"
            )
        images = [f"{part}/{row:06d}" for row in range(len(values))]
        return index_frame(
            images=images,
            groups=images,
            splits=[SPLITS[part]] * len(values),
            labels=values,
            names=names,
        )

    def watched(self) -> Iterable[Path]:
        """Return the archive."""
        return [self.path]

    def picture(self, name: str) -> Picture:
        """Return one image; cheap when names are asked for in the order of the index."""
        part, row = name.split("/")
        with reading(self.path):
            if self.stream is None or self.stream.part != part or self.stream.row > int(row):
                self.stream = _Stream(self.path, part=part)
            return self.stored(self.stream.image(int(row)))


class _Stream:
    """The images of one part, in their order."""

    def __init__(self, path: Path, *, part: str) -> None:
        self.part, self.row = part, 0
        self.file: IO[bytes] = zipfile.ZipFile(path).open(f"{part}_images.npy")  # noqa: SIM115 - read on later
        version = np.lib.format.read_magic(self.file)
        read = {(1, 0): np.lib.format.read_array_header_1_0}.get(
            version, np.lib.format.read_array_header_2_0
        )
        shape, fortran, dtype = read(self.file)
        if dtype != np.uint8 or fortran or len(shape) not in (3, 4):
            raise SourceError(f"{path}: {part}_images is {dtype} {shape}, not uint8 (N, H, W[, 3])")
        self.shape = shape[1:]

    def image(self, row: int) -> np.ndarray:
        size = int(np.prod(self.shape))
        self.file.seek((row - self.row) * size, 1)
        data = self.file.read(size)
        if len(data) != size:
            raise SourceError(f"{self.part}_images ends before image {row}")
        self.row = row + 1
        return np.frombuffer(data, np.uint8).reshape(self.shape)
