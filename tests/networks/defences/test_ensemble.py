"""Several networks that answer as one."""

import torch

from medtransfer.networks.defences.ensemble import Ensemble


def ensemble(*members):
    return Ensemble(development=members[0].development, members=members)


def test_the_answer_is_the_mean_of_the_logits(known, images):
    members = [known(seed) for seed in range(3)]
    by_hand = sum(each.open().logits(images) for each in members) / 3
    torch.testing.assert_close(ensemble(*members).open().logits(images), by_hand)


def test_one_member_answers_as_itself_bit_for_bit(known, images):
    member = known()
    assert torch.equal(ensemble(member).open().logits(images), member.open().logits(images))


def test_the_order_of_members_does_not_matter(known, images):
    one, other = known(0), known(1)
    answers = [ensemble(*pair).open().logits(images) for pair in ((one, other), (other, one))]
    assert torch.equal(*answers)


def test_the_gradient_is_the_mean_of_the_gradients(known, images):
    members = [known(seed) for seed in range(2)]

    def gradient(network):
        inputs = images.clone().requires_grad_()
        network.open().module(inputs).sum().backward()
        return inputs.grad

    by_hand = sum(gradient(each) for each in members) / 2
    torch.testing.assert_close(gradient(ensemble(*members)), by_hand)


def test_tables_say_how_many_and_what_they_share(known):
    traits = ensemble(known(0), known(1)).traits
    assert (traits["network"], traits["members"], traits["data"]) == ("ensemble", 2, "d1")


def test_replicates_of_members_are_replicates(known):
    one, other = ensemble(known(0), known(1)), ensemble(known(2), known(3))
    assert one.kind == other.kind != ensemble(known(0)).kind
