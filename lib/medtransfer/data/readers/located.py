"""The images below a folder, found by the names that a table gives them."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from medtransfer.data.readers.values import folded
from medtransfer.errors import SourceError

if TYPE_CHECKING:
    import pandas as pd

NEAR = 3
LISTED = ("file", "folder", "outer_folder")
PICTURES = (
    *(".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".jp2", ".tga"),
    *(".pgm", ".ppm", ".dcm", ".dicom"),
)


class Located:
    """The images of a folder.

    A name is that of a file below the folder, with `/` or `\\` between folders. Where no file has
    exactly this name, the only one is taken whose name differs by case or Unicode form, as Windows
    and macOS would. Links of the user's own are followed; a name that leads out of the folder is
    not.
    """

    def __init__(self, folder: Path, *, suffix: str = "") -> None:
        self.folder, self.suffix = Path(os.path.abspath(folder)), suffix
        self._known: dict[str, Path] = {}

    def path(self, name: str) -> Path:
        """Return the path of an image, whether or not it exists; no `..` is left in it."""
        if name not in self._known:
            plain = name.replace("\\", "/") + self.suffix
            path = Path(os.path.normpath(os.path.join(self.folder, plain)))
            self._known[name] = path if os.path.isfile(path) else self._alike(path) or path
        return self._known[name]

    def holds(self, name: str) -> bool:
        """Return whether a name stays below the folder, whether or not the file exists."""
        folders = {self.folder, self.folder.resolve()}
        return not folders.isdisjoint(self.path(name).parents)

    def missing(self, name: str) -> str:
        """Return in a sentence that a file does not exist, and which one may be meant."""
        path = self.path(name)
        found = [*self._alike_all(path), *self._near(path)]
        near = [*dict.fromkeys(found)][:NEAR]
        if not near:
            return f"{path}: no such file"
        advice = ""
        if near[0].startswith(f"{self._relative(path)}."):
            advice = f"; write `image_suffix: {near[0].removeprefix(self._relative(path))}`?"
        return f"{path}: no such file; similar: {', '.join(map(repr, near))}{advice}"

    def files(self) -> Iterator[str]:
        """Yield every file below the folder, as `folder/name`, in order; links are followed."""
        seen = set()
        for place, folders, names in os.walk(self.folder, followlinks=True):
            real = os.path.realpath(place)
            if real in seen:  # a link that leads back
                folders.clear()
                continue
            seen.add(real)
            folders.sort()
            for name in sorted(names):
                yield Path(place, name).relative_to(self.folder).as_posix()

    def pictures(self) -> pd.DataFrame:
        """Return a row for every picture below the folder, text: the columns `LISTED`.

        Raises:
            SourceError: there are none.
        """
        import pandas as pd

        paths = [PurePosixPath(name) for name in self.files()]
        found = [
            (str(path), path.parent.name, path.parts[0] if path.parts[1:] else "")
            for path in paths
            if path.suffix.lower() in PICTURES and not path.name.startswith(".")
        ]
        if not found:
            raise SourceError(f"{self.folder}: no images there; allowed: {', '.join(PICTURES)}")
        return pd.DataFrame(found, columns=[*LISTED], index=[row[0] for row in found], dtype="str")

    def _relative(self, path: Path) -> str:
        return Path(os.path.relpath(path, self.folder)).as_posix()

    def _alike(self, path: Path) -> Path | None:
        found = self._alike_all(path)
        return self.folder / found[0] if len(found) == 1 else None

    def _alike_all(self, path: Path) -> list[str]:
        return self._by_case.get(folded(self._relative(path)), [])

    def _near(self, path: Path) -> list[str]:
        """Return files whose names differ by folder, suffix, blanks, `_` or `-` alone."""
        names = dict.fromkeys((path.name, path.stem))
        return [found for name in names for found in self._by_stem.get(_loose(name), [])]

    @cached_property
    def _by_case(self) -> dict[str, list[str]]:
        return _grouped((folded(name), name) for name in self.files())

    @cached_property
    def _by_stem(self) -> dict[str, list[str]]:
        names = [*self.files()]
        return _grouped((_loose(PurePosixPath(name).stem), name) for name in names)


def _loose(name: str) -> str:
    return re.sub(r"[\s_-]", "", folded(name))


def _grouped(pairs: Iterator[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for key, name in pairs:
        found[key].append(name)
    return dict(found)
