"""Training on attacked images: what is attacked, what answers, and what it shares with plain."""

from dataclasses import fields
from typing import ClassVar

import numpy as np
import pytest
import torch

from medtransfer import store
from medtransfer.attacks.fgsm import FGSM
from medtransfer.attacks.method import craft
from medtransfer.attacks.pgd import PGD
from medtransfer.networks import stored
from medtransfer.networks.defences import hardening
from medtransfer.networks.defences.ascent import ascended, gradient, slope, uniform
from medtransfer.networks.defences.hardening import Hardened
from medtransfer.networks.defences.nfgsm import NFGSM

pytestmark = pytest.mark.usefixtures("tiny_architectures")


@pytest.fixture
def plain(toy, publish_images):
    source = toy.source(content="toy images of training on attacks")
    publish_images(source)
    epochs = {"least_epochs": 4, "most_epochs": 4}
    return toy.training(development=toy.development(source=source), **epochs)


def hardened(plain, **parameters):
    same = {field.name: getattr(plain, field.name) for field in fields(plain)}
    return NFGSM(**same, **parameters)


def trained(spec):
    type(spec).make([spec])
    return stored.load(spec).state_dict()


def test_epsilon_0_gives_the_weights_of_a_plain_training_bit_for_bit(plain):
    before, after = trained(plain), trained(hardened(plain, epsilon=0.0, average=0.0))
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_an_epsilon_gives_others(plain):
    before, after = trained(plain), trained(hardened(plain, epsilon=0.05, average=0.0))
    assert not all(torch.equal(before[name], after[name]) for name in before)


def test_the_same_spec_gives_the_same_bytes(plain, publish_images, tmp_path, monkeypatch):
    spec, found = hardened(plain, epsilon=0.05), []
    for number in range(2):
        monkeypatch.setenv("MEDTRANSFER_HOME", str(tmp_path / f"home{number}"))
        publish_images(spec.development.source)
        torch.manual_seed(number)
        trained(spec)
        found.append((store.find(spec) / "weights.safetensors").read_bytes())
    assert found[0] == found[1]


def test_stored_results_of_plain_trainings_stay_valid(plain):
    """Its key knows nothing of defences."""
    assert "epsilon" not in plain.description
    assert hardened(plain, epsilon=0.05).key != plain.key
    assert hardened(plain, epsilon=0.05).traits["network"] == "nfgsm"


class Watched(Hardened):
    """Remembers what it was given and what it is trained on."""

    seen: ClassVar[list] = []

    def attacked(self, images, labels):
        buffers = [buffer.clone() for buffer in self.model.buffers()]
        moved = super().attacked(images, labels)
        same = [torch.equal(*pair) for pair in zip(buffers, self.model.buffers(), strict=True)]
        self.seen.append((self.reached, images, moved, all(same), self.model.training))
        return moved


@pytest.fixture
def seen(plain, monkeypatch):
    """What a training was attacked with: epsilon, images before and after, and two checks."""
    monkeypatch.setattr(hardening, "Hardened", Watched)
    monkeypatch.setattr(Watched, "seen", [])
    hardening.train(hardened(plain, epsilon=0.05))
    return Watched.seen


def test_images_lie_up_to_three_epsilon_away_and_in_range(seen):
    for epsilon, images, moved, _, _ in seen:
        far = (moved - images).abs().max().item()
        assert 2.5 * epsilon < far <= 3 * epsilon + 1e-6
        assert moved.abs().max() <= 1


def test_epsilon_grows_over_the_ramp_and_then_stays(seen):
    epsilons = [epsilon for epsilon, *_ in seen]
    steps = len(epsilons)
    expected = [0.05 * min(1, (step + 1) / (0.6 * steps)) for step in range(steps)]
    assert epsilons == pytest.approx(expected)
    assert epsilons[-1] == 0.05


def test_crafting_changes_no_batch_norm_and_leaves_training_mode(seen):
    assert all(unchanged and in_training for *_, unchanged, in_training in seen)


def test_history_has_what_attacks_leave_at_full_epsilon_alone(plain):
    spec = hardened(plain, epsilon=0.05)
    trained(spec)
    history = stored.history(spec)
    measured = history[["fgsm_auc", "pgd_auc", "cosine"]].notna().all(axis=1)
    assert measured.tolist() == [False, False, True, True]
    assert history["overfitted"].isin([0, 1]).all()
    assert (history["overfitted"].iloc[:2] == 0).all(), "nothing was measured yet"
    assert history["cosine"].dropna().between(-1, 1).all()


