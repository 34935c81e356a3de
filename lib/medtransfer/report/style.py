"""One look for all figures: palette, names, sizes, and how they are written to files.

The colours are those of Okabe and Ito, and for domains of Paul Tol (muted), which stay apart for
colour-blind eyes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import Image
from matplotlib.figure import Figure

from medtransfer import paths
from medtransfer.analysis.selection import OTHER, SAME, WHITE_BOX
from medtransfer.specs import CONTROL, IMAGENET, RANDOM

COLOURS = {
    "ophthalmology": "#882255",
    "radiology": "#332288",
    "pathology": "#999933",
    WHITE_BOX: "#000000",
    SAME: "#D55E00",
    OTHER: "#0072B2",
    CONTROL: "#7F7F7F",
    IMAGENET: "#009E73",
    RANDOM: "#CC79A7",
    "efficientnet_lite0": "#E69F00",
    "mobilenet_v2": "#56B4E9",
    "inception_v3": "#E69F00",
    "densenet121": "#56B4E9",
    "inception_v3_keras": "#E69F00",
    "densenet121_keras": "#56B4E9",
}
PERCENT = "AUC left (% of clean AUC)"
STYLE: Any = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "font.size": 9,
    "legend.frameon": False,
    "figure.dpi": 110,
    "svg.hashsalt": "medtransfer",
}


def save(figure: Figure, table: pd.DataFrame, *, name: str, profile: str, source: str) -> Image:
    """Write a figure as PNG and PDF beside the CSV that it shows; return the PNG for display.

    Args:
        source: manifest that the images come from; it stands below the figure, so that nobody
            takes a phantom for a patient.
    """
    folder = paths.rendered(profile)
    folder.mkdir(parents=True, exist_ok=True)
    synthetic = ": synthetic images, no medical claim" if source.startswith("phantom") else ""
    figure.supxlabel(f"{Path(source).stem}{synthetic}", x=0.99, ha="right", size=6.5, color="0.4")
    # Without dates and versions in the file, the same figure is the same bytes.
    figure.savefig(folder / f"{name}.png", dpi=110, metadata={"Software": None})
    figure.savefig(folder / f"{name}.pdf", metadata={"CreationDate": None})
    table.to_csv(folder / f"{name}.csv", index=False, float_format="%.6g")
    plt.close(figure)
    return Image(filename=str(folder / f"{name}.png"))
