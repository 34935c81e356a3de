"""One look for all figures: palette, names, sizes, and how they are written to files.

The colours are those of Okabe and Ito, and for domains of Paul Tol (muted), which stay apart for
colour-blind eyes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from medtransfer import paths
from medtransfer.analysis.selection import OTHER, SAME, WHITE_BOX
from medtransfer.attacks.delivery import CONTROL
from medtransfer.domains import DOMAINS
from medtransfer.networks.trained import IMAGENET, RANDOM
from medtransfer.report.wording import origin

if TYPE_CHECKING:
    import pandas as pd
    from IPython.display import Image
    from matplotlib.figure import Figure

COLOURS = {
    WHITE_BOX: "#000000",
    SAME: "#D55E00",
    OTHER: "#0072B2",
    CONTROL: "#7F7F7F",
    IMAGENET: "#009E73",
    RANDOM: "#CC79A7",
}
SHADES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
RIGHT, WRONG = "#0072B2", "#D55E00"
MARKS = "osD^vP*X"
PERCENT = "AUC left (% of clean AUC)"
PERCENTAGES = ("percent", "percent_low", "percent_high", "lowest", "highest")
POSSIBLE = 200.0  # % of a clean AUC of 0.5 that a perfect one is
STYLE: Any = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "font.size": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.frameon": False,
    "figure.dpi": 110,
    "svg.hashsalt": "medtransfer",
}


def colours(terms: Iterable[Any]) -> dict[str, str]:
    """Return a colour for each term of a figure: its own, or the next shade that is left.

    Domains, relations and initializations have one colour in all figures; whatever else a study
    compares gets the same colour wherever the same terms stand in the same order.
    """
    found = {str(term): _own(str(term)) for term in terms}
    taken = set(found.values())
    left = [shade for shade in SHADES if shade not in taken] or list(SHADES)
    unknown = [term for term, own in found.items() if own is None]
    shades = {term: left[number % len(left)] for number, term in enumerate(unknown)}
    return {term: own or shades[term] for term, own in found.items()}


def _own(term: str) -> str | None:
    return DOMAINS[term].colour if term in DOMAINS else COLOURS.get(term)


def marks(terms: Iterable[Any]) -> dict[str, str]:
    """Return a mark for each term of a figure, in the order of the terms."""
    each = dict.fromkeys(map(str, terms))
    return {term: MARKS[number % len(MARKS)] for number, term in enumerate(each)}


def reach(values: Iterable[float], ends: Iterable[float]) -> tuple[float, float]:
    """Return the limits of an axis of percentages: all values lie within, and 0 and 100.

    Ends of intervals lie within as far as percentages can be: with two trainings of a kind an
    interval may be wider than that, and would squeeze all else.
    """
    import numpy as np

    most = np.array([100.0, *(min(end, POSSIBLE) for end in ends), *values], float)
    return -4.0, 1.04 * float(np.nanmax(most))  # a dot at 0 is seen whole


def seen(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of percentages without those of targets at chance, which mean nothing."""
    if "at_chance" not in table:
        return table
    numbers = [name for name in PERCENTAGES if name in table]
    known = table.copy()
    known[numbers] = known[numbers].mask(known["at_chance"].astype(bool))
    return known


def save(
    figure: Figure, table: pd.DataFrame, *, name: str, profile: str, source: str | Iterable[str]
) -> Image:
    """Write a figure as PNG and PDF beside the CSV that it shows; return the PNG for display.

    Args:
        source: manifest that the images come from, or several; it stands below the figure, so
            that nobody takes a phantom for a patient.
    """
    import matplotlib.pyplot as plt
    from IPython.display import Image

    folder = paths.rendered(profile)
    folder.mkdir(parents=True, exist_ok=True)
    note = origin([source] if isinstance(source, str) else source)
    if "at_chance" in table and table["at_chance"].any():
        note = f"{note}\nTargets at chance are left out; nothing can be said about them."
    figure.supxlabel(note, x=0.99, ha="right", size=6.5, color="0.4")
    # Without dates and versions in the file, the same figure is the same bytes.
    figure.savefig(folder / f"{name}.png", dpi=110, metadata={"Software": None})
    figure.set_layout_engine("none")  # what was laid out for one file serves the other
    figure.savefig(folder / f"{name}.pdf", metadata={"CreationDate": None})
    table.to_csv(folder / f"{name}.csv", index=False, float_format="%.6g")
    plt.close(figure)
    return Image(filename=str(folder / f"{name}.png"))