def test_the_epoch_is_kept_that_pgd_leaves_most_of(plain, monkeypatch):
    """Though the clean AUC is best in another."""
    under = iter([0.3, 0.7])
    monkeypatch.setattr(
        Hardened,
        "_under_attack",
        lambda *_: {"fgsm_auc": 0.7, "pgd_auc": next(under), "cosine": 0.9},
    )
    clean = iter([0.9, 0.9, 0.8, 0.7])
    monkeypatch.setattr("medtransfer.networks.classifier.macro_auc", lambda *_: next(clean))
    states = []
    inner = Hardened.on_validation_epoch_end

    def watch(self):
        states.append({k: v.clone() for k, v in self.answering.state_dict().items()})
        inner(self)

    monkeypatch.setattr(Hardened, "on_validation_epoch_end", watch)
    kept = trained(hardened(plain, epsilon=0.05))
    same = [all(torch.equal(state[k], kept[k]) for k in kept) for state in states]
    assert same == [False, False, False, True]


def test_no_epoch_is_kept_after_overfitting(plain, monkeypatch):
    under = iter([(0.5, 0.9), (0.9, 0.1)])

    def told(*_):
        auc, cosine = next(under)
        return {"fgsm_auc": 0.8, "pgd_auc": auc, "cosine": cosine}

    monkeypatch.setattr(Hardened, "_under_attack", told)
    states = []
    inner = Hardened.on_validation_epoch_end

    def watch(self):
        states.append({k: v.clone() for k, v in self.answering.state_dict().items()})
        inner(self)

    monkeypatch.setattr(Hardened, "on_validation_epoch_end", watch)
    spec = hardened(plain, epsilon=0.05)
    kept = trained(spec)
    same = [all(torch.equal(state[k], kept[k]) for k in kept) for state in states]
    assert same == [False, False, True, False]
    assert stored.history(spec)["overfitted"].tolist() == [0, 0, 0, 1]


def test_the_moving_average_answers(plain, monkeypatch):
    """By hand: the average begins at the first step and takes 10 % of each that follows."""
    weights = []
    inner = Hardened.on_train_batch_end

    def watch(self, *given):
        weights.append(self.model.network[0].weight.detach().clone())
        inner(self, *given)

    monkeypatch.setattr(Hardened, "on_train_batch_end", watch)
    spec = hardened(plain, epsilon=0.0, average=0.9)
    histories = []
    monkeypatch.setattr(
        "medtransfer.networks.classifier.macro_auc",
        lambda *_: histories.append(0) or 0.5 + 0.1 * len(histories),  # the last epoch is best
    )
    kept = trained(spec)["network.0.weight"]
    mean = weights[0]
    for each in weights[1:]:
        mean = 0.9 * mean + 0.1 * each
    torch.testing.assert_close(kept, mean)


@pytest.fixture
def batch():
    draw = torch.Generator().manual_seed(1)
    images = torch.rand((5, 3, 32, 32), generator=draw) * 2 - 1
    return images, torch.tensor([[1.0, 0, 1], [0, 1, 1], [1, 1, 0], [0, 0, 0], [1, 1, 1]])


@pytest.mark.parametrize("steps", [1, 4])
def test_steps_without_noise_are_those_of_the_attacks(network, batch, steps):
    images, labels = batch
    model = network()
    size = 0.03 if steps == 1 else 0.01
    wanted = FGSM(epsilon=0.03) if steps == 1 else PGD(epsilon=0.03, step_size=0.01, steps=4)
    ((_, expected),) = craft(model, images, labels, [wanted])
    how = {"start": images, "step_size": size, "steps": steps, "epsilon": 0.03}
    torch.testing.assert_close(ascended(model, images, labels, **how), expected)


def test_the_slope_points_as_the_gradient_and_does_not_vanish(network, batch):
    images, labels = batch
    model, labels = network(outputs=1), labels[:, :1]
    found, expected = (f(model, images, labels).flatten(1) for f in (slope, gradient))
    cosines = torch.nn.functional.cosine_similarity(found, expected)
    torch.testing.assert_close(cosines, torch.ones(5), atol=1e-4, rtol=0)
    with torch.no_grad():
        model.network[9].bias += 200  # sure of everything
    sure = labels[:, 0] == 1
    assert (gradient(model, images, labels)[sure] == 0).all()
    assert (slope(model, images, labels)[sure].flatten(1).abs().amax(1) > 0).all()


def test_noise_is_drawn_by_its_seed(batch):
    images = batch[0] * 0.5
    one, same, other = (uniform(images, 0.1, seed=(4, n)) for n in (0, 0, 1))
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert 0.099 < (one - images).abs().max() <= 0.1 + 1e-6
    assert abs((one - images).mean().item()) < 0.002


def test_a_network_without_validation_classes_keeps_its_last_epoch(toy, publish_images):
    source = toy.source()
    publish_images(source, labels=np.ones((64, 1), int))
    spec = hardened(toy.training(development=toy.development(source=source)), epsilon=0.05)
    trained(spec)
    assert np.isnan(stored.history(spec)["auc"]).all()
