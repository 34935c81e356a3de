"""The LightningModule: its loss, its history, and which epoch is kept."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from medtransfer.errors import TrainingError
from medtransfer.networks.classifier import BestEpoch, ImageClassifier
from medtransfer.networks.model import Classifier


def wrapped(outputs, *, warm_up=0.3):
    model = Classifier("tiny", outputs=outputs)
    rates = {"learning_rate": 0.01, "head_learning_rate": 0.02, "warm_up": warm_up}
    return ImageClassifier(model, **rates, weight_decay=0.0)


@pytest.fixture
def module(tiny_architectures):
    torch.manual_seed(0)
    return wrapped(2)


def batch(number=8, *, labels=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(number, 3, 32, 32, generator=generator) * 2 - 1
    if labels is None:
        labels = (torch.rand(number, 2, generator=generator) > 0.5).float()
    return images, labels


def validate(module, *batches):
    for number, each in enumerate(batches):
        module.validation_step(each, number)
    module.on_validation_epoch_end()
    return module.history[-1]


@pytest.mark.parametrize("outputs", [1, 2, 15])
def test_the_loss_is_binary_cross_entropy_for_every_task(tiny_architectures, outputs):
    module = wrapped(outputs).eval()
    labels = (torch.arange(8 * outputs).view(8, outputs) % 3 == 0).float()
    images, _ = batch()
    logits = module(images)
    assert logits.shape == (8, outputs)
    found = module.training_step((images, labels), 0)
    torch.testing.assert_close(found, F.binary_cross_entropy_with_logits(logits, labels))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_is_refused_with_what_to_do(module, value):
    with torch.no_grad():
        module.model.network[9].bias.fill_(value)
    with pytest.raises(
        TrainingError, match=r"the loss became .* in epoch 0, step 7; lower the lea"
    ):
        module.training_step(batch(), 7)


def test_validation_gives_one_row_of_history_over_all_batches(module):
    module.eval()
    first, second = batch(seed=1), batch(5, seed=2)
    row = validate(module, first, second)
    labels = torch.cat([first[1], second[1]]).numpy()
    logits = module(torch.cat([first[0], second[0]])).detach().numpy()
    np.testing.assert_allclose(module.logits, logits, atol=1e-5)
    wins = [
        np.mean([p > n for p in z[y > 0] for n in z[y == 0]])
        for z, y in zip(logits.T, labels.T, strict=True)
    ]
    assert row["auc"] == pytest.approx(np.mean(wins), abs=1e-6)
    validate(module, first)
    assert len(module.history) == 2
    assert len(module.logits) == 8  # of the last epoch alone


def test_validation_images_of_one_kind_have_no_auc_and_do_not_crash(module):
    assert np.isnan(validate(module.eval(), batch(labels=torch.ones(8, 2)))["auc"])


def test_the_history_holds_the_mean_training_loss_of_its_own_epoch(module):
    losses = [module.training_step(batch(seed=seed), seed).item() for seed in range(3)]
    assert validate(module.eval(), batch())["loss"] == pytest.approx(np.mean(losses))
    last = module.training_step(batch(seed=9), 0).item()
    assert validate(module, batch())["loss"] == pytest.approx(last)


@pytest.mark.parametrize("warm_up", [0.1, 0.3, 0.9])
@pytest.mark.parametrize("steps", [1, 2, 3, 4, 10, 20, 100])
def test_learning_rates_rise_over_the_warm_up_and_then_fall(tiny_architectures, steps, warm_up):
    module = wrapped(1, warm_up=warm_up)
    module._trainer = SimpleNamespace(estimated_stepping_batches=steps)
    parts = module.configure_optimizers()
    optimizer, schedule = parts["optimizer"], parts["lr_scheduler"]["scheduler"]
    rates = []
    for _ in range(steps):
        rates.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        schedule.step()
    body, head = np.transpose(rates)
    np.testing.assert_allclose(2 * body, head)
    peak = int(np.argmax(body))
    assert abs(peak - max(warm_up * steps - 1, min(1, steps - 1))) <= 1
    assert (np.diff(body[: peak + 1]) > 0).all()
    assert (np.diff(body[peak:]) < 0).all()
    if steps >= 10:
        assert body.max() == pytest.approx(0.01)
        assert body[-1] < 0.002 * (1 + 4 * (warm_up == 0.9))


NAN = float("nan")


@pytest.mark.parametrize(
    ("aucs", "kept"),
    [
        ([0.6, 0.9, 0.7], 1),
        ([0.6, 0.9, 0.9], 1),
        ([0.5, 0.6, 0.7], 2),
        ([NAN, NAN, NAN], 2),
        ([NAN, 0.4, NAN], 1),
        ([0.4, NAN, 0.3], 0),
        ([0.0, 0.0], 0),
    ],
)
def test_the_best_epoch_is_kept(module, aucs, kept):
    best = BestEpoch()
    for epoch, auc in enumerate(aucs):
        with torch.no_grad():
            module.model.network[9].bias.fill_(epoch)
        module.history.append({"epoch": epoch, "loss": 1.0, "auc": auc})
        module.logits = np.full((1, 2), epoch)
        best.on_validation_end(None, module)
    assert best.epoch == kept
    assert best.state["network.9.bias"].tolist() == [kept, kept]
    assert best.logits.tolist() == [[kept, kept]]
