"""How the attackers of an assessment train their networks."""

from __future__ import annotations

from typing import Any
from zlib import crc32

from medtransfer.data import manifests
from medtransfer.data.splits import Development
from medtransfer.domains import domain as row_of
from medtransfer.errors import UsageError
from medtransfer.networks.trained import IMAGENET, Training
from medtransfer.study.schema import Profile


def training(
    profile: Profile,
    images: Development,
    *,
    architecture: str,
    initialization: str,
    bis: bool = False,
    replicate: int = 0,
) -> Training:
    """Return a network by the recipe of a profile; no two of an assessment share their seed.

    On development sets of a study they are networks of that study, as far as it has so many.

    Args:
        bis: whether it is a second training, independent of the target's on the same images.

    Raises:
        ManifestError: there are no ImageNet weights for the architecture.
        UsageError: the profile has no recipe for the initialization.
    """
    recipe = profile.recipes.get(initialization)  # type: ignore[call-overload]
    if recipe is None:
        raise UsageError(f"profile {profile.name} has no recipe for {initialization} networks")
    weights = ""
    if initialization == IMAGENET:
        weights = manifests.imagenet_weights(architecture).sha256
    domain = images.source.domain
    place = f"{domain}/{architecture}/{initialization}/{images.name}/{bis}/{replicate}"
    common: Any = {"batch_size": profile.batch_size, "weight_decay": profile.weight_decay}
    return Training(
        development=images,
        architecture=architecture,
        initialization=initialization,
        weights=weights,
        seed=crc32(f"{profile.seed}/{place}".encode()),
        augmentation=row_of(domain).augmentation,
        **common,
        **recipe.model_dump(),
    )
