"""Training: the same spec gives the same bytes; what is stored is the best epoch."""

import gc

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from medtransfer import store
from medtransfer.compute import ensure as compute
from medtransfer.data import images, splits
from medtransfer.data.datamodule import TrainingImages, to_unit
from medtransfer.data.manifests import imagenet_weights
from medtransfer.errors import SplitError, StoreError, TrainingError, WeightsError
from medtransfer.measures import predictions
from medtransfer.networks import imagenet, stored, training
from medtransfer.networks.classifier import ImageClassifier
from medtransfer.networks.trained import IMAGENET
from medtransfer.networks.training import Schedule, schedule, train

pytestmark = pytest.mark.usefixtures("tiny_architectures")


@pytest.fixture
def source(toy, publish_images):
    spec = toy.source(content="toy images of the training tests")
    publish_images(spec)
    return spec


@pytest.fixture
def spec(toy, source):
    return toy.training(development=toy.development(source=source), **epochs(2))


def epochs(number):
    return {"least_epochs": number, "most_epochs": number}


def trained_bytes(spec):
    train(spec)
    return (store.find(spec) / "weights.safetensors").read_bytes()


def test_the_same_spec_gives_the_same_bytes_in_any_store(
    spec, toy, publish_images, tmp_path, monkeypatch
):
    found = []
    for number, workers in enumerate((0, 0, 2)):
        monkeypatch.setenv("MEDTRANSFER_HOME", str(tmp_path / f"home{number}"))
        publish_images(spec.development.source)
        torch.manual_seed(number)  # what happened before in the process has no say
        np.random.seed(number)
        monkeypatch.setattr(training, "loaders", lambda workers=workers: workers)
        found.append(trained_bytes(spec))
    assert found[0] == found[1]
    assert found[0] == found[2]


def test_another_seed_gives_another_network(toy, source):
    specs = [toy.training(development=toy.development(source=source), seed=seed) for seed in (0, 1)]
    assert trained_bytes(specs[0]) != trained_bytes(specs[1])
    assert not torch.equal(*(next(training.initial(s).parameters()) for s in specs))


def test_every_epoch_draws_its_own_augmentation(spec, monkeypatch):
    asked = []
    inner = TrainingImages.__getitem__
    monkeypatch.setattr(
        TrainingImages, "__getitem__", lambda self, item: asked.append(item) or inner(self, item)
    )
    train(spec)
    assert {epoch for epoch, _ in asked} == {0, 1}
    assert len(set(asked)) == len(asked)


def test_what_is_stored_belongs_together(spec):
    train(spec)
    prepared = images.load(spec.development.source)
    rows = splits.parts(prepared.index, labels=prepared.labels, development=spec.development)
    found = predictions.read(spec)
    assert found.labels == ("sick",)
    assert found.attacked is found.visible is None
    index = prepared.index.iloc[rows.validation]
    assert [*found.images] == index["image"].tolist()
    assert [*found.groups] == index["group"].tolist()
    assert found.truth.tolist() == prepared.targets[rows.validation].tolist()
    with torch.no_grad():
        logits = stored.load(spec)(to_unit(np.asarray(prepared.images[rows.validation])))
    np.testing.assert_allclose(found.clean, logits, atol=1e-5)
    history = stored.history(spec)
    assert history["epoch"].tolist() == [0, 1]
    assert np.isfinite(history["loss"]).all()


def test_the_best_epoch_is_what_is_stored(toy, source, monkeypatch):
    spec = toy.training(development=toy.development(source=source), **epochs(3))
    aucs, states = iter([0.6, 0.9, 0.7]), []
    monkeypatch.setattr("medtransfer.networks.classifier.macro_auc", lambda *_: next(aucs))
    inner = ImageClassifier.on_validation_epoch_end

    def watch(self):
        states.append({k: v.clone() for k, v in self.model.state_dict().items()})
        inner(self)

    monkeypatch.setattr(ImageClassifier, "on_validation_epoch_end", watch)
    train(spec)
    kept = stored.load(spec).state_dict()
    same = [all(torch.equal(state[k], kept[k]) for k in kept) for state in states]
    assert same == [False, True, False]


@pytest.mark.parametrize(
    ("recipe", "images", "expected"),
    [
        ((240, 1, 48), 640, Schedule(epochs=12, every=2)),  # 20 steps an epoch
        ((240, 1, 48), 659, Schedule(epochs=12, every=2)),  # the last batch is dropped
        ((240, 1, 48), 400, Schedule(epochs=20, every=2)),
        ((240, 1, 48), 320, Schedule(epochs=24, every=3)),
        ((240, 1, 48), 160, Schedule(epochs=48, every=6)),
        ((240, 1, 48), 20, Schedule(epochs=48, every=6)),  # few images: not seen too often
        ((240, 1, 48), 31, Schedule(epochs=48, every=6)),  # one batch, which is not full
        ((240, 1, 500), 20, Schedule(epochs=240, every=30)),
        ((240, 2, 48), 80_000, Schedule(epochs=2, every=1)),  # many images: seen as a whole
        ((240, 5, 48), 80_000, Schedule(epochs=5, every=1)),
        ((50_000, 10, 200), 35_000, Schedule(epochs=48, every=6)),  # 46 are no multiple of 6
        ((1, 1, 1), 640, Schedule(epochs=1, every=1)),
        ((240, 1, 47), 20, Schedule(epochs=45, every=5)),  # every sixth would end at 48
        ((1, 47, 47), 640, Schedule(epochs=47, every=1)),  # a prime number
    ],
    ids=str,
)
def test_a_training_has_as_many_epochs_as_its_steps_take(toy, recipe, images, expected):
    fields = dict(zip(("steps", "least_epochs", "most_epochs"), recipe, strict=True))
    assert schedule(toy.training(**fields, batch_size=32), images=images) == expected


