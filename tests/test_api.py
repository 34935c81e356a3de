"""Use from Python: what the README shows, and what it does not load before it is used."""

import re
import subprocess
import sys

import pytest
import torch

import medtransfer
from medtransfer import api, paths
from medtransfer.errors import StoreError, UsageError

README = (paths.REPOSITORY / "README.md").read_text()


def example() -> str:
    (found,) = re.findall(r"```python\n(import medtransfer as mt\n.*?)```", README, flags=re.DOTALL)
    return found


def test_importing_it_loads_nothing_heavy():
    loaded = "import sys, medtransfer; print(*{'torch', 'pandas', 'click'} & {*sys.modules})"
    found = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True)
    assert (found.stdout.strip(), found.stderr) == ("", "")


def test_every_name_is_there_and_explained():
    assert medtransfer.__all__ == api.__all__
    assert {*medtransfer.__all__} <= {*dir(medtransfer)}
    for name in medtransfer.__all__:
        assert getattr(medtransfer, name).__doc__
        assert re.search(rf"\b{name}\b", medtransfer.__doc__)
    with pytest.raises(AttributeError, match="no attribute 'crafted'"):
        medtransfer.crafted  # noqa: B018


def test_the_example_of_the_readme_has_ten_lines_at_most():
    assert len([line for line in example().splitlines() if line.strip()]) <= 10


def test_the_example_of_the_readme_runs(in_process, imagenet_files):
    names: dict = {}
    exec(compile(example().replace('"default"', '"smoke"'), "README.md", "exec"), names)
    clean, attacked = names["images"], names["attacked"]
    epsilon = float(re.search(r"epsilon=([0-9.]+)", example())[1])
    moved = (attacked - clean).abs().amax()
    assert 0 < moved <= epsilon + 1e-6


def test_images_are_those_of_the_test_set_in_the_units_of_networks(in_process, imagenet_files):
    study = medtransfer.resolve("smoke", ["radiology"])
    network = study.networks("radiology")[0]
    with pytest.raises(StoreError):
        medtransfer.images(network)
    medtransfer.ensure([network.development.source])
    found, labels = medtransfer.images(network, number=5)
    assert found.shape == (5, 1, 32, 32) and labels.shape == (5, 15)
    assert found.abs().max() <= 1 and {*labels.unique().tolist()} <= {0.0, 1.0}
    everything, _ = medtransfer.images(network)
    assert torch.equal(everything[:5], found) and len(everything) > 5


def test_a_model_of_ones_own_is_scored_and_attacked():
    """One output: the mean of the image. Its AUC and gradient are known without any library."""

    class Mean(torch.nn.Module):
        def forward(self, images):
            return images.mean((1, 2, 3))[:, None]

    images = torch.linspace(-0.5, 0.5, 8)[:, None, None, None].expand(8, 3, 4, 4)
    labels = (torch.arange(8) >= 4).float()[:, None]
    model = Mean().eval()
    assert medtransfer.score(model, images, labels) == 1.0
    assert medtransfer.score(model, -images, labels) == 0.0
    attacked = medtransfer.craft(model, images, labels, medtransfer.FGSM(epsilon=0.25))
    towards = torch.where(labels[:, :, None, None] > 0, -0.25, 0.25)
    torch.testing.assert_close(attacked, images + towards)


def test_a_plan_at_a_given_epsilon_computes_nothing(monkeypatch):
    monkeypatch.setattr("medtransfer.compute.ensure._run", lambda *_: pytest.fail("computed"))
    study = medtransfer.resolve("smoke", ["pathology"])
    cells = medtransfer.plan(study, "pathology", "initialization", epsilon=0.02)
    assert {cell.attack.method.epsilon for cell in cells} == {0.02}
    with pytest.raises(UsageError, match="no factor 'colour'"):
        medtransfer.plan(study, "pathology", "colour")
