"""Room: what cannot fit is refused with what is needed, what there is, and what to do."""

import os
import shutil

import numpy as np
import pytest
from PIL import Image

from medtransfer import store
from medtransfer.data import capacity
from medtransfer.data.images import PhantomSource
from medtransfer.data.readers.pictures import squared
from medtransfer.data.schema import Image as Facts
from medtransfer.errors import SourceError

PAGE = 4096


@pytest.fixture
def machine(monkeypatch):
    """A machine of so many bytes of memory."""

    def has(number):
        answers = {"SC_PAGE_SIZE": PAGE, "SC_PHYS_PAGES": number // PAGE}
        monkeypatch.setattr(os, "sysconf", answers.__getitem__)

    return has


def test_what_fits_the_memory_passes_and_more_is_refused(machine):
    machine(2 * 2**30)
    capacity.check_memory(2 * 2**30, what="drawing")
    says = r"drawing: 3\.0 GiB of memory are needed, this machine has 2\.0 GiB; ask for smaller"
    with pytest.raises(SourceError, match=says):
        capacity.check_memory(3 * 2**30, what="drawing")


def test_a_system_that_does_not_say_refuses_nothing(monkeypatch):
    def unknown(_):
        raise ValueError("unrecognized configuration name")

    monkeypatch.setattr(os, "sysconf", unknown)
    assert capacity.memory() is None
    capacity.check_memory(10**20, what="drawing")


def test_a_disk_with_too_little_left_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 9, 2**30))
    capacity.check_disk(2**29, what="images", place=tmp_path)
    with pytest.raises(SourceError, match=r"images take 1\.0 GiB, and .* has 1\.0 GiB left; free"):
        capacity.check_disk(2**30, what="images", place=tmp_path)


def phantom(**changes):
    fields = {
        **{"manifest": "phantom_fundus", "domain": "ophthalmology", "content": "fundus 1"},
        **{"image_px": 32, "channels": 3, "labels": ("Referable DR",), "drawing": "fundus"},
        **{"groups": 12, "seed": 0},
    }
    return PhantomSource(**{**fields, **changes})


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"image_px": 1_000_000}, r"fundus phantom at 1,000,000 px: .* of memory are needed"),
        ({"image_px": 2_000, "groups": 10**5}, r"200,000 images of 2,000 px take .* GiB, and"),
    ],
    ids=["memory", "disk"],
)
def test_a_phantom_that_does_not_fit_is_refused_before_it_is_drawn(monkeypatch, changes, says):
    monkeypatch.setattr("medtransfer.phantoms.fundus.draw", None)
    source = phantom(**changes)
    with pytest.raises(SourceError, match=says):
        PhantomSource.make([source])
    assert not store.has(source)


def test_a_strip_that_a_black_square_would_blow_up_is_refused(machine):
    facts = Facts(channels=3, fit="pad")
    strip = Image.fromarray(np.zeros((2, 40_000, 3), np.uint8))
    machine(2**30)
    with pytest.raises(SourceError, match=r"40000x2 on a black square: 6\.0 GiB"):
        squared(strip, facts, image_px=32)
