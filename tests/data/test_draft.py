"""Reading by chunks: in parallel, on after a kill, and the same whatever happened."""

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
import pytest
import upstream

from medtransfer import store
from medtransfer.data import catalog, draft, prepare
from medtransfer.data.images import load

pytestmark = pytest.mark.slow


def images_of(spec):
    return np.array(load(spec).images)


def test_processes_and_chunks_change_nothing(wanted, monkeypatch):
    one = images_of(prepare.prepared_source(wanted))
    content = catalog.recorded(wanted).content
    shutil.rmtree(wanted.place)
    monkeypatch.setattr(draft, "CHUNK", 16)
    monkeypatch.setattr(draft, "FEW", 1)
    spec = prepare.prepared_source(wanted)
    assert spec.content == content
    assert np.array_equal(images_of(spec), one)


SLOW = """
    import sys, time
    from pathlib import Path
    import upstream
    from medtransfer.data import catalog, draft, prepare
    from medtransfer.data.readers.chestxray14 import ChestXray14Reader

    read = ChestXray14Reader.picture
    def slow(self, name):
        time.sleep(0.01)
        return read(self, name)
    ChestXray14Reader.picture = slow
    draft.CHUNK = 8
    root = Path(sys.argv[1])
    prepare.prepared_source(
        catalog.Request(manifest=upstream.facts("chestxray14"), root=root, image_px=32)
    )
"""


def reading(wanted):
    """Start a slow process that reads the source."""
    command = [sys.executable, "-c", textwrap.dedent(SLOW), str(wanted.root)]
    here, rest = os.path.dirname(upstream.__file__), os.environ.get("PYTHONPATH", "")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([here, rest])}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)


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
    assert catalog.recorded(wanted) is None and len(kept) >= chunks
    with (wanted.place / "draft" / "chunks.jsonl").open("a") as log:
        log.write('{"first": 72, "sou')  # as if the kill had cut a line
    monkeypatch.setattr(draft, "CHUNK", 8)
    firsts, read = [], draft.read_chunk
    monkeypatch.setattr(
        draft,
        "read_chunk",
        lambda *args, first, **more: firsts.append(first) or read(*args, first=first, **more),
    )
    resumed = prepare.prepared_source(wanted)
    assert {*firsts} == {*range(0, 80, 8)} - kept
    images = images_of(resumed)
    shutil.rmtree(wanted.place)
    shutil.rmtree(store.find(resumed))
    assert prepare.prepared_source(wanted) == resumed
    assert np.array_equal(images_of(resumed), images)


def test_two_at_once_read_once(wanted):
    process = reading(wanted)
    while not chunks_of(wanted):
        assert process.poll() is None, process.stderr.read().decode()
        time.sleep(0.01)
    found = []
    waiting = threading.Thread(target=lambda: found.append(prepare.prepared_source(wanted)))
    waiting.start()
    waiting.join()
    assert process.wait() == 0
    assert found == [catalog.recorded(wanted)]


def test_a_worker_that_dies_loses_only_its_chunk(wanted, monkeypatch):
    monkeypatch.setattr(draft, "CHUNK", 8)
    read = draft.read_chunk

    def dies(*args, first, **more):
        if first == 40:
            raise MemoryError("killed")
        return read(*args, first=first, **more)

    monkeypatch.setattr(draft, "read_chunk", dies)
    with pytest.raises(MemoryError):
        prepare.prepared_source(wanted)
    assert len([line for line in chunks_of(wanted) if line]) == 5
