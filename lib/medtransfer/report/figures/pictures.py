"""Pictures of images: contact sheets, and one image under attack."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from medtransfer.report.style import STYLE


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


def example(panels: dict[str, np.ndarray], *, amplified: str, captions: dict[str, str]) -> Figure:
    """Draw images side by side, float (H, W, C) in [-1, 1]; `amplified` names the perturbation.

    The perturbation is shown scaled so that its largest value spans the grey range.
    """
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            1, len(panels), figsize=(2.15 * len(panels), 2.7), squeeze=False, layout="constrained"
        )
        for axis, (name, image) in zip(axes.flat, panels.items(), strict=True):
            shown = image / max(float(np.abs(image).max()), 1e-9) if name == amplified else image
            shown = np.clip((shown + 1) / 2, 0, 1)
            axis.imshow(
                shown[..., 0] if shown.shape[-1] == 1 else shown, cmap="gray", vmin=0, vmax=1
            )
            axis.set_title(name, fontsize=8.5, loc="center")
            axis.text(
                0.5,
                -0.03,
                captions.get(name, ""),
                transform=axis.transAxes,
                ha="center",
                va="top",
                fontsize=7,
            )
            axis.set_axis_off()
    return figure
