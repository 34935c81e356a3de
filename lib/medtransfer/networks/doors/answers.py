"""What a system that cannot be called said of a folder of pictures: a table of its answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, nan
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medtransfer.data.catalog import checksum
from medtransfer.data.readers import pictures
from medtransfer.data.readers.located import Located
from medtransfer.data.readers.tables import header, table
from medtransfer.data.readers.values import NUMBER
from medtransfer.data.schema import Image, listed
from medtransfer.errors import SourceError, TargetError
from medtransfer.networks.contract import CALLS, ONE_OF_MANY, Contract
from medtransfer.networks.doors.door import outputs

if TYPE_CHECKING:
    from torch import nn

TABLE, PICTURE, CLASS = "answers.csv", "image", "label"


@dataclass(frozen=True)
class AnswersDoor:
    """A `Door` to answers that were given before.

    Attributes:
        known: sha256 of a picture's pixels -> its raw outputs, (K,).
    """

    known: Mapping[str, np.ndarray]
    contract: Contract
    module: nn.Module | None = None
    whole: bool = True

    def answer(self, images: np.ndarray) -> np.ndarray:
        """Return the raw outputs, float64 (N, K), for images, uint8 (N, H, W, C).

        Raises:
            TargetError: the system was not asked for an image.
        """
        found = [self.known.get(checksum(image)) for image in images]
        if absent := sum(each is None for each in found):
            raise TargetError(
                f"{absent} of {len(images)} images have no answer: these are answers to other "
                "pictures. Write the pictures again (`medtransfer assess craft`), let the system "
                "answer all of them, and score its table with the folder of those pictures"
            )
        raw = np.stack([each for each in found if each is not None])
        return outputs(raw, self.contract, images=len(images))


def files(path: Path) -> list[Path]:
    """Return the table of a folder of pictures."""
    return [path / TABLE]


def opened(path: Path, contract: Contract) -> AnswersDoor:
    """Return the door to the answers in a folder of pictures: `answers.csv`, beside them.

    Its column `image` names the pictures, by path within the folder; of every label there is a
    column, or, of calls of one class of many, one column `label` with the name of the class.

    Raises:
        TargetError: the table lacks a column, a picture or an answer, or names a picture twice.
    """
    place = path / TABLE
    named = contract.outputs == CALLS and contract.head == ONE_OF_MANY
    try:
        named = named and CLASS in header(place)
        columns = [CLASS] if named else [*contract.labels]
        found = table(place, columns=[PICTURE, *columns])
    except SourceError as error:
        raise TargetError(str(error)) from None
    names, cells = found[PICTURE].tolist(), found[columns].to_numpy(str)
    located = Located(path)
    if twice := [name for name, times in Counter(names).items() if times > 1]:
        raise TargetError(f"{place}: these pictures appear twice: {listed(twice)}")
    if absent := [n for n in names if not (located.holds(n) and located.path(n).is_file())]:
        raise TargetError(
            f"{place}: {len(absent)} of {len(names)} pictures are not in {path}: {listed(absent)}"
        )
    classes = {name: float(number) for number, name in enumerate(contract.labels)}
    raw = [[classes.get(cell, nan) if named else _number(cell) for cell in row] for row in cells]
    wrong = [
        f"{name} ({', '.join(row)})"
        for name, row, numbers in zip(names, cells, raw, strict=True)
        if not all(map(isfinite, numbers))
    ]
    if wrong:
        allowed = f"one of {', '.join(contract.labels)}" if named else "numbers"
        raise TargetError(
            f"{place}: {len(wrong)} of {len(names)} pictures have no answer that can be read: "
            f"{listed(wrong)}; allowed: {allowed}"
        )
    pixels = [_checksum(located.path(name), contract.channels) for name in names]
    return AnswersDoor(dict(zip(pixels, np.array(raw), strict=True)), contract)


def _number(cell: str) -> float:
    """Return what a cell says, NaN if it is no number; 0.5, 5e-1, not 0_5."""
    return float(cell) if NUMBER.fullmatch(cell.lower()) else nan


def _checksum(path: Path, channels: int) -> str:
    facts = Image(channels=1 if channels == 1 else 3, fit="pad")
    try:
        with path.open("rb") as file:
            picture = pictures.opened(file.read(), facts, image_px=1)
    except (OSError, SourceError) as error:
        raise TargetError(f"{path}: {error}") from error
    return checksum(np.asarray(picture).reshape(picture.height, picture.width, channels))
