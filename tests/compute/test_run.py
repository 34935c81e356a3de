"""Running: from a study to its cells and tables, in one call."""

from dataclasses import replace

import pytest

from medtransfer import store
from medtransfer.compute import run, status
from medtransfer.errors import UsageError
from medtransfer.measures import metrics
from medtransfer.networks.trained import IMAGENET, RANDOM
from medtransfer.study import plan
from medtransfer.study.factors import FACTORS

pytestmark = pytest.mark.slow


def test_a_factor_that_there_is_not_costs_no_training(runnable, run_on):
    run_on(None)  # any use of it would fail
    with pytest.raises(UsageError, match="no factor 'colour'; allowed: perturbation, "):
        run.factor(runnable, "pathology", "colour")


def test_domains_are_run_whole_and_their_networks_listed(runnable, in_process, monkeypatch):
    few = {"initialization": FACTORS["initialization"]}
    for module in (run, status):
        monkeypatch.setattr(module, "FACTORS", few)
    told = []
    run.everything(runnable, ["pathology"], tell=told.extend)
    assert told == []  # networks see what is bright
    (row,) = status.notebooks(runnable)
    assert (row["missing"], row["minutes left"]) == (0, 0)
    networks = plan.networks(runnable, "pathology", "initialization")
    table = run.networks(networks, resamples=20)
    assert table["key"].tolist() == [spec.key for spec in networks]
    assert table["seed"].tolist() == [spec.seed for spec in networks]
    assert table["initialization"].tolist() == [spec.initialization for spec in networks]
    assert table["steps"].tolist() == [spec.steps for spec in networks]
    assert (table["validation_auc_low"] <= table["validation_auc"]).all()
    assert (table["validation_auc"] <= table["validation_auc_high"]).all()


def test_it_is_told_that_networks_may_be_guessing_before_anything_is_attacked(
    runnable, in_process, monkeypatch
):
    class StoppedError(Exception):
        pass

    def stop(said):
        raise StoppedError(*said)

    few = {"initialization": FACTORS["initialization"]}
    monkeypatch.setattr(run, "FACTORS", few)
    monkeypatch.setattr(metrics, "CHANCE", 1.0)
    with pytest.raises(StoppedError, match="pathology, validation images"):
        run.everything(runnable, ["pathology"], tell=stop)
    epsilons = run.chosen_epsilons(runnable, "pathology")
    cells = plan.cells(runnable, "pathology", "initialization", epsilons=epsilons)
    assert all(store.has(cell.target) for cell in cells)
    assert not any(map(store.has, cells))


def test_epsilons_are_among_the_candidates_and_are_chosen_once(runnable, in_process, run_on):
    chosen = run.chosen_epsilons(runnable, "pathology")
    assert [*chosen] == [IMAGENET, RANDOM]
    assert {*chosen.values()} <= {*runnable.profile.candidates}
    run_on(None)  # any use of it would fail
    assert run.chosen_epsilons(runnable, "pathology") == chosen


@pytest.mark.parametrize("start", [IMAGENET, RANDOM])
def test_a_profile_of_one_initialization_is_run_whole(runnable, in_process, start):
    recipes = {start: runnable.profile.recipes[start]}
    alone = replace(runnable, profile=runnable.profile.model_copy(update={"recipes": recipes}))
    assert [*run.chosen_epsilons(alone, "pathology")] == [start]
    cells = run.factor(alone, "pathology", "development_data")
    assert {cell.target.initialization for cell in cells} == {start}
    assert all(store.has(cell) for cell in cells)
    assert status.chosen(alone, "pathology")
