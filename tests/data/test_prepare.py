"""Published sources from their addresses to the store, as the command line does it."""

import re
import shutil

import numpy as np
import pytest
import upstream

from medtransfer import cli, paths, store
from medtransfer.compute import ensure as compute
from medtransfer.compute import run
from medtransfer.data import (
    download as fetch,
)
from medtransfer.data import (
    images as prepare,
)
from medtransfer.data import (
    manifests as manifest,
)
from medtransfer.data import (
    prepare as published,
)
from medtransfer.data import (
    splits as development,
)
from medtransfer.data.manifests import ManifestError
from medtransfer.data.readers.reader import SourceError
from medtransfer.data.request import known
from medtransfer.specs import RANDOM
from medtransfer.study import builders as ingredients
from medtransfer.study import plan as study
from medtransfer.study import schema as profiles


@pytest.fixture
def patches(monkeypatch):
    """PatchCamelyon of 108 made patches, in the folder where its files belong."""
    root = paths.data() / "patchcamelyon"
    upstream.patchcamelyon(root)
    monkeypatch.setattr(published, "named", small)
    monkeypatch.setattr(published, "fetch_files", lambda _: [])  # made files have other checksums
    return root


def small(name):
    """A committed manifest without the counts of the whole set."""
    path, found = manifest.named(name)
    return path, upstream.facts(name) if hasattr(found, "counts") else found


def do(*command):
    return cli.main(["data", *command])


def test_list_says_what_there_is(patches, capsys):
    assert do("list") == 0
    rows = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert re.search(r"pathology\s+9 of 9\s+-\s+no", rows["patchcamelyon"])
    assert re.search(r"ophthalmology\s+0 of 2\s+-\s+yes", rows["eyepacs"])


def test_prepare_and_verify_say_what_is_there(patches, capsys):
    assert do("prepare", "patchcamelyon", "--image-px", "96") == 0
    out = capsys.readouterr().out
    assert "patchcamelyon, 96 px: 108 images of 36 groups; positive: Tumour" in out
    assert do("verify", "patchcamelyon", "--image-px", "96") == 0
    assert "everything agrees" in capsys.readouterr().out
    assert do("list") == 0
    assert "96px" in capsys.readouterr().out


def test_verify_finds_what_was_changed(patches, capsys):
    wanted = published.request("patchcamelyon", image_px=96)
    spec = published.ready(wanted)
    images = np.load(store.find(spec) / "images.npy", mmap_mode="r+")
    images[5, 0, 0, 0] ^= 1
    images.flush()
    found = published.verify(wanted)
    assert found.problems == ("train/000005: the stored pixels were changed",)
    assert do("verify", "patchcamelyon", "--image-px", "96") == 1
    assert "1 problems" in capsys.readouterr().err


def test_verify_without_the_files_compares_what_is_stored(tmp_path):
    upstream.chestxray14(tmp_path / "chest")
    wanted = published.Request(
        manifest=upstream.facts("chestxray14"), root=tmp_path / "chest", image_px=32
    )
    published.ingest.prepared_source(wanted)
    shutil.rmtree(tmp_path / "chest" / "images")
    found = published.verify(wanted)
    assert (found.images, found.gone, found.problems) == (80, 80, ())


def test_verify_without_the_arrays_compares_what_is_stored(patches):
    wanted = published.request("patchcamelyon", image_px=96)
    published.ready(wanted)
    for path in patches.glob("*_x.h5"):
        path.unlink()
    found = published.verify(wanted)
    assert (found.images, found.gone, found.problems) == (108, 108, ())


def test_verify_compares_the_counts(patches, monkeypatch):
    wanted = published.request("patchcamelyon", image_px=96)
    published.ready(wanted)
    monkeypatch.setattr(published.counts, "check", wrong_counts)
    assert published.verify(wanted).problems == ("counts differ",)


def wrong_counts(*_):
    raise SourceError("counts differ")


