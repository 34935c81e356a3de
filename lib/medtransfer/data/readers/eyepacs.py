"""EyePACS: the fundus photographs of Kaggle's Diabetic Retinopathy Detection competition.

In the source's folder: `trainLabels.csv` and `train/NAME.jpeg`, `retinopathy_solution.csv` (the
labels of the test images, released later) and `test/NAME.jpeg`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from medtransfer.data.readers.reader import Picture, Reader, index_frame, refuse
from medtransfer.data.readers.tables import table
from medtransfer.data.schema import Published
from medtransfer.data.splits import DEVELOPMENT, TEST
from medtransfer.errors import SourceError

if TYPE_CHECKING:
    import pandas as pd
    from PIL import Image

TABLES = {"train": "trainLabels.csv", "test": "retinopathy_solution.csv"}
SPLITS = {"train": DEVELOPMENT, "test": TEST}
GRADES = ("0", "1", "2", "3", "4")
# The field of view is what is brighter than a tenth of the brightest parts, in rows and columns
# of which at least a fiftieth is so: neither noise in the dark border nor a date stamp counts.
SHARE_OF_BRIGHT, SHARE_OF_LINE = 0.1, 0.02
COARSE_PX = 256


class EyePacsManifest(Published):
    """Fundus photographs of the Kaggle competition; `positive` are the referable grades."""

    kind: Literal["eyepacs"]
    positive: tuple[int, ...]

    def reader(self, *, root: Path, image_px: int) -> EyePacsReader:
        """Return what reads its photographs."""
        return EyePacsReader(self, root=root, image_px=image_px)


class EyePacsReader(Reader[EyePacsManifest]):
    """Photographs, cropped to the field of view; both eyes of a patient are one group."""

    def index(self) -> pd.DataFrame:
        """Return all images of both tables; the patient is the part before `_left` or `_right`.

        Raises:
            SourceError: a table is missing, names an image twice, or holds names or grades that
                are not allowed.
        """
        import pandas as pd

        frames = [self._part(part) for part in TABLES]
        return pd.concat(frames, ignore_index=True)

    def _part(self, part: str) -> pd.DataFrame:
        rows = table(self.root / TABLES[part], columns=["image", "level"])
        names = rows["image"]
        eyes = names.str.extract(r"^([0-9]+)_(left|right)$")
        refuse(names[eyes[0].isna()], f"in {TABLES[part]} are not named PATIENT_left or _right")
        refuse(names[names.duplicated()], f"appear twice in {TABLES[part]}")
        refuse(names[~rows["level"].isin(GRADES)], f"in {TABLES[part]} have no grade from 0 to 4")
        referable = rows["level"].astype(int).isin(self.manifest.positive)
        return index_frame(
            images=(part + "/" + names).tolist(),
            groups=eyes[0].tolist(),
            splits=[SPLITS[part]] * len(rows),
            labels=referable.to_numpy(np.uint8)[:, None],
            names=self.manifest.label_names,
        )

    def watched(self) -> Iterable[Path]:
        """Return the tables; tens of thousands of photographs are left to `verify`."""
        return [self.root / name for name in TABLES.values()]

    def picture(self, name: str) -> Picture:
        """Return one photograph: field of view, padded to a square, resized."""
        data = (self.root / f"{name}.jpeg").read_bytes()
        image = self.opened(data)
        return self.encoded(data, image=image, box=field_of_view(image))


def field_of_view(image: Image.Image) -> tuple[int, int, int, int]:
    """Return the box (left, top, right, bottom) around the bright part of a fundus photograph.

    Raises:
        SourceError: the picture is dark, or its bright part is a sliver.
    """
    factor = max(1, min(image.size) // COARSE_PX)
    grey = np.asarray(image.reduce(factor).convert("L"))
    bright = grey > max(SHARE_OF_BRIGHT * float(np.percentile(grey, 99)), 4)
    spans = [np.flatnonzero(bright.mean(axis=axis) > SHARE_OF_LINE) for axis in (0, 1)]
    if min(len(span) for span in spans) < min(grey.shape) / 4:
        raise SourceError("no field of view: the picture is dark or almost so")
    (left, right), (top, bottom) = ((span[0], span[-1] + 1) for span in spans)
    width, height = image.size
    return (
        int(left * factor),
        int(top * factor),
        min(width, int(right * factor)),
        min(height, int(bottom * factor)),
    )
