"""What a target answers to an attacker who may ask it a few questions about every image."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from medtransfer import store
from medtransfer.attacks.attack import TEST, Attack
from medtransfer.networks.network import Network
from medtransfer.specs import Result

if TYPE_CHECKING:
    import numpy as np

    from medtransfer.measures.predictions import Predictions

FILE = "answers.npz"


@dataclass(frozen=True, kw_only=True, eq=False)
class Queries(Result):
    """A target's answers to test images attacked by Square, which asks the target itself.

    Attributes:
        target: a network, which need not be differentiable.
        start: the attack, crafted on surrogates, whose images the search begins with; None begins
            with stripes.
        epsilon: in units of [-1, 1]; that of `start`, if there is one.
        search: "square", or "stripes": the best of so many random ones (see `attacks.square`).
        checkpoints: numbers of questions, rising, after which the answers are kept; the last is
            the most that are asked of an image.
        seed: draws, with the name of each image.
    """

    target: Network
    start: Attack | None
    epsilon: float
    search: str
    checkpoints: tuple[int, ...]
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.start and (self.start.method.epsilon != self.epsilon or self.start.images != TEST):
            raise ValueError("a search begins with test images of its own epsilon")
        rising = tuple(sorted({*self.checkpoints}))
        if rising != self.checkpoints or not rising or rising[0] < 0 or rising[-1] < 1:
            raise ValueError(f"checkpoints {self.checkpoints} must rise, from 0, to at least 1")

    @property
    def batch(self) -> Hashable:
        """Searches from the same images are made together, so that these are crafted once."""
        return self.start or self

    @property
    def title(self) -> str:
        begun = f" from {self.start.method.name}" if self.start else ""
        most = self.checkpoints[-1]
        return f"{self.search}{begun}: at most {most} questions to {self.target.name}"

    @property
    def effort(self) -> str:
        return f"asking {self.checkpoints[-1]} times"

    @classmethod
    def make(cls, specs: Sequence[Self]) -> None:
        """Craft the images that the searches begin with, search on every target, and publish."""
        from medtransfer.scoring import searching

        searching.make(specs)


@dataclass(frozen=True, eq=False)
class Answered:
    """What was answered to a search.

    Attributes:
        predictions: on the images as they are, and after all questions.
        logits: (checkpoints, N, K).
        asked: (N,) questions that were asked about each image.
    """

    predictions: Predictions
    logits: np.ndarray
    asked: np.ndarray


def read(spec: Queries) -> Answered:
    """Return what the store holds of a search.

    Raises:
        StoreError: it has not been made, or a file is damaged.
    """
    import numpy as np

    from medtransfer.measures import predictions as measured

    with store.reading(spec, FILE) as path, np.load(path) as found:
        return Answered(measured.read(spec), found["logits"], found["asked"])
