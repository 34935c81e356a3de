"""ChestX-ray14 of the NIH, with the splits that the paper's authors published.

In the source's folder: `Data_Entry_2017_v2020.csv`, the authors' four `dN_filenames.yml`, and
`images/NAME.png`. Images are joined by file name: the rows of the table were put in another order
after the splits were made, so the authors' row numbers would join wrong labels.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import yaml

from medtransfer.data.readers.labels import findings
from medtransfer.data.readers.reader import Picture, Reader, index_frame, refuse
from medtransfer.data.readers.tables import table
from medtransfer.data.schema import Published
from medtransfer.data.splits import TEST, TRAIN, VALIDATION
from medtransfer.errors import SourceError

if TYPE_CHECKING:
    import pandas as pd

TABLE = "Data_Entry_2017_v2020.csv"
IMAGE, FINDINGS, PATIENT = "Image Index", "Finding Labels", "Patient ID"
# The authors' numbers of the development sets, and the paper's names.
SPLITS = {
    "d0_filenames.yml": "d1/10",
    "d1_filenames.yml": "d1",
    "d2_filenames.yml": "d2",
    "d3_filenames.yml": "d2/2",
}
PARTS = {"trainIDs": TRAIN, "valIDs": VALIDATION, "testIDs": TEST}
# The loader in C is seven times as fast and as safe; not every build of PyYAML has it.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class ChestXray14Manifest(Published):
    """Radiographs of the NIH, with the split files of the paper's authors."""

    kind: Literal["chestxray14"]

    def reader(self, *, root: Path, image_px: int) -> ChestXray14Reader:
        """Return what reads its radiographs."""
        return ChestXray14Reader(self, root=root, image_px=image_px)


class ChestXray14Reader(Reader[ChestXray14Manifest]):
    """Frontal radiographs, grey; all images of a patient are one group."""

    def index(self) -> pd.DataFrame:
        """Return the images of the published split, in the order of the table.

        Raises:
            SourceError: a table or split file is missing or damaged, an image appears twice, has
                no row, or belongs to another patient than its name says, or a finding is unknown.
        """
        rows = table(self.root / TABLE, columns=[IMAGE, FINDINGS, PATIENT])
        names = rows[IMAGE]
        refuse(names[names.duplicated()], f"appear twice in {TABLE}")
        patients = rows[PATIENT].str.zfill(8)
        refuse(names[names.str[:8] != patients], f"in {TABLE} have another patient in their name")
        sets = published_sets(self.root)
        refuse(sorted(set(sets) - {*names}), f"of the published split have no row in {TABLE}")
        used = names.isin(sets.keys())
        rows, names, patients = rows[used], names[used], patients[used]
        return index_frame(
            images=names.tolist(),
            groups=patients.tolist(),
            splits=[sets[name] for name in names],
            labels=findings(rows[FINDINGS], self.manifest.label_names, separator="|"),
            names=self.manifest.label_names,
        )

    def watched(self) -> Iterable[Path]:
        """Return the tables; a hundred thousand radiographs are left to `verify`."""
        return [self.root / name for name in (TABLE, *SPLITS)]

    def picture(self, name: str) -> Picture:
        """Return one radiograph; a few files have colour and opacity, which are left out."""
        return self.encoded((self.root / "images" / name).read_bytes())


def published_sets(root: Path) -> dict[str, str]:
    """Return file name -> the sets that hold it, such as "d1:train;d1/10:train" or "test".

    Raises:
        SourceError: a file is missing, is no YAML of the published form, or their test sets
            differ.
    """
    sets: dict[str, list[str]] = defaultdict(list)
    tests = {}
    for file, name in SPLITS.items():
        content = _split_file(root / file)
        for key, part in PARTS.items():
            if part == TEST:
                tests[file] = content[key]
                continue
            for image in content[key]:
                sets[f"{image}.png"].append(f"{name}:{part}")
    first, *others = tests.values()
    if any(set(first) != set(other) for other in others):
        raise SourceError(f"{', '.join(tests)} have different test sets")
    for image in first:
        sets[f"{image}.png"].append(TEST)
    return {image: ";".join(names) for image, names in sets.items()}


def _split_file(path: Path) -> dict[str, list[str]]:
    try:
        text = path.read_text(encoding="utf-8")
        _refuse_depth(text)
        content = yaml.load(text, Loader=LOADER)
    except FileNotFoundError:
        raise SourceError(f"{path}: no such split file") from None
    except Exception as error:  # wrong dates and huge numbers have errors of their own
        raise SourceError(
            f"{path}: not readable as YAML: {type(error).__name__}: {error}"
        ) from error
    lists = content if isinstance(content, dict) else {}
    for key in PARTS:
        names = lists.get(key)
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise SourceError(f"{path}: {key}: must be a list of file names without .png")
        if len(set(names)) != len(names):
            raise SourceError(f"{path}: {key}: names an image twice")
    return lists


def _refuse_depth(text: str) -> None:
    """Refuse more than lists in a table: in depth, the loader in C recurses until it crashes."""
    depth = 0
    for event in yaml.parse(text, Loader=LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > 2:
            raise yaml.YAMLError("lists in lists")
