"""A new kind of result is one class: whatever computes takes it like any other."""

from dataclasses import dataclass

import numpy as np
import pytest

from medtransfer import store
from medtransfer.compute import ensure as compute
from medtransfer.compute import inspect, run, status, verify
from medtransfer.compute.ensure import ensure
from medtransfer.data import images
from medtransfer.data.images import Source
from medtransfer.measures import predictions
from medtransfer.networks.network import Network
from medtransfer.networks.trained import RANDOM
from medtransfer.specs import Result
from medtransfer.study import plan
from medtransfer.study.factors import FACTORS, Factor, crossed

MADE = []


@dataclass(frozen=True, kw_only=True, eq=False)
class Average(Result):
    """The mean of the images of a source, times `factor`; all of one source are made at once."""

    source: Source
    factor: float

    @property
    def batch(self):
        return self.source

    @property
    def effort(self):
        return "averaging"

    @classmethod
    def make(cls, specs):
        MADE.append(specs)
        mean = images.load(specs[0].source).images.mean()
        for spec in specs:
            with store.draft(spec) as place:
                np.save(place / "average.npy", mean * spec.factor)


@dataclass(frozen=True, kw_only=True, eq=False)
class Threshold(Network):
    """A network that calls what is brighter than an average; it gives no gradients."""

    average: Average
    differentiable = False

    def open(self):
        return self

    def logits(self, images):
        with store.reading(self.average, "average.npy") as path:
            limit = float(np.load(path)) / 127.5 - 1
        return images.mean((1, 2, 3))[:, None] - limit


@pytest.fixture
def averages(toy, publish_images):
    """Two averages of one source, and one of another; the sources are in the store."""
    MADE.clear()
    sources = [toy.source(content=f"averaged {number}") for number in range(2)]
    for source in sources:
        publish_images(source)
    return [Average(source=sources[at], factor=factor) for at, factor in ((0, 1), (0, 2), (1, 1))]


def test_it_is_made_with_those_of_its_batch(averages, in_process):
    ensure(averages)
    assert sorted(map(len, MADE)) == [1, 2]
    assert all(store.has(spec) for spec in averages)
    ensure(averages)
    assert len(MADE) == 2


def test_it_is_made_before_what_needs_it(averages, toy, in_process):
    network = Threshold(development=toy.development(source=averages[0].source), average=averages[0])
    ensure([network])
    assert [spec for (spec,) in MADE] == [averages[0]]
    assert len(predictions.read(network)) > 0
    assert compute.needed([network]) == [network, averages[0].source, averages[0]]


def test_it_is_verified(averages, in_process):
    ensure(averages)
    assert verify.made_again(averages)["difference"].tolist() == [0, 0, 0]
    np.save(store.find(averages[1]) / "average.npy", np.load(_file(averages[1])) + 1)
    assert verify.made_again(averages)["difference"].tolist() == pytest.approx([0, 1, 0])


def _file(spec):
    return store.find(spec) / "average.npy"


def test_it_is_shown(averages, in_process):
    ensure(averages[:1])
    text = inspect.shown(averages[0].key[:12])
    assert '"kind": "Average"' in text
    assert '"effort": "averaging"' in text
    assert "average.npy" in text


@pytest.fixture
def brightness(monkeypatch):
    """A factor of the study whose targets need it."""

    def pairs(study, domain):
        surrogates = study.networks(domain, bis=True, initializations=[RANDOM])
        development = study.development(domain, "d1")
        average = Average(source=study.source(domain), factor=1.0)
        return crossed(surrogates, [Threshold(development=development, average=average)])

    monkeypatch.setitem(FACTORS, "brightness", Factor(number=9, pairs=pairs))


def test_a_new_factor_is_one_row_that_is_run_and_counted(runnable, brightness, in_process):
    MADE.clear()
    name = "39 pathology, brightness"
    (before,) = (row for row in status.notebooks(runnable) if row["notebook"] == name)
    assert before["networks"].startswith("0 of")
    assert any(isinstance(s, Average) for s in status.wanted(runnable, "pathology", "brightness"))
    cells = run.factor(runnable, "pathology", "brightness")
    assert {type(cell.target) for cell in cells} == {Threshold}
    assert {cell.attack.method.name for cell in cells} == {"FGSM", "PGD"}
    assert all(predictions.read(cell).attacked is not None for cell in cells)
    assert len(MADE) == 1
    (after,) = (row for row in status.notebooks(runnable) if row["notebook"] == name)
    assert (after["missing"], after["minutes left"]) == (0, 0)
    assert status.spent(runnable)["averaging"][0] == 1
    assert set(inspect.listed(runnable, "pathology", ["brightness"])["stored"]) == {True}
    table = run.networks(plan.networks(runnable, "pathology", "brightness"), resamples=20)
    assert set(table["network"]) == {"training", "threshold"}
