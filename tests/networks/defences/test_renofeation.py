"""Features of a teacher without its weights: what is compared, and what stays as it was."""

from dataclasses import fields

import pytest
import torch

from medtransfer.networks import stored, training
from medtransfer.networks.defences.distillation import Maps, Taught, apart
from medtransfer.networks.defences.renofeation import Renofeation
from medtransfer.networks.model import Classifier

pytestmark = pytest.mark.usefixtures("tiny_architectures")


@pytest.fixture
def plain(toy, publish_images):
    source = toy.source(content="toy images of a teacher")
    publish_images(source)
    epochs = {"least_epochs": 3, "most_epochs": 3}
    return toy.training(development=toy.development(source=source), **epochs)


@pytest.fixture
def teacher(plain, toy):
    spec = toy.training(development=plain.development, seed=21)
    training.train(spec)
    return spec


def taught(plain, teacher, weight, dropout):
    same = {field.name: getattr(plain, field.name) for field in fields(plain)}
    return Renofeation(**same, teacher=teacher, weight=weight, dropout=dropout)


def trained(spec):
    type(spec).make([spec])
    return stored.load(spec)


def equal(one, other):
    one, other = one.state_dict(), other.state_dict()
    return all(torch.equal(one[name], other[name]) for name in one)


def test_weight_and_dropout_0_give_the_weights_of_a_plain_training_bit_for_bit(plain, teacher):
    before = trained(plain)
    assert equal(before, trained(taught(plain, teacher, 0.0, 0.0)))
    assert not equal(before, trained(taught(plain, teacher, 1.0, 0.0)))
    assert not equal(before, trained(taught(plain, teacher, 0.0, 0.3)))


def distance(model, other, images):
    own, wanted = Maps(model), Maps(other)
    with torch.no_grad():
        model(images), other(images)
    return apart(own.taken(), wanted.taken()).item()


def test_who_is_the_teacher_has_nothing_to_learn(network, images):
    assert distance(network(seed=1), network(seed=1), images) == 0
    assert distance(network(seed=1), network(seed=2), images) > 0.1


def test_the_distance_is_the_mean_square_over_the_variance():
    own, wanted = torch.tensor([[1.0, 2], [3, 4]]), torch.tensor([[1.0, 2], [3, 8]])
    by_hand = (4**2 / 4) / (((-2.5) ** 2 + 1.5**2 + 0.5**2 + 4.5**2) / 3)
    assert apart([own, wanted], [wanted, wanted]).item() == pytest.approx(by_hand / 2)


def student_of(teacher, *, weight, dropout):
    torch.manual_seed(0)
    recipe = {"learning_rate": 1, "head_learning_rate": 1, "weight_decay": 0, "warm_up": 0.1}
    model = Classifier("tiny", outputs=3)
    return Taught(model, teacher=teacher, weight=weight, dropout=dropout, **recipe).train()


def test_the_teacher_counts_by_the_weight(network, images, labels):
    loss = {
        weight: student_of(network(seed=4), weight=weight, dropout=0.0)
        .training_step((images, labels), 0)
        .item()
        for weight in (0.0, 1.0, 3.0)
    }
    assert loss[1.0] > loss[0.0]
    assert loss[3.0] - loss[0.0] == pytest.approx(3 * (loss[1.0] - loss[0.0]), rel=1e-4)


def test_a_teacher_learns_nothing_and_is_no_part_of_what_is_trained(network, images, labels):
    master = network(seed=4)
    before = {name: tensor.clone() for name, tensor in master.state_dict().items()}
    student = student_of(master, weight=1.0, dropout=0.1)
    student.training_step((images, labels), 0).backward()
    assert not master.training
    assert all(torch.equal(before[name], tensor) for name, tensor in master.state_dict().items())
    assert all(parameter.grad is None for parameter in master.parameters())
    own = {id(parameter) for parameter in student.parameters()}
    assert not own & {id(parameter) for parameter in master.parameters()}
    assert all(p.grad is not None for p in student.model.parameters())


def test_maps_are_those_before_each_halving_and_before_the_head():
    for name, sides in {"mobilenet_v2_stride8": [20, 10, 1], "tiny": [16, 1]}.items():
        torch.manual_seed(0)
        model = Classifier(name, outputs=1).eval()
        maps = Maps(model)
        side = 40 if name != "tiny" else 32
        model(torch.zeros(2, 3, side, side))
        found = maps.taken()
        assert [each.shape[-1] if each.ndim == 4 else 1 for each in found] == sides
        assert maps.taken() == []


def test_dropout_leaves_out_whole_channels_in_training_alone(images):
    torch.manual_seed(0)
    model = Classifier("tiny", outputs=1)
    Maps(model, dropout=0.5)
    seen = []
    model.network[3].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    model.train()(images)
    model.eval()(images)
    out, whole = ((each == 0).flatten(2).all(2).float().mean().item() for each in seen)
    assert 0.25 < out < 0.75
    assert whole < 0.1


def test_tables_name_the_student_and_not_the_teacher(plain, toy, teacher):
    spec = taught(plain, toy.training(initialization="imagenet"), 5.0, 0.1)
    assert spec.traits["initialization"] == "random" and spec.traits["data"] == "d1"
    assert spec.traits["network"] == "renofeation"
    assert spec.key != taught(plain, teacher, 5.0, 0.1).key
