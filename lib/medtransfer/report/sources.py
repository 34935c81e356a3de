"""A source of images in words, for the beginning of a notebook."""

from __future__ import annotations

import pandas as pd

from medtransfer.data.manifests import Manifest
from medtransfer.data.schema import ImageFacts, PhantomManifest, Published
from medtransfer.report.wording import GROUPS

PHANTOM = (
    "They are **phantoms**, drawn by code: the numbers show how the method behaves; they say "
    "nothing about any clinical system."
)


def described(manifest: Manifest, *, index: pd.DataFrame, image_px: int) -> str:
    """Return Markdown: title, numbers, origin, and the caveats of the manifest.

    Args:
        manifest: of a source of images.
        index: one row per image that the study uses, with its `group`.
        image_px: side of the images.
    """
    assert isinstance(manifest, ImageFacts)
    groups = f"{index['group'].nunique():,} {GROUPS[manifest.domain]}"
    lines = [
        f"**{manifest.title}** (`{manifest.name}`): {len(index):,} images of {groups}, "
        f"{image_px} px, {len(manifest.labels)} label{'s' * (len(manifest.labels) > 1)}."
    ]
    if isinstance(manifest, PhantomManifest):
        return "\n\n".join([*lines, PHANTOM])
    lines.append(
        f"{manifest.citation}. Licence: {manifest.licence}. Groups: {manifest.group_rule}."
    )
    caveats = manifest.caveats if isinstance(manifest, Published) else ()
    return "\n\n".join([*lines, *(f"- {caveat}" for caveat in caveats)])
