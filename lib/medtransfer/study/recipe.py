"""How networks of one initialization are trained: a part of a profile."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from medtransfer.data.schema import Strict


class Recipe(Strict):
    """How networks of one initialization are trained.

    The length of a training is given in steps of the optimizer, so the same recipe serves 200
    images and 80,000; it is rounded to whole epochs, at least `least_epochs` and at most
    `most_epochs`.
    Learning rates rise over the share `warm_up` of the steps, and then fall to almost nothing.

    Attributes:
        steps: steps of the optimizer, rounded to whole epochs.
        least_epochs, most_epochs: bounds of the epochs.
        learning_rate: the peak, of all layers but the last.
        head_learning_rate: the peak, of the last layer.
        warm_up: share of the steps over which learning rates rise.
    """

    steps: Annotated[int, Field(ge=1)]
    least_epochs: Annotated[int, Field(ge=1)]
    most_epochs: Annotated[int, Field(ge=1)]
    learning_rate: Annotated[float, Field(gt=0)]
    head_learning_rate: Annotated[float, Field(gt=0)]
    warm_up: Annotated[float, Field(gt=0, lt=1)] = 0.3

    @model_validator(mode="after")
    def _bounds_are_in_order(self) -> Recipe:
        if self.least_epochs > self.most_epochs:
            raise ValueError(f"least_epochs: at most most_epochs, which is {self.most_epochs}")
        return self
