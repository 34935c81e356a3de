"""PatchCamelyon: 96 px patches of lymph nodes in HDF5 files.

In the source's folder, for each part train, valid and test: `..._PART_x.h5` with `x`, uint8
(N, 96, 96, 3); `..._PART_y.h5` with `y`, 0 or 1, (N, 1, 1, 1); and `..._PART_meta.csv`, one row
per patch, whose `wsi` is the slide.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from medtransfer.data.readers.reader import Picture, Reader, index_frame, reading
from medtransfer.data.readers.tables import table
from medtransfer.data.schema import Published
from medtransfer.data.splits import DEVELOPMENT, TEST
from medtransfer.errors import SourceError

if TYPE_CHECKING:
    import h5py
    import pandas as pd

SPLITS = {"train": DEVELOPMENT, "valid": DEVELOPMENT, "test": TEST}
STEM = "camelyonpatch_level_2_split_"


class PatchCamelyonManifest(Published):
    """Patches of lymph nodes in HDF5 files, with the table of their slides."""

    kind: Literal["patchcamelyon"]

    def reader(self, *, root: Path, image_px: int) -> PatchCamelyonReader:
        """Return what reads its patches."""
        return PatchCamelyonReader(self, root=root, image_px=image_px)


class PatchCamelyonReader(Reader[PatchCamelyonManifest]):
    """Patches; all patches of a slide are one group, since patients are not stated."""

    def index(self) -> pd.DataFrame:
        """Return the patches of all parts, in the order of the files.

        Raises:
            SourceError: a file is missing or damaged, or the files of a part do not agree.
        """
        import pandas as pd

        return pd.concat([self._part(part) for part in SPLITS], ignore_index=True)

    def _part(self, part: str) -> pd.DataFrame:
        meta = table(self._file(part, "meta.csv"), columns=["center_tumor_patch", "wsi"])
        x, y = (_array(self._file(part, f"{key}.h5"), key) for key in ("x", "y"))
        number = len(x)
        if not number == y.size == len(meta):
            raise SourceError(
                f"{part}: {number} patches, {y.size} labels and {len(meta)} rows of "
                f"{STEM}{part}_meta.csv; the files do not belong together"
            )
        said = meta["center_tumor_patch"].str.lower().isin(["true", "1"]).to_numpy()
        with reading(self._file(part, "y.h5")):
            truth = y[:].reshape(-1)
            fits = np.isin(truth, (0, 1)).all() and (said == truth.astype(bool)).all()
        if not fits:
            raise SourceError(
                f"{part}: the labels of y.h5 and meta.csv differ; check that valid and test are "
                "not swapped"
            )
        return index_frame(
            images=[f"{part}/{row:06d}" for row in range(number)],
            groups=meta["wsi"].tolist(),
            splits=[SPLITS[part]] * number,
            labels=truth.astype(np.uint8)[:, None],
            names=self.manifest.label_names,
        )

    def watched(self) -> Iterable[Path]:
        """Return all nine files."""
        kinds = ("x.h5", "y.h5", "meta.csv")
        return [self._file(part, kind) for part in SPLITS for kind in kinds]

    def picture(self, name: str) -> Picture:
        """Return one patch; its sha256 is that of its stored pixels."""
        part, row = name.split("/")
        if not (path := self._file(part, "x.h5")).is_file():
            raise FileNotFoundError(f"{path} is gone")
        with reading(path):
            pixels = self._open[part][int(row)]
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[-1] != 3:
            raise SourceError(f"{pixels.dtype} {pixels.shape}; a patch is uint8 (96, 96, 3)")
        return self.stored(pixels)

    @cached_property
    def _open(self) -> dict[str, h5py.Dataset]:
        return {part: _array(self._file(part, "x.h5"), "x") for part in SPLITS}

    def _file(self, part: str, kind: str) -> Path:
        return self.root / f"{STEM}{part}_{kind}"


def _array(path: Path, key: str) -> h5py.Dataset:
    import h5py

    if not path.is_file():
        raise SourceError(f"{path}: no such file")
    with reading(path):
        found = h5py.File(path, "r").get(key)
        whole = isinstance(found, h5py.Dataset) and not (found.external or found.is_virtual)
        if not whole or not found.shape:
            raise SourceError(f"{path}: holds no array {key!r}")
    return found
