"""One image as a reader sees it: clean, attacked, control, the perturbation, and the answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from medtransfer.attacks.delivery import deliver
from medtransfer.attacks.method import craft
from medtransfer.data import images as prepare
from medtransfer.data.datamodule import to_unit
from medtransfer.measures import predictions as answers
from medtransfer.networks import training
from medtransfer.specs import CONTROL, EIGHT_BIT, Cell


@dataclass(frozen=True)
class Showcase:
    """Images, float (H, W, C) in [-1, 1], by name; probability of each label by image name."""

    panels: dict[str, np.ndarray]
    probabilities: pd.DataFrame
    truth: dict[str, int]


PERTURBATION = "perturbation"


def most_changed(cell: Cell, label: str) -> str:
    """Return the image with `label` whose logit for it the attack lowers most.

    Raises:
        ValueError: no image of the cell has the label.
    """
    table = answers.of_cell(cell)
    ill = table[table[label] == 1]
    if ill.empty:
        raise ValueError(f"no attacked image has {label}")
    fall = ill[answers.CLEAN + label] - ill[answers.ATTACKED + label]
    return str(ill["image"].iloc[int(np.argmax(fall))])


def showcase(cell: Cell, *, image: str) -> Showcase:
    """Return one image under the attack of a cell, crafted anew, and the target's answers.

    It runs on one thread, as workers do: with several, sums are rounded otherwise.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _showcase(cell, image=image)
    finally:
        torch.set_num_threads(threads)


def _showcase(cell: Cell, *, image: str) -> Showcase:
    source = cell.target.development.source
    prepared = prepare.load(source)
    row = int(np.flatnonzero(prepared.index["image"] == image)[0])
    device = training.device()
    clean = to_unit(np.asarray(prepared.images[[row]])).to(device)
    labels = torch.from_numpy(prepared.targets[[row]]).to(device)
    surrogate, target = training.load(cell.attack.surrogate), training.load(cell.target)
    ((_, attacked),) = craft(surrogate, clean, labels, attacks=[cell.attack])
    images = {
        "clean": clean,
        "attacked": attacked,
        "attacked, 8 bits": deliver(EIGHT_BIT, clean, attacked, names=[image]),
        "control noise": deliver(CONTROL, clean, attacked, names=[image]),
    }
    with torch.no_grad():
        rows = {name: target(x).sigmoid()[0].cpu().numpy() for name, x in images.items()}
    panels = {name: _picture(x) for name, x in images.items()}
    return Showcase(
        panels={**panels, PERTURBATION: _picture(attacked - clean)},
        probabilities=pd.DataFrame(rows, index=list(source.labels)).T,
        truth=dict(zip(source.labels, prepared.targets[row].astype(int).tolist(), strict=True)),
    )


def _picture(images: torch.Tensor) -> np.ndarray:
    return images[0].permute(1, 2, 0).cpu().numpy()
