"""Transfer: crafted once, scored on every target, and kept image by image."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch

from medtransfer import store
from medtransfer.analysis.sanity import SanityError
from medtransfer.attacks.delivery import deliver
from medtransfer.attacks.method import craft
from medtransfer.attacks.perceptibility import MEASURES, perceptibility
from medtransfer.data import images as prepare
from medtransfer.data import splits as development
from medtransfer.data.datamodule import to_unit
from medtransfer.measures import predictions as answers
from medtransfer.networks import training
from medtransfer.scoring import transfer
from medtransfer.specs import CONTROL, FLOAT

LABEL = "Tumour"


@pytest.fixture
def shown(studied):
    """The test images of the tiny study: rows of the index, images and labels."""
    prepared = prepare.load(studied.source)
    rows = development.parts(
        prepared.index, labels=prepared.labels, development=studied.development
    ).test
    images = to_unit(np.asarray(prepared.images[rows]))
    return prepared.index.iloc[rows], images, torch.from_numpy(prepared.targets[rows])


@pytest.fixture
def fresh(studied, shown, tmp_path, monkeypatch):
    """A home that links the study's images and networks and has no cells yet."""
    home = tmp_path / "fresh"
    (home / "store").mkdir(parents=True)
    for kind in ("phantomsource", "training"):
        (home / "store" / kind).symlink_to(studied.home / "store" / kind)
    monkeypatch.setenv("MEDTRANSFER_HOME", str(home))
    return studied


def test_every_cell_is_there(studied):
    assert all(store.has(cell) for cell in studied.cells)


def test_answers_are_per_image_with_group_and_label(studied, shown):
    index, _, labels = shown
    for cell in studied.cells:
        found = answers.of_cell(cell)
        assert list(found.columns) == [
            "image",
            "group",
            LABEL,
            f"clean:{LABEL}",
            f"attacked:{LABEL}",
            *MEASURES,
        ]
        assert found["image"].tolist() == index["image"].tolist()
        assert found["group"].tolist() == index["group"].tolist()
        assert found[LABEL].tolist() == labels[:, 0].tolist()
        assert not found.isna().any(axis=None)


def test_clean_answers_are_those_of_the_stored_network(studied, shown):
    _, images, _ = shown
    for target in (studied.target, studied.wide, studied.bis):
        with torch.no_grad():
            logits = training.load(target)(images)[:, 0]
        for cell in studied.cells:
            if cell.target == target:
                found = answers.of_cell(cell)[f"clean:{LABEL}"]
                np.testing.assert_allclose(found, logits, atol=1e-4)


def test_attacked_answers_are_those_to_the_delivered_images(studied, shown):
    index, images, labels = shown
    surrogate = training.load(studied.bis)
    for cell in studied.cells:
        ((_, adversarial),) = craft(surrogate, images, labels, attacks=[cell.attack])
        moved = deliver(cell.delivery, images, adversarial, names=index["image"].tolist())
        with torch.no_grad():
            logits = training.load(cell.target)(moved)[:, 0]
        found = answers.of_cell(cell)
        np.testing.assert_allclose(found[f"attacked:{LABEL}"], logits, atol=5e-3)
        expected = perceptibility(images, moved)
        np.testing.assert_allclose(found["max"], expected["max"], atol=1e-6)
        np.testing.assert_allclose(found["rms"], expected["rms"], rtol=1e-2)


def test_no_image_is_moved_further_than_epsilon(studied):
    for cell in studied.cells:
        assert answers.of_cell(cell)["max"].max() <= cell.attack.epsilon + 1e-6


def test_the_white_box_is_worse_for_the_network_than_control_noise(studied):
    def harm(delivery):
        (cell,) = (
            cell
            for cell in studied.fgsm
            if cell.target == studied.bis
            and cell.attack.epsilon == 0.06
            and cell.delivery == delivery
        )
        found = answers.of_cell(cell)
        sign = np.where(found[LABEL] > 0, -1, 1)
        return (sign * (found[f"attacked:{LABEL}"] - found[f"clean:{LABEL}"])).to_numpy()

    assert (harm(FLOAT) > 0).all()
    assert harm(FLOAT).mean() > 3 * abs(harm(CONTROL).mean())


def test_an_attack_is_crafted_once_for_all_targets_and_deliveries(fresh, shown, monkeypatch):
    asked = []

    def watch(model, images, labels, *, attacks):
        asked.append((len(images), [attack.epsilon for attack in attacks]))
        return craft(model, images, labels, attacks=attacks)

    monkeypatch.setattr(transfer, "craft", watch)
    transfer.score(fresh.fgsm)
    real = [(number, epsilons) for number, epsilons in asked if epsilons != [0.0]]
    assert len(fresh.fgsm) == 18
    assert {tuple(epsilons) for _, epsilons in real} == {(0.02, 0.06)}
    assert sum(number for number, _ in real) == len(shown[1])  # every image once
    assert all(store.has(cell) for cell in fresh.fgsm)


