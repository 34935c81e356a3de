"""Reading a source once: in parallel, resumed after a kill, and nothing unusable in it."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pandas as pd
import pytest
import upstream
from PIL import Image

from medtransfer import store
from medtransfer.data import images as prepare
from medtransfer.data import ingest
from medtransfer.data.readers.reader import SourceError
from medtransfer.data.request import Request, known


@pytest.fixture
def wanted(tmp_path):
    """ChestX-ray14 of 80 made radiographs, to be read at 32 px."""
    upstream.chestxray14(tmp_path / "chest")
    return Request(manifest=upstream.facts("chestxray14"), root=tmp_path / "chest", image_px=32)


def images_of(spec):
    return np.array(prepare.load(spec).images)


def test_a_source_becomes_an_array_and_an_index(wanted):
    spec = ingest.prepared_source(wanted)
    found, reader = prepare.load(spec), wanted.reader()
    assert list(found.index.columns) == ["image", "group", "split", *spec.labels]
    for row in (0, 41, 79):
        expected = reader.picture(found.index["image"].iloc[row])
        assert np.array_equal(found.images[row], expected.pixels)
    whole = pd.read_parquet(store.find(spec) / "index.parquet")
    assert whole["source"].iloc[41] == reader.picture(whole["image"].iloc[41]).sha256


def test_it_is_read_once(wanted, monkeypatch):
    spec = ingest.prepared_source(wanted)
    monkeypatch.setattr(ingest, "read_chunk", None)  # reading would fail
    assert ingest.prepared_source(wanted) == spec


def test_processes_and_chunks_change_nothing(wanted, monkeypatch):
    one = images_of(ingest.prepared_source(wanted))
    content = known(wanted).content
    shutil.rmtree(wanted.place)
    monkeypatch.setattr(ingest, "CHUNK", 16)
    monkeypatch.setattr(ingest, "FEW", 1)
    spec = ingest.prepared_source(wanted)
    assert spec.content == content
    assert np.array_equal(images_of(spec), one)


def test_files_that_changed_are_read_anew(wanted):
    before = ingest.prepared_source(wanted)
    table = wanted.root / "Data_Entry_2017_v2020.csv"
    table.write_text(table.read_text().replace("Hernia", "Edema"))
    after = ingest.prepared_source(wanted)
    assert after.content != before.content
    assert prepare.load(after).index["Hernia"].sum() == 0


@pytest.mark.parametrize("gone", ["", "d1_filenames.yml"])
def test_files_that_are_gone_are_not_needed_any_more(wanted, gone):
    spec = ingest.prepared_source(wanted)
    shutil.rmtree(wanted.root) if not gone else (wanted.root / gone).unlink()
    assert ingest.prepared_source(wanted) == spec


def test_mended_prose_reads_nothing_again(wanted, monkeypatch):
    spec = ingest.prepared_source(wanted)
    monkeypatch.setattr(ingest, "read_chunk", None)
    mended = wanted.manifest.model_copy(update={"title": "Another", "caveats": ("one more",)})
    again = Request(manifest=mended, root=wanted.root, image_px=32)
    assert ingest.prepared_source(again) == spec


def test_a_source_lost_from_the_store_is_read_again(wanted):
    spec = ingest.prepared_source(wanted)
    shutil.rmtree(store.find(spec))
    assert ingest.prepared_source(wanted) == spec
    assert store.has(spec)


def test_another_size_or_geometry_is_another_source(wanted):
    image = wanted.manifest.image.model_copy(update={"centre": 1.0})
    whole = wanted.manifest.model_copy(update={"image": image})
    requests = [
        Request(manifest=facts, root=wanted.root, image_px=px)
        for facts in (wanted.manifest, whole)
        for px in (32, 40)
    ]
    assert len({ingest.prepared_source(each).key for each in requests}) == 4


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
    says = ["cannot identify", "cannot identify", "", "No such file", "more than 8 bits"]
    return dict(zip(names, says, strict=True))


def test_unusable_images_are_all_reported_and_nothing_is_published(wanted):
    spoiled = spoil(wanted)
    with pytest.raises(SourceError, match=r"5 of 80 cannot be used.*--skip-unreadable") as caught:
        ingest.prepared_source(wanted)
    assert all(name in str(caught.value) for name in spoiled)
    report = pd.read_csv(wanted.place / "unreadable.csv").set_index("image")["reason"]
    assert {*report.index} == {*spoiled}
    assert all(says in report[name] for name, says in spoiled.items())
    assert known(wanted) is None and not list(store.paths.store().glob("filesource/*"))


def test_unusable_images_can_be_left_out(wanted, monkeypatch):
    spoiled = spoil(wanted)
    with pytest.raises(SourceError):
        ingest.prepared_source(wanted)
    monkeypatch.setattr(ingest, "read_chunk", None)  # what was read is kept
    found = prepare.load(ingest.prepared_source(wanted, skip_unreadable=True))
    assert len(found.index) == len(found.images) == 75
    assert not {*found.index["image"]} & {*spoiled}
    reader = wanted.reader()
    for row in (0, 50, 74):
        name = found.index["image"].iloc[row]
        assert np.array_equal(found.images[row], reader.picture(name).pixels)


def test_a_source_without_a_usable_image_is_refused(wanted):
    shutil.rmtree(wanted.root / "images")
    with pytest.raises(SourceError, match="80 of 80 cannot be used"):
        ingest.prepared_source(wanted, skip_unreadable=True)


# --- kills, races and full disks -----------------------------------------------------------------

SLOW = """
    import sys, time
    from pathlib import Path
    import upstream
    from medtransfer.data import ingest
    from medtransfer.data.request import Request
    from medtransfer.data.sources.chestxray14 import ChestXray14Reader

    read = ChestXray14Reader.picture
    def slow(self, name):
        time.sleep(0.01)
        return read(self, name)
    ChestXray14Reader.picture = slow
    ingest.CHUNK = 8
    root = Path(sys.argv[1])
    ingest.prepared_source(
        Request(manifest=upstream.facts("chestxray14"), root=root, image_px=32)
    )
