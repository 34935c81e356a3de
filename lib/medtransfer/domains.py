"""The domains of medicine that are studied: one row each."""

from __future__ import annotations

from dataclasses import dataclass

from medtransfer.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Domain:
    """What the study knows of a domain; what belongs to its images stands in their manifest.

    Attributes:
        number: first digit of the numbers of its notebooks.
        augmentation: how its training images are varied, in this order (see `data.datamodule`).
        colour: in figures; of Paul Tol's muted palette, which colour-blind eyes can tell apart.
    """

    number: int
    augmentation: tuple[str, ...]
    colour: str


DOMAINS: dict[str, Domain] = {
    "ophthalmology": Domain(number=1, augmentation=("shift", "mirror"), colour="#882255"),
    # A mirrored chest would have its heart on the right.
    "radiology": Domain(number=2, augmentation=("shift",), colour="#332288"),
    "pathology": Domain(
        number=3, augmentation=("shift", "mirror", "flip", "turn"), colour="#999933"
    ),
}


def domain(name: str) -> Domain:
    """Return the row of a domain.

    Raises:
        UsageError: there is no such domain.
    """
    if name not in DOMAINS:
        raise UsageError(f"no domain {name!r}; allowed: {', '.join(DOMAINS)}")
    return DOMAINS[name]