def test_a_target_is_loaded_once_for_passes_that_share_it(fresh, monkeypatch):
    loaded, load = [], training.load

    def watch(spec):
        loaded.append(spec.key)
        return load(spec)

    monkeypatch.setattr(training, "load", watch)
    transfer.score(fresh.fgsm)
    transfer.score(fresh.pgd)
    targets = {cell.target.key for cell in [*fresh.fgsm, *fresh.pgd]}
    only_targets = targets - {fresh.fgsm[0].attack.surrogate.key, fresh.pgd[0].attack.surrogate.key}
    assert only_targets
    assert {loaded.count(key) for key in only_targets} == {1}


def test_scores_do_not_depend_on_batches_or_on_what_else_is_scored(fresh, monkeypatch):
    monkeypatch.setattr(transfer, "BATCH", 5)
    some = [fresh.fgsm[0], fresh.fgsm[2], fresh.fgsm[-1]]
    transfer.score(some)
    ours = [answers.of_cell(cell) for cell in some]
    monkeypatch.setenv("MEDTRANSFER_HOME", str(fresh.home))
    for found, cell in zip(ours, some, strict=True):
        pd.testing.assert_frame_equal(found, answers.of_cell(cell), atol=5e-3, rtol=1e-2)


def test_validation_images_can_be_attacked(fresh, toy):
    cell = toy.cell(fresh.bis, fresh.target, images="validation")
    transfer.score([cell])
    expected = answers.of_validation(fresh.target)
    found = answers.of_cell(cell)
    assert found["image"].tolist() == expected["image"].tolist()
    np.testing.assert_allclose(found[f"clean:{LABEL}"], expected[f"logit:{LABEL}"], atol=1e-4)


def test_unknown_images_are_refused(fresh, toy):
    with pytest.raises(ValueError, match="no images 'train'; allowed: test, validation"):
        transfer.score([toy.cell(fresh.bis, fresh.target, images="train")])


def test_cells_of_several_passes_are_refused(fresh):
    with pytest.raises(ValueError, match="one surrogate, method and set of images"):
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
    def cheat(model, images, labels, *, attacks):
        for attack in attacks:
            yield attack, images if attack.epsilon == 0 else spoil(images, attack.epsilon)

    monkeypatch.setattr(transfer, "craft", cheat)
    with pytest.raises(SanityError, match=says):
        transfer.score(fresh.fgsm[:1])
    assert not store.has(fresh.fgsm[0])


def test_an_attack_that_leaves_the_range_is_refused(toy):
    clean = torch.full((1, 3, 4, 4), 0.999)
    with pytest.raises(SanityError, match=r"left the image range \[-1, 1\]"):
        transfer.check_budget(toy.attack(epsilon=0.02), clean, clean + 0.01)


def test_an_attack_that_moves_at_epsilon_zero_is_not_scored(fresh, monkeypatch):
    def cheat(model, images, labels, *, attacks):
        for attack in attacks:
            yield attack, images + 1e-4

    monkeypatch.setattr(transfer, "craft", cheat)
    with pytest.raises(SanityError, match="changes images at epsilon 0"):
        transfer.score(fresh.pgd[:1])


def test_an_attack_that_changes_batch_norm_statistics_is_not_scored(fresh, monkeypatch, toy):
    plain = training.load

    class Drifting(torch.nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner
            self.register_buffer("running_mean", torch.zeros(1))

        def forward(self, images):
            self.running_mean += 0.1
            return self.inner(images)

    monkeypatch.setattr(training, "load", lambda spec: Drifting(plain(spec)).eval())
    with pytest.raises(SanityError, match="batch-norm statistics"):
        transfer.score(fresh.fgsm[:1])


def test_a_target_with_another_test_set_is_refused(fresh, toy, monkeypatch):
    """Else the target would be scored on images that it was trained on."""
    other = dataclasses.replace(fresh.development, seed=7)
    target = toy.training(development=other)
    training.train(target)
    with pytest.raises(ValueError, match="test"):
        transfer.score([toy.cell(fresh.bis, target)])


def test_the_device_and_seconds_of_a_cell_are_recorded(studied):
    record = store.run_record(studied.fgsm[0])
    assert record["device"] in ("cpu", "cuda")
    assert record["seconds"] > 0
