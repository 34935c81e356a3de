"""An attack of the study: a method, the surrogates that it is crafted on, and which images."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from medtransfer.attacks.method import Method
from medtransfer.networks.network import Network, shared
from medtransfer.specs import Spec

TEST, VALIDATION = "test", "validation"


@dataclass(frozen=True, kw_only=True, eq=False)
class Attack(Spec):
    """Adversarial images crafted by `method` on the mean logits of `surrogates`.

    `images` says which: "test", or "validation" of the first surrogate's development set.
    """

    method: Method
    surrogates: tuple[Network, ...]
    images: str

    @property
    def crafting(self) -> tuple[Any, ...]:
        """What attacks share that are crafted in one pass: all but the epsilon."""
        return self.surrogates, self.method.family, self.images

    @property
    def gradients(self) -> int:
        """How many gradients of an image it takes, from all surrogates together."""
        return self.method.gradients * len(self.surrogates)

    @cached_property
    def traits(self) -> dict[str, Any]:
        """What tables name of the surrogates; where they differ, their values joined by "+".

        Of several surrogates their number is among it, as `members`.
        """
        number = len(self.surrogates)
        return shared(self.surrogates) | ({"members": number} if number > 1 else {})
