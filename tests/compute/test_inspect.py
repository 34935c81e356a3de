"""Inspecting: which cells there are, and what a key of the store stands for."""

import pytest

from medtransfer import store
from medtransfer.compute import inspect, status
from medtransfer.errors import StoreError, UsageError
from medtransfer.networks.trained import IMAGENET, RANDOM
from medtransfer.study import plan

EPSILONS = {IMAGENET: 0.02, RANDOM: 0.04}


@pytest.fixture
def chosen(planned, monkeypatch):
    """The tiny study, as if its epsilons had been chosen."""
    monkeypatch.setattr(status, "epsilons", lambda study, domain: EPSILONS)
    return planned


def test_cells_are_listed_with_the_key_that_show_takes(chosen, publish_answers):
    frame = inspect.listed(chosen, "pathology", ["initialization"])
    cell = plan.cells(chosen, "pathology", "initialization", epsilons=EPSILONS)[0]
    assert not frame["stored"].any()
    assert {"method", "epsilon", "delivery", "relation", "target_data"} <= {*frame}
    labels = [[0], [1], [1], [0]]
    clean = [[0.0], [1.0], [2.0], [0.5]]
    publish_answers(cell, labels=labels, clean=clean, attacked=[[3.0], [1.0], [2.0], [0.5]])
    frame = inspect.listed(chosen, "pathology", ["initialization"])
    (key,) = frame.loc[frame["stored"], "key"]
    text = inspect.shown(key)
    assert cell.key in text
    assert "4 images of 4 groups: AUC 1.0000 clean, 0.5000 attacked, 50.0 % of the clean" in text
    assert '"kind": "FGSM"' in text


def test_a_cell_of_several_factors_is_listed_once(chosen):
    names = ["initialization", "development_data"]
    both = inspect.listed(chosen, "pathology", names)
    alone = [set(inspect.listed(chosen, "pathology", [name])["key"]) for name in names]
    assert both["key"].is_unique
    assert set(both["key"]) == alone[0] | alone[1]
    assert alone[0] & alone[1]


def test_a_network_is_shown_with_its_auc(toy, publish_answers):
    spec = toy.training()
    publish_answers(spec, labels=[[0], [1]], clean=[[0.0], [1.0]])
    text = inspect.shown(spec.key[:8])
    assert "2 images of 2 groups: AUC 1.0000 clean" in text
    assert "attacked" not in text


@pytest.mark.parametrize("chosen", [{}, {IMAGENET: 0.02}], ids=["none", "one of two"])
def test_before_epsilons_are_chosen_no_cell_is_known(planned, monkeypatch, chosen):
    monkeypatch.setattr(status, "epsilons", lambda study, domain: chosen)
    with pytest.raises(UsageError, match=r"not chosen yet.*`medtransfer run pathology init"):
        inspect.listed(planned, "pathology", ["initialization"])


@pytest.mark.parametrize(
    ("domain", "factor", "says"),
    [
        ("pathology", "colour", "no factor 'colour'; allowed: perturbation, "),
        ("endoscopy", "initialization", "no source for endoscopy, only for ophthalmology, "),
    ],
)
def test_what_there_is_not_is_refused_with_what_there_is(chosen, domain, factor, says):
    with pytest.raises(UsageError, match=says):
        inspect.listed(chosen, domain, [factor])


@pytest.mark.parametrize("key", ["0000", ""])
def test_an_unknown_key_is_an_error(key, toy):
    with store.draft(toy.source(content="some")):
        pass
    with pytest.raises(StoreError, match="0 results"):
        inspect.shown(key)


def test_a_beginning_that_several_keys_share_is_refused_with_their_names(toy):
    specs = [toy.source(content=str(number)) for number in range(40)]
    firsts = [spec.key[:2] for spec in specs]
    first = max(firsts, key=firsts.count)
    assert firsts.count(first) > 1
    for spec in specs:
        with store.draft(spec):
            pass
    with pytest.raises(StoreError, match=rf"{firsts.count(first)} results have a key.*{first}"):
        inspect.shown(first)
