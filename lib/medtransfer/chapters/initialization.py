"""Table 3 of the paper: pre-trained or random surrogate against pre-trained or random target."""

from __future__ import annotations

import pandas as pd
from IPython.display import Image, Markdown

from medtransfer.analysis.selection import OTHER, SAME
from medtransfer.chapters.chapter import PAIR, Chapter
from medtransfer.networks.trained import IMAGENET, RANDOM
from medtransfer.report import figures
from medtransfer.report.wording import decided, points
from medtransfer.units import shown


class Initialization(Chapter):
    """Both initializations of both networks, all developed on d1."""

    factor = "initialization"

    def matrix(self, method: str) -> Image:
        """Show every kind of surrogate against every kind of target."""
        means = self.pooled(*PAIR, method=method)
        picture = figures.matrix(means, method=method)
        return self.save(picture, means, name=f"matrix_{method.lower()}")

    def pairs(self) -> Image:
        """Show the same pairs with their intervals, coloured by the surrogate's initialization."""
        means = self.pooled(*PAIR)
        return self.save(figures.pairs(means, by="surrogate_initialization"), means, name="pairs")

    def means(self) -> pd.DataFrame:
        """Return mean percentages over both architectures."""
        sides = ("surrogate_initialization", "target_initialization")
        return self.table("method", "relation", *sides)

    def answer(self) -> Markdown:
        """Say whether a shared start makes attacks transfer, also across architectures."""
        starts = {
            (mine, yours): {
                "method": "PGD",
                "surrogate_initialization": mine,
                "target_initialization": yours,
            }
            for mine in (IMAGENET, RANDOM)
            for yours in (IMAGENET, RANDOM)
        }
        both, none = starts[IMAGENET, IMAGENET], starts[RANDOM, RANDOM]
        same, other = (
            self.contrast({**none, "relation": relation}, {**both, "relation": relation})
            for relation in (SAME, OTHER)
        )
        return self.say(
            [
                f"PGD at {shown(self.epsilon)}. **Both pre-trained:** "
                f"{self.left(**both, relation=SAME)} of the clean AUC is left with the same "
                f"architecture, {self.left(**both, relation=OTHER)} with the other. **Both "
                f"random:** {self.left(**none, relation=SAME)} and "
                f"{self.left(**none, relation=OTHER)}. **Only the surrogate pre-trained:** "
                f"{self.left(**starts[IMAGENET, RANDOM], relation=SAME)} with the same "
                f"architecture; **only the target:** "
                f"{self.left(**starts[RANDOM, IMAGENET], relation=SAME)}.",
                f"The fall of the AUC when both are pre-trained is **{decided(same)}** than when "
                f"both are random with the same architecture, by {points(same)}, and "
                f"**{decided(other)}** across architectures, by {points(other)} of the clean AUC.",
            ]
        )
