"""Catastrophic overfitting on purpose: a training on one step that learns to mislead that step."""

from dataclasses import fields

import pytest
from conftest import _entry

from medtransfer.networks import stored
from medtransfer.networks.architectures import ARCHITECTURES
from medtransfer.networks.defences.nfgsm import NFGSM

pytestmark = pytest.mark.slow


@pytest.fixture
def history(toy, publish_images, monkeypatch):
    """Maker of the history of a small training on attacked images."""
    monkeypatch.setitem(ARCHITECTURES, "tiny", _entry(24))
    source = toy.source(content="images of a catastrophe")
    publish_images(source)
    plain = toy.training(
        development=toy.development(source=source),
        least_epochs=20,
        most_epochs=20,
        batch_size=8,
        learning_rate=0.02,
        head_learning_rate=0.02,
    )
    same = {field.name: getattr(plain, field.name) for field in fields(plain)}

    def make(epsilon, noise):
        spec = NFGSM(**same, epsilon=epsilon, noise=noise, ramp=0.1, average=0.0)
        NFGSM.make([spec])
        return stored.history(spec)

    return make


def test_one_step_without_noise_overfits_and_is_seen(history):
    """Beyond what the images allow, the network learns to answer one step and falls to ten."""
    found = history(0.5, 0.0)
    assert found["fgsm_auc"].iloc[0] == 0 and found["fgsm_auc"].iloc[-1] > 0.9
    assert (found["pgd_auc"] == 0).all()
    assert found["overfitted"].iloc[0] == 0 and found["overfitted"].iloc[-1] == 1


def test_noise_and_an_epsilon_that_images_allow_do_not(history):
    found = history(0.1, 2.0)
    assert (found["overfitted"].iloc[5:] == 0).all()
    assert found["pgd_auc"].iloc[-1] > 0.9
