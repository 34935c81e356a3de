"""Transfer of adversarial attacks in medical image analysis: a reproducible study.

From Python, in a notebook or a script:

    resolve      a profile as a study: its images, networks and attacks can be named
    ensure       makes whatever is named, unless the store has it
    load         a stored network as a PyTorch module
    images       the test images that a network never saw, with their labels
    craft        adversarial images, by FGSM, PGD or another method
    score        the AUC of a model on images
    plan         what a factor of the study compares, named and not yet computed
    table        stored results with intervals

Each is explained in `medtransfer.api`, and imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medtransfer.api import (
        FGSM,
        PGD,
        craft,
        ensure,
        images,
        load,
        plan,
        resolve,
        score,
        table,
    )

__all__ = [
    "FGSM",
    "PGD",
    "craft",
    "ensure",
    "images",
    "load",
    "plan",
    "resolve",
    "score",
    "table",
]


def __getattr__(name: str) -> Any:
    """Return one of the names in `__all__`."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from medtransfer import api

    return getattr(api, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
