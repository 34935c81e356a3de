"""How many images, groups and positives a published source must have."""

from __future__ import annotations

import pandas as pd

from medtransfer.data.readers.reader import SourceError
from medtransfer.data.schema import ImageFacts, Published

ALL = "all"


def counted(index: pd.DataFrame, labels: tuple[str, ...]) -> dict[str, dict[str, int]]:
    """Return set and part ("d1:train", "test", ..., "all") -> "images", "groups", every label."""
    sets = index["split"].str.split(";")
    found = {}
    for name in [ALL, *sorted({name for row in sets for name in row if name})]:
        rows = index if name == ALL else index[[name in row for row in sets]]
        found[name] = {"images": len(rows), "groups": rows["group"].nunique()}
        found[name] |= {label: int(rows[label].sum()) for label in labels}
    return found


def check(index: pd.DataFrame, manifest: ImageFacts) -> None:
    """Compare an index with the counts in its manifest, where it states any.

    Raises:
        SourceError: numbers differ; the message lists them.
    """
    if not isinstance(manifest, Published) or not manifest.counts:
        return
    found = counted(index, manifest.label_names)
    wrong = [
        f"{name}, {what}: {found.get(name, {}).get(what, 0)} instead of {number}"
        for name, numbers in manifest.counts.items()
        for what, number in numbers.items()
        if found.get(name, {}).get(what, 0) != number
    ]
    if wrong:
        raise SourceError(
            f"{manifest.name}: tables do not have the numbers of the published set, so they are "
            f"another version or were changed: {'; '.join(wrong[:8])}"
        )
