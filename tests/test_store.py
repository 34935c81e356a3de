"""The store: a result appears whole or not at all, and is what its directory says."""

import errno
import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from medtransfer import paths, store
from medtransfer.errors import StoreError
from medtransfer.specs import Result


@dataclass(frozen=True, kw_only=True, eq=False)
class Toy(Result):
    """Something that the store may keep."""

    content: str
    number: int = 0


class Other(Toy):
    """Something of the same fields."""


WRITER = f"""
import sys, time
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_store import Toy
from medtransfer import store
with store.draft(Toy(content="killed")) as place:
    (place / "half.bin").write_bytes(b"half of it")
    print("writing", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def spec():
    return Toy(content="a toy")


def everything():
    return sorted(path for path in paths.store().rglob("*") if path.is_file())


def publish(spec, content="whole"):
    with store.draft(spec) as place:
        (place / "result.txt").write_text(content)


def test_what_is_published_is_found(spec):
    assert not store.has(spec)
    publish(spec)
    assert store.has(spec)
    assert (store.find(spec) / "result.txt").read_text() == "whole"


def test_nothing_is_there_before_the_block_ends(spec):
    with store.draft(spec) as place:
        assert list(place.iterdir()) == []
        assert not store.has(spec)
    assert store.has(spec)


def test_an_exception_leaves_nothing(spec):
    with pytest.raises(KeyError, match="mid-way"), store.draft(spec) as place:
        (place / "half.txt").write_text("half")
        raise KeyError("mid-way")
    assert not store.has(spec)
    assert everything() == []


def test_a_kill_leaves_only_a_dot_directory():
    spec = Toy(content="killed")
    writer = subprocess.Popen([sys.executable, "-c", WRITER], stdout=subprocess.PIPE, text=True)
    assert writer.stdout.readline().strip() == "writing"
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    assert not store.has(spec)
    with pytest.raises(StoreError, match="ensure"):
        store.find(spec)
    (left,) = everything()
    assert left.name == "half.bin"
    assert left.parent.name.startswith(".")
    assert store.clean_drafts() == 1
    assert everything() == []
    publish(spec)
    assert store.has(spec)


def test_drafts_are_cleaned_and_results_are_kept(spec):
    publish(spec)
    for number in range(3):
        folder = store.directory(Other(content="none")).parent / f"{store.DRAFT}{number}"
        folder.mkdir(parents=True)
        (folder / "half.txt").write_text("half")
    assert store.clean_drafts() == 3
    assert store.clean_drafts() == 0
    assert store.has(spec)


def test_a_lost_race_is_no_error_and_the_first_result_stays(spec):
    with store.draft(spec) as slow:
        (slow / "result.txt").write_text("second")
        publish(spec, "first")
    assert (store.find(spec) / "result.txt").read_text() == "first"
    assert len(list(store.directory(spec).parent.iterdir())) == 1


def test_many_writers_of_one_result_leave_one(spec):
    start, problems = threading.Barrier(8), []

    def write():
        start.wait()
        try:
            publish(spec)
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert [path.name for path in everything()] == ["result.txt", "run.json", "spec.json"]


def test_a_missing_result_says_what_is_missing(spec):
    with pytest.raises(StoreError, match=rf"no Toy {spec.key[:12]}.*ensure"):
        store.find(spec)


def test_a_result_made_from_another_spec_is_refused(spec):
    publish(spec)
    path = store.find(spec) / "spec.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "number": 64}))
    with pytest.raises(StoreError, match="holds a different spec than asked for; delete it"):
        store.find(spec)


def test_a_damaged_description_is_refused(spec):
    publish(spec)
    (store.find(spec) / "spec.json").write_text('{"kind": "To')
    with pytest.raises(StoreError, match=r"spec\.json is damaged .*; delete"):
        store.find(spec)


def test_specs_do_not_share_directories():
    specs = [Toy(content="1"), Toy(content="2"), Other(content="1"), Other(content="2")]
    assert len({store.directory(spec) for spec in specs}) == 4
    assert all(paths.store() in store.directory(spec).parents for spec in specs)


def test_a_result_says_where_it_comes_from(spec):
    with store.draft(spec, device="cpu") as place:
        (place / "result.txt").write_text("whole")
    record = store.run_record(spec)
    assert {"git", "host", "python", "platform", "date", "seconds"} <= set(record)
    assert record["versions"]["torch"].startswith("2.")
    assert record["device"] == "cpu"
    assert record["seconds"] >= 0
    described = json.loads((store.find(spec) / "spec.json").read_text())
    assert described == spec.description
    assert not set(record) & set(described)


@pytest.mark.parametrize("facts", [{}, {"work": {"crafting": 2.0, "scoring": 1.0}}], ids=len)
def test_a_result_says_what_its_work_took(spec, facts):
    with store.draft(spec, **facts):
        pass
    record = store.run_record(spec)
    assert record["effort"] == "Toy"
    assert record["work"] == facts.get("work", {"Toy": record["seconds"]})


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.ENOSPC, "is full; free some space"),
        (errno.EDQUOT, "is full; free some space"),
        (errno.EACCES, "cannot write to .*; set MEDTRANSFER_HOME"),
        (errno.EROFS, "cannot write to .*; set MEDTRANSFER_HOME"),
    ],
    ids=errno.errorcode.get,
)
@pytest.mark.parametrize("call", ["mkdir", "write_text"])
def test_a_disk_that_takes_nothing_is_explained(spec, monkeypatch, number, message, call):
    def fail(self, *args, **kwargs):
        raise OSError(number, os.strerror(number), str(self))

    monkeypatch.setattr(Path, call, fail)
    with pytest.raises(StoreError, match=message), store.draft(spec):
        pass
    monkeypatch.undo()
    assert not store.has(spec)


def test_a_full_disk_while_the_result_is_written_is_explained(spec):
    with pytest.raises(StoreError, match="is full"), store.draft(spec) as place:
        (place / "half.txt").write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert everything() == []


def test_other_errors_of_the_system_stay_what_they_are(spec):
    with pytest.raises(FileNotFoundError, match="nowhere"), store.draft(spec) as place:
        (place / "nowhere" / "x").read_text()
    assert everything() == []
