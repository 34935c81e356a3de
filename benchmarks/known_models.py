"""Models of known making as ONNX files, with target files; `ground_truth.py` assesses them."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import yaml
from PIL import Image
from torch import nn

from medtransfer.assess import surrogates
from medtransfer.assess.setting import small_or_large
from medtransfer.compute.ensure import ensure
from medtransfer.data import catalog, images, prepare, roles, splits
from medtransfer.data.images import Prepared
from medtransfer.networks import stored
from medtransfer.networks.trained import IMAGENET, RANDOM, Training
from medtransfer.scoring.transfer import MeanLogits
from medtransfer.study import schema

SEED = 3  # of the phantoms and the division; none of the study's
SHARES = {splits.DEVELOPMENT: 0.35, splits.ATTACKER: 0.3, splits.CALIBRATION: 0.05, "test": 0.3}
A_SLIDE = 5  # patches of a phantom slide that are kept: groups count, not images
QUALITY = 60
PRETRAINED, RULE, EXCHANGED = "pretrained", "rule", "exchanged"


class Darkness(nn.Module):
    """Logits (N, K) that say how dark images in [-1, 1] are, in standard deviations."""

    def __init__(self, grey: np.ndarray, outputs: int) -> None:
        super().__init__()
        self.mean, self.spread, self.outputs = float(grey.mean()), float(grey.std()), outputs

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        """Return the logits of a batch (N, C, H, W)."""
        dark = (self.mean - batch.mean((1, 2, 3))) / self.spread
        return dark[:, None].repeat(1, self.outputs)


def read(args: argparse.Namespace) -> tuple[str, Prepared]:
    """Return the images that all is done with, and their domain."""
    if args.images == "images":
        read_from = prepare.ready(catalog.request(args.manifest, image_px=args.image_px))
        return read_from.domain, images.load(read_from)
    source = prepare.source(
        "phantom_histology",
        domain="pathology",
        image_px=args.image_px,
        groups=args.groups,
        limit=None,
        seed=SEED,
    )
    ensure([source])
    whole = images.load(source)
    rows = whole.index.groupby("group").head(A_SLIDE).index.to_numpy()
    index = whole.index.iloc[rows].reset_index(drop=True)
    return source.domain, Prepared(whole.images[rows], index, whole.labels)


def write(
    domain: str, found: Prepared, folder: Path, *, shares: Mapping[str, float] = SHARES
) -> Path:
    """Write images with the role of each as a folder of PNG files; return its manifest."""
    place, labels = folder / "png", list(found.labels)
    place.mkdir(parents=True, exist_ok=True)
    index = found.index.reset_index(drop=True)
    table = pd.DataFrame({"image": [f"{n:05d}.png" for n in index.index], "group": index["group"]})
    table[labels] = index[labels]
    groups = index["group"].to_numpy(str)
    part = splits.divide(groups, index[labels].to_numpy(), shares=list(shares.values()), seed=SEED)
    table["role"] = np.array(list(shares))[part]
    for name, picture in zip(table["image"], found.images, strict=True):
        Image.fromarray(picture.squeeze()).save(place / name)
    table.to_csv(folder / "table.csv", index=False)
    facts = {
        "kind": "folder",
        "name": folder.name,
        "title": f"{folder.name}, divided for known models",
        "domain": domain,
        "task": "binary" if len(labels) == 1 else "multi-label",
        "images": place.name,
        "table": "table.csv",
        "image_column": "image",
        "group_column": "group",
        "group_noun": "group",
        "group_rule": "as they came",
        "labels": [{"name": name, "meaning": name} for name in labels],
        "split": {"rule": "column", "column": "role"},
        "image": {"channels": int(found.images.shape[-1])},
        "licence": "as the images'",
        "citation": "none",
        "verified": False,
        "verification": "written by benchmarks/ground_truth.py",
    }
    path = folder / "images.yaml"
    path.write_text(yaml.safe_dump(facts, sort_keys=False), encoding="utf-8")
    return path


def trained(manifest: Path, args: argparse.Namespace) -> dict[tuple[str, str], Training]:
    """Return the makers' networks, trained: by architecture and start."""
    source = prepare.ready(catalog.request(str(manifest), image_px=args.image_px))
    profile = schema.profile(args.profile)
    own = roles.of(source, splits.DEVELOPMENT, seed=profile.seed)
    first, second = small_or_large(args.image_px)
    wanted = [(first, IMAGENET), (first, RANDOM), (second, IMAGENET)]
    found = {
        (name, start): surrogates.training(profile, own, architecture=name, initialization=start)
        for name, start in wanted
    }
    ensure(found.values())
    return found


def export(model: nn.Module, path: Path, *, channels: int, px: int) -> None:
    """Write a module as an ONNX file with a batch of any size.

    By the older exporter of PyTorch, which needs no package that the environment has not.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model.cpu().eval(),
            (torch.zeros(2, channels, px, px),),
            str(path),
            dynamo=False,
            input_names=["images"],
            output_names=["logits"],
            dynamic_axes={"images": {0: "batch"}, "logits": {0: "batch"}},
        )


def targets(manifest: Path, args: argparse.Namespace) -> dict[str, Path]:
    """Write the models and their target files; return these by name."""
    made = trained(manifest, args)
    (first, _), (_, _), (second, _) = made
    pretrained, random, other = (stored.load(each) for each in made.values())
    own = next(iter(made.values())).development
    prepared = images.load(own.source)
    rows = splits.parts(prepared.index, labels=prepared.labels, development=own).train
    grey = prepared.images[rows].reshape(len(rows), -1).mean(1) / 127.5 - 1
    channels, labels = own.source.channels, list(own.source.labels)
    known = {"architecture": first, "initialization": IMAGENET}
    models: dict[str, tuple[nn.Module, dict[str, Any], dict[str, str]]] = {
        PRETRAINED: (pretrained, {}, known),
        "random": (random, {}, {**known, "initialization": RANDOM}),
        "ensemble": (MeanLogits([pretrained, other]), {}, known),
        "jpeg": (pretrained, {"chain": [{"jpeg": QUALITY}]}, known),
        RULE: (Darkness(grey, len(labels)), {}, known),
    }
    if channels == 3:
        models[EXCHANGED] = (pretrained, {}, known)
    found = {}
    for name, (model, said, public) in models.items():
        export(model, manifest.parent / f"{name}.onnx", channels=channels, px=args.image_px)
        taken = {"size": [args.image_px] * 2, "channels": channels, "range": [-1, 1]}
        taken |= {"colours": "bgr"} if name == EXCHANGED else {}
        facts = {
            "kind": "target",
            "name": f"{manifest.parent.name}_{name}",
            "title": f"{name} ({first}{f' and {second}' if name == 'ensemble' else ''})",
            "model": f"{name}.onnx",
            "outputs": "logits",
            "head": "independent",
            "labels": labels,
            "input": taken,
            "known": public,
            **said,
        }
        found[name] = manifest.parent / f"{name}.yaml"
        found[name].write_text(yaml.safe_dump(facts, sort_keys=False), encoding="utf-8")
    return found
