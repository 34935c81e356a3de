"""Use from Python: a study, its networks, and attacks on them or on a model of your own.

Images are float32 (N, C, H, W) in [-1, 1], labels float32 (N, K) of 0 and 1, answers of networks
logits (N, K). `ensure` works in several processes: a script calls it below
`if __name__ == "__main__":`, a notebook anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from medtransfer.attacks.fgsm import FGSM
from medtransfer.attacks.pgd import PGD
from medtransfer.compute.ensure import ensure
from medtransfer.errors import AttackError
from medtransfer.networks.network import BATCH, Network, batch

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor, nn

    from medtransfer.attacks.method import Method
    from medtransfer.scoring.cell import Cell
    from medtransfer.study.builders import Study

__all__ = [
    "FGSM",
    "PGD",
    "craft",
    "ensure",
    "images",
    "load",
    "plan",
    "resolve",
    "score",
    "table",
]


def resolve(profile: str = "default", domains: Iterable[str] | None = None) -> Study:
    """Return the study of a profile; `study.network(...)` names a network without training it.

    Phantoms are drawn later, by `ensure`; images made of files are fetched and read here.

    Args:
        profile: a built-in profile, or the path of a YAML file.
        domains: whose images are needed; None takes all that the profile has.

    Raises:
        ManifestError, SourceError, FetchError: the profile, or what it names, cannot
            be used; the message says what to do.
    """
    from medtransfer.study import builders, schema

    return builders.resolve(schema.profile(profile), domains)


def load(network: Network) -> nn.Module:
    """Return a stored network as a PyTorch module, ready to answer and to be attacked.

    It is in evaluation mode, without parameter gradients. It takes images in [-1, 1], normalises
    them as needed, and returns logits (N, K).

    Raises:
        StoreError: the store does not have it; call `ensure([network])` first.
        AttackError: it only gives answers, and is not a PyTorch module.
    """
    opened: Any = network.open()
    if not opened.differentiable:
        raise AttackError(f"{network.name} only gives answers, so it cannot be loaded as a module")
    return opened.module


def images(network: Network, number: int | None = None) -> tuple[Tensor, Tensor]:
    """Return test images and their labels: (N, C, H, W) in [-1, 1] and (N, K) of 0 and 1.

    No network of the same study was trained on them.

    Args:
        network: one whose images are in the store.
        number: how many, from the first; None takes all.

    Raises:
        StoreError: the store does not have the images; call `ensure([network])` first.
    """
    import torch

    from medtransfer.data import images as sources
    from medtransfer.data import splits

    made_on = network.development
    prepared = sources.load(made_on.source)
    rows = splits.parts(prepared.index, labels=prepared.labels, development=made_on).test[:number]
    found = batch(prepared, rows)
    return found, torch.from_numpy(prepared.targets[rows]).to(found.device)


def craft(model: nn.Module, images: Tensor, labels: Tensor, method: Method) -> Tensor:
    """Return attacked images, (N, C, H, W) in [-1, 1], at most the method's epsilon away.

    Args:
        model: any module that maps images in [-1, 1] to logits (N, K), in evaluation mode and
            without parameter gradients, as `load` returns it.
        images: float32 (N, C, H, W) in [-1, 1].
        labels: float32 (N, K), 0 or 1.
        method: such as `FGSM(epsilon=0.02)` or `PGD(epsilon=0.02, step_size=0.01, steps=20)`;
            0.02 is 2.55 grey levels of 255.

    Raises:
        AttackError: model, images or labels are not as described here.
    """
    from medtransfer.attacks.method import craft as crafted

    ((_, found),) = crafted(model, images, labels, [method])
    return found


def score(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Return the AUC of a model, averaged over its outputs; NaN if no label has both classes.

    Args:
        model: see `craft`.
        images: float32 (N, C, H, W) in [-1, 1].
        labels: float32 (N, K), 0 or 1.
    """
    import torch

    from medtransfer.measures import metrics

    with torch.no_grad():
        logits = torch.cat([model(part).float().cpu() for part in images.split(BATCH)])
    return metrics.macro_auc(labels.cpu().numpy(), logits.numpy())


def plan(
    study: Study, domain: str, factor: str, *, epsilon: float | None = None
) -> tuple[Cell, ...]:
    """Return what a factor compares, as cells: an attack, a target, and how it is delivered.

    Args:
        domain: one that the study has images for.
        factor: such as "initialization" (see `study.factors`).
        epsilon: in units of [-1, 1]; nothing is computed. None takes the epsilons that the
            study chooses on validation images, and trains the networks needed for that.

    Raises:
        UsageError: there is no such domain or factor.
        ComputeError: a network or attack for the choice of epsilon failed.
    """
    from medtransfer.compute import run
    from medtransfer.study import plan as plans

    plans.factor(factor)  # a mistake costs no training
    if epsilon is None:
        epsilons = run.chosen_epsilons(study, domain)
    else:
        epsilons = dict.fromkeys(study.starts, epsilon)
    return plans.cells(study, domain, factor, epsilons=epsilons)


def table(cells: Sequence[Cell], *, resamples: int = 1000) -> pd.DataFrame:
    """Return one row per stored cell: who attacks whom with what, and what is left of the AUC.

    `percent` is what the attack leaves of the clean AUC, with `percent_low` and `percent_high`, its
    95 % interval; `analysis.tables.transfer_table` explains all columns.

    Raises:
        StoreError: the store does not have a cell; call `ensure(cells)` first.
    """
    from medtransfer.analysis import tables

    return tables.transfer_table(cells, resamples=resamples)
