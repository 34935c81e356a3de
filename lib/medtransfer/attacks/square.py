"""Square (Andriushchenko 2020): an attack that asks the target, and needs no gradient.

It starts from vertical stripes of the whole budget, or from another image within it, sets a random
square to one end of the budget, channel by channel, and keeps it where the loss rises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from medtransfer.attacks.method import BOUNDS
from medtransfer.errors import SanityError

if TYPE_CHECKING:
    from torch import Tensor

SQUARE, STRIPES = "square", "stripes"
SHARE = 0.8  # of the image's area in the first squares
HALVED = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
"""After these shares of all questions the area of a square is halved, as the authors have it."""

Answer = Callable[["Tensor"], "Tensor"]


class Questions:
    """A target that counts what it is asked, image by image, and answers no more than that.

    Attributes:
        asked: (N,) how often each image was shown.
    """

    def __init__(self, answer: Answer, *, images: int, most: int) -> None:
        self.answer, self.most = answer, most
        self.asked = np.zeros(images, int)

    def __call__(self, images: Tensor) -> Tensor:
        """Return logits, (N, K), for a version of every image.

        Raises:
            SanityError: an image was shown as often as is allowed.
        """
        if len(images) != len(self.asked) or (self.asked >= self.most).any():
            raise SanityError(f"an attack wants more than {self.most} questions of an image")
        self.asked += 1
        return self.answer(images)


def search(
    ask: Questions,
    clean: Tensor,
    labels: Tensor,
    *,
    start: Tensor | None,
    names: Sequence[str],
    epsilon: float,
    kind: str = SQUARE,
    seed: int = 0,
) -> Iterator[tuple[int, Tensor]]:
    """Yield how many questions every image has used, and the best images so far.

    First with 0 questions: the start, which nobody has asked about. The first question is what the
    target says of it. None stops early, so that all images have used equally many.

    Args:
        ask: the target; as many questions are asked as it allows.
        clean: float32 (N, C, H, W) in [-1, 1].
        labels: (N, K), 0 or 1; the loss is binary cross-entropy summed over them.
        start: images within the budget, such as those of a surrogate; None is stripes.
        names: of the images, (N,); they draw, with the seed, whatever the batch.
        kind: "square"; or "stripes", which takes the best of so many random ones, without a search.
    """
    import torch

    draws = [np.random.default_rng([seed, crc32(name.encode())]) for name in names]
    best = _striped(clean, epsilon, draws) if start is None else start.clone()
    yield 0, best
    loss = _loss(ask(best), labels)
    yield 1, best
    for number in range(2, ask.most + 1):
        if kind == STRIPES:
            tried = _striped(clean, epsilon, draws)
        else:
            share = SHARE / 2 ** sum(number > part * ask.most for part in HALVED)
            tried = _squared(best, clean, epsilon, draws, share=share)
        found = _loss(ask(tried), labels)
        better = found > loss
        loss = torch.where(better, found, loss)
        best = torch.where(better[:, None, None, None].to(best.device), tried, best)
        yield number, best


def _loss(logits: Tensor, labels: Tensor) -> Tensor:
    import torch.nn.functional as F

    truth = labels.to(logits)
    return F.binary_cross_entropy_with_logits(logits, truth, reduction="none").sum(1)


def _striped(clean: Tensor, epsilon: float, draws: Sequence[np.random.Generator]) -> Tensor:
    """Return images with vertical stripes of one pixel, each up or down by epsilon."""
    import torch

    channels, wide = clean.shape[1], clean.shape[3]
    signs = np.stack([each.integers(0, 2, (channels, 1, wide)) * 2 - 1 for each in draws])
    return (clean + epsilon * torch.from_numpy(signs).to(clean)).clamp(*BOUNDS)


def _squared(
    best: Tensor,
    clean: Tensor,
    epsilon: float,
    draws: Sequence[np.random.Generator],
    *,
    share: float,
) -> Tensor:
    """Return images with a square of about so much of their area at one end of the budget."""
    tried = best.clone()
    channels, *sides = clean.shape[1:]
    side = int(np.clip(round(np.sqrt(share * np.prod(sides))), 1, min(sides)))
    for image, original, each in zip(tried, clean, draws, strict=True):
        top, left = (int(each.integers(0, free - side + 1)) for free in sides)
        window = (slice(None), slice(top, top + side), slice(left, left + side))
        signs = each.integers(0, 2, (channels, 1, 1)) * 2 - 1
        change = epsilon * image.new_tensor(signs)
        image[window] = (original[window] + change).clamp(*BOUNDS)
    return tried
