"""The domains of medicine that images may be of: one row each; the study has the first three."""

from __future__ import annotations

from dataclasses import dataclass

from medtransfer.errors import UsageError

OTHER = "other"


@dataclass(frozen=True, kw_only=True)
class Domain:
    """What the study knows about a domain; facts about its images are in their manifest.

    Attributes:
        number: first digit of the numbers of its notebooks.
        augmentation: how its training images are varied, in this order (see `data.datamodule`).
        colour: in figures; of Paul Tol's muted palette, which colour-blind eyes can tell apart.
        least_px: the side below which signs are lost that networks need.
        words: how words begin by which such images are recognized, in names of folders, columns,
            files and labels; English and German.
    """

    number: int
    augmentation: tuple[str, ...]
    colour: str
    least_px: int = 32
    words: tuple[str, ...] = ()


DOMAINS: dict[str, Domain] = {
    "ophthalmology": Domain(
        number=1,
        augmentation=("shift", "mirror"),
        colour="#882255",
        least_px=128,  # pre-trained networks reached an AUC of 0.73 at 64 px, of 0.82 at 128 px
        words=(
            *("fundus", "retin", "glaucom", "glaukom", "macula", "makula", "eye", "auge"),
            *("cataract", "katarakt", "netzhaut", "ophthalm"),
        ),
    ),
    # A mirrored chest would have its heart on the right.
    "radiology": Domain(
        number=2,
        augmentation=("shift",),
        colour="#332288",
        words=(
            *("xray", "x-ray", "chest", "cxr", "radio", "pneumo", "effusion", "lung", "thorax"),
            *("röntgen", "roentgen", "mammogra", "tomogra", "mri", "mrt", "ultras"),
        ),
    ),
    "pathology": Domain(
        number=3,
        augmentation=("shift", "mirror", "flip", "turn"),
        colour="#999933",
        words=(
            *("histolog", "histopath", "patholog", "biops", "slide", "tissue", "gewebe", "patch"),
            *("tumour", "tumor", "metasta"),
        ),
    ),
    "dermatology": Domain(
        number=4,
        augmentation=("shift", "mirror", "flip", "turn"),
        colour="#117733",
        words=("derm", "skin", "naev", "nevus", "nevi", "melanom", "haut"),
    ),
    # Whatever else people image, varied only as any of it may be.
    OTHER: Domain(number=8, augmentation=("shift",), colour="#88CCEE"),
}


def domain(name: str) -> Domain:
    """Return the row of a domain.

    Raises:
        UsageError: there is no such domain.
    """
    if name not in DOMAINS:
        raise UsageError(f"no domain {name!r}; allowed: {', '.join(DOMAINS)}")
    return DOMAINS[name]
