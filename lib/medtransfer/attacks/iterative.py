"""Iterative attacks: one loop of five pieces, of which every method is a line of `METHODS`.

Each of `steps` steps goes, from an image x, with alpha the step size and n(g) = g / mean |g|:

1. a look ahead: z = x + alpha * momentum * m, or x + alpha * p, or x;
2. the gradient g of the loss at z, mean over `copies`: each of an offset z + u, seen through a
   random transform; with `flatness`, so much of it is taken at a second point, one step downhill;
3. a kernel that smooths g;
4. momentum: p = n(g), m = momentum * m + p;
5. x + alpha * sign(m), projected to the budget and clipped to [-1, 1].

Without any piece it is PGD. Several surrogates answer with the mean of their logits.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from medtransfer.attacks.method import Method
from medtransfer.errors import UsageError

if TYPE_CHECKING:
    import foolbox
    from torch import Tensor

LOOKS = ("", "momentum", "gradient")
WEAKEST = {"": 0.0, "scale": 1.0, "resize": 1.0, "blocks": 0.0, "spectrum": 0.0}
"""Transform -> the strength at which it leaves images as they are."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Iterative(Method):
    """A method made of the five pieces.

    Attributes:
        called: its name, in profiles, tables and figures.
        steps, step_size: how many, and how long, in units of the image range [-1, 1].
        momentum: what the sum of directions keeps at every step (Dong 2018).
        look: from where gradients are taken: ahead along the "momentum" (Lin 2020), along the last
            "gradient" (Wang 2021), or "" from where the image is.
        copies: gradients of a step, of which the mean is taken.
        transform: "scale", "resize", "blocks" or "spectrum" (see `attacks.transforms`), or "".
        strength: of the transform.
        radius: copies are moved by uniform noise of so many epsilons.
        sigma: copies are moved by normal noise of so many epsilons.
        flatness: share of the gradient that is taken at the second point (Ge 2023), 0 to 1.
        kernel: side in pixels of the Gaussian that smooths the gradient, odd (Dong 2019).
        seed: draws noise and transforms, by step and copy, the same for every image.

    Raises:
        UsageError: a parameter is out of its range.
    """

    called: str
    steps: int = 20
    step_size: float = 0.01
    momentum: float = 0.0
    look: str = ""
    copies: int = 1
    transform: str = ""
    strength: float = 0.0
    radius: float = 0.0
    sigma: float = 0.0
    flatness: float = 0.0
    kernel: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        whole = ("steps", "copies", "kernel")
        for name in whole:
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                self._refuse(name, "a whole number from 1")
        if self.kernel % 2 == 0:
            self._refuse("kernel", "odd")
        if not 0 <= self.flatness <= 1:
            self._refuse("flatness", "from 0 to 1")
        if self.look not in LOOKS or (self.look == "momentum" and not self.momentum):
            self._refuse("look", '"", "gradient", or "momentum" of a method that has momentum')
        if self.transform not in WEAKEST:
            self._refuse("transform", f"one of {', '.join(filter(None, WEAKEST))}")
        if self.strength < WEAKEST[self.transform]:
            self._refuse("strength", f"at least {WEAKEST[self.transform]:g}")

    def _refuse(self, name: str, allowed: str) -> None:
        raise UsageError(f"{self.called}: {name} is {getattr(self, name)!r}; it must be {allowed}")

    @property
    def name(self) -> str:
        return self.called

    @property
    def gradients(self) -> int:
        return self.steps * self.copies * (2 if self.flatness else 1)

    @cached_property
    def traits(self) -> dict[str, Any]:
        """What tables name: the method and its parameters."""
        found = {name: value for name, value in self.fields() if name != "called"}
        return {"method": self.name, **found}

    def perturb(self, model: foolbox.Model, images: Tensor, labels: Tensor) -> Tensor:
        """Return the images after all steps (see `Method.perturb`)."""
        import torch

        from medtransfer.attacks.loop import Loop

        with torch.inference_mode(False), torch.enable_grad():
            return Loop(self).run(model, images, labels, epsilon=self.epsilon).detach()


METHODS: dict[str, dict[str, Any]] = {
    "PGD100": {"steps": 100},
    "MI": {"momentum": 1.0},
    "DI": {"momentum": 1.0, "copies": 5, "transform": "resize", "strength": 1.25},
    "BSR": {"momentum": 1.0, "copies": 5, "transform": "blocks", "strength": 24.0},
    "SSA": {"momentum": 1.0, "copies": 5, "transform": "spectrum", "strength": 0.5, "sigma": 1.0},
    "PGN": {"momentum": 1.0, "copies": 5, "steps": 10, "radius": 3.0, "flatness": 0.5},
}
"""Name -> what tells the method from PGD. Each but MI takes 100 gradients of an image: PGD100 shows
what so many are worth without an idea. Strengths are those of the papers, but for DI's range, which
is wider since images are small; nothing was tuned on images of the study."""
