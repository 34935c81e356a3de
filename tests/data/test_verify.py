"""Verifying: what was changed since it was prepared is found, and so are wrong counts."""

import shutil

import numpy as np
import pandas as pd
import pytest
import upstream

from medtransfer import store
from medtransfer.data import catalog, prepare, verify
from medtransfer.errors import SourceError

INDEX = pd.DataFrame(
    {
        "image": list("abcd"),
        "group": ["p", "p", "q", "r"],
        "split": ["test", "test", "d1:train;d1/10:train", "d2:val"],
        "Tumour": [1, 0, 1, 1],
    }
)


def test_images_groups_and_positives_are_counted_per_set():
    found = verify.counted(INDEX, ("Tumour",))
    assert found["all"] == {"images": 4, "groups": 3, "Tumour": 3}
    assert found["test"] == {"images": 2, "groups": 1, "Tumour": 1}
    assert found["d1/10:train"] == {"images": 1, "groups": 1, "Tumour": 1}


def test_right_counts_pass_and_wrong_ones_are_named():
    right = {"test": {"images": 2, "Tumour": 1}}
    verify.check_counts(INDEX, upstream.facts("patchcamelyon", counts=right))
    wrong = {"test": {"images": 2, "Tumour": 7}, "d1:val": {"images": 3}}
    with pytest.raises(
        SourceError, match="test, Tumour: 1 instead of 7; d1:val, images: 0 instead of 3"
    ):
        verify.check_counts(INDEX, upstream.facts("patchcamelyon", counts=wrong))


def test_what_agrees_has_no_problem(patches):
    prepare.ready(patches)
    assert verify.verify(patches) == verify.Verified(images=108, gone=0, problems=())


def test_what_was_changed_is_found(patches):
    spec = prepare.ready(patches)
    images = np.load(store.find(spec) / "images.npy", mmap_mode="r+")
    images[5, 0, 0, 0] ^= 1
    images.flush()
    found = verify.verify(patches)
    assert found.problems == ("train/000005: the stored pixels were changed",)


def test_without_the_files_what_is_stored_is_compared(wanted):
    prepare.prepared_source(wanted)
    shutil.rmtree(wanted.root / "images")
    assert verify.verify(wanted) == verify.Verified(images=80, gone=80, problems=())


def test_without_the_arrays_what_is_stored_is_compared(patches):
    prepare.ready(patches)
    for path in patches.root.glob("*_x.h5"):
        path.unlink()
    assert verify.verify(patches) == verify.Verified(images=108, gone=108, problems=())


def test_counts_are_compared(patches):
    prepare.ready(patches)
    facts = upstream.facts("patchcamelyon", counts={"all": {"images": 3}})
    again = catalog.Request(manifest=facts, root=patches.root, image_px=96)
    (problem,) = verify.verify(again).problems
    assert "all, images: 108 instead of 3" in problem


def test_what_was_not_prepared_is_said():
    with pytest.raises(SourceError, match="was not prepared; run `medtransfer data prepare`"):
        verify.verify(catalog.request("pathmnist", image_px=64))
