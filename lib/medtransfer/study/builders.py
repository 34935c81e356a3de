"""The images and networks of a study: which source, which development sets, how trained."""

from __future__ import annotations

from functools import cache
from typing import Any
from zlib import crc32

from medtransfer.data import prepare as published
from medtransfer.data.images import phantom_source
from medtransfer.data.manifests import ManifestError, imagenet_weights, named
from medtransfer.data.schema import PhantomManifest
from medtransfer.phantoms import content
from medtransfer.specs import IMAGENET, Development, Imported, Network, Source, Training
from medtransfer.study.schema import Profile

AUGMENTATION = {
    "ophthalmology": ("shift", "mirror"),
    "radiology": ("shift",),  # mirrored chests would put the heart on the right
    "pathology": ("shift", "mirror", "flip", "turn"),
}


def source(profile: Profile, domain: str) -> Source:
    """Return the images of a domain; what is made of files is fetched and read on the first call.

    Raises:
        ManifestError, SourceError, FetchError: the manifest or what it describes cannot be used.
    """
    if domain not in profile.sources:
        raise ManifestError(
            f"profile {profile.name} has no source for {domain}, only for "
            f"{', '.join(profile.sources)}"
        )
    return _source(
        profile.sources[domain],  # type: ignore[index]
        domain=domain,
        image_px=profile.image_px[domain],  # type: ignore[index]
        groups=profile.groups.get(domain),  # type: ignore[call-overload]
        limit=profile.image_limit,
        seed=profile.seed,
    )


@cache
def _source(
    name: str, *, domain: str, image_px: int, groups: int | None, limit: int | None, seed: int
) -> Source:
    path, manifest = named(name)
    if getattr(manifest, "domain", None) != domain:
        raise ManifestError(f"{path}: domain: must be {domain} to serve as its source")
    if not isinstance(manifest, PhantomManifest):
        return published.ready(published.request(name, image_px=image_px, limit=limit))
    if groups is None:
        raise ManifestError(f"groups: {domain}: needed, how many patients or slides to draw")
    return phantom_source(
        manifest, image_px=image_px, groups=groups, seed=seed, content=content(manifest.drawing)
    )


def development(profile: Profile, domain: str, name: str) -> Development:
    """Return one of the development sets d1, d1/10, d2, d2/2."""
    return Development(
        source=source(profile, domain),
        name=name,
        seed=profile.seed,
        test_share=profile.test_share,
        validation_share=profile.validation_share,
    )


def network(
    profile: Profile,
    domain: str,
    *,
    architecture: str,
    initialization: str,
    data: str = "d1",
    bis: bool = False,
    replicate: int = 0,
) -> Network:
    """Return a network, to be trained or imported; no two of a study share their seed.

    Raises:
        ImportedError: it is to be imported and is not there.
    """
    identity = f"{profile.seed}/{domain}/{architecture}/{initialization}/{data}/{bis}/{replicate}"
    common: Any = {
        "development": development(profile, domain, data),
        "architecture": architecture,
        "initialization": initialization,
        "seed": crc32(identity.encode()),
    }
    if profile.networks == "imported":
        from medtransfer.networks import imported  # heavy, only when needed

        name = imported.Name(domain, architecture, initialization, data, bis)
        return Imported(**common, weights=imported.checksum(name))
    recipe = profile.recipes[initialization]  # type: ignore[index]
    return Training(
        **common,
        weights=_weights(architecture) if initialization == IMAGENET else "",
        augmentation=AUGMENTATION[domain],
        epochs=recipe.epochs * profile.epoch_factors.get(data, 1),  # type: ignore[call-overload]
        batch_size=profile.batch_size,
        learning_rate=recipe.learning_rate,
        head_learning_rate=recipe.head_learning_rate,
        weight_decay=profile.weight_decay,
    )


@cache
def _weights(architecture: str) -> str:
    return imagenet_weights(architecture).sha256
