"""Terms and numbers as a reader takes them in: name, value, interval, unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medtransfer.analysis.statistics import Effect
from medtransfer.specs import CONTROL, IMAGENET, RANDOM

DOMAIN_NUMBERS = {"ophthalmology": "1", "radiology": "2", "pathology": "3"}
GROUPS = {"ophthalmology": "patients", "radiology": "patients", "pathology": "slides"}
NAMES = {
    IMAGENET: "pre-trained",
    RANDOM: "random",
    CONTROL: "control noise",
    "efficientnet_lite0": "EfficientNet-Lite0",
    "mobilenet_v2": "MobileNetV2",
    "inception_v3": "Inception-v3",
    "densenet121": "DenseNet-121",
    "inception_v3_keras": "Inception-v3 (Keras)",
    "densenet121_keras": "DenseNet-121 (Keras)",
}


def named(term: str) -> str:
    """Return what figures and sentences call a term of the study."""
    return NAMES.get(term, term)


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
