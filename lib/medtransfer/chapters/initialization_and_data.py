"""Table 5 of the paper: targets on little data, surrogates on much of other people's."""

from __future__ import annotations

import pandas as pd
from IPython.display import Markdown

from medtransfer.analysis.selection import OTHER, SAME
from medtransfer.chapters.initialization import Initialization
from medtransfer.networks.trained import IMAGENET, RANDOM
from medtransfer.report import tables
from medtransfer.report.wording import decided, points
from medtransfer.units import shown


class InitializationAndData(Initialization):
    """Targets on d1/10, surrogates on d2, both initializations of both."""

    factor = "initialization_and_data"

    def clean(self) -> pd.DataFrame:
        """Return the targets' test AUC without an attack: what pre-training gains on few images."""
        kind = ["target_architecture", "target_initialization"]
        rows = self._targets()
        rows["clean AUC (95 % interval)"] = [
            f"{auc:.2f} ({low:.2f} to {high:.2f})"
            for auc, low, high in zip(
                rows["clean_auc"], rows["clean_auc_low"], rows["clean_auc_high"], strict=True
            )
        ]
        return tables.readable(rows[[*kind, "clean AUC (95 % interval)"]], index=kind)

    def _targets(self) -> pd.DataFrame:
        return self.frame.drop_duplicates("target").copy()

    def answer(self) -> Markdown:
        """Say what a tenth of the data means for a target, pre-trained or not."""
        auc = self._targets().groupby("target_initialization")["clean_auc"].mean()
        pre, rnd = (
            {"method": "PGD", "surrogate_initialization": start, "target_initialization": start}
            for start in (IMAGENET, RANDOM)
        )
        gain = self.contrast(rnd, pre)
        return self.say(
            [
                f"On a tenth of the data the targets reach a test AUC of {auc[IMAGENET]:.2f} "
                f"pre-trained and {auc[RANDOM]:.2f} from random weights. PGD at "
                f"{shown(self.epsilon)}, crafted on networks of other images: between pre-trained "
                f"networks {self.left(**pre, relation=SAME)} of the clean AUC is left with the "
                f"same architecture and {self.left(**pre, relation=OTHER)} with the other; "
                f"between random ones {self.left(**rnd, relation=SAME)} and "
                f"{self.left(**rnd, relation=OTHER)}.",
                f"Over all pairs the fall is **{decided(gain)}** when both are pre-trained, by "
                f"{points(gain)} of the clean AUC. A percentage of an AUC near chance says "
                f"little: where the clean AUC is {auc[RANDOM]:.2f}, an attack that leaves nothing "
                f"but chance still leaves {50 / auc[RANDOM]:.0f} %.",
            ]
        )
