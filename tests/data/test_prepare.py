"""Preparing a source: what is missing is fetched and read, once, and nothing unusable is kept."""

import errno
import os
import shutil

import numpy as np
import pandas as pd
import pytest
import upstream
import yaml
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from medtransfer import paths, store
from medtransfer.data import catalog, prepare, splits
from medtransfer.data.images import PhantomSource, load
from medtransfer.errors import FetchError, ManifestError, SourceError
from medtransfer.phantoms import chest


def test_a_source_becomes_an_array_and_an_index(wanted):
    spec = prepare.prepared_source(wanted)
    found, reader = load(spec), wanted.reader()
    assert list(found.index.columns) == ["image", "group", "split", *spec.labels]
    for row in (0, 41, 79):
        expected = reader.picture(found.index["image"].iloc[row])
        assert np.array_equal(found.images[row], expected.pixels)
    whole = pd.read_parquet(store.find(spec) / "index.parquet")
    assert whole["source"].iloc[41] == reader.picture(whole["image"].iloc[41]).sha256


def test_it_is_read_once(wanted, unread):
    spec = prepare.prepared_source(wanted)
    unread()
    assert prepare.prepared_source(wanted) == spec


def test_files_that_changed_are_read_anew(wanted):
    before = prepare.prepared_source(wanted)
    table = wanted.root / "Data_Entry_2017_v2020.csv"
    table.write_text(table.read_text().replace("Hernia", "Edema"))
    after = prepare.prepared_source(wanted)
    assert after.content != before.content
    assert load(after).index["Hernia"].sum() == 0


@pytest.mark.parametrize("gone", ["", "d1_filenames.yml"])
def test_files_that_are_gone_are_not_needed_any_more(wanted, gone):
    spec = prepare.prepared_source(wanted)
    shutil.rmtree(wanted.root) if not gone else (wanted.root / gone).unlink()
    assert prepare.prepared_source(wanted) == spec


def test_mended_prose_reads_nothing_again(wanted, unread):
    spec = prepare.prepared_source(wanted)
    unread()
    mended = wanted.manifest.model_copy(
        update={"title": "Another", "caveats": ("one more",), "group_noun": "person"}
    )
    again = catalog.Request(manifest=mended, root=wanted.root, image_px=32)
    assert prepare.prepared_source(again) == spec


def test_a_source_lost_from_the_store_is_read_again(wanted):
    spec = prepare.prepared_source(wanted)
    shutil.rmtree(store.find(spec))
    assert prepare.prepared_source(wanted) == spec
    assert store.has(spec)


def test_another_size_or_geometry_is_another_source(wanted):
    image = wanted.manifest.image.model_copy(update={"centre": 1.0})
    whole = wanted.manifest.model_copy(update={"image": image})
    requests = [
        catalog.Request(manifest=facts, root=wanted.root, image_px=px)
        for facts in (wanted.manifest, whole)
        for px in (32, 40)
    ]
    assert len({prepare.prepared_source(each).key for each in requests}) == 4


# --- images that cannot be used ------------------------------------------------------------------


