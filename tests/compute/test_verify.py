"""Verifying: the same spec gives the same bits, and a changed result is found."""

import numpy as np
import pandas as pd
import pytest

from medtransfer import store
from medtransfer.compute import verify
from medtransfer.study.schema import SMOKE


def test_results_made_again_are_the_same(copied, in_process):
    specs = [copied.target, copied.fgsm[0], copied.pgd[1]]
    times = [(store.find(spec) / "spec.json").stat().st_mtime_ns for spec in specs]
    found = verify.made_again(specs)
    assert found["difference"].tolist() == [0, 0, 0]
    assert found["key"].tolist() == [spec.key[:12] for spec in specs]
    assert [(store.find(s) / "spec.json").stat().st_mtime_ns for s in specs] == times


def test_a_result_that_was_changed_is_found(copied, in_process):
    cell = copied.fgsm[3]
    path = store.find(cell) / "images.parquet"
    frame = pd.read_parquet(path)
    column = next(name for name in frame if name.startswith("attacked:"))
    frame.loc[2, column] += 0.25
    frame.to_parquet(path, index=False)
    (difference,) = verify.made_again([cell])["difference"]
    assert difference == pytest.approx(0.25, rel=1e-4)


def test_lost_rows_are_an_infinite_difference():
    assert verify.difference({"logits": np.ones(3)}, {"logits": np.ones(2)}) == float("inf")


def test_nothing_stored_is_said():
    with pytest.raises(store.StoreError, match="nothing of profile smoke is stored"):
        verify.sample(SMOKE, trainings=1, cells=1, seed=0)
