"""What attackers do to their own surrogate, and how fine their perturbations are.

    .venv/bin/python benchmarks/own_surrogate.py [--images 120]

In each domain of the profile `default` the first pre-trained network on d2 is attacked at epsilon
0.01. A row has the AUC without an attack, and for each method the AUC that it leaves and the share
of the perturbation's power in the upper half of the frequencies. Networks are trained if the store
does not have them.
"""

from __future__ import annotations

import argparse

import torch
from torch import Tensor

import medtransfer as mt
from medtransfer.attacks.method import craft, method
from medtransfer.networks.trained import IMAGENET

EPSILON = 0.01
METHODS = {
    "PGD": {"steps": 20, "step_size": 0.01},
    "MI": {"steps": 5},
    **{name: {"steps": 4} for name in ("DI", "BSR", "SSA")},
}


def fine(perturbation: Tensor) -> float:
    """Return the share of power above half of the highest frequency of either axis."""
    power = torch.fft.fft2(perturbation).abs() ** 2
    high, wide = (torch.fft.fftfreq(side).abs() > 0.25 for side in perturbation.shape[-2:])
    return (power[..., high[:, None] | wide[None]].sum() / power.sum()).item()


def main() -> None:
    """Print a line for each domain."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=120)
    number = parser.parse_args().images
    domains = ("ophthalmology", "radiology", "pathology")
    study = mt.resolve("default", domains)
    for domain in domains:
        network = study.networks(domain, data="d2", initializations=[IMAGENET], replicates=[0])[0]
        mt.ensure([network])
        images, labels = mt.images(network, number=number)
        model = mt.load(network)
        said = [f"clean {mt.score(model, images, labels):.2f}"]
        for name, parameters in METHODS.items():
            made = method(name)(epsilon=EPSILON, **parameters)
            ((_, attacked),) = craft(model, images, labels, [made])
            left = mt.score(model, attacked, labels)
            said.append(f"{name} {left:.2f} ({100 * fine(attacked - images):.0f} % fine)")
        print(f"{domain}: {', '.join(said)}", flush=True)


if __name__ == "__main__":
    main()
