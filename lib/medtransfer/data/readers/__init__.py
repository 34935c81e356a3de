"""Where images come from: one module per source that is made of files."""

from __future__ import annotations

from pathlib import Path

from medtransfer.data.readers.reader import Reader
from medtransfer.data.schema import (
    ChestXray14Manifest,
    EyePacsManifest,
    FolderManifest,
    ImageFacts,
    MedMnistManifest,
    PatchCamelyonManifest,
)


def reader_of(manifest: ImageFacts, *, root: Path, image_px: int) -> Reader:
    """Return what reads the source of `manifest`, whose files lie in `root`.

    Raises:
        TypeError: the source is not made of files.
    """
    # Each brings a library of its own, which others need not wait for.
    where = {"root": root, "image_px": image_px}
    if isinstance(manifest, FolderManifest):
        from medtransfer.data.readers.folder import FolderReader

        return FolderReader(manifest, **where)  # type: ignore[arg-type]
    if isinstance(manifest, MedMnistManifest):
        from medtransfer.data.readers.medmnist import MedMnistReader

        return MedMnistReader(manifest, **where)  # type: ignore[arg-type]
    if isinstance(manifest, EyePacsManifest):
        from medtransfer.data.readers.eyepacs import EyePacsReader

        return EyePacsReader(manifest, **where)  # type: ignore[arg-type]
    if isinstance(manifest, ChestXray14Manifest):
        from medtransfer.data.readers.chestxray14 import ChestXray14Reader

        return ChestXray14Reader(manifest, **where)  # type: ignore[arg-type]
    if isinstance(manifest, PatchCamelyonManifest):
        from medtransfer.data.readers.patchcamelyon import PatchCamelyonReader

        return PatchCamelyonReader(manifest, **where)  # type: ignore[arg-type]
    raise TypeError(f"{manifest.name} is not made of files")
