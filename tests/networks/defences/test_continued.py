"""Another start: which tensors a training begins with, and what it shares with a plain one."""

from dataclasses import fields

import pytest
import torch

from medtransfer import store
from medtransfer.networks import stored, training
from medtransfer.networks.defences.continued import NETWORK, Continued, initial

pytestmark = pytest.mark.usefixtures("tiny_architectures")


@pytest.fixture
def plain(toy, publish_images):
    source = toy.source(content="toy images of another start")
    publish_images(source)
    return toy.training(development=toy.development(source=source), most_epochs=2, least_epochs=2)


@pytest.fixture
def learned(toy, publish_images):
    """Maker of stored networks of another domain: grey images, other labels."""

    def make(seed, *, labels=("effusion", "mass")):
        changes = {"domain": "radiology", "channels": 1, "labels": labels}
        source = toy.source(content="toy radiographs", **changes)
        if not store.has(source):
            publish_images(source)
        spec = toy.training(development=toy.development(source=source), seed=seed)
        training.train(spec)
        return spec

    return make


def continued(plain, start, **changes):
    same = {field.name: getattr(plain, field.name) for field in fields(plain)}
    return Continued(**same | {"initialization": NETWORK} | changes, start=start)


def body(model):
    return {k: v for k, v in model.state_dict().items() if not k.startswith("network.9.")}


def head(model):
    return {k: v for k, v in model.state_dict().items() if k.startswith("network.9.")}


def same(one, other):
    assert one.keys() == other.keys() and one
    return [name for name in one if torch.equal(one[name], other[name])]


@pytest.mark.parametrize("labels", [("effusion", "mass"), ("effusion",)], ids=len)
def test_the_body_is_that_of_the_start_and_the_head_is_not(plain, learned, labels):
    start = learned(7, labels=labels)
    model, known = initial(continued(plain, start)), stored.load(start)
    assert same(body(model), body(known)) == [*body(known)], "statistics of batch norms included"
    assert head(model)["network.9.weight"].shape[0] == 1
    drawn = training.initial(plain)
    assert same(head(model), head(drawn)) == [*head(drawn)], "as the plain training draws it"


def test_who_has_the_start_begins_with_the_same_body(plain, learned):
    start, another = learned(7), learned(8)
    own, thief = (initial(continued(plain, start, seed=seed)) for seed in (0, 1))
    assert same(body(own), body(thief)) == [*body(own)]
    assert same(head(own), head(thief)) == []
    other = initial(continued(plain, another, seed=1))
    assert "network.0.weight" not in same(body(own), body(other))


def test_a_start_that_a_plain_training_has_gives_its_weights_bit_for_bit(plain, toy):
    begun = toy.training(development=plain.development, seed=99)
    with store.draft(begun) as place:
        stored.write(place, state=training.initial(plain).state_dict(), history=[])
    found = []
    for spec in (plain, continued(plain, begun)):
        type(spec).make([spec])
        found.append(stored.load(spec).state_dict())
    assert same(*found) == [*found[0]]


def test_the_start_is_trained_further_and_stays_as_it_was(plain, learned):
    start = learned(7)
    before = (store.find(start) / stored.WEIGHTS).read_bytes()
    spec = continued(plain, start)
    Continued.make([spec])
    after = stored.load(spec)
    assert "network.0.weight" not in same(body(after), body(stored.load(start)))
    unmoved = continued(plain, start, learning_rate=1e-30)
    Continued.make([unmoved])
    assert "network.0.weight" in same(body(stored.load(unmoved)), body(stored.load(start)))
    assert (store.find(start) / stored.WEIGHTS).read_bytes() == before


def test_tables_and_keys_name_what_it_is(plain, learned):
    spec = continued(plain, learned(7))
    assert spec.traits["data"] == "d1" and spec.traits["initialization"] == NETWORK
    assert spec.traits["network"] == "continued"
    assert spec.name == "tiny from radiology on pathology d1"
    assert "start" not in plain.description
    assert len({spec.key, continued(plain, learned(8)).key, plain.key}) == 3
    assert spec.kind == continued(plain, learned(8), seed=5).kind


def test_a_start_of_another_architecture_is_refused(plain, toy):
    with pytest.raises(ValueError, match="tiny cannot begin with the body of tiny_wide"):
        continued(plain, toy.training(architecture="tiny_wide"))
