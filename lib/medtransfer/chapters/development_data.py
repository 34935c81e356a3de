"""Table 4 of the paper: surrogates on the target's images, on others, and on fewer others."""

from __future__ import annotations

import pandas as pd
from IPython.display import Image, Markdown

from medtransfer.analysis.selection import OTHER, SAME
from medtransfer.chapters.chapter import PAIR, Chapter
from medtransfer.networks.trained import IMAGENET, RANDOM
from medtransfer.report import figures
from medtransfer.report.wording import decided, named, points
from medtransfer.units import shown


class DevelopmentData(Chapter):
    """Targets on d1, surrogates on d1, d2 and d2/2; both networks of the same initialization."""

    factor = "development_data"

    def pairs(self, initialization: str) -> Image:
        """Show every kind of pair of one initialization, coloured by the surrogate's data."""
        means = self.pooled(*PAIR, target_initialization=initialization)
        name = f"pairs_{named(initialization).replace('-', '')}"
        return self.save(figures.pairs(means, by="surrogate_data"), means, name=name)

    def means(self) -> pd.DataFrame:
        """Return mean percentages over both architectures as targets."""
        return self.table("method", "target_initialization", "relation", "surrogate_data")

    def answer(self) -> Markdown:
        """Say whether other data weaken an attack, and another architecture weakens it further."""
        pre = {"method": "PGD", "target_initialization": IMAGENET}
        rnd = {"method": "PGD", "target_initialization": RANDOM, "relation": SAME}
        on = {data: {**pre, "surrogate_data": data} for data in ("d1", "d2", "d2/2")}
        same = {data: {**where, "relation": SAME} for data, where in on.items()}
        other = {**on["d2"], "relation": OTHER}
        data, same_data, less, architecture = (
            self.contrast(first, second)
            for first, second in (
                (on["d2"], on["d1"]),
                (same["d2"], same["d1"]),
                (on["d2/2"], on["d2"]),
                (other, same["d2"]),
            )
        )
        return self.say(
            [
                f"PGD at {shown(self.epsilon)}, pre-trained networks of the same architecture: a "
                f"surrogate on the target's own images leaves {self.left(**same['d1'])} of the "
                f"clean AUC, on other images {self.left(**same['d2'])}, on half as many "
                f"{self.left(**same['d2/2'])}.",
                f"What is left with d2 is **{decided(same_data)}** than with d1 for the same "
                f"architecture, {points(same_data)}, and **{decided(data)}** over all pairs of "
                f"pre-trained networks, {points(data)}; with d2/2 it is **{decided(less)}** than "
                f"with d2, {points(less)}. With d2, another architecture leaves an AUC that is "
                f"**{decided(architecture)}** than with the same one, {points(architecture)}.",
                f"Between networks from random weights {self.left(**rnd, surrogate_data='d1')} is "
                f"left with d1 and {self.left(**rnd, surrogate_data='d2')} with d2, same "
                "architecture.",
            ]
        )
