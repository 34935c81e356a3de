"""Files that hold several pictures: frames of DICOM and GIF, pages of TIFF, all by one rule."""

from __future__ import annotations

from medtransfer.data.schema import Frame, numbered
from medtransfer.errors import SourceError


def chosen(number: int, rule: Frame | None) -> int:
    """Return which of a file's `number` frames is read, counted from 0.

    The middle of an even number is the earlier one of the two.

    Raises:
        SourceError: there are several and no `rule` says which, or it names one beyond the last.
    """
    if rule is None and number > 1:
        raise SourceError(
            f"holds {number} frames or pages; say in the manifest which is meant (image.frame: "
            "first, middle or a number), or export one picture per file"
        )
    if isinstance(rule, int) and rule > number:
        raise SourceError(f"image.frame asks for number {rule} of {numbered(number, 'frame')}")
    if isinstance(rule, int):
        return rule - 1
    return (number - 1) // 2 if rule == "middle" else 0