"""


def reading(wanted):
    """Start a slow process that reads the source."""
    command = [sys.executable, "-c", textwrap.dedent(SLOW), str(wanted.root)]
    here = os.path.dirname(upstream.__file__)
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": here}, stderr=subprocess.PIPE)


def chunks_of(wanted):
    path = wanted.place / "draft" / "chunks.jsonl"
    return path.read_text().splitlines() if path.is_file() else []


@pytest.mark.parametrize("chunks", [1, 4])
def test_a_killed_reading_goes_on_and_gives_the_same(wanted, monkeypatch, chunks):
    process = reading(wanted)
    while len(chunks_of(wanted)) < chunks:
        assert process.poll() is None, process.stderr.read().decode()
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = {json.loads(line)["first"] for line in chunks_of(wanted) if line.endswith("}")}
    assert known(wanted) is None and len(kept) >= chunks
    with (wanted.place / "draft" / "chunks.jsonl").open("a") as log:
        log.write('{"first": 72, "sou')  # as if the kill had cut a line
    monkeypatch.setattr(ingest, "CHUNK", 8)
    firsts, read = [], ingest.read_chunk
    monkeypatch.setattr(
        ingest,
        "read_chunk",
        lambda *args, first, **more: firsts.append(first) or read(*args, first=first, **more),
    )
    resumed = ingest.prepared_source(wanted)
    assert {*firsts} == {*range(0, 80, 8)} - kept
    images = images_of(resumed)
    shutil.rmtree(wanted.place)
    shutil.rmtree(store.find(resumed))
    assert ingest.prepared_source(wanted) == resumed
    assert np.array_equal(images_of(resumed), images)


def test_two_at_once_read_once(wanted):
    process = reading(wanted)
    while not chunks_of(wanted):
        assert process.poll() is None, process.stderr.read().decode()
        time.sleep(0.01)
    found = []
    waiting = threading.Thread(target=lambda: found.append(ingest.prepared_source(wanted)))
    waiting.start()
    waiting.join()
    assert process.wait() == 0
    assert found == [known(wanted)]


def test_a_full_disk_is_said_before_reading(wanted, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 9, 1))
    with pytest.raises(SourceError, match=r"80 images of 32 px take .* left; free some space"):
        ingest.prepared_source(wanted)


def test_a_disk_that_fills_meanwhile_publishes_nothing(wanted, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(SourceError, match=r"the disk of .* is full"):
        ingest.prepared_source(wanted)
    assert known(wanted) is None


def test_a_worker_that_dies_loses_only_its_chunk(wanted, monkeypatch):
    monkeypatch.setattr(ingest, "CHUNK", 8)
    read = ingest.read_chunk

    def dies(*args, first, **more):
        if first == 40:
            raise MemoryError("killed")
        return read(*args, first=first, **more)

    monkeypatch.setattr(ingest, "read_chunk", dies)
    with pytest.raises(MemoryError):
        ingest.prepared_source(wanted)
    assert len([line for line in chunks_of(wanted) if line]) == 5
