"""Verifying: the same spec gives the same bits, and a changed result is found."""

import numpy as np
import pandas as pd
import pytest

from medtransfer import store
from medtransfer.compute import verify
from medtransfer.errors import StoreError
from medtransfer.measures import predictions
from medtransfer.networks.network import Network
from medtransfer.networks.trained import IMAGENET
from medtransfer.study import plan

NAN, INFINITE = float("nan"), float("inf")


def test_results_made_again_are_the_same(copied, in_process):
    specs = [copied.target, copied.fgsm[0], copied.pgd[1]]
    times = [(store.find(spec) / "spec.json").stat().st_mtime_ns for spec in specs]
    found = verify.made_again(specs)
    assert found["difference"].tolist() == [0, 0, 0]
    assert found["key"].tolist() == [spec.key[:12] for spec in specs]
    assert found["result"].tolist() == [spec.title for spec in specs]
    assert [(store.find(s) / "spec.json").stat().st_mtime_ns for s in specs] == times


def test_a_result_that_was_changed_is_found(copied, in_process):
    cell = copied.fgsm[3]
    path = store.find(cell) / predictions.FILE
    frame = pd.read_parquet(path)
    column = next(name for name in frame if name.startswith(predictions.ATTACKED))
    frame.loc[2, column] += 0.25
    frame.to_parquet(path, index=False)
    record = path.with_name("run.json")
    sizes = store.read_json(record)["bytes"]
    text = record.read_text().replace(str(sizes[predictions.FILE]), str(path.stat().st_size))
    record.write_text(text)
    (difference,) = verify.made_again([cell])["difference"]
    assert difference == pytest.approx(0.25, rel=1e-4)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([1.0, 2.0], [1.0, 2.5], 0.5),
        ([1.0, 2.0], [3.0, 2.5], 2.0),
        ([NAN, 1.0], [NAN, 1.0], 0.0),
        ([NAN, 1.0], [0.0, 1.0], INFINITE),
        ([0.0, 1.0], [NAN, 1.0], INFINITE),
        ([INFINITE, 1.0], [INFINITE, 1.0], 0.0),
        ([INFINITE, 1.0], [-INFINITE, 1.0], INFINITE),
        ([1.0, 1.0], [1.0], INFINITE),
        ([], [], 0.0),
    ],
)
def test_the_difference_is_the_largest_of_any_number(before, after, expected):
    found = verify.difference({"a": np.array(before)}, {"a": np.array(after)})
    assert found == pytest.approx(expected)


def test_lost_names_are_an_infinite_difference():
    assert verify.difference({"logits": np.ones(3)}, {"logit": np.ones(3)}) == INFINITE
    assert verify.difference({"logits": np.ones(3)}, {}) == INFINITE


def test_whole_numbers_do_not_wrap_around():
    before, after = (np.array([value], np.uint8) for value in (0, 255))
    assert verify.difference({"a": before}, {"a": after}) == 255


def test_nothing_stored_is_said(planned):
    with pytest.raises(StoreError, match="no result of profile tiny is stored"):
        verify.sample(planned, networks=1, cells=1, seed=0)


def test_a_sample_is_of_what_is_stored_and_the_same_for_a_seed(planned):
    networks = plan.networks(planned, "pathology", "initialization")
    there = [*networks[:6], *plan.choices(planned, "pathology")[IMAGENET].cells[:1]]
    for spec in there:
        with store.draft(spec):
            pass
    chosen = verify.sample(planned, networks=3, cells=5, seed=1)
    assert set(chosen) <= set(there)
    assert sum(isinstance(spec, Network) for spec in chosen) == 3
    assert len(chosen) == 4
    assert chosen == verify.sample(planned, networks=3, cells=5, seed=1)
    assert any(chosen != verify.sample(planned, networks=3, cells=5, seed=s) for s in range(2, 6))
