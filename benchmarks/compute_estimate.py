"""What the profile `paper` needs: GPU hours per domain, from FLOPs per image and a utilisation.

    .venv/bin/python benchmarks/compute_estimate.py [--profile paper]

FLOPs are counted by PyTorch on one image; everything else is counted from the study's own
schedule and the sizes in the manifests. Nothing is trained. An image costs one forward pass, and
twice that again for a gradient: of all weights in training, of the image alone in an attack.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict

import torch
from torch.utils.flop_counter import FlopCounterMode

from medtransfer.attacks.attack import TEST
from medtransfer.attacks.fgsm import FGSM
from medtransfer.data import splits
from medtransfer.data.images import Source
from medtransfer.data.manifests import named
from medtransfer.data.schema import Published
from medtransfer.networks.model import Classifier
from medtransfer.networks.training import schedule
from medtransfer.scoring.cell import Cell
from medtransfer.study import plan, schema
from medtransfer.study.builders import Study
from medtransfer.study.factors import FACTORS
from medtransfer.study.schema import Profile

# Of an A100: training in mixed precision, attacks and scores in 32 bits (TF32 in convolutions).
TRAINING_FLOPS, ATTACK_FLOPS = 312e12, 156e12
UTILISATION = 0.2
# Development sets: their share of the training and of the validation part of a half.
SETS = (
    *((name, share, share) for name, share in splits.SHARES.items()),
    *(("d1", 1.0, 1.0), ("d2", 1.0, 1.0), ("d2/2", 0.5, 1.0)),
)
GRADIENT = 3  # passes of one gradient, in forward passes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", default="paper")
    profile = schema.profile(parser.parse_args().profile)
    print(f"profile {profile.name}; utilisation {UTILISATION:.0%} of an A100")
    print("| domain | networks | GFLOP per image | training | attacks | scoring | GPU hours |")
    print("|---|---|---|---|---|---|---|")
    for domain in profile.sources:
        print(row(profile, domain))


def row(profile: Profile, domain: str) -> str:
    facts = named(profile.sources[domain])[1]
    assert isinstance(facts, Published)
    sizes = counted(facts, share=profile.validation_share)
    cost = {
        name: flops(name, px=profile.image_px[domain], outputs=len(facts.labels))
        for name in profile.architectures
    }
    cells = wanted(profile, domain, facts)
    hours: Counter[str] = Counter()
    networks = plan.of_cells(cells)
    for spec in networks:
        train, validation = sizes[spec.development.name]
        times = schedule(spec, images=round(train))
        images = times.epochs * (GRADIENT * train + validation / times.every)
        hours["training"] += images * cost[spec.architecture] / TRAINING_FLOPS
    passes: dict[object, set[Cell]] = defaultdict(set)
    for cell in cells:
        passes[cell.batch].add(cell)
    validation = sizes["d1"][1]
    for made in passes.values():
        attacks = {cell.attack for cell in made}
        attack = next(iter(attacks))
        number = sizes["test"][0] if attack.images == TEST else validation
        one = isinstance(attack.method, FGSM)  # whose epsilons share a gradient
        gradients = 1 if one else sum(each.method.steps for each in attacks)
        work = number * gradients * GRADIENT
        work *= sum(cost[each.architecture] for each in attack.surrogates)
        hours["attacks"] += work / ATTACK_FLOPS
        scored = number * sum(cost[cell.target.architecture] for cell in made)
        hours["scoring"] += scored / ATTACK_FLOPS
    parts = {name: seconds / 3600 / UTILISATION for name, seconds in hours.items()}
    each = ", ".join(f"{value / 1e9:.1f}" for value in cost.values())
    return (
        f"| {domain} | {len(networks)} | {each} | {parts['training']:.0f} h | "
        f"{parts['attacks']:.0f} h | {parts['scoring']:.0f} h | **{sum(parts.values()):.0f}** |"
    )


def wanted(profile: Profile, domain: str, facts: Published) -> list[Cell]:
    source = Source(
        manifest=facts.name,
        domain=domain,
        content="an estimate",
        image_px=profile.image_px[domain],
        channels=facts.image.channels,
        labels=facts.label_names,
    )
    study = Study(profile, {domain: source})
    epsilons = dict.fromkeys(study.starts, profile.candidates[0])
    cells = [cell for choice in plan.choices(study, domain).values() for cell in choice.cells]
    for factor in FACTORS:
        cells += plan.cells(study, domain, factor, epsilons=epsilons)
    return list(dict.fromkeys(cells))


def counted(facts: Published, *, share: float) -> dict[str, tuple[float, float]]:
    """Return set -> images for training and validation; what is not published, by the shares."""
    known = {name: numbers["images"] for name, numbers in facts.counts.items()}
    half = known.get("development", 0) / 2
    sizes = {
        name: (
            known.get(f"{name}:train", part * half * (1 - share)),
            known.get(f"{name}:val", other * half * share),
        )
        for name, part, other in SETS
    }
    return {**sizes, "test": (known["test"], 0)}


def flops(architecture: str, *, px: int, outputs: int) -> float:
    """Return the FLOPs of one forward pass of one image (a product and a sum are two)."""
    model = Classifier(architecture, outputs=outputs).eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, 3, px, px))
    return counter.get_total_flops()


if __name__ == "__main__":
    main()
