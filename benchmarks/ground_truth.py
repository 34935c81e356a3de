"""Does an assessment find what is known of a model? Models of known making, assessed as ONNX files.

    .venv/bin/python benchmarks/ground_truth.py phantoms
    .venv/bin/python benchmarks/ground_truth.py images MANIFEST.yaml [--image-px 64]

`phantoms` draws 750 patches of 150 slides; `images` reads a folder of one's own by its manifest, as
`medtransfer init` writes it. Groups are divided: 35 % for the makers of the models, 30 % for
attackers, 5 % for calibration, 30 % for the test. Six models are made and exported:

- pretrained: fine-tuned from ImageNet. More should change by attackers who share architecture and
  first weights than by those who share neither.
- random: the same architecture, trained from random weights.
- ensemble: the mean logits of two pre-trained networks of different architecture.
- jpeg: the first, behind a JPEG chain of quality 60.
- rule: the darker an image, the likelier a finding. What an attack does to the mean grey level its
  shuffled noise does as well, so that this may never be called vulnerable.
- exchanged: the first, whose target file exchanges red and blue. `check` must stop it.

All are attacked by the same surrogates, which are trained once, and an image is attacked once for
all of them. Printed are a table of the rungs, what more knowledge adds, and whether the last two
are as they must be; if not, the exit status is 1. Minutes are those of training and crafting on
one core, which models share. Reports lie in the folder OUT. Stopped, the same command goes on.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import yaml
from PIL import Image
from torch import nn

from medtransfer import paths
from medtransfer.assess import case, check, evidence, plan, run, sentences, verdicts
from medtransfer.assess.document import Assessment
from medtransfer.assess.setting import Setting, small_or_large
from medtransfer.compute.ensure import ensure
from medtransfer.data import catalog, images, prepare, roles, splits
from medtransfer.data.images import Prepared
from medtransfer.executors.local import executor
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


def write(domain: str, found: Prepared, folder: Path) -> Path:
    """Write images with the role of each as a folder of PNG files; return its manifest."""
    place, labels = folder / "png", list(found.labels)
    place.mkdir(parents=True, exist_ok=True)
    index = found.index.reset_index(drop=True)
    table = pd.DataFrame({"image": [f"{n:05d}.png" for n in index.index], "group": index["group"]})
    table[labels] = index[labels]
    groups = index["group"].to_numpy(str)
    part = splits.divide(groups, index[labels].to_numpy(), shares=list(SHARES.values()), seed=SEED)
    table["role"] = np.array(list(SHARES))[part]
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
        (name, start): plan.training(profile, own, architecture=name, initialization=start)
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


def attack(settings: dict[str, Setting]) -> None:
    """Train all surrogates, and attack all targets together, so that no image is attacked twice."""
    steps = [(s, step) for s in settings.values() for step in plan.ladder(s) if step.trained]
    ensure(cell for s, step in steps for cell in plan.controls(s, step).values())
    ensure(
        cell
        for s, step in steps
        for cell in plan.cells(s, step, method=evidence.controls(s, step).method).values()
    )


def rows(name: str, found: Assessment) -> list[dict[str, str]]:
    """Return what the table says of one target, rung by rung."""
    said = []
    for rung in found.rungs:
        if (at := sentences.overall(found, rung)) is None:
            continue
        controls = [r.control for r in rung.results if r.budget == found.headline]
        known = [each for each in controls if each is not None]
        spent = (rung.training_seconds or 0) + (rung.crafting_seconds or 0)
        said.append(
            {
                "target": name,
                "rung": rung.identifier,
                "levels": str(found.headline),
                "changed (95 %)": sentences.share(at.share, at.low, at.high),
                "noise": sentences.share(at.noise),
                "control": sentences.share(float(np.mean(known)) if known else None),
                "verdict": rung.verdict,
                "minutes": f"{spent / 60:.1f}",
            }
        )
    return said


def judged(found: dict[str, Assessment], stopped: list[str]) -> list[tuple[bool, str]]:
    """Return what must hold, each with whether it does."""
    words = [rung.verdict for rung in found[RULE].rungs] if RULE in found else []
    held = [(verdicts.VULNERABLE not in words, "the fixed rule is never called vulnerable")]
    if EXCHANGED in (*found, *stopped):
        held.append((EXCHANGED in stopped, "exchanged channels are stopped by `check`"))
    held.append((set(stopped) <= {EXCHANGED}, "`check` stops no other model"))
    return held


def main() -> None:
    """Make the models, assess them, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    kinds = parser.add_subparsers(dest="images", required=True)
    phantoms, own = kinds.add_parser("phantoms"), kinds.add_parser("images")
    own.add_argument("manifest")
    phantoms.add_argument("--groups", type=int, default=150, help="slides to draw")
    for kind, px in ((phantoms, 40), (own, 64)):
        kind.add_argument("--image-px", type=int, default=px)
        kind.add_argument("--profile", default="default", help="how networks are trained")
        kind.add_argument("--surrogates", type=int, default=3, help="networks a rung")
        kind.add_argument("--out", type=Path, default=paths.assessed() / f"ground_truth_{px}px")
    args = parser.parse_args()
    begun, profile = time.perf_counter(), schema.profile(args.profile)
    settings: dict[str, Setting] = {}
    stopped: list[str] = []
    with executor():
        manifest = write(*read(args), args.out)
        for name, path in targets(manifest, args).items():
            model, looked = check.check(path, str(manifest))
            if looked.errors:
                print(f"{name}: stopped: {'; '.join(looked.errors)}")
                stopped.append(name)
                continue
            settings[name] = case.of_target(
                model, str(manifest), profile=profile, replicates=args.surrogates
            )
        attack(settings)
        found = {
            name: run.assess(each, args.out / name, say=lambda _: None)
            for name, each in settings.items()
        }
    print(pd.DataFrame([r for n, each in found.items() for r in rows(n, each)]).to_string())
    more = [
        {"target": name, "what more is known": c.knowledge, "changed more": sentences.points(c)}
        for name, each in found.items()
        for c in each.contrasts
    ]
    print(pd.DataFrame(more).to_string())
    print(f"{(time.perf_counter() - begun) / 60:.1f} minutes in all; reports: {args.out}")
    held = judged(found, stopped)
    for holds, what in held:
        print(f"{'holds' if holds else 'BROKEN'}: {what}")
    sys.exit(not all(holds for holds, _ in held))


if __name__ == "__main__":
    main()