def test_files_with_another_checksum_are_not_read(monkeypatch):
    root = paths.data() / "patchcamelyon"
    upstream.patchcamelyon(root)
    _, facts = manifest.named("patchcamelyon")
    meta = [
        file.model_copy(update={"addresses": ()})
        for file in facts.files
        if file.path.endswith("test_meta.csv")
    ]
    wanted = published.request("patchcamelyon", image_px=96)
    changed = published.Request(
        manifest=facts.model_copy(update={"files": tuple(meta)}), root=root, image_px=96
    )
    with pytest.raises(fetch.FetchError, match=rf"md5 is .* the manifest says {meta[0].md5}"):
        published.ready(changed)
    assert known(changed) is None and known(wanted) is None


@pytest.mark.parametrize("action", ["fetch", "prepare"])
def test_what_must_be_got_by_hand_is_said_step_by_step(capsys, action):
    assert do(action, "eyepacs") == 1
    error = capsys.readouterr().err
    assert "trainLabels.csv" in error and "465,317 bytes" in error
    assert "kaggle competitions download -c diabetic-retinopathy-detection" in error
    assert str(paths.data() / "eyepacs") in error


def test_verify_of_what_was_not_prepared_says_so(capsys):
    assert do("verify", "pathmnist") == 1
    assert "was not prepared; run `medtransfer data prepare`" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["phantom_chest", "imagenet_mobilenet_v2", "no_such_source"])
def test_other_manifests_are_refused(name):
    with pytest.raises(ManifestError, match=name):
        published.request(name, image_px=64)


def test_a_name_is_needed(capsys):
    assert do("prepare") == 1
    assert "which source" in capsys.readouterr().err


def test_a_limit_reads_a_part_of_every_set(patches):
    wanted = published.request("patchcamelyon", image_px=96, limit=60)
    spec = published.ready(wanted)
    index = prepare.load(spec).index
    assert 60 <= len(index) <= 66
    assert index.groupby("group").size().eq(3).all()
    assert known(published.request("patchcamelyon", image_px=96)) is None


def tiny(name, domain, image_px=32):
    """A profile that asks for two small networks on one published source."""
    return profiles.SMOKE.model_copy(
        update={
            "name": "tiny",
            "sources": {domain: name},
            "groups": {},
            "image_px": {domain: image_px},
            "architectures": ("mobilenet_v2",),
            "resamples": 20,
        }
    )


@pytest.mark.parametrize(
    ("name", "domain"),
    [("eyepacs", "ophthalmology"), ("chestxray14", "radiology"), ("patchcamelyon", "pathology")],
)
def test_a_published_source_is_divided_as_it_says(monkeypatch, name, domain):
    ingredients._source.cache_clear()
    monkeypatch.setattr(published, "named", small)
    monkeypatch.setattr(published, "fetch_files", lambda _: [])
    getattr(upstream, name)(paths.data() / name)
    profile = tiny(name, domain)
    prepared = prepare.load(ingredients.source(profile, domain))
    found = {
        part: development.parts(
            prepared.index,
            labels=prepared.labels,
            development=ingredients.development(profile, domain, part),
        )
        for part in development.NAMES
    }
    tests = {tuple(parts.test) for parts in found.values()}
    assert len(tests) == 1
    said = np.flatnonzero(prepared.index["split"] == "test")
    assert np.array_equal(next(iter(tests)), said)
    groups = prepared.index["group"].to_numpy()
    d1, d2 = (
        {*groups[parts.train], *groups[parts.validation]} for parts in map(found.get, ("d1", "d2"))
    )
    assert not d1 & d2
    assert {*found["d2/2"].train} < {*found["d2"].train}


def test_medmnist_goes_all_the_way(monkeypatch, in_process):
    ingredients._source.cache_clear()
    monkeypatch.setattr(published, "named", small)
    facts = upstream.facts("retinamnist")
    path = paths.data() / "retinamnist" / facts.files_for(32)[0].path
    upstream.medmnist(path, labels=1, channels=3)
    monkeypatch.setattr(published, "fetch_files", lambda _: [])
    profile = tiny("retinamnist", "ophthalmology")
    spec = ingredients.source(profile, "ophthalmology")
    cells = [
        cell
        for cell in study.initialization(profile, "ophthalmology", epsilon=0.5)
        if cell.target.initialization == cell.attack.surrogate.initialization == RANDOM
    ]
    compute.ensure(cells)
    frame = run.table.transfer_table(cells, resamples=10)
    assert len(prepare.load(spec).index) == 105
    assert frame["auc"].notna().all()
