"""The table of cosines: means by hand, over kinds of pairs."""

import numpy as np
import pandas as pd
import pytest

from medtransfer import store
from medtransfer.analysis import alignment
from medtransfer.analysis.selection import OTHER, SAME, WHITE_BOX
from medtransfer.scoring.alignment import FILE, Alignment


@pytest.fixture
def aligned(toy):
    """Maker of a stored alignment with the given cosines, on one development set."""
    development = toy.development()

    def make(cosines, *, surrogate=1, target=0, groups=None, **changes):
        first = toy.training(development=development, seed=surrogate, **changes)
        second = toy.training(development=development, seed=target)
        spec = Alignment(surrogate=first, target=second)
        names = [f"image{number}" for number in range(len(cosines))]
        table = {"image": names, "group": groups or names, "cosine": np.array(cosines, np.float32)}
        with store.draft(spec) as place:
            pd.DataFrame(table).to_parquet(place / FILE, index=False)
        return spec

    return make


def test_a_row_is_the_mean_over_images_and_pairs_of_a_kind(aligned):
    specs = [
        aligned([0.2, 0.4]),
        aligned([0.4, 0.6], surrogate=2),
        aligned([0.0, 0.1], architecture="tiny_wide"),
        aligned([0.9, 0.7], initialization="imagenet"),
    ]
    by = ["relation", "surrogate_initialization"]
    found = alignment.table(specs, by=by, resamples=50).set_index(by)
    assert found["cosine"].to_dict() == pytest.approx(
        {(SAME, "random"): 0.4, (OTHER, "random"): 0.05, (SAME, "imagenet"): 0.8}
    )
    assert found["pairs"].tolist() == [2, 1, 1]
    assert (found["cosine_low"] <= found["cosine"]).all()
    assert (found["cosine"] <= found["cosine_high"]).all()


def test_the_interval_is_over_groups_of_images(aligned):
    """Two groups that are alike inside: what is drawn are the mean of one, the other, or both."""
    spec = aligned([0.1, 0.1, 0.1, 0.5], groups=["a", "a", "a", "b"])
    (row,) = alignment.table([spec], resamples=200).to_dict("records")
    assert (row["cosine_low"], row["cosine_high"]) == pytest.approx((0.1, 0.5))
    (alike,) = alignment.table([aligned([0.3] * 4, surrogate=2)], resamples=50).to_dict("records")
    assert (alike["cosine_low"], alike["cosine_high"]) == pytest.approx((0.3, 0.3))


def test_images_without_a_gradient_are_left_out_and_counted(aligned):
    spec = aligned([0.2, np.nan, 0.4, np.nan])
    (row,) = alignment.table([spec], resamples=50).to_dict("records")
    assert row["cosine"] == pytest.approx(0.3)
    assert row["left_out"] == 2
    assert 0.2 <= row["cosine_low"] <= row["cosine_high"] <= 0.4 + 1e-6


def test_a_pair_in_which_no_image_counts_is_in_no_row(aligned):
    nothing = aligned([np.nan, np.nan])
    assert alignment.table([nothing], resamples=50).empty
    (row,) = alignment.table([nothing, aligned([0.5, 0.5], surrogate=2)], resamples=50).to_dict(
        "records"
    )
    assert (row["pairs"], row["cosine"], row["left_out"]) == (1, 0.5, 2)


def test_the_white_box_is_called_so(aligned):
    spec = aligned([1.0, 1.0], surrogate=0)
    assert alignment.table([spec], resamples=10)["relation"].tolist() == [WHITE_BOX]
