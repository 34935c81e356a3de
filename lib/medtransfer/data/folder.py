"""The local folder: images and a CSV of labels and groups, described by a manifest."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, UnidentifiedImageError
from tqdm import tqdm

from medtransfer.data import dicom
from medtransfer.data.manifest import FolderManifest

SHOWN = 5


class FolderError(ValueError):
    """A folder of images does not fit its manifest."""


UNUSABLE = (
    UnidentifiedImageError,
    OSError,
    FolderError,
    dicom.DicomError,
    Image.DecompressionBombError,
)


def content(manifest: FolderManifest, *, root: Path) -> str:
    """Return the sha256 over the index (names, groups, labels, splits) and every image file.

    Raises:
        FolderError: see `read_index`.
    """
    index = read_index(manifest, root=root)
    digest = hashlib.sha256(index.to_csv(index=False).encode())
    for path in _files(manifest, root=root, index=index):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def read_index(manifest: FolderManifest, *, root: Path) -> pd.DataFrame:
    """Return the index of a folder: `image`, `group`, `split` and one 0/1 column per label.

    Rows that the published split leaves out are dropped.

    Raises:
        FolderError: the table is missing, has another checksum, lacks a column, names an image
            twice or one that is not there, or holds empty groups or labels that are not allowed.
    """
    table = _table(manifest, root=root)
    index = pd.DataFrame({"image": table[manifest.image_column]})
    index["group"] = table[manifest.group_column or manifest.image_column]
    index["split"] = table[manifest.split.column] if manifest.split.column else ""
    labels = pd.DataFrame(_labels(manifest, table), columns=list(manifest.label_names))
    index = pd.concat([index, labels], axis=1)
    if manifest.split.column:
        index = index[index["split"] != ""].reset_index(drop=True)
    _refuse(index["image"][index["image"].duplicated()], "stand twice in the table")
    _refuse(index["image"][index["group"] == ""], f"have no {manifest.group_column}")
    files = _files(manifest, root=root, index=index)
    _refuse([f.name for f in files if not f.is_file()], f"are not in {root / manifest.images}")
    return index


def read_images(
    manifest: FolderManifest, *, root: Path, index: pd.DataFrame, out: np.ndarray
) -> None:
    """Fill `out` (uint8, (N, px, px, C)) with the images of `index`, made square and resized.

    Raises:
        FolderError: images cannot be read, or are not square though `fit` is "exact".
    """
    problems = []
    files = _files(manifest, root=root, index=index)
    for row, path in enumerate(tqdm(files, desc=f"reading {manifest.name}", unit="image")):
        try:
            out[row] = read_image(path, image_px=out.shape[1], manifest=manifest)
        except UNUSABLE as error:
            problems.append(f"{path.name} ({error})")
    _refuse(problems, "cannot be used; mend them or take their rows out of the table")


def read_image(path: Path, *, image_px: int, manifest: FolderManifest) -> np.ndarray:
    """Return one image as uint8 (image_px, image_px, C), from any file that Pillow reads or DICOM.

    Raises:
        FolderError: the image has more than 8 bits, or is not square though `fit` is "exact".
        DicomError: a DICOM file holds no picture that can be used.
    """
    image = dicom.read_picture(path) if dicom.is_dicom(path) else _opened(path)
    image = image.convert("L" if manifest.image.channels == 1 else "RGB")
    image = _square(image, fit=manifest.image.fit)
    if image.width != image_px:
        image = image.resize((image_px, image_px), Image.Resampling.LANCZOS, reducing_gap=3.0)
    pixels = np.asarray(image, dtype=np.uint8)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _opened(path: Path) -> Image.Image:
    with Image.open(path) as opened:
        if opened.mode.startswith(("I", "F")):
            raise FolderError(f"pixels of more than 8 bits (mode {opened.mode}); convert it first")
        opened.load()
        return opened


def _square(image: Image.Image, *, fit: str) -> Image.Image:
    width, height = image.size
    if width == height:
        return image
    if fit == "exact":
        raise FolderError(f'{width}x{height} is not square; set image.fit to "crop" or "pad"')
    side = min(width, height) if fit == "crop" else max(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    return image.crop((left, top, left + side, top + side))  # beyond the border: black


def _table(manifest: FolderManifest, *, root: Path) -> pd.DataFrame:
    path = root / manifest.table
    if not path.is_file():
        raise FolderError(f"{path}: no such table; see `table` in the manifest")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if manifest.table_sha256 not in (None, found):
        raise FolderError(f"{path}: sha256 is {found}, the manifest says {manifest.table_sha256}")
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (ValueError, UnicodeDecodeError) as error:
        raise FolderError(f"{path}: not readable as CSV: {error}") from error
    needed = {
        manifest.image_column,
        manifest.group_column,
        manifest.split.column,
        manifest.findings_column,
        *(manifest.label_columns or ()),
    }
    missing = sorted(name for name in needed - set(table.columns) if name is not None)
    if missing or table.empty:
        raise FolderError(f"{path}: lacks {missing or 'rows'}; columns: {list(table.columns)}")
    return table


def _labels(manifest: FolderManifest, table: pd.DataFrame) -> np.ndarray:
    if manifest.label_columns is not None:
        values = table[list(manifest.label_columns)]
        wrong = ~values.isin(["0", "1"]).all(axis=1)
        _refuse(table[manifest.image_column][wrong], "have labels other than 0 and 1")
        return values.astype(np.uint8).to_numpy()
    names = manifest.label_names
    found = table[manifest.findings_column].str.split(manifest.findings_separator, regex=False)
    unknown = sorted({name for row in found for name in row} - {"", *names})
    _refuse(unknown, f"are findings that the manifest does not list ({', '.join(names)})")
    return np.array([[name in row for name in names] for row in found], dtype=np.uint8)


def _files(manifest: FolderManifest, *, root: Path, index: pd.DataFrame) -> list[Path]:
    base = (root / manifest.images).resolve()
    files = [base / f"{name}{manifest.image_suffix}" for name in index["image"]]
    _refuse([f for f in files if base not in f.resolve().parents], f"lie outside {base}")
    return files


def _refuse(names: object, what: str) -> None:
    listed = [str(name) for name in names]  # type: ignore[attr-defined]
    if listed:
        more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
        raise FolderError(f"{len(listed)} {what}: {', '.join(listed[:SHOWN])}{more}")
