"""One attacked image beside the clean one, and what surrogate and target answer."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from medtransfer.report.style import RIGHT, STYLE, WRONG


@dataclass(frozen=True)
class Answer:
    """What a network answers before and after an attack, as probabilities.

    Attributes:
        threshold: at or above it the network calls the label.
    """

    before: float
    after: float
    threshold: float


def attacked(
    clean: np.ndarray,
    moved: np.ndarray,
    *,
    answers: Mapping[str, Answer],
    question: str,
    truth: bool,
) -> Figure:
    """Draw an image, its perturbation and the attacked image; below, what networks answer.

    A ring stands at the answer to the clean image, a dot at that to the attacked one, blue where
    the call is right and orange where it is wrong; the upright line is the network's threshold.

    Args:
        clean, moved: float (H, W, C) in [-1, 1]; the perturbation is amplified to the whole range.
        answers: name of a network -> its answers.
        question: what the networks answer, such as "Tumour".
        truth: whether the image has it.
    """
    change = moved - clean
    largest = float(np.abs(change).max())
    amplified = change / largest if largest else change
    factor = f", amplified {1 / largest:.0f} times" if largest else ": none"
    panels = {"clean": clean, f"perturbation{factor}": amplified, "attacked": moved}
    with plt.rc_context(STYLE):
        figure = Figure(figsize=(7.4, 3.15 + 0.62 * len(answers)), dpi=100, layout="constrained")
        heights = [2.55, 0.6 + 0.62 * len(answers)]
        parts: Any = figure.subfigures(2, 1, height_ratios=heights)
        images, lines = parts
        for axis, (title, pixels) in zip(images.subplots(1, 3), panels.items(), strict=True):
            _show(axis, pixels)
            axis.set_title(title, loc="center")
        axis = lines.subplots()
        for row, (name, answer) in enumerate(answers.items()):
            _answer(axis, -row, name, answer, truth=truth)
        has = "has" if truth else "does not have"
        axis.set_title(f"Probability of {question}; the image {has} it", loc="left")
        axis.set(xlim=(-0.02, 1.02), ylim=(-len(answers) + 0.4, 0.55), yticks=[])
        axis.spines["left"].set_visible(False)
    return figure


def _show(axis: Axes, pixels: np.ndarray) -> None:
    grey = pixels.shape[-1] == 1
    shown = np.clip((pixels + 1) / 2, 0, 1)
    axis.imshow(shown[..., 0] if grey else shown, cmap="gray" if grey else None, vmin=0, vmax=1)
    axis.set_axis_off()


def _answer(axis: Axes, y: float, name: str, answer: Answer, *, truth: bool) -> None:
    axis.hlines(y, 0, 1, color="0.8", lw=1, zorder=1)
    axis.vlines(answer.threshold, y - 0.2, y + 0.2, color="0.15", lw=1.4, zorder=2)
    colours = [
        RIGHT if (p >= answer.threshold) == truth else WRONG for p in (answer.before, answer.after)
    ]
    axis.plot(answer.before, y, "o", ms=8, mfc="white", color=colours[0], mew=1.6, zorder=3)
    axis.plot(answer.after, y, "o", ms=8, color=colours[1], zorder=4)
    called = "called" if answer.after >= answer.threshold else "not called"
    said = f"{name}: {answer.before:.2f}, attacked {answer.after:.2f}, {called}"
    axis.text(0, y + 0.26, said, fontsize=8.5, color=colours[1], va="bottom")


def side_by_side(left: np.ndarray, right: np.ndarray) -> Figure:
    """Draw two images, float (H, W, C) in [-1, 1], as A and B."""
    return sheet([left, right], ["A", "B"], columns=2, inches=2.6)


def sheet(
    images: Sequence[np.ndarray], titles: Sequence[str], *, columns: int, inches: float = 1.35
) -> Figure:
    """Draw images, float (H, W, C) in [-1, 1], in rows of `columns`."""
    rows = -(-len(images) // columns)
    with plt.rc_context(STYLE):
        size = (inches * columns, (inches + 0.25) * rows)
        figure = Figure(figsize=size, dpi=100, layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False)
        for axis in axes.flat:
            axis.set_axis_off()
        for axis, pixels, title in zip(axes.flat, images, titles, strict=False):
            _show(axis, pixels)
            axis.set_title(textwrap.fill(title, 26), loc="center")
    return figure
