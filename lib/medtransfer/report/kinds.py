"""What networks of a table are called, whatever traits they have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from medtransfer.analysis.selection import BASE, SIDES, UNKNOWN
from medtransfer.report.wording import named, spaced

if TYPE_CHECKING:
    import pandas as pd

_NO_TRAITS = ("seed", "key")
_MEASURED = ("validation_", "epochs")


def ordered(sets: Iterable[str]) -> list[str]:
    """Return development sets by name, each before its parts: d1, d1/2, d1/10, d2."""
    return sorted(dict.fromkeys(map(str, sets)), key=_place)


def _place(name: str) -> tuple[str, int]:
    whole, _, part = name.partition("/")
    return whole, int(part) if part.isdecimal() else 1


def traits(table: pd.DataFrame, *, sides: Sequence[str] = SIDES) -> list[str]:
    """Return the traits that tell the networks of a table apart, without the name of their side.

    Architecture, initialization and data always; of the others (`surrogate_NAME`, `target_NAME`)
    those in which networks differ that the traits before them call the same, so that a defence is
    named and the number of epochs, which the initialization decides, is not.
    """
    import pandas as pd

    both = pd.concat([_side(table, side) for side in sides], ignore_index=True)
    both = both.astype(object).where(both.notna(), "")
    found = [name for name in BASE if name in both]
    others = [name for name in map(str, both) if name not in (*BASE, *_NO_TRAITS)]
    for name in sorted(others, key=lambda name: name != "network"):  # what it is, before details
        if _different(both, [*found, name]) > _different(both, found):
            found.append(name)
    return found


def _different(networks: pd.DataFrame, names: list[str]) -> int:
    return len(networks[names].drop_duplicates()) if names else 1


def _side(table: pd.DataFrame, side: str) -> pd.DataFrame:
    own = [name for name in map(str, table) if name.startswith(f"{side}_")]
    return table[own].rename(columns=lambda name: name.removeprefix(f"{side}_"))


def columns(table: pd.DataFrame) -> list[str]:
    """Return the columns of a table that tell its pairs of surrogate and target apart."""
    told = traits(table)
    both = [f"{side}_{trait}" for side in SIDES for trait in told]
    return [name for name in both if name in table]


def kinds(table: pd.DataFrame, *, side: str) -> list[str]:
    """Return what a network of each row is, such as "MobileNetV2, random, d2"."""
    told = traits(table)
    return [", ".join(words(row, told)) for row in _side(table, side).to_dict("records")]


def network_kinds(table: pd.DataFrame) -> list[str]:
    """Return what each network of `run.networks` is, whatever it was developed on."""
    own = table[[name for name in map(str, table) if not name.startswith(_MEASURED)]].add_prefix(
        "own_"
    )
    told = [name for name in traits(own, sides=["own"]) if name != "data"]
    return [", ".join(words(row, told)) for row in _side(own, "own").to_dict("records")]


def words(row: dict[Any, Any], told: Sequence[str]) -> list[str]:
    """Return the traits `told` of one network in words; those that it does not have are left out.

    What has no architecture is called by what it is.
    """
    if _missing(row.get("architecture")) and "network" in row and "network" not in told:
        told = ("network", *told)
    named_by = [name for name in told if not _missing(row.get(name))]
    return [_word(name, row[name]) for name in named_by if not _usual(name, row[name])]


def _usual(name: str, value: Any) -> bool:
    """Return whether a trait goes without saying: that a network was trained here."""
    return name == "network" and set(str(value).split("+")) == {"training"}


def _word(name: str, value: Any) -> str:
    if isinstance(value, str):
        return named(value)
    return f"{spaced(name)} {value:g}" if not isinstance(value, bool) else spaced(name)


def _missing(value: Any) -> bool:
    return value is None or value is False or value in ("", UNKNOWN) or value != value
