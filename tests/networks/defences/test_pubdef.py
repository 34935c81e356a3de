"""Training on transferred attacks: which images are attacked, how, and what is learned of them."""

from dataclasses import fields

import numpy as np
import pytest
import torch

from medtransfer.attacks.method import craft
from medtransfer.attacks.pgd import PGD
from medtransfer.data import images, splits
from medtransfer.networks import stored, training
from medtransfer.networks.classifier import ImageClassifier
from medtransfer.networks.defences import rehearsal
from medtransfer.networks.defences.pubdef import PubDef
from medtransfer.networks.defences.rehearsal import Rehearsal, attacked

pytestmark = pytest.mark.usefixtures("tiny_architectures")
EPSILON = 0.05


@pytest.fixture
def plain(toy, publish_images):
    source = toy.source(content="toy images of transferred attacks")
    publish_images(source)
    epochs = {"least_epochs": 2, "most_epochs": 2}
    return toy.training(development=toy.development(source=source), **epochs)


@pytest.fixture
def sources(plain, toy):
    found = tuple(toy.training(development=plain.development, seed=seed) for seed in (11, 12))
    type(plain).make(found)
    return found


@pytest.fixture
def prepared(plain):
    return images.load(plain.development.source)


@pytest.fixture
def rows(plain, prepared):
    return splits.parts(prepared.index, labels=prepared.labels, development=plain.development).train


def rehearsed(plain, sources, epsilon=EPSILON):
    same = {field.name: getattr(plain, field.name) for field in fields(plain)}
    return PubDef(**same, sources=sources, epsilon=epsilon)


def trained(spec):
    type(spec).make([spec])
    return stored.load(spec).state_dict()


def equal(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def test_without_sources_the_weights_are_those_of_a_plain_training_bit_for_bit(plain, sources):
    before = trained(plain)
    assert equal(before, trained(rehearsed(plain, ())))
    assert not equal(before, trained(rehearsed(plain, sources)))


class Twice(ImageClassifier):
    """Learns from every image twice."""

    def training_step(self, batch, index):
        seen, labels = batch
        return super().training_step((torch.cat([seen, seen]), torch.cat([labels, labels])), index)


def test_epsilon_0_is_a_training_with_every_image_twice(plain, sources, toy):
    spec = rehearsed(plain, sources, epsilon=0.0)
    found = trained(spec)
    training.train(plain, classifier=Twice)
    assert equal(stored.load(plain).state_dict(), found)


def test_no_image_but_those_of_training_is_attacked(plain, sources, rows, monkeypatch):
    asked, inner = [], rehearsal.batch
    monkeypatch.setattr(
        rehearsal, "batch", lambda prepared, part: asked.append(part) or inner(prepared, part)
    )
    trained(rehearsed(plain, sources))
    assert sorted(np.concatenate(asked)) == sorted(np.concatenate([rows, rows]))


def test_images_are_attacked_as_the_study_attacks_them(sources, prepared, rows):
    (source, _) = sources
    found = attacked(source, prepared, rows, epsilon=EPSILON)
    clean = torch.from_numpy(prepared.images[rows]).permute(0, 3, 1, 2).float() / 127.5 - 1
    labels = torch.from_numpy(prepared.targets[rows])
    model = stored.load(source)
    ((_, expected),) = craft(
        model, clean, labels, [PGD(epsilon=EPSILON, step_size=EPSILON / 4, steps=10)]
    )
    far = np.abs(found - clean.permute(0, 2, 3, 1).numpy()).max((1, 2, 3))
    assert far.max() <= EPSILON + 1e-6 and far.min() > 0.9 * EPSILON
    off = np.abs(found - expected.permute(0, 2, 3, 1).numpy()) > 1e-5
    assert off.mean() < 0.01, "but for signs of gradients that are next to 0"


def shown(prepared, rows, sources, *, seed=3, augmentation=("shift", "mirror", "turn")):
    how = {"augmentation": augmentation, "seed": seed}
    return Rehearsal(prepared, rows, sources=sources, epsilon=EPSILON, **how)


def test_both_versions_of_an_image_are_augmented_alike(prepared, rows, sources):
    data = shown(prepared, rows, sources)
    for item in [(0, 0), (0, 5), (3, 2)]:
        (clean, moved), _ = data[item]
        far = (moved - clean).abs().max().item()
        assert 0.9 * EPSILON < far <= EPSILON + 1e-6
        assert moved.abs().max() <= 1


def test_the_source_is_drawn_by_epoch_and_row(prepared, rows, sources):
    def drawn(rows, epoch):
        data = shown(prepared, rows, sources, augmentation=())
        by_hand = [attacked(each, prepared, rows, epsilon=EPSILON) for each in sources]
        found = []
        for position in range(len(rows)):
            moved = data[epoch, position][0][1].permute(1, 2, 0).numpy()
            found.append([np.array_equal(moved, each[position]) for each in by_hand].index(True))
        return found

    first = drawn(rows, 0)
    assert set(first) == {0, 1}
    assert drawn(rows, 0) == first != drawn(rows, 1)
    assert drawn(rows[::2], 0) == first[::2], "whatever else is trained on"


def test_keys_hang_on_sources_and_epsilon_and_traits_are_its_own(plain, sources):
    specs = [
        plain,
        rehearsed(plain, sources),
        rehearsed(plain, sources[:1]),
        rehearsed(plain, sources, epsilon=0.1),
    ]
    assert len({spec.key for spec in specs}) == 4
    assert specs[1].traits["network"] == "pubdef" and specs[1].traits["data"] == "d1"
    assert "sources" not in plain.description
