"""Which set a row of a folder's table belongs to, where a column says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from medtransfer.data.readers.values import (
    Column,
    Key,
    Values,
    key,
    keys,
    overlap,
    refuse,
    shown,
)
from medtransfer.data.schema import Split
from medtransfer.data.splits import ROLES

if TYPE_CHECKING:
    import pandas as pd

LEFT_OUT = ""


class FolderSplit(Split):
    """Where test and development sets come from: drawn by the study's seed, or from a column.

    Without `development` and `test`, the column holds the study's own names, `test` or a list such
    as `d1:train;d1/10:train`, and rows without an entry are left out.

    Attributes:
        development, test: the values of the column that mark images of these sets, such as
            [train, val] and [test]; d1 and d2 are drawn from the development set, by patient.
        attacker, calibration: the same for the sets that only an assessment uses: the images of its
            attackers, and those from which thresholds are chosen.
        left_out: the values of rows that are left out. Any other value is refused.
    """

    rule: Literal["seeded", "column"]
    column: Column | None = None
    development: Values | None = None
    test: Values | None = None
    attacker: Annotated[Values | None, Field(exclude_if=lambda values: values is None)] = None
    calibration: Annotated[Values | None, Field(exclude_if=lambda values: values is None)] = None
    left_out: Values | None = None

    @model_validator(mode="after")
    def _values_are_mapped(self) -> FolderSplit:
        lists = [*(self.mapped[name] for name in ROLES), self.left_out]
        if not any(lists):
            return self
        if not (self.column and self.test and (self.development or self.attacker)):
            raise ValueError(
                'development (or attacker) and test: needed together, and with rule "column"; '
                "calibration and left_out only beside them"
            )
        if overlap(lists):
            raise ValueError(f"each value may be in only one of {', '.join(ROLES)} and left_out")
        return self

    @property
    def mapped(self) -> dict[str, Values | None]:
        """Set -> the values of the column that stand for its images."""
        return {name: getattr(self, name) for name in ROLES}

    def entries(self, cells: pd.Series) -> pd.Series:
        """Return the set of every row, "" where it is left out.

        Args:
            cells: text; its name is that of the column, its index the lines of the table.

        Raises:
            SourceError: a row holds a value that is not listed.
        """
        if not self.test:
            return cells.map(_plain)
        known: dict[Key, str] = dict.fromkeys(keys(self.left_out or ()), LEFT_OUT)
        for name, values in self.mapped.items():
            known |= dict.fromkeys(keys(values or ()), name)
        sets = cells.map({cell: known.get(key(cell)) for cell in cells.unique()})
        said = (f"of {name} are {shown(values)}" for name, values in self.mapped.items() if values)
        refuse(
            cells[sets.isna()],
            "belong to no set",
            f". Listed: {'; '.join(said)}; `split.left_out` lists what is left out",
        )
        return sets


def _plain(entry: str) -> str:
    return ";".join(name.strip() for name in entry.lower().split(";") if name.strip())
