"""The local folder: images and a CSV of labels and groups, described by a manifest."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import model_validator

from medtransfer.data.files import Sha256
from medtransfer.data.readers.reader import Picture, Reader, index_frame, refuse, sha256, table
from medtransfer.data.schema import FileManifest
from medtransfer.errors import SourceError

if TYPE_CHECKING:
    import pandas as pd


class FolderManifest(FileManifest):
    """Images in a folder and a CSV of labels; paths are relative to the manifest's own folder.

    Either `label_columns` (one 0/1 column per label) or `findings_column` (names of the positive
    labels, divided by `findings_separator`) says what is positive. Without `group_column` every
    image is its own group, and `group_noun` is "image".
    """

    kind: Literal["folder"]
    images: str
    table: str
    table_sha256: Sha256 | None = None
    image_column: str
    image_suffix: str = ""
    group_column: str | None = None
    label_columns: tuple[str, ...] | None = None
    findings_column: str | None = None
    findings_separator: str = "|"

    @model_validator(mode="before")
    @classmethod
    def _groups_have_a_noun(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return {"group_noun": "group" if given.get("group_column") else "image", **given}

    @model_validator(mode="after")
    def _labels_have_one_rule(self) -> FolderManifest:
        if (self.label_columns is None) == (self.findings_column is None):
            raise ValueError("give either label_columns or findings_column")
        if self.label_columns is not None and len(self.label_columns) != len(self.labels):
            raise ValueError("label_columns: one column per label, in the order of labels")
        return self

    def folder(self, manifest: Path) -> Path:
        """Return where its files lie: beside the manifest."""
        return manifest.parent

    def reader(self, *, root: Path, image_px: int) -> FolderReader:
        """Return what reads its images."""
        return FolderReader(self, root=root, image_px=image_px)


class FolderReader(Reader[FolderManifest]):
    """Any files that Pillow reads, or DICOM, named by a table beside them."""

    def __init__(self, manifest: FolderManifest, *, root: Path, image_px: int) -> None:
        super().__init__(manifest, root=root, image_px=image_px)
        self.base = (root / manifest.images).resolve()

    def index(self) -> pd.DataFrame:
        """Return the index; rows that the published split leaves out are dropped.

        Raises:
            SourceError: the table is missing, has another checksum, lacks a column, names an image
                twice or one outside the folder, or holds empty groups or labels not allowed.
        """
        rows, manifest = self._table(), self.manifest
        images = rows[manifest.image_column]
        index = index_frame(
            images=images.tolist(),
            groups=rows[manifest.group_column or manifest.image_column].tolist(),
            splits=rows[manifest.split.column].tolist() if manifest.split.column else "",
            labels=_labels(manifest, rows),
            names=manifest.label_names,
        )
        if manifest.split.column:
            index = index[index["split"] != ""].reset_index(drop=True)
        refuse(index["image"][index["image"].duplicated()], "stand twice in the table")
        refuse(index["image"][index["group"] == ""], f"have no {manifest.group_column}")
        files = [self._file(name) for name in index["image"]]
        refuse(
            [f for f in files if self.base not in f.resolve().parents], f"lie outside {self.base}"
        )
        return index

    def watched(self) -> Iterable[Path]:
        """Return the table and every image that it names."""
        yield self.root / self.manifest.table
        for name in self._table()[self.manifest.image_column]:
            yield self._file(name)

    def picture(self, name: str) -> Picture:
        """Return one image; what it raises says whether its file or its content is at fault."""
        return self.encoded(self._file(name).read_bytes())

    def _file(self, name: str) -> Path:
        return self.base / f"{name}{self.manifest.image_suffix}"

    def _table(self) -> pd.DataFrame:
        manifest = self.manifest
        path = self.root / manifest.table
        needed = {
            manifest.image_column,
            manifest.group_column,
            manifest.split.column,
            manifest.findings_column,
            *(manifest.label_columns or ()),
        }
        found = table(path, columns=[name for name in needed if name is not None])
        known = sha256(path.read_bytes())
        if manifest.table_sha256 not in (None, known):
            raise SourceError(
                f"{path}: sha256 is {known}, the manifest says {manifest.table_sha256}"
            )
        return found


def _labels(manifest: FolderManifest, rows: pd.DataFrame) -> np.ndarray:
    if manifest.label_columns is not None:
        values = rows[list(manifest.label_columns)]
        wrong = ~values.isin(["0", "1"]).all(axis=1)
        refuse(rows[manifest.image_column][wrong], "have labels other than 0 and 1")
        return values.astype(np.uint8).to_numpy()
    findings = rows[str(manifest.findings_column)]
    return positives(findings, manifest.label_names, separator=manifest.findings_separator)


def positives(findings: pd.Series, names: tuple[str, ...], *, separator: str) -> np.ndarray:
    """Return 0/1 labels, uint8 (N, K), from the names of the positive ones in each row.

    Raises:
        SourceError: a row names a finding that is not in `names`.
    """
    found = findings.str.split(separator, regex=False)
    unknown = sorted({name for row in found for name in row} - {"", *names})
    refuse(unknown, f"are findings that the manifest does not list ({', '.join(names)})")
    return np.array([[name in row for name in names] for row in found], dtype=np.uint8)
