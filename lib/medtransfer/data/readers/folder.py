"""The local folder: images and a table of labels and groups, described by a manifest."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from medtransfer.data.files import Sha256
from medtransfer.data.readers import rows
from medtransfer.data.readers.labels import ColumnLabel, one_finding
from medtransfer.data.readers.located import LISTED, Located
from medtransfer.data.readers.patients import Pattern
from medtransfer.data.readers.reader import Picture, Reader, sha256
from medtransfer.data.readers.sets import FolderSplit
from medtransfer.data.readers.tables import Encoding, Separator, table
from medtransfer.data.readers.values import Column, Values
from medtransfer.data.schema import FileManifest
from medtransfer.errors import SourceError

if TYPE_CHECKING:
    import pandas as pd

NONE = "none"
NEEDS_GROUPS = (
    "group_column: needed: the column that names the patient of every image, so that no patient "
    "is divided between sets; or `group_column: none`, if every image is of a different patient"
)

Mistake = Literal["similar_groups", "missing_groups", "identical_images", "contradicting_findings"]


class FolderManifest(FileManifest):
    """Images in a folder and a table beside them; paths are relative to the manifest's own folder.

    Attributes:
        images: the folder of the images.
        table: a CSV file; without one, there is a row for every image below the folder, with the
            columns `file`, `folder` (the one that holds it) and `outer_folder` (the first one).
        table_sha256: its checksum, if it must not change.
        separator, encoding: those of the table: `,` unless given, and UTF-8 unless its first bytes
            say UTF-16.
        image_column: the column of file names below the folder (see `located`).
        image_suffix: what the names lack at their end, such as `.png`.
        folder_column: the column of the folder, below that of the images, that holds the file.
        rows_per_image: "many" if rows are findings or readers of an image, which is positive if any
            of its rows is.
        group_column: the column of patients, or "none" if every image is of a different patient.
        group_pattern: a regular expression for the part of that column that is the patient; if
            it has a group, that group is the patient.
        only: column -> the values of the rows to use; other rows are left out.
        labels: without `findings_column`, each is decided by a column (see `ColumnLabel`).
        label_columns: their columns, in the order of the labels.
        findings_column: the column that lists the names of positive labels.
        findings_separator: the separator between them.
        ignored_findings: findings that are not labels, or "others" for all such findings.
        left_out_findings: findings whose rows are left out; "" for an empty cell.
        allow: likely mistakes to accept: ids of patients that differ only by case or as
            7 and 007 do; rows without an id, whose images then form groups of their own; one file,
            byte for byte, of several patients or with several labels; "No Finding" beside a
            finding.
    """

    kind: Literal["folder"]
    images: str
    table: str | None = None
    table_sha256: Sha256 | None = None
    separator: Separator = ","
    encoding: Encoding | None = None
    image_column: Column = LISTED[0]
    image_suffix: str = ""
    folder_column: Column | None = None
    rows_per_image: Literal["one", "many"] = "one"
    group_column: Column | None
    group_pattern: Pattern | None = None
    only: dict[Column, Values] = Field(default_factory=dict)
    labels: Annotated[tuple[ColumnLabel, ...], Field(min_length=1)]
    label_columns: tuple[Column, ...] | None = None
    findings_column: Column | None = None
    findings_separator: Annotated[str, Field(min_length=1)] = "|"
    ignored_findings: tuple[str, ...] | Literal["others"] = ()
    left_out_findings: tuple[str, ...] = ()
    split: FolderSplit
    allow: tuple[Mistake, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _groups_are_said(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        column = given.get("group_column")
        if column is None:
            raise ValueError(NEEDS_GROUPS)
        alone = column == NONE
        noun = "image" if alone else "group"
        return {"group_noun": noun, **given, "group_column": None if alone else column}

    @model_validator(mode="after")
    def _columns_are_said(self) -> FolderManifest:
        if self.table and "image_column" not in self.model_fields_set:
            raise ValueError("image_column: needed: the column of the table that names the files")
        if self.group_pattern and not self.group_column:
            raise ValueError("group_pattern: needs a group_column")
        own = [label.name for label in self.labels if label.of_column]
        if own and (self.findings_column or self.label_columns):
            raise ValueError(
                f"labels: {', '.join(own)}: a column or values of its own, and label_columns or "
                "findings_column beside it; give one of the three"
            )
        if self.label_columns and self.findings_column:
            raise ValueError("give either label_columns or findings_column")
        if self.findings_column and (same := one_finding(self.label_names)):
            raise ValueError(f"labels: {', '.join(same)}: one finding in two spellings")
        if self.label_columns is not None and len(self.label_columns) != len(self.labels):
            raise ValueError("label_columns: one column per label, in the order of labels")
        return self

    @property
    def columns_of_labels(self) -> tuple[str, ...]:
        """The columns that decide the labels, in their order; () where findings do."""
        if self.findings_column:
            return ()
        return self.label_columns or tuple(
            label.column or label.name.strip() for label in self.labels
        )

    @property
    def fields_of_columns(self) -> dict[str, str]:
        """The columns that are read, with the field that names each."""
        of_label = "label_columns" if self.label_columns else "labels: column"
        found: dict[str | None, str] = {
            **dict.fromkeys(self.only, "only"),
            **dict.fromkeys(self.columns_of_labels, of_label),
            self.findings_column: "findings_column",
            self.split.column: "split: column",
            self.group_column: "group_column",
            self.folder_column: "folder_column",
            self.image_column: "image_column",
        }
        return {column: field for column, field in found.items() if column is not None}

    def folder(self, manifest: Path) -> Path:
        """Return the folder of its files, beside the manifest."""
        return manifest.parent

    def reader(self, *, root: Path, image_px: int) -> FolderReader:
        """Return what reads its images."""
        return FolderReader(self, root=root, image_px=image_px)


class FolderReader(Reader[FolderManifest]):
    """Any files that Pillow reads, or DICOM, named by a table beside them or by their folders."""

    def __init__(self, manifest: FolderManifest, *, root: Path, image_px: int) -> None:
        super().__init__(manifest, root=root, image_px=image_px)
        folder = root / Path(manifest.images).expanduser()
        self.located = Located(folder, suffix=manifest.image_suffix)

    def index(self) -> pd.DataFrame:
        """Return the index; rows that the manifest leaves out are dropped.

        Raises:
            SourceError: the table is missing, has another checksum, or is none (see `tables`); or
                its rows do not fit the manifest or the folder (see `rows`).
        """
        found = self.rows
        try:
            return rows.index(self.manifest, found, self.located)
        except SourceError as error:
            raise SourceError(f"{self.manifest.table or self.located.folder}: {error}") from None

    def watched(self) -> Iterable[Path]:
        """Return the table and every image that it names, as long as it is there."""
        if self.manifest.table:
            yield self.table
        if not (self.table if self.manifest.table else self.located.folder).exists():
            return
        for name in rows.names(self.manifest, self.rows):
            yield self.located.path(name)

    def picture(self, name: str) -> Picture:
        """Return one image; what it raises says whether its file or its content is at fault."""
        try:
            return self.encoded(self.located.path(name).read_bytes())
        except FileNotFoundError:
            raise FileNotFoundError(self.located.missing(name)) from None

    def check(self, index: pd.DataFrame) -> None:
        """Refuse files that are byte for byte the same (see `rows.check_identical`)."""
        if "identical_images" not in self.manifest.allow:
            rows.check_identical(index, self.manifest.label_names)

    @property
    def table(self) -> Path:
        """The path of the table."""
        return self.root / Path(self.manifest.table or "").expanduser()

    @cached_property
    def rows(self) -> pd.DataFrame:
        """The rows of the table, or of the files below the folder; text."""
        manifest = self.manifest
        fields = manifest.fields_of_columns
        if not manifest.table:
            return self._listed([*fields])
        how: Any = {"separator": manifest.separator, "encoding": manifest.encoding}
        found = table(self.table, columns=fields, fields=fields, **how)
        known = sha256(self.table.read_bytes())
        if manifest.table_sha256 not in (None, known):
            raise SourceError(
                f"{self.table}: sha256 is {known}, the manifest says {manifest.table_sha256}"
            )
        return found

    def _listed(self, columns: list[str]) -> pd.DataFrame:
        if unknown := sorted({*columns} - {*LISTED}):
            raise SourceError(
                f"without a table there is no column {', '.join(unknown)}; those of the files "
                f"below {self.located.folder} are {', '.join(LISTED)}"
            )
        return self.located.pictures()