def spoil(wanted):
    """Damage five images in five ways; return their names and what is said of each."""
    names = sorted(path.name for path in (wanted.root / "images").iterdir())[:5]
    paths = [wanted.root / "images" / name for name in names]
    whole = paths[0].read_bytes()
    paths[0].write_bytes(b"no image")
    paths[1].write_bytes(b"")
    paths[2].write_bytes(whole[: len(whole) // 2])
    paths[3].unlink()
    Image.fromarray(np.zeros((8, 8), np.uint16)).save(paths[4])
    says = ["begins with b'no image'", "it is empty", "", "No such file", "more than 8 bits"]
    return dict(zip(names, says, strict=True))


def test_unusable_images_are_all_reported_and_nothing_is_published(wanted):
    spoiled = spoil(wanted)
    with pytest.raises(
        SourceError, match=r"5 of 80 images cannot be used.*--skip-unreadable"
    ) as caught:
        prepare.prepared_source(wanted)
    assert all(name in str(caught.value) for name in spoiled)
    report = pd.read_csv(wanted.place / "unreadable.csv").set_index("image")["reason"]
    assert {*report.index} == {*spoiled}
    assert all(says in report[name] for name, says in spoiled.items())
    assert catalog.recorded(wanted) is None and not list(store.paths.store().glob("filesource/*"))


def test_unusable_images_can_be_left_out(wanted, unread):
    spoiled = spoil(wanted)
    with pytest.raises(SourceError):
        prepare.prepared_source(wanted)
    unread()  # what was read is kept
    found = load(prepare.prepared_source(wanted, skip_unreadable=True))
    assert len(found.index) == len(found.images) == 75
    assert not {*found.index["image"]} & {*spoiled}
    reader = wanted.reader()
    for row in (0, 50, 74):
        name = found.index["image"].iloc[row]
        assert np.array_equal(found.images[row], reader.picture(name).pixels)


def test_a_source_without_a_usable_image_is_refused(wanted):
    shutil.rmtree(wanted.root / "images")
    with pytest.raises(SourceError, match="80 of 80 images cannot be used"):
        prepare.prepared_source(wanted, skip_unreadable=True)


def test_a_full_disk_is_said_before_reading(wanted, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 9, 1))
    with pytest.raises(SourceError, match=r"80 images of 32 px take .* left; free some space"):
        prepare.prepared_source(wanted)


def test_a_disk_that_fills_meanwhile_publishes_nothing(wanted, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(SourceError, match=r"the disk of .* is full"):
        prepare.prepared_source(wanted)
    assert catalog.recorded(wanted) is None


# --- a part of a large source --------------------------------------------------------------------


def table(groups=90, each=3):
    names = [f"p{group}" for group in range(groups) for _ in range(each)]
    splits = [("test", "d1:train", "d2:train")[int(name[1:]) % 3] for name in names]
    return pd.DataFrame({"image": range(len(names)), "group": names, "split": splits})


@given(images=st.integers(1, 400))
def test_groups_stay_whole_and_every_set_keeps_its_share(images):
    whole = table()
    found = prepare.limited(whole, images=images)
    assert found.groupby("group").size().eq(3).all()
    shares = found["split"].value_counts()
    assert {*shares.index} == {"test", "d1:train", "d2:train"}
    assert shares.max() - shares.min() <= 3
    assert min(images, len(whole)) <= len(found) <= images + 9 or len(found) == len(whole)


def test_a_larger_limit_keeps_what_a_smaller_one_has():
    small, large = (set(prepare.limited(table(), images=number)["image"]) for number in (30, 90))
    assert small < large


@pytest.mark.parametrize("images", [None, 270, 1000])
def test_without_a_limit_nothing_changes(images):
    assert prepare.limited(table(), images=images).equals(table())


def test_a_limit_reads_a_part_of_every_set(patches):
    wanted = catalog.request("patchcamelyon", image_px=96, limit=60)
    index = load(prepare.ready(wanted)).index
    assert 60 <= len(index) <= 66
    assert index.groupby("group").size().eq(3).all()
    assert catalog.recorded(patches) is None


# --- what must be fetched ------------------------------------------------------------------------


def test_files_with_another_checksum_are_not_read():
    root = paths.data() / "patchcamelyon"
    upstream.patchcamelyon(root)
    wanted = catalog.request("patchcamelyon", image_px=96)
    (meta,) = [
        file.model_copy(update={"addresses": ()})
        for file in wanted.manifest.files
        if file.path.endswith("test_meta.csv")
    ]
    facts = wanted.manifest.model_copy(update={"files": (meta,)})
    changed = catalog.Request(manifest=facts, root=root, image_px=96)
    with pytest.raises(FetchError, match=rf"md5 is .* the manifest says {meta.md5}"):
        prepare.ready(changed)
    assert catalog.recorded(changed) is None and catalog.recorded(wanted) is None


def test_what_must_be_got_by_hand_is_said_step_by_step():
    with pytest.raises(FetchError) as caught:
        prepare.ready(catalog.request("eyepacs", image_px=64))
    assert "trainLabels.csv" in str(caught.value) and "465,317 bytes" in str(caught.value)
    assert "kaggle competitions download -c diabetic-retinopathy-detection" in str(caught.value)
    assert str(paths.data() / "eyepacs") in str(caught.value)


# --- what a study asks for -----------------------------------------------------------------------


def asked(**changes):
    return {"image_px": 32, "groups": None, "limit": None, "seed": 7, **changes}


@pytest.mark.parametrize(
    ("name", "domain"),
    [("eyepacs", "ophthalmology"), ("chestxray14", "radiology"), ("patchcamelyon", "pathology")],
)
def test_a_published_source_is_divided_as_it_says(made, name, domain):
    getattr(upstream, name)(paths.data() / name)
    source = prepare.source(name, domain=domain, **asked())
    prepared = load(source)
    common = {"source": source, "seed": 7, "test_share": 0.3, "validation_share": 0.4}
    found = {
        part: splits.parts(
            prepared.index,
            labels=prepared.labels,
            development=splits.Development(name=part, **common),
        )
        for part in splits.NAMES
    }
    tests = {tuple(parts.test) for parts in found.values()}
    assert tests == {tuple(np.flatnonzero(prepared.index["split"] == "test"))}
    groups = prepared.index["group"].to_numpy()
    d1, d2 = (
        {*groups[parts.train], *groups[parts.validation]} for parts in map(found.get, ("d1", "d2"))
    )
    assert not d1 & d2
    assert {*found["d2/2"].train} < {*found["d2"].train}


def test_medmnist_is_read_and_known_afterwards(made):
    facts = upstream.facts("retinamnist")
    path = paths.data() / "retinamnist" / facts.files_for(32)[0].path
    upstream.medmnist(path, labels=1, channels=3)
    wanted = asked(domain="ophthalmology", image_px=64)
    assert catalog.known("retinamnist", **wanted) is None
    source = prepare.source("retinamnist", **wanted)
    assert len(load(source).index) == 105
    assert catalog.known("retinamnist", **wanted) == source
    assert catalog.known("retinamnist", **{**wanted, "limit": 50}) is None


def test_a_phantom_is_described_and_not_drawn():
    wanted = asked(domain="radiology", groups=20)
    source = prepare.source("phantom_chest", **wanted)
    assert isinstance(source, PhantomSource) and not store.has(source)
    assert (source.drawing, source.content, source.channels) == (
        "chest",
        f"chest {chest.VERSION}",
        1,
    )
    assert (source.image_px, source.groups, source.seed) == (32, 20, 7)
    assert source.labels[:2] == ("No Finding", "Cardiomegaly")
    assert catalog.known("phantom_chest", **wanted) == source


def test_a_raised_version_is_another_source(monkeypatch):
    wanted = asked(domain="radiology", groups=20)
    before = prepare.source("phantom_chest", **wanted)
    was = chest.VERSION
    monkeypatch.setattr(chest, "VERSION", was + 1)
    after = prepare.source("phantom_chest", **wanted)
    assert (before.content, after.content) == (f"chest {was}", f"chest {was + 1}")
    assert before != after


@pytest.mark.parametrize("ask", [prepare.source, catalog.known], ids=["source", "known"])
@pytest.mark.parametrize(
    ("name", "domain", "says"),
    [
        ("phantom_chest", "pathology", r"phantom_chest\.yaml: domain: must be pathology"),
        ("imagenet_mobilenet_v2", "radiology", "domain: must be radiology"),
        ("phantom_chest", "radiology", "groups: radiology: needed, how many patients to draw"),
        ("phantom_histology", "pathology", "how many slides to draw"),
        ("no_such_source", "radiology", "no such manifest; known names"),
    ],
)
def test_a_manifest_that_does_not_serve_is_refused(ask, name, domain, says):
    with pytest.raises(ManifestError, match=says):
        ask(name, domain=domain, **asked())


@pytest.mark.parametrize(
    ("field", "value"),
    [("labels", [{"name": "Gout", "meaning": "m"}]), ("image", {"channels": 3})],
)
def test_a_phantom_manifest_that_does_not_fit_its_drawing_is_refused(tmp_path, field, value):
    facts = yaml.safe_load((paths.manifests() / "phantom_chest.yaml").read_text())
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({**facts, field: value}))
    with pytest.raises(ManifestError, match="chest has 1 channels and the labels No Finding, Card"):
        prepare.source(str(path), domain="radiology", **asked(groups=12))


# --- images too large for the memory -------------------------------------------------------------

HUGE = {"image_px": 1_000_000}


def test_a_phantom_that_fits_no_memory_is_refused_before_anything_is_drawn():
    with pytest.raises(SourceError, match=r"1,000,000 px: .* GiB of memory are needed.*image_px"):
        prepare.source("phantom_chest", domain="radiology", **asked(groups=20, **HUGE))


def test_images_that_fit_no_memory_are_refused_before_anything_is_fetched(made, monkeypatch):
    monkeypatch.setattr(prepare, "fetch_files", None)
    says = r"1,000,000 px in \d+ processes: .* GiB of memory are needed.*MEDTRANSFER_WORKERS"
    with pytest.raises(SourceError, match=says):
        prepare.source("retinamnist", domain="ophthalmology", **asked(**HUGE))
