"""Table 5 of the paper: targets on little data, surrogates on much of other people's."""

from __future__ import annotations

import pandas as pd
from IPython.display import Markdown

from medtransfer.chapters.initialization import Initialization
from medtransfer.evaluation.catalogue import OTHER, SAME
from medtransfer.specs import IMAGENET, RANDOM
from medtransfer.units import shown
from medtransfer.words import decided, points


class InitializationAndData(Initialization):
    """Targets on d1/10, surrogates on d2, both initializations of both."""

    factor = "initialization_and_data"

    def clean(self) -> pd.DataFrame:
        """Return the targets' test AUC without an attack: what pre-training gains on few images."""
        kind = ["target_architecture", "target_initialization"]
        auc = ["clean_auc", "clean_auc_low", "clean_auc_high"]
        return self.frame.drop_duplicates([*kind, "clean_auc"])[[*kind, *auc]].round(3)

    def answer(self) -> Markdown:
        """Say what a tenth of the data means for a target, pre-trained or not."""
        auc = self.clean().groupby("target_initialization")["clean_auc"].mean()
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