@given(
    st.integers(1, 60_000),
    st.tuples(st.integers(1, 120), st.integers(1, 120)).map(sorted),
    st.integers(2, 80_000),
)
def test_epochs_stay_within_their_bounds_and_the_last_one_is_validated(toy, steps, bounds, images):
    least, most = bounds
    spec = toy.training(steps=steps, least_epochs=least, most_epochs=most, batch_size=32)
    found = schedule(spec, images=images)
    assert least <= found.epochs <= most
    assert found.epochs % found.every == 0
    assert found.epochs // found.every >= min(found.epochs, 5)  # states to choose from
    per_epoch = max(1, images // 32)
    wanted = min(max(steps / per_epoch, least), most)
    assert abs(found.epochs - wanted) <= 0.5 + found.every / 2


def test_only_the_epochs_of_the_schedule_are_validated(toy, source):
    spec = toy.training(development=toy.development(source=source), **epochs(24))
    train(spec)
    assert stored.history(spec)["epoch"].tolist() == list(range(2, 24, 3))


def test_training_learns_what_can_be_seen(toy, source):
    spec = toy.training(development=toy.development(source=source), **epochs(8))
    train(spec)
    assert stored.history(spec)["auc"].max() > 0.8


@pytest.mark.parametrize("frozen", ["learning_rate", "head_learning_rate"])
def test_body_and_head_have_their_own_learning_rates(toy, source, frozen):
    spec = toy.training(development=toy.development(source=source), **{frozen: 1e-20})
    train(spec)
    start, end = training.initial(spec), stored.load(spec)
    names = {"head_learning_rate": "network.9.", "learning_rate": "network.0.weight"}
    moved = {
        name: any(
            not torch.allclose(before, after, atol=1e-7, rtol=0)
            for (key, before), after in zip(start.named_parameters(), end.parameters(), strict=True)
            if key.startswith(prefix)
        )
        for name, prefix in names.items()
    }
    assert moved == {name: name != frozen for name in names}


def test_a_validation_part_of_one_kind_does_not_crash(toy, publish_images):
    source = toy.source()
    publish_images(source, labels=np.ones((64, 1), int))
    spec = toy.training(development=toy.development(source=source))
    train(spec)
    assert np.isnan(stored.history(spec)["auc"]).all()
    assert store.has(spec)


def test_a_training_that_breaks_is_not_stored(toy, source):
    rates = {"learning_rate": 1e30, "head_learning_rate": 1e30}
    spec = toy.training(development=toy.development(source=source), **epochs(3), **rates)
    with pytest.raises(TrainingError, match=r"the loss became .*lower the learning rate"):
        train(spec)
    assert not store.has(spec)


def test_a_loaded_network_is_frozen_and_gives_logits(spec):
    train(spec)
    model = stored.load(spec)
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 1)


def test_an_untrained_network_cannot_be_loaded(spec):
    with pytest.raises(StoreError, match="has no Training"):
        stored.load(spec)


@pytest.mark.parametrize("content", [b"", b"no weights", None])
def test_damaged_weights_are_refused(spec, content):
    train(spec)
    path = store.find(spec) / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-8] if content is None else content)
    with pytest.raises(StoreError, match="is damaged"):
        stored.load(spec)


def test_an_unknown_start_is_refused_with_the_known_ones(toy, source):
    spec = toy.training(development=toy.development(source=source), initialization="zeros")
    with pytest.raises(ValueError, match="no initialization 'zeros': imagenet or random"):
        training.initial(spec)


def test_a_pretrained_network_starts_from_its_file_but_for_the_head(toy, imagenet_files):
    facts = imagenet_weights("mobilenet_v2_stride8")
    path = imagenet.find(facts)
    fields = {
        "architecture": "mobilenet_v2_stride8",
        "initialization": IMAGENET,
        "weights": facts.sha256,
    }
    first, second = (training.initial(toy.training(**fields, seed=seed)) for seed in (0, 1))
    state = torch.load(path, weights_only=True)
    start = next(iter(state.values()))
    for model in (first, second):
        assert torch.equal(next(model.network.parameters()), start)
    heads = [model.network.classifier.weight for model in (first, second)]
    assert not torch.equal(*heads)
    other = toy.training(**{**fields, "weights": "0" * 64})
    with pytest.raises(WeightsError, match="sha256"):
        training.initial(other)


def test_a_worker_keeps_nothing_of_a_training(spec):
    gc.disable()  # only what the work itself cleans counts
    try:
        compute.make(compute.Unit((spec,)))
        kept = [held for held in gc.get_objects() if isinstance(held, ImageClassifier)]
    finally:
        gc.enable()
    assert kept == []


def test_a_training_part_of_one_image_is_refused_with_what_to_do(toy, publish_images):
    source = toy.source()
    publish_images(source, number=24, groups=24)
    spec = toy.training(
        development=toy.development(source=source, name="d1/10", test_share=0.2),
        architecture="mobilenet_v2",
    )
    with pytest.raises((TrainingError, SplitError)):
        train(spec)
