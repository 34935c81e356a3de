"""Transfer: crafted once, scored on every target, and kept image by image."""

import dataclasses

import numpy as np
import pytest
import torch

from medtransfer import store
from medtransfer.attacks.delivery import CONTROL, FLOAT, deliver
from medtransfer.attacks.method import craft
from medtransfer.attacks.perceptibility import MEASURES, perceptibility
from medtransfer.errors import SanityError
from medtransfer.measures import predictions
from medtransfer.networks import stored
from medtransfer.networks.network import ModulePredictor
from medtransfer.networks.trained import Training
from medtransfer.scoring import transfer

LABEL = "Tumour"


def test_every_cell_is_there(studied):
    assert all(store.has(cell) for cell in studied.cells)


def test_predictions_are_per_image_with_group_and_label(studied, shown):
    index, _, labels = shown
    for cell in studied.cells:
        found = predictions.read(cell)
        assert found.labels == (LABEL,)
        assert found.images == tuple(index["image"])
        assert found.groups == tuple(index["group"])
        assert np.array_equal(found.truth, labels)
        assert tuple(found.visible) == MEASURES
        numbers = [found.clean, found.after, *found.visible.values()]
        assert all(values.dtype == np.float32 and len(values) == len(index) for values in numbers)
        assert not any(np.isnan(values).any() for values in numbers)


def test_clean_answers_are_those_of_the_stored_network(studied, shown):
    _, images, _ = shown
    for target in (studied.target, studied.wide, studied.bis):
        with torch.no_grad():
            logits = stored.load(target)(images)
        for cell in studied.cells:
            if cell.target == target:
                np.testing.assert_allclose(predictions.read(cell).clean, logits, atol=1e-4)


def test_attacked_answers_are_those_to_the_delivered_images(studied, shown):
    index, images, labels = shown
    surrogate = stored.load(studied.bis)
    for cell in studied.cells:
        ((_, adversarial),) = craft(surrogate, images, labels, [cell.attack.method])
        moved = deliver(cell.delivery, images, adversarial, names=index["image"].tolist())
        with torch.no_grad():
            logits = stored.load(cell.target)(moved)
        found = predictions.read(cell)
        np.testing.assert_allclose(found.after, logits, atol=5e-3)
        expected = perceptibility(images, moved)
        np.testing.assert_allclose(found.visible["max"], expected["max"], atol=1e-6)
        np.testing.assert_allclose(found.visible["rms"], expected["rms"], rtol=1e-2)


def test_no_image_is_moved_further_than_epsilon(studied):
    for cell in studied.cells:
        assert predictions.read(cell).visible["max"].max() <= cell.attack.method.epsilon + 1e-6


def test_the_white_box_is_worse_for_the_network_than_control_noise(studied):
    def harm(delivery):
        (cell,) = (
            cell
            for cell in studied.fgsm
            if cell.target == studied.bis
            and cell.attack.method.epsilon == 0.06
            and cell.delivery == delivery
        )
        found = predictions.read(cell)
        return np.where(found.truth > 0, -1, 1) * found.change

    assert (harm(FLOAT) > 0).all()
    assert harm(FLOAT).mean() > 3 * abs(harm(CONTROL).mean())


def test_an_attack_is_crafted_once_for_all_targets_and_deliveries(fresh, shown, monkeypatch):
    asked = []

    def watch(model, images, labels, methods):
        asked.append((len(images), [method.epsilon for method in methods]))
        return craft(model, images, labels, methods)

    monkeypatch.setattr(transfer, "craft", watch)
    transfer.score(fresh.fgsm)
    real = [(number, epsilons) for number, epsilons in asked if epsilons != [0.0]]
    assert len(fresh.fgsm) == 18
    assert {tuple(epsilons) for _, epsilons in real} == {(0.02, 0.06)}
    assert sum(number for number, _ in real) == len(shown[1])  # every image once
    assert all(store.has(cell) for cell in fresh.fgsm)


def test_a_target_is_loaded_once_for_passes_that_share_it(fresh, monkeypatch):
    loaded, load = [], stored.load

    def watch(spec):
        loaded.append(spec)
        return load(spec)

    monkeypatch.setattr(stored, "load", watch)
    transfer.score(fresh.fgsm)
    transfer.score(fresh.pgd)
    surrogates = {s for cell in (fresh.fgsm[0], fresh.pgd[0]) for s in cell.attack.surrogates}
    only_targets = {cell.target for cell in [*fresh.fgsm, *fresh.pgd]} - surrogates
    assert only_targets
    assert {loaded.count(spec) for spec in only_targets} == {1}


