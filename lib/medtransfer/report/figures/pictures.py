"""Pictures of images: contact sheets, and single images under attack."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D

from medtransfer.report.style import RIGHT, STYLE, WRONG
from medtransfer.report.wording import spaced


def contact_sheet(images: np.ndarray, titles: Sequence[str], *, columns: int = 8) -> Figure:
    """Draw images, uint8 (N, H, W, C), in rows of `columns` with a short title each."""
    rows = -(-len(images) // columns)
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            rows,
            columns,
            figsize=(1.35 * columns, 1.58 * rows),
            squeeze=False,
            layout="constrained",
        )
        for axis in axes.flat:
            axis.set_axis_off()
        for axis, image, title in zip(axes.flat, images, titles, strict=False):
            grey = image.shape[-1] == 1
            axis.imshow(
                image[..., 0] if grey else image, cmap="gray" if grey else None, vmin=0, vmax=255
            )
            axis.set_title(textwrap.fill(title, 26), fontsize=6.5, loc="center")
    return figure


def example(rows: Sequence[Mapping[str, Any]], *, label: str, threshold: float) -> Figure:
    """Draw images under attack, one row each, with the target's answer to every panel.

    Under each image a dot stands at the target's probability of the label, from 0 to 1, with the
    threshold as a line: filled if the target calls the label, in blue if that is right and in
    orange if it is wrong. A panel without a probability is the perturbation; it is shown so that
    its largest value spans the grey range.

    Args:
        rows: each with `title`, what the image is an example of; `panels`, name -> float
            (H, W, C) in [-1, 1]; `probabilities`, name -> [0, 1]; `truth`, whether the image has
            the label.
        label: name of the label.
        threshold: of the target, as a probability; at or above it the target calls the label.
    """
    columns = max(len(row["panels"]) for row in rows)
    digits = _digits([p for row in rows for p in row["probabilities"].values()], threshold)
    called = spaced(label)
    with plt.rc_context(STYLE):
        figure = plt.figure(figsize=(2.15 * columns, 3.15 * len(rows) + 0.75), layout="constrained")
        parts = figure.subfigures(len(rows), 1, squeeze=False)[:, 0]
        for part, row in zip(parts, rows, strict=True):
            title = f"{row['title']} ({'with' if row['truth'] else 'without'} {called})"
            part.suptitle(title, x=0.01, ha="left", fontsize=9.5, weight="bold")
            _example_row(part, row, columns=columns, threshold=threshold, digits=digits)
        figure.legend(
            handles=_example_legend(f"threshold, {threshold:.{digits}f}"),
            title=f"the target's probability of {called}",
            loc="outside upper center",
            ncols=5,
            fontsize=8,
            title_fontsize=9,
            handletextpad=0.4,
        )
    return figure


def _example_row(
    part: SubFigure, row: Mapping[str, Any], *, columns: int, threshold: float, digits: int
) -> None:
    axes = part.subplots(2, columns, squeeze=False, height_ratios=[1, 0.26])
    for axis in axes.flat:
        axis.set_axis_off()
    for (name, image), above, below in zip(row["panels"].items(), *axes, strict=False):
        shown = np.asarray(image, float)
        above.set_title(textwrap.fill(name, 28), fontsize=8.5, loc="center")
        below.set(xlim=(-0.06, 1.06), ylim=(-1.35, 0.75))
        if name in row["probabilities"]:
            probability = float(row["probabilities"][name])
            call = probability >= threshold
            colour = RIGHT if call == bool(row["truth"]) else WRONG
            _dot(below, probability, threshold=threshold, colour=colour)
            said = f"{probability:.{digits}f}, {'called' if call else 'not called'}"
            _words_below(below, said, colour=colour)
        else:
            largest = max(float(np.abs(shown).max()), 1e-9)
            shown = shown / largest
            _words_below(below, f"amplified {1 / largest:.0f} times")
        shown = np.clip((shown + 1) / 2, 0, 1)
        grey = shown.shape[-1] == 1
        above.imshow(
            shown[..., 0] if grey else shown, cmap="gray" if grey else None, vmin=0, vmax=1
        )


def _digits(probabilities: Sequence[float], threshold: float) -> int:
    """Return how many digits tell a probability from a threshold that it is just below."""
    below = [p for p in probabilities if p < threshold]
    return next((n for n in (2, 3, 4) if all(round(p, n) != round(threshold, n) for p in below)), 5)


def _dot(axis: Axes, probability: float, *, threshold: float, colour: str) -> None:
    axis.hlines(0, 0, 1, color="0.75", lw=1, zorder=1)
    axis.vlines((0, 1), -0.14, 0.14, color="0.75", lw=1, zorder=1)
    axis.vlines(threshold, -0.5, 0.5, color="0.15", lw=1.4, zorder=2)
    fill = colour if probability >= threshold else "white"
    axis.plot(probability, 0, "o", ms=6.5, color=colour, mfc=fill, mew=1.6, zorder=3)


def _words_below(axis: Axes, words: str, *, colour: str = "0.25") -> None:
    axis.text(0.5, -0.65, words, ha="center", va="top", fontsize=8, color=colour)


def _example_legend(threshold: str) -> list[Line2D]:
    line: Any = {"ls": "", "marker": "|", "ms": 11, "color": "0.15", "mew": 1.4}
    dots = [
        ("called", "0.25", "0.25"),
        ("not called", "0.25", "white"),
        ("right call", RIGHT, RIGHT),
        ("wrong call", WRONG, WRONG),
    ]
    return [
        Line2D([], [], **line, label=threshold),
        *(
            Line2D([], [], ls="", marker="o", ms=6.5, color=colour, mfc=fill, mew=1.6, label=name)
            for name, colour, fill in dots
        ),
    ]
