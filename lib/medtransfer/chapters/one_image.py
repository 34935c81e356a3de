"""One image, two networks: an attack that can be seen, changed and played with."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
import numpy as np
import pandas as pd
from IPython.display import Image, Markdown

from medtransfer import api
from medtransfer.analysis.scores import thresholds
from medtransfer.attacks.perceptibility import perceptibility
from medtransfer.chapters import asked
from medtransfer.chapters.page import Page
from medtransfer.compute import run
from medtransfer.data import images as sources
from medtransfer.data import manifests
from medtransfer.networks.network import Network
from medtransfer.report import tables
from medtransfer.report.figures import attack
from medtransfer.report.play import Board, Quiz
from medtransfer.report.wording import described
from medtransfer.units import shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor, nn

EPSILON = 0.02
MOST = 0.06  # of the slider: the largest of the paper
AMONG = 100  # test images to choose from: one batch
PAIRS = 10
SURROGATE, TARGET = "surrogate", "target"


class OneImage(Page):
    """What the notebook calls that attacks a single image.

    Args:
        profile: name of a built-in profile, or path of a YAML profile.
        domain: None takes the first that the profile has images for.
    """

    number = "05"

    def __init__(self, profile: str, domain: str | None = None) -> None:
        super().__init__(profile)
        self.domain = domain or next(iter(self.settings.sources))
        self._quiz: Quiz | None = None
        self._epsilon = EPSILON  # of the last quiz

    @property
    def needs(self) -> list[str]:
        """The domain whose images the page needs."""
        return [self.domain]

    def images(self) -> Markdown:
        """Show which images these are, and what readers must know about them."""
        source = self.study.source(self.domain)
        api.ensure([source])
        facts = manifests.image_facts(self.settings.sources[self.domain])
        index = sources.load(source).index
        return Markdown(described(facts, index=index, image_px=source.image_px))

    @cached_property
    def surrogates(self) -> dict[str, Network]:
        """What an attacker may have, by title: networks on the target's data (d1), and on d2."""
        first: Any = {"replicates": [0]}
        own = self.study.networks(self.domain, bis=True, **first)
        return asked.titled([*own, *self.study.networks(self.domain, data="d2", **first)])

    @cached_property
    def targets(self) -> dict[str, Network]:
        """What may be attacked, by title: networks on d1."""
        return asked.titled(self.study.networks(self.domain, replicates=[0]))

    def networks(self) -> pd.DataFrame:
        """Return the first surrogate and the first target, trained if they are missing."""
        pair = [next(iter(self.surrogates.values())), next(iter(self.targets.values()))]
        api.ensure(pair)
        found = run.networks(pair, resamples=self.settings.resamples)
        columns = ["architecture", "initialization", "data", "validation_auc"]
        found = found[columns].round(3).assign(role=[SURROGATE, TARGET])
        return tables.readable(found, index=["role"])

    def surrogate(self, title: str | None = None) -> nn.Module:
        """Return a surrogate as a module; None takes the first of `surrogates`."""
        return asked.opened(self.surrogates[title or next(iter(self.surrogates))])

    def target(self, title: str | None = None) -> nn.Module:
        """Return a target as a module; None takes the first of `targets`."""
        return asked.opened(self.targets[title or next(iter(self.targets))])

    def image(self, number: int | None = None) -> tuple[Tensor, Tensor]:
        """Return a test image (1, C, H, W) in [-1, 1] and its labels (1, K), 0 or 1.

        Args:
            number: which; None takes the first whose correct call FGSM flips with the first pair.
        """
        images, labels = self._test
        place = self._first if number is None else number
        return images[place : place + 1].clone(), labels[place : place + 1].clone()

    @cached_property
    def _test(self) -> tuple[Tensor, Tensor]:
        network = next(iter(self.targets.values()))
        api.ensure([network.development.source])
        return api.images(network, number=AMONG)

    @cached_property
    def _flipped(self) -> tuple[np.ndarray, np.ndarray]:
        return self._flipped_at(EPSILON)

    def _flipped_at(self, epsilon: float) -> tuple[np.ndarray, np.ndarray]:
        """Calls of the first target, (N, K): right on the clean image; flipped by the attack."""
        images, labels = self._test
        moved = api.craft(self.surrogate(), images, labels, api.FGSM(epsilon=epsilon))
        target, truth = self.target(), labels.cpu().numpy() > 0
        limits = thresholds(next(iter(self.targets.values())))
        before, after = (asked.logits(target, each) >= limits for each in (images, moved))
        right = (before == truth) & np.isfinite(limits)
        return right, right & (after != truth)

    @property
    def _first(self) -> int:
        """The first image with a flipped call; images that have the finding come first."""
        flipped, truth = self._flipped[1], self._test[1].cpu().numpy() > 0
        for found in ((flipped & truth).any(1), flipped.any(1)):
            if found.any():
                return int(found.argmax())
        return 0

    def show(self, image: Tensor, attacked: Tensor) -> Image:
        """Show an image, an attacked copy of it, and what the first pair of networks answers.

        Args:
            image, attacked: (1, C, H, W) in [-1, 1].
        """
        first = next(iter(self.surrogates)), next(iter(self.targets))
        labels = self._labels(image)
        figure, table = self._drawn(image.detach(), attacked.detach(), labels, *first)
        return self.save(figure, table, name="attack")

    def _labels(self, image: Tensor) -> Tensor:
        images, labels = self._test
        return labels[(images - image.detach()).flatten(1).abs().amax(1).argmin()][None]

    def _drawn(
        self, image: Tensor, moved: Tensor, labels: Tensor, surrogate: str, target: str
    ) -> tuple[Figure, pd.DataFrame]:
        pair = {
            f"surrogate, {surrogate}": self.surrogates[surrogate],
            f"target, {target}": self.targets[target],
        }
        return asked.drawn(image, moved, labels, pair)

    def play(self) -> Board:
        """Show an attack that follows its controls: epsilon, image, surrogate, target.

        Choosing a network that the store does not have trains it, which takes about a minute.
        """
        wide: Any = {"layout": {"width": "34rem"}, "style": {"description_width": "7rem"}}
        last = len(self._test[0]) - 1
        controls: dict[str, Any] = {
            "epsilon": widgets.FloatSlider(
                value=EPSILON, max=MOST, step=0.001, readout_format=".3f", **wide
            ),
            "number": widgets.IntSlider(value=self._first, max=last, **wide),
            SURROGATE: widgets.Dropdown(options=[*self.surrogates], **wide),
            TARGET: widgets.Dropdown(options=[*self.targets], **wide),
        }
        for name, control in controls.items():
            control.description = "image" if name == "number" else name
        return Board(self._played, controls)

    def _played(self, epsilon: float, number: int, surrogate: str, target: str) -> Figure:
        image, labels = self.image(number)
        model = asked.opened(self.surrogates[surrogate])
        moved = api.craft(model, image, labels, api.FGSM(epsilon=epsilon))
        figure, _ = self._drawn(image, moved, labels, surrogate, target)
        figure.suptitle(f"epsilon {shown(epsilon)}", fontsize=9.5, x=0.01, ha="left")
        return figure

    def quiz(self, *, epsilon: float = EPSILON, seed: int = 0) -> Quiz:
        """Show ten pairs, a clean image and its attacked copy: which of the two was changed?

        Args:
            epsilon: of FGSM on the first surrogate.
            seed: draws the images, and the side of the changed one.
        """
        images, labels = self._test
        self._epsilon = epsilon
        drawn = np.random.default_rng(seed)
        rows = np.sort(drawn.permutation(len(images))[:PAIRS])
        clean = images[rows]
        moved = api.craft(self.surrogate(), clean, labels[rows], api.FGSM(epsilon=epsilon))
        self._ssim = perceptibility(clean, moved)["ssim"].cpu().numpy()
        changed = ["AB"[side] for side in drawn.integers(2, size=len(rows))]
        pairs = [
            [asked.pixels(a[None]), asked.pixels(b[None])][:: 1 if side == "B" else -1]
            for a, b, side in zip(clean, moved, changed, strict=True)
        ]
        titles = [f"{n} {side}" for n in range(1, len(pairs) + 1) for side in "AB"]
        sheet = attack.sheet([each for pair in pairs for each in pair], titles, columns=4)
        self._quiz = Quiz([attack.side_by_side(*pair) for pair in pairs], changed, sheet)
        return self._quiz

    def answer(self) -> Markdown:
        """Say how many calls the attack of the first pair flips, and how the reader did.

        At the epsilon of the quiz.
        """
        at = self._epsilon
        right, flipped = self._flipped if at == EPSILON else self._flipped_at(at)
        surrogate, target = next(iter(self.surrogates)), next(iter(self.targets))
        found = (
            f"**At epsilon {shown(at)}, FGSM flips {flipped.sum()} of {right.sum()} correct calls "
            f"of a network that the attacker never saw**, on {len(right)} test images."
            if right.any()
            else f"**The target calls none of {len(right)} test images correctly, so there is no "
            "call to flip**. Networks that train for longer may call some: profile `default`."
        )
        said = [f"{found} Surrogate: {surrogate}; target: {target}."]
        if self._quiz:
            ssim, quiz = self._ssim, self._quiz
            said.append(
                f"Structural similarity (SSIM) of the pairs is {ssim.mean():.2f} on average, "
                f"{ssim.min():.2f} in the pair that differs most; 1 means identical images."
            )
            said.append(
                f"You found {quiz.right} of {len(quiz.said)}; guessing finds half."
                if quiz.said
                else "You have not looked for the changed images yet: choose above, then run this "
                "cell again.\n\n<details><summary>The solution</summary>"
                f"{', '.join(quiz.changed)}</details>"
            )
        return Markdown("\n\n".join(said))