def test_scores_do_not_depend_on_batches_or_on_what_else_is_scored(fresh, monkeypatch):
    monkeypatch.setattr(transfer, "BATCH", 5)
    some = [fresh.fgsm[0], fresh.fgsm[2], fresh.fgsm[-1]]
    transfer.score(some)
    ours = [predictions.read(cell) for cell in some]
    monkeypatch.setenv("MEDTRANSFER_HOME", str(fresh.home))
    for found, cell in zip(ours, some, strict=True):
        expected = predictions.read(cell)
        assert found.images == expected.images
        np.testing.assert_allclose(found.clean, expected.clean, atol=1e-4)
        np.testing.assert_allclose(found.after, expected.after, atol=5e-3, rtol=1e-2)
        for name, values in expected.visible.items():
            np.testing.assert_allclose(found.visible[name], values, atol=5e-3, rtol=1e-2)


def test_validation_images_can_be_attacked(fresh, toy):
    cell = toy.cell(fresh.bis, fresh.target, images="validation")
    transfer.score([cell])
    expected, found = predictions.read(fresh.target), predictions.read(cell)
    assert found.images == expected.images
    np.testing.assert_allclose(found.clean, expected.clean, atol=1e-4)


def test_unknown_images_are_refused(fresh, toy):
    with pytest.raises(ValueError, match="no images 'train'; allowed: test, validation"):
        transfer.score([toy.cell(fresh.bis, fresh.target, images="train")])


def test_cells_of_several_passes_are_refused(fresh):
    with pytest.raises(ValueError, match="one crafting: surrogates, method and images"):
        transfer.score([fresh.fgsm[0], fresh.pgd[0]])


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda x, e: x + 1.5 * e, "moved a pixel by .*epsilon is 0.02"),
        (lambda x, e: x * float("nan"), "moved a pixel by nan"),
        (lambda x, e: torch.full_like(x, 1.001), "moved a pixel|left the image range"),
    ],
)
def test_an_attack_that_leaves_its_budget_is_not_scored(fresh, monkeypatch, spoil, says):
    def cheat(model, images, labels, methods):
        for method in methods:
            yield method, images if method.epsilon == 0 else spoil(images, method.epsilon)

    monkeypatch.setattr(transfer, "craft", cheat)
    with pytest.raises(SanityError, match=says):
        transfer.score(fresh.fgsm[:1])
    assert not store.has(fresh.fgsm[0])


def test_an_attack_that_leaves_the_range_is_refused(toy):
    clean = torch.full((1, 3, 4, 4), 0.999)
    with pytest.raises(SanityError, match=r"left the image range \[-1, 1\]"):
        transfer.check_budget(toy.method(epsilon=0.02), clean, clean + 0.01)


def test_an_attack_that_moves_at_epsilon_zero_is_not_scored(fresh, monkeypatch):
    def cheat(model, images, labels, methods):
        for method in methods:
            yield method, images + 1e-4

    monkeypatch.setattr(transfer, "craft", cheat)
    with pytest.raises(SanityError, match="changes images at epsilon 0"):
        transfer.score(fresh.pgd[:1])


def test_an_attack_that_changes_batch_norm_statistics_is_not_scored(fresh, monkeypatch):
    plain = stored.load

    class Drifting(torch.nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner
            self.register_buffer("running_mean", torch.zeros(1))

        def forward(self, images):
            self.running_mean += 0.1
            return self.inner(images)

    def drifting(spec):
        return ModulePredictor(Drifting(plain(spec)).eval())

    monkeypatch.setattr(stored, "predictor", drifting)
    with pytest.raises(SanityError, match="batch-norm statistics"):
        transfer.score(fresh.fgsm[:1])


def test_a_target_with_another_test_set_is_refused(fresh, toy):
    """Else the target would be scored on images that it was trained on."""
    other = dataclasses.replace(fresh.development, seed=7)
    target = toy.training(development=other)
    Training.make([target])
    with pytest.raises(ValueError, match="test"):
        transfer.score([toy.cell(fresh.bis, target)])


def test_the_device_and_seconds_of_a_cell_are_recorded(studied):
    record = store.run_record(studied.fgsm[0])
    assert record["device"] in ("cpu", "cuda")
    assert record["seconds"] > 0
