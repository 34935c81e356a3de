"""What networks answer to an image and to an attacked copy of it, as a picture and a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from medtransfer import api, store
from medtransfer.analysis.scores import thresholds
from medtransfer.networks.network import Network
from medtransfer.report.figures import attack
from medtransfer.report.wording import named, spaced

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor, nn


def titled(networks: Sequence[Network]) -> dict[str, Network]:
    """Return networks by what a reader calls them: "MobileNetV2/8, pre-trained, on d1"."""
    names = ("architecture", "initialization")
    return {
        f"{', '.join(str(named(n.traits[name])) for name in names)}, on {n.development.name}": n
        for n in networks
    }


def opened(network: Network) -> nn.Module:
    """Return a network as a module; it is trained if the store does not have it."""
    api.ensure([network])
    return _kept(network, store.find(network))


@lru_cache(maxsize=16)
def _kept(network: Network, place: Path) -> nn.Module:
    """Return a stored network; `place` tells stores apart."""
    return api.load(network)


def logits(model: nn.Module, images: Tensor) -> np.ndarray:
    """Return the logits of images (N, C, H, W) in [-1, 1], float32 (N, K)."""
    import torch

    with torch.no_grad():
        return model(images).float().cpu().numpy()


def pixels(image: Tensor) -> np.ndarray:
    """Return an image (1, C, H, W) as a picture (H, W, C)."""
    return image[0].permute(1, 2, 0).cpu().numpy()


def drawn(
    image: Tensor, moved: Tensor, labels: Tensor, networks: Mapping[str, Network]
) -> tuple[Figure, pd.DataFrame]:
    """Return image, perturbation and answers, as a picture and as a table.

    If there are several labels, the one whose logit moves most in the last network is shown.

    Args:
        image, moved: (1, C, H, W) in [-1, 1], clean and attacked.
        labels: (1, K), 0 or 1.
        networks: title -> surrogate and target.
    """
    said = {
        title: [logits(opened(network), each)[0] for each in (image, moved)]
        for title, network in networks.items()
    }
    before, after = list(said.values())[-1]
    label = int(np.abs(after - before).argmax())
    answers = {
        title: attack.Answer(
            *(_probability(each[label]) for each in (*pair, thresholds(networks[title])))
        )
        for title, pair in said.items()
    }
    name = next(iter(networks.values())).labels[label]
    truth = bool(labels[0, label] > 0)
    figure = attack.attacked(
        pixels(image), pixels(moved), answers=answers, question=spaced(name), truth=truth
    )
    rows = [{"network": title, "label": name, **vars(answer)} for title, answer in answers.items()]
    return figure, pd.DataFrame(rows)


def _probability(logit: float) -> float:
    return float(1 / (1 + np.exp(-np.nan_to_num(np.float64(logit)))))
