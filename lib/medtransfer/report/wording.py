"""Terms, numbers and sources in the words of a reader: names, values with intervals, units."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from medtransfer.analysis.statistics import Effect
    from medtransfer.data.schema import ImageFacts, Label

NAMES = {
    "imagenet": "pre-trained",
    "control": "control noise",
    "other image": "another image's perturbation",
    "efficientnet_lite0": "EfficientNet-Lite0",
    "mobilenet_v2": "MobileNetV2",
    "efficientnet_lite0_stride8": "EfficientNet-Lite0/8",
    "mobilenet_v2_stride8": "MobileNetV2/8",
    "inception_v3": "Inception-v3",
    "densenet121": "DenseNet-121",
    "inception_v3_keras": "Inception-v3 (Keras)",
    "densenet121_keras": "DenseNet-121 (Keras)",
}
_NO_CLAIM = (
    "drawn by code: the numbers show how the method behaves; they say nothing about any clinical "
    "system."
)
PHANTOM = f"They are **phantoms**, {_NO_CLAIM}"
WHY_PHANTOMS = (
    "Phantoms let the whole study run anywhere, without an account and without patients. They are "
    "synthetic, and **nothing measured on them is a medical result**. They share what makes the "
    "real task hard: focal signs beside wide and faint ones, variation between patients, slides "
    "and cameras, and images in groups that a split must not divide. Below, they are shown larger "
    "than the study uses them."
)


def named(term: Any) -> Any:
    """Return what figures and sentences call a term of the study, or several joined by "+".

    Anything that is not a term of the study, such as a number, is returned unchanged.
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
    return f"{row[name]:z.0f} % ({row[f'{name}_low']:z.0f} to {row[f'{name}_high']:z.0f})"


AT_CHANCE = "at chance"
"""The verdict where targets may be guessing: an attack has nothing to take, no effect is shown."""


SOME_AT_CHANCE = "some targets at chance"


def left_of_clean(row: Mapping[Any, Any]) -> str:
    """Return a mean (see `analysis.tables.pooled`) in words: of targets at chance no percentage."""
    return AT_CHANCE if row["at_chance"] else percent(row)


def points(effect: Effect) -> str:
    """Return "+12 points (+5 to +19)" from a difference; a minus says that the first is smaller."""
    return f"{effect.value:+z.0f} points ({effect.low:+z.0f} to {effect.high:+z.0f})"


def p_value(p: float) -> str:
    """Return "p < 0.0001" or "p = 0.023"; "" where there is none.

    A third digit is added where two could not say on which side of 0.05 it is.
    """
    if math.isnan(p):
        return ""
    if p < 0.0001:
        return "p < 0.0001"
    return "p > 0.99" if p > 0.99 else f"p = {p:.{3 if 0.045 <= p < 0.055 else 2}g}"


def decided(effect: Effect) -> str:
    """Return what the interval of a difference says about its sign."""
    if effect.low > 0:
        return "larger"
    if effect.high < 0:
        return "smaller"
    return "not clearly larger or smaller"


def groups(manifest: ImageFacts) -> str:
    """Return what the images of a source are grouped by, in the plural: "patients"."""
    from medtransfer.data.schema import plural

    return plural(manifest.group_noun)


def phantoms(sources: Mapping[str, str]) -> list[str]:
    """Return the domains whose images are phantoms, as their manifests say.

    Args:
        sources: domain -> name or path of a manifest.
    """
    from medtransfer.data.manifests import named as manifest_of
    from medtransfer.data.schema import PhantomManifest

    return [
        domain
        for domain, source in sources.items()
        if isinstance(manifest_of(source)[1], PhantomManifest)
    ]


def no_claim(sources: Mapping[str, str]) -> str:
    """Return which images of a study are phantoms, and what that means; "" where none are."""
    drawn = phantoms(sources)
    if not drawn:
        return ""
    if len(drawn) == len(sources):
        return f"All images are phantoms, {_NO_CLAIM}"
    return f"The images of {listed(drawn)} are phantoms, {_NO_CLAIM}"


def own(source: str) -> bool:
    """Return whether a source of images is the user's: the path of a manifest, not a name."""
    return source.endswith((".yaml", ".yml"))


def source(name_or_path: str) -> str:
    """Return what sentences call a source: its name, or the title of a manifest of the user's."""
    return title(name_or_path) if own(name_or_path) else name_or_path


def title(name_or_path: str) -> str:
    """Return the title of a source, as its manifest states it."""
    from medtransfer.data.manifests import named as manifest_of

    return manifest_of(name_or_path)[1].title


def origin(sources: Iterable[str]) -> str:
    """Return the line below a figure: the sources of its images, with phantoms named as such.

    Args:
        sources: names or paths of manifests.
    """
    known = {source(each): each for each in sources}
    drawn = phantoms(known)
    read = [name for name in known if name not in drawn]
    said = [listed(read)] if read else []
    if drawn:
        said.append(f"{listed(drawn)}: synthetic images, no medical claim")
    return "; ".join(said)


def listed(words: Sequence[str]) -> str:
    """Return "a", "a and b" or "a, b and c"."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _meaning(label: Label) -> str:
    return f"**{spaced(label.name)}**, {label.meaning}"


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
        return "\n\n".join([*lines, f"{PHANTOM} {manifest.look_for}".rstrip()])
    lines.append(f"A positive means: {'; '.join(map(_meaning, manifest.labels))}.")
    facts = [f"Licence: {manifest.licence}.", f"Groups: {manifest.group_rule}."]
    if manifest.citation.lower() != "none":
        facts.insert(0, f"{manifest.citation}.")
    lines.append(" ".join(facts))
    caveats = manifest.caveats if isinstance(manifest, Published) else ()
    return "\n\n".join([*lines, *(f"- {caveat}" for caveat in caveats)])
