"""From the rows of a folder's table to its index: which are used, and what they say of an image."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from medtransfer.data.readers import labels, patients
from medtransfer.data.readers.labels import LEFT_OUT, NEGATIVE, POSITIVE
from medtransfer.data.readers.reader import index_frame, refuse
from medtransfer.data.readers.values import key, keys, lines, shown
from medtransfer.data.schema import listed
from medtransfer.errors import SourceError

if TYPE_CHECKING:
    import pandas as pd

    from medtransfer.data.readers.folder import FolderManifest
    from medtransfer.data.readers.located import Located


def index(manifest: FolderManifest, rows: pd.DataFrame, located: Located) -> pd.DataFrame:
    """Return the index of a folder (see `readers.reader.Reader`).

    Args:
        rows: text; its index is the lines of the table.

    Raises:
        SourceError: rows name no image, none that is there, one outside the folder or, unless
            `rows_per_image` is "many", one that another row names; or they hold what the manifest
            has no rule for; or none is left.
    """
    import pandas as pd

    rows = _chosen(manifest, rows)
    sets = pd.Series("", index=rows.index, dtype="str")
    if manifest.split.column:
        sets = manifest.split.entries(rows[manifest.split.column])
        rows, sets = _left(rows[sets != ""], "split"), sets[sets != ""]
    files = names(manifest, rows)
    _refuse(files[files == ""], f"have no {manifest.image_column}")
    _refuse(files[~files.map(located.holds)], f"lie outside {located.folder}")
    place, _ = pd.factorize(files.map(lambda name: str(located.path(name))))
    if manifest.rows_per_image == "one":
        _refuse_twice(files, place)
    states = _together(_states(manifest, rows), place)
    kept = (states != LEFT_OUT).all(axis=1)[place]
    rows, sets, files, place = _left(rows[kept], "labels"), sets[kept], files[kept], place[kept]
    groups = files
    if manifest.group_column:
        groups = patients.groups(
            rows[manifest.group_column],
            pattern=manifest.group_pattern,
            similar="similar_groups" in manifest.allow,
            missing="missing_groups" in manifest.allow,
        )
        groups = groups.where(groups != "", files)
        _refuse_torn(files, groups, place, "patients")
    _refuse_torn(files, sets, place, "sets")
    first = np.unique(place, return_index=True)[1]
    states = states[place[first]]
    if "contradicting_findings" not in manifest.allow:
        wrong = labels.contradicting(states, manifest.label_names)
        what = (
            "have no finding and a finding together; `allow: [contradicting_findings]` keeps both"
        )
        _refuse(files.iloc[first][wrong], what)
    if not any(os.path.isfile(located.path(name)) for name in files):
        raise SourceError(f"none of {len(first)} images is there: {located.missing(files.iloc[0])}")
    return index_frame(
        images=files.iloc[first].tolist(),
        groups=groups.iloc[first].tolist(),
        splits=sets.iloc[first].tolist(),
        labels=states,
        names=manifest.label_names,
    )


def check_identical(index: pd.DataFrame, names: Sequence[str]) -> None:
    """Refuse files that are byte for byte the same, of several patients or with several labels.

    Args:
        index: with the sha256 of every file as `source`, "" where it cannot be used.
        names: of the labels.

    Raises:
        SourceError: there are such; the message names them with their patients.
    """
    copies = index[(index["source"] != "") & index["source"].duplicated(keep=False)]
    torn = [
        " = ".join(f"{row.image} ({row.group})" for row in same.itertuples())
        for _, same in copies.groupby("source", sort=False)
        if len(same[["group", *names]].drop_duplicates()) > 1
    ]
    if torn:
        raise SourceError(
            f"{len(torn)} files appear again, byte for byte, in another group (patient) or "
            f"with other labels: {listed(torn, '; ')}. Correct the table; or write "
            "`allow: [identical_images]` in the manifest"
        )


def names(manifest: FolderManifest, rows: pd.DataFrame) -> pd.Series:
    """Return the file of every row, below the folder of images."""
    files = rows[manifest.image_column]
    if not manifest.folder_column:
        return files
    whole = rows[manifest.folder_column].combine(files, posixpath.join)
    return whole.where(files != "", "")


def _chosen(manifest: FolderManifest, rows: pd.DataFrame) -> pd.DataFrame:
    for column, values in manifest.only.items():
        there = rows[column].unique()
        wanted = [cell for cell in there if key(cell) in keys(values)]
        if not wanted:
            raise SourceError(
                f"only: column {column!r}: none of {len(rows)} rows holds {shown(values)}; its "
                f"values: {listed(map(repr, there))}"
            )
        rows = rows[rows[column].isin(wanted)]
    return rows


def _left(rows: pd.DataFrame, what: str) -> pd.DataFrame:
    if rows.empty:
        raise SourceError(f"{what}: it leaves out all rows")
    return rows


def _states(manifest: FolderManifest, rows: pd.DataFrame) -> np.ndarray:
    """Return what every row says of the labels, int8 (N, K) (see `labels`)."""
    if manifest.findings_column:
        return labels.findings(
            rows[manifest.findings_column],
            manifest.label_names,
            separator=manifest.findings_separator,
            ignored=manifest.ignored_findings,
            left_out=manifest.left_out_findings,
        )
    columns = zip(manifest.labels, manifest.columns_of_labels, strict=True)
    return np.stack([label.states(rows[column]) for label, column in columns], axis=1)


def _together(states: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Return what rows say together of the image at each place: positive before left out."""
    shape = (place.max() + 1, states.shape[1])
    positive, left_out = np.zeros(shape, bool), np.zeros(shape, bool)
    np.logical_or.at(positive, place, states == POSITIVE)
    np.logical_or.at(left_out, place, states == LEFT_OUT)
    return np.where(positive, POSITIVE, np.where(left_out, LEFT_OUT, NEGATIVE))


def _refuse_twice(files: pd.Series, place: np.ndarray) -> None:
    again = np.bincount(place)[place] > 1
    if again.any():
        images = files[again].groupby(place[again], sort=False)
        named = listed((_rows(same) for _, same in images), "; ")
        raise SourceError(
            f"{len(images)} images have several rows: {named}. Delete rows; or write "
            "`rows_per_image: many` if each row is a finding of an image"
        )


def _rows(files: pd.Series) -> str:
    spellings = " = ".join(map(str, files.unique()))
    return f"{spellings} ({lines(files.index)})"


def _refuse_torn(files: pd.Series, of: pd.Series, place: np.ndarray, what: str) -> None:
    """Refuse images whose rows name several patients or sets."""
    torn = of.groupby(place).transform("nunique") > 1
    _refuse(files[torn], f"name several {what} for one image")


def _refuse(files: pd.Series, what: str) -> None:
    refuse(
        [f"{name} ({lines([line])})" if name else lines([line]) for line, name in files.items()],
        f"rows {what}",
    )
