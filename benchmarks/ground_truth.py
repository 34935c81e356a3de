"""Does an assessment find what is known of a model? Models of known making, assessed as ONNX files.

    .venv/bin/python benchmarks/ground_truth.py phantoms
    .venv/bin/python benchmarks/ground_truth.py images MANIFEST.yaml [--image-px 48]

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
all of them; only those who ask a model for labels train networks for it alone. Printed are a table
of the rungs, what more knowledge adds, and whether the last two are as they must be; if not, the
exit status is 1. Minutes are those of training and crafting on one core, which models share.
Reports lie in the folder OUT. Stopped, the same command goes on.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import known_models
import numpy as np
import pandas as pd
from known_models import EXCHANGED, RULE

from medtransfer import paths
from medtransfer.assess import case, check, controls, plan, run, sentences, verdicts
from medtransfer.assess.document import Assessment
from medtransfer.assess.setting import Setting
from medtransfer.compute.ensure import ensure
from medtransfer.executors.local import executor
from medtransfer.study import schema


def attack(settings: dict[str, Setting]) -> None:
    """Train all surrogates, and attack all targets together, so that no image is attacked twice."""
    ensure(setting.target for setting in settings.values())
    steps = [(s, step) for s in settings.values() for step in plan.ladder(s) if step.trained]
    ensure(cell for s, step in steps for cell in plan.rehearsals(s, step).values())
    for cells in (plan.controls, plan.cells):
        ensure(
            cell
            for s, step in steps
            for cell in cells(s, step, method=controls.chosen(s, step)).values()
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
    for kind, name, px in ((phantoms, "phantoms", 40), (own, "images", 48)):
        kind.add_argument("--image-px", type=int, default=px)
        kind.add_argument("--profile", default="default", help="how networks are trained")
        kind.add_argument("--surrogates", type=int, default=3, help="networks a rung")
        kind.add_argument("--out", type=Path, default=paths.assessed() / f"known_{name}")
    args = parser.parse_args()
    begun, profile = time.perf_counter(), schema.profile(args.profile)
    settings: dict[str, Setting] = {}
    stopped: list[str] = []
    with executor():
        manifest = known_models.write(*known_models.read(args), args.out)
        for name, path in known_models.targets(manifest, args).items():
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
