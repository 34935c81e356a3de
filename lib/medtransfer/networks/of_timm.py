"""Architectures of timm, for attackers who know that a model has one; they begin at random.

How deep they are, and how large images must be to feed them, nobody measured here.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from medtransfer.errors import UsageError
from medtransfer.networks.architectures import (
    ARCHITECTURES,
    IMAGENET_MEAN,
    IMAGENET_STD,
    TIMM,
    Architecture,
)

if TYPE_CHECKING:
    from torch import nn


def known_as(name: str) -> str | None:
    """Return what the registry calls an architecture, None if nothing here builds it."""
    import timm

    if name in ARCHITECTURES:
        return name
    own = name.removeprefix(TIMM).partition(".")[0]  # without the tag of weights
    return TIMM + own if timm.is_model(own) else None


@cache
def architecture(name: str) -> Architecture:
    """Return an architecture of timm.

    Raises:
        UsageError: timm has none of that name.
    """
    import timm

    if not timm.is_model(name):
        raise UsageError(f"timm has no architecture {name!r}; `timm.list_models()` names them")
    known = timm.models.get_pretrained_cfg(name, allow_unregistered=True)
    heads = getattr(known, "classifier", None) or "classifier"
    return Architecture(
        lambda outputs: _built(name, outputs),
        stride=0,
        receptive_field_px=0,
        enough_px=0,
        head=tuple(f"{each}." for each in ([heads] if isinstance(heads, str) else heads)),
        mean=getattr(known, "mean", IMAGENET_MEAN),
        std=getattr(known, "std", IMAGENET_STD),
    )


def _built(name: str, outputs: int) -> nn.Module:
    import timm

    try:  # transformers are made for one size unless they are told otherwise
        return timm.create_model(name, num_classes=outputs, dynamic_img_size=True)
    except TypeError:
        return timm.create_model(name, num_classes=outputs)


@cache
def takes(name: str, image_px: int) -> str:
    """Return "" if an architecture takes images of a side, as two black ones show.

    Raises:
        UsageError: it does not.
    """
    import torch

    try:
        with torch.no_grad():
            answers = _built(name, 1).eval()(torch.zeros(2, 3, image_px, image_px))
    except Exception as error:
        first = str(error).split("\n")[0]
        raise UsageError(f"{name} of timm takes no images of {image_px} px: {first}") from error
    if tuple(answers.shape) != (2, 1):
        raise UsageError(f"{name} of timm gives {tuple(answers.shape)} for two images and a label")
    return ""
