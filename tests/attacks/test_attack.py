"""An attack of the study: what is crafted together, and what tables name of its surrogates."""

import pytest


@pytest.fixture
def trained(toy):
    """Maker of networks on the same images."""
    development = toy.development()
    return lambda **changes: toy.training(development=development, **changes)


def test_all_epsilons_of_an_attack_are_crafted_together(toy, trained):
    first, second = (toy.attack(trained(), epsilon=epsilon) for epsilon in (0.01, 0.06))
    assert first.crafting == second.crafting


@pytest.mark.parametrize("change", ["method", "parameter", "images", "surrogate", "ensemble"])
def test_other_attacks_are_crafted_apart(toy, trained, change):
    a, b = trained(seed=1), trained(seed=2)
    other = {
        "method": toy.attack(a, method="FGSM"),
        "parameter": toy.attack(a, method="PGD", steps=9),
        "images": toy.attack(a, method="PGD", images="validation"),
        "surrogate": toy.attack(b, method="PGD"),
        "ensemble": toy.attack(a, b, method="PGD"),
    }[change]
    assert other.crafting != toy.attack(a, method="PGD").crafting


def test_one_surrogate_is_named_as_it_is(toy, trained):
    surrogate = trained()
    assert toy.attack(surrogate).traits == surrogate.traits


def test_several_surrogates_are_named_by_what_they_share_and_where_they_differ(toy, trained):
    members = [trained(), trained(architecture="tiny_wide", steps=9), trained(seed=5)]
    found = toy.attack(*members).traits
    assert found["architecture"] == "tiny+tiny_wide"
    assert found["steps"] == "4+9"
    assert (found["initialization"], found["data"], found["members"]) == ("random", "d1", 3)
