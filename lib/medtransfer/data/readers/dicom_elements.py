"""Elements of DICOM as files have them: an empty element counts as absent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from medtransfer.data.readers.signatures import said
from medtransfer.errors import DicomError

if TYPE_CHECKING:
    from pydicom import Dataset

SHOWN = 40  # characters of a wrong value
SIGNED_FROM, WRAPPED = 2**15, 2**16
UNUSED = 4  # upper bits of a table that no entry uses: so many are believed to be no part of it


def value(data: Dataset, keyword: str) -> Any:
    """Return the value of an element, None where it is absent or holds nothing.

    Raises:
        DicomError: its bytes are not such a value.
    """
    try:
        found = data.get(keyword)
    except Exception as error:  # values are read when they are asked for
        raise DicomError(f"{keyword} is not readable: {said(error)}") from error
    blank = isinstance(found, str) and not found.strip()
    return None if blank or (hasattr(found, "__len__") and len(found) == 0) else found


def items(data: Dataset, keyword: str) -> list[Dataset]:
    """Return the items of a sequence, none where it is absent.

    Raises:
        DicomError: the element is not a sequence, or its bytes are not.
    """
    from pydicom.sequence import Sequence

    found = value(data, keyword)
    if found is not None and not isinstance(found, Sequence):
        raise DicomError(f"{keyword} is not a sequence")
    return list(found or ())


def macros(data: Dataset, frame: int, names: Iterable[str]) -> list[Dataset]:
    """Return the items in functional groups: of a frame (counted from 0), then of all frames.

    Raises:
        DicomError: see `items`.
    """
    groups = [
        *items(data, "PerFrameFunctionalGroupsSequence")[frame : frame + 1],
        *items(data, "SharedFunctionalGroupsSequence")[:1],
    ]
    return [item for group in groups for name in names for item in items(group, name)[:1]]


def values(data: Dataset, keyword: str) -> list[float | None]:
    """Return the numbers of an element, None in the place of each that is missing.

    Raises:
        DicomError: one is not a number, or is NaN or infinite.
    """
    found = value(data, keyword)
    several = isinstance(found, Iterable) and not isinstance(found, str | bytes)
    return [_number(one, keyword) for one in (found if several else [found])]


def number(data: Dataset, keyword: str) -> float | None:
    """Return the first number of an element, None where it is absent or holds nothing.

    Raises:
        DicomError: see `values`.
    """
    return values(data, keyword)[0]


def _number(found: Any, keyword: str) -> float | None:
    if found is None or str(found).strip() == "":
        return None
    try:
        result = float(found)
    except (TypeError, ValueError):
        raise DicomError(f"{keyword} is {str(found)[:SHOWN]!r}, which is not a number") from None
    if not np.isfinite(result):
        raise DicomError(f"{keyword} is NaN or infinite")
    return result


@dataclass(frozen=True)
class Table:
    """A lookup table.

    Attributes:
        first: the value that its first entry is for.
        entries: unsigned integers, (N,) or (N, C).
        bits: of an entry, as the file says.
    """

    first: int
    entries: np.ndarray
    bits: int = 16

    @property
    def white(self) -> int:
        """The value that stands for white; some files say 16 bits of entries that have 12."""
        used = int(self.entries.max()).bit_length()
        believed = self.bits - UNUSED < used <= self.bits
        return 2 ** (self.bits if believed else max(8, used)) - 1

    def of(self, stored: np.ndarray) -> np.ndarray:
        """Return the entries for values (H, W); those beyond an end get the entry at that end."""
        whole = np.rint(stored).astype(np.int64)
        # A file may say as an unsigned number what is meant as a negative one: then no value gets
        # that far.
        wrapped = self.first >= SIGNED_FROM and whole.max() < self.first
        first = self.first - WRAPPED if wrapped else self.first
        return self.entries[np.clip(whole - first, 0, len(self.entries) - 1)]


def table(data: Dataset, *, descriptor: str, entries: str) -> Table | None:
    """Return the lookup table in two elements, None where one of them is absent or holds nothing.

    Raises:
        DicomError: the two do not fit.
    """
    described, raw = values(data, descriptor), value(data, entries)
    if None in described or raw is None:
        return None
    if len(described) != 3:
        raise DicomError(f"{descriptor} holds {len(described)} numbers instead of three")
    size, first, bits = (int(found or 0) for found in described)
    size = size % WRAPPED or WRAPPED
    try:
        found = _integers(raw, size, little=data.original_encoding[1] is not False)
    except (TypeError, ValueError, OverflowError) as error:
        raise DicomError(f"{entries} are not {size} entries of a table: {said(error)}") from error
    return Table(first=first, bits=bits, entries=found)


def _integers(raw: Any, size: int, *, little: bool) -> np.ndarray:
    """Return the entries of a table as int64 (size,); two of 8 bits may share a word."""
    if not isinstance(raw, bytes):
        raw, little = np.atleast_1d(np.asarray(raw, np.int64)).astype("<u2").tobytes(), True
    if len(raw) >= 2 * size:
        found = np.frombuffer(raw, "<u2" if little else ">u2", count=size)
    else:
        words = np.frombuffer(raw[: len(raw) // 2 * 2], "<u2" if little else ">u2")
        found = words.astype("<u2").view("u1")[:size]
    if len(found) < size:
        raise ValueError(f"{len(found)} are there")
    return found.astype(np.int64)
