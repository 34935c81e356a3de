"""How strong the attacks of a profile may be: epsilon, in units of pixels from -1 to 1."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated

from pydantic import AfterValidator

from medtransfer.units import GREY_LEVEL, shown

LARGEST = 2  # turns black into white
PLAIN = 0.2  # 25 grey levels
UNIT = (
    f"above 0, at most {LARGEST}, where pixels run from -1 to 1 ({GREY_LEVEL:.4f} is one of 255 "
    "grey levels)"
)


def _possible(epsilons: tuple[float, ...]) -> tuple[float, ...]:
    if wrong := [each for each in epsilons if not 0 < each <= LARGEST]:
        raise ValueError(f"no epsilon is {', '.join(f'{n:g}' for n in wrong)}; allowed: {UNIT}")
    return epsilons


Epsilons = Annotated[tuple[float, ...], AfterValidator(_possible)]


def plain_to_see(sweep: Mapping[str, Iterable[float]], candidates: Iterable[float]) -> list[str]:
    """Return in sentences which epsilons of a profile change images so that anyone sees it."""
    named = {
        **{f"sweep, {method}": each for method, each in sweep.items()},
        "candidates": candidates,
    }
    return [
        f"{where}: epsilon {shown(max(epsilons))} is plain to see; above {shown(PLAIN)} no "
        "attack is hidden"
        for where, epsilons in named.items()
        if max(epsilons, default=0) > PLAIN
    ]
