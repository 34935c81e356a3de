"""How long an assessment takes: a target of 64 px with 2,000 images, all rungs, with no end of time
and with `--time`.

    .venv/bin/python benchmarks/assessment_time.py [--minutes 10] [--only whole | limited]

2,000 phantoms of the retina of 1,000 patients are drawn and written as PNG files: 40 % for the
test, 5 % for calibration, 30 % for attackers, 25 % for the maker of the model, a network fine-tuned
from ImageNet and exported as ONNX. 600 more, of other patients, are the outsider's. None of that is
timed. Then `medtransfer assess run` is called as a user calls it, each time with an empty store: it
checks, prepares the images, trains, attacks, and writes the report. An ONNX file has no white
box.

Printed are minutes and rungs; the exit status is 1 if all rungs take longer than `--most` minutes,
or if `--time 10m` takes longer than 12.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import known_models
import pandas as pd
import yaml

from medtransfer import paths
from medtransfer.assess import report, surrogates
from medtransfer.assess.setting import small_or_large
from medtransfer.compute.ensure import ensure
from medtransfer.data import catalog, images, prepare, roles, splits
from medtransfer.data.images import Prepared
from medtransfer.executors.local import executor
from medtransfer.networks import stored
from medtransfer.networks.trained import IMAGENET
from medtransfer.study import schema

DRAWING, DOMAIN, CHANNELS = "phantom_fundus", "ophthalmology", 3
PATIENTS, OTHERS = 1000, 300  # two images each
SHARES = {"test": 0.4, splits.CALIBRATION: 0.05, splits.ATTACKER: 0.3, splits.DEVELOPMENT: 0.25}
OVER = 1.2  # what a time may be exceeded by
MEDTRANSFER = "import sys; from medtransfer.cli import main; sys.exit(main())"


def drawn(patients: int, *, px: int, seed: int) -> Prepared:
    """Return phantoms of so many patients."""
    source = prepare.source(
        DRAWING, domain=DOMAIN, image_px=px, groups=patients, limit=None, seed=seed
    )
    ensure([source])
    return images.load(source)


def made(args: argparse.Namespace) -> tuple[Path, Path, Path]:
    """Write images, those of an outsider, and the model; return manifests and target file."""
    profile = schema.profile(args.profile)
    with executor():
        own = drawn(PATIENTS, px=args.image_px, seed=known_models.SEED)
        others = drawn(OTHERS, px=args.image_px, seed=known_models.SEED + 1)
        manifest = known_models.write(DOMAIN, own, args.out / "own", shares=SHARES)
        public = known_models.write(DOMAIN, others, args.out / "public")
        facts = yaml.safe_load(public.read_text())
        public.write_text(yaml.safe_dump(facts | {"split": {"rule": "seeded"}}))
        source = prepare.ready(catalog.request(str(manifest), image_px=args.image_px))
        maker = roles.of(source, splits.DEVELOPMENT, seed=profile.seed)
        name, _ = small_or_large(args.image_px)
        network = surrogates.training(profile, maker, architecture=name, initialization=IMAGENET)
        ensure([network])
        model = args.out / "model.onnx"
        known_models.export(stored.load(network), model, channels=CHANNELS, px=args.image_px)
    target = {
        "kind": "target",
        "name": "timed",
        "title": f"{name} from ImageNet",
        "model": model.name,
        "outputs": "logits",
        "head": "independent",
        "labels": list(source.labels),
        "input": {"size": [args.image_px] * 2, "channels": CHANNELS, "range": [-1, 1]},
        "known": {"architecture": name, "initialization": IMAGENET},
    }
    path = args.out / "target.yaml"
    path.write_text(yaml.safe_dump(target, sort_keys=False), encoding="utf-8")
    return path, manifest, public


def timed(name: str, given: list[str], args: argparse.Namespace) -> tuple[float, list[str]]:
    """Return the minutes of an assessment with an empty store, and the rungs that it tried."""
    home = args.out / f"home_{name}"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    (home / "weights").symlink_to(paths.weights())
    command = [sys.executable, "-c", MEDTRANSFER, "assess", "run", *given]
    command += ["--profile", args.profile, "--out", str(args.out / name)]
    begun = time.perf_counter()
    done = subprocess.run(command, env={**os.environ, "MEDTRANSFER_HOME": str(home)})
    minutes = (time.perf_counter() - begun) / 60
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with status {done.returncode}")
    found = report.read(args.out / name)
    return minutes, [rung.identifier for rung in found.rungs if rung.overall]


def main() -> None:
    """Make the target, assess it, and print how long it took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--image-px", type=int, default=64)
    parser.add_argument("--minutes", type=int, default=10, help="given by --time")
    parser.add_argument("--most", type=float, default=30, help="minutes that all rungs may take")
    parser.add_argument("--only", choices=["whole", "limited"])
    parser.add_argument("--profile", default="default", help="how networks are trained")
    parser.add_argument("--out", type=Path, default=paths.assessed() / "timed")
    args = parser.parse_args()
    args.out = args.out.resolve()
    target, manifest, public = made(args)
    given = [str(target), str(manifest), "--public", str(public)]
    runs = {"whole": [], "limited": ["--time", f"{args.minutes}m"]}
    most = {"whole": args.most, "limited": args.minutes * OVER}
    rows, late = [], False
    for name in [args.only] if args.only else runs:
        minutes, rungs = timed(name, [*given, *runs[name]], args)
        late |= minutes > most[name]
        said = {"minutes": f"{minutes:.1f}", "at most": f"{most[name]:g}"}
        rows.append({"run": name, **said, "rungs": ", ".join(rungs)})
    print(pd.DataFrame(rows).to_string())
    sys.exit(late)


if __name__ == "__main__":
    main()
