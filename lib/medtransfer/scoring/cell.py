"""The unit of every table of the study: what a target answers to an attack."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Self

from medtransfer.attacks.attack import Attack
from medtransfer.networks.network import Network
from medtransfer.specs import Result


@dataclass(frozen=True, kw_only=True, eq=False)
class Cell(Result):
    """What `target` answers to an attack, image by image.

    `delivery` says what reaches the target: the "float" image as crafted, the "8-bit" image that a
    file can hold, or the "control" image with the same perturbation shuffled.
    """

    attack: Attack
    target: Network
    delivery: str

    @property
    def batch(self) -> Hashable:
        """Cells of one crafting are made together, whatever their target and epsilon."""
        return self.attack.crafting

    @property
    def title(self) -> str:
        surrogates = " + ".join(each.name for each in self.attack.surrogates)
        return f"{self.attack.method.name} crafted on {surrogates}"

    @property
    def effort(self) -> str:
        attack = self.attack
        return f"cell {attack.method.name} {attack.images} {len(attack.surrogates)}"

    @classmethod
    def make(cls, specs: Sequence[Self]) -> None:
        """Craft the attacks of one batch once, score all targets, publish every cell."""
        from medtransfer.scoring import transfer

        transfer.score(specs)
