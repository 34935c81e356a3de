"""Terms, numbers and sources as a reader takes them in: names, values with intervals, units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from medtransfer.analysis.statistics import Effect
    from medtransfer.data.schema import ImageFacts

NAMES = {
    "imagenet": "pre-trained",
    "control": "control noise",
    "efficientnet_lite0": "EfficientNet-Lite0",
    "mobilenet_v2": "MobileNetV2",
    "inception_v3": "Inception-v3",
    "densenet121": "DenseNet-121",
    "inception_v3_keras": "Inception-v3 (Keras)",
    "densenet121_keras": "DenseNet-121 (Keras)",
}
PHANTOM = (
    "They are **phantoms**, drawn by code: the numbers show how the method behaves; they say "
    "nothing about any clinical system."
)


def named(term: Any) -> Any:
    """Return what figures and sentences call a term of the study, or several joined by "+".

    What is no term of the study, a number too, is returned as it is.
    """
    if not isinstance(term, str):
        return term
    parts = term.split("+")
    return " + ".join(NAMES.get(part, part) for part in parts) if all(parts) else term


def spaced(name: str) -> str:
    """Return the name of a label, column or factor with spaces: "Pleural Thickening"."""
    return name.replace("_", " ")


def percent(row: Mapping[Any, Any], name: str = "percent") -> str:
    """Return "62 % (51 to 71)" from a row with `NAME`, `NAME_low` and `NAME_high`."""
    return f"{row[name]:.0f} % ({row[f'{name}_low']:.0f} to {row[f'{name}_high']:.0f})"


def points(effect: Effect) -> str:
    """Return "+12 points (+5 to +19)" from a difference; a minus says that the first is smaller."""
    return f"{effect.value:+.0f} points ({effect.low:+.0f} to {effect.high:+.0f})"


def decided(effect: Effect) -> str:
    """Return what the interval of a difference says about its sign."""
    if effect.low > 0:
        return "larger"
    if effect.high < 0:
        return "smaller"
    return "not clearly larger or smaller"


def groups(manifest: ImageFacts) -> str:
    """Return what the images of a source are grouped by, in the plural: "patients"."""
    from medtransfer.data.schema import numbered

    _, plural = numbered(0, manifest.group_noun).split(" ", 1)
    return plural


def described(manifest: ImageFacts, *, index: pd.DataFrame, image_px: int) -> str:
    """Return a source in Markdown: title, numbers, origin, and the caveats of its manifest.

    Args:
        manifest: of a source of images.
        index: one row per image that the study uses, with its `group`.
        image_px: side of the images.
    """
    from medtransfer.data.schema import PhantomManifest, Published, numbered

    counted = manifest.counted(images=len(index), groups=index["group"].nunique())
    labels = numbered(len(manifest.labels), "label")
    lines = [f"**{manifest.title}** (`{manifest.name}`): {counted}, {image_px} px, {labels}."]
    if isinstance(manifest, PhantomManifest):
        return "\n\n".join([*lines, PHANTOM])
    lines.append(
        f"{manifest.citation}. Licence: {manifest.licence}. Groups: {manifest.group_rule}."
    )
    caveats = manifest.caveats if isinstance(manifest, Published) else ()
    return "\n\n".join([*lines, *(f"- {caveat}" for caveat in caveats)])
