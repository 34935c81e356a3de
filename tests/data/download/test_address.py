"""Downloads that go on where they stopped, whatever stopped them."""

import json
import signal
import subprocess
import sys
import threading
import time

import pytest
from served import BODY, OTHER, Page, file_at, names, sha256

from medtransfer.data.download import address, fetch
from medtransfer.errors import FetchError

pytestmark = pytest.mark.slow


def test_after_a_cut_only_the_rest_is_asked_for(site, tmp_path):
    page = Page(cuts=[50_000, 70_000])
    assert fetch(file_at(site.put(page)), folder=tmp_path).read_bytes() == BODY
    first, second, third = page.began
    assert first == 0 < second < third
    assert page.sent < len(BODY) + 3 * address.BLOCK  # a cut loses a block at most


def test_tries_without_a_gain_come_to_an_end_and_the_next_run_goes_on(site, tmp_path):
    page = Page(cuts=[60_000, 0, 0, 0])
    file = file_at(site.put(page))
    with pytest.raises(FetchError, match=r"bytes are kept in a\.bin\.part: the next try resumes"):
        fetch(file, folder=tmp_path)
    assert names(tmp_path) == ["a.bin.part"]
    assert fetch(file, folder=tmp_path).read_bytes() == BODY
    assert page.began[0] == 0 < min(page.began[1:])
    assert page.sent < len(BODY) + 2 * address.BLOCK


def interrupted(site, tmp_path, page, **changes):
    """A file of which the first part has come."""
    page.cuts = [60_000]
    file = file_at(site.put(page), **changes)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(FetchError):
        patch.setattr(address, "PAUSES", ())  # one try
        fetch(file, folder=tmp_path)
    page.began.clear()
    assert (tmp_path / "a.bin.part").stat().st_size > 0
    return file


@pytest.mark.parametrize("validates", [True, False], ids=["if-range", "tags alone"])
def test_a_changed_file_is_not_glued_to_an_old_half(site, tmp_path, validates):
    page = Page(OTHER)
    file = interrupted(site, tmp_path, page, sha256=None)  # no checksum could tell
    page.body, page.version, page.validates = BODY, '"two"', validates
    assert fetch(file, folder=tmp_path).read_bytes() == BODY


def test_a_server_that_cannot_begin_in_the_middle_begins_anew(site, tmp_path):
    page = Page(ranges=False)
    file = interrupted(site, tmp_path, page)
    assert fetch(file, folder=tmp_path).read_bytes() == BODY
    assert page.began == [0]


@pytest.mark.parametrize(("checksum", "begins"), [(sha256(BODY), False), (None, True)])
def test_without_a_version_only_a_checksum_allows_to_go_on(site, tmp_path, checksum, begins):
    page = Page(version="")
    file = interrupted(site, tmp_path, page, sha256=checksum)
    assert fetch(file, folder=tmp_path).read_bytes() == BODY
    assert (page.began == [0]) == begins


def test_a_quota_page_does_not_cost_what_has_come(site, tmp_path):
    page = Page()
    file = interrupted(site, tmp_path, page)
    page.kind, page.ranges = "text/html", False
    with pytest.raises(FetchError, match="a web page came"):
        fetch(file, folder=tmp_path)
    page.kind, page.ranges = "application/zip", True
    assert fetch(file, folder=tmp_path).read_bytes() == BODY
    assert page.began[-1] > 0


@pytest.mark.parametrize("says_length", [True, False])
def test_a_whole_part_is_not_downloaded_again(site, tmp_path, says_length):
    page = Page(says_length=says_length)
    file = file_at(site.put(page), bytes=None)
    (tmp_path / "a.bin.part").write_bytes(BODY)
    total = len(BODY) if says_length else None
    known = {"address": file.addresses[0], "version": page.version, "total": total}
    (tmp_path / ".a.bin.part.json").write_text(json.dumps(known))
    assert fetch(file, folder=tmp_path).read_bytes() == BODY
    assert page.sent == 0
    assert len(page.began) == (0 if says_length else 1)  # a 416 says that there is no rest


def test_a_part_that_is_too_long_begins_anew(site, tmp_path):
    page = Page()
    file = interrupted(site, tmp_path, page)
    with (tmp_path / "a.bin.part").open("ab") as part:
        part.write(BODY)
    assert fetch(file, folder=tmp_path).read_bytes() == BODY


def test_a_busy_server_is_asked_again(site, tmp_path):
    page = Page(status=503)
    with pytest.raises(FetchError, match="HTTP 503 Service Unavailable"):
        fetch(file_at(site.put(page)), folder=tmp_path)
    assert len(page.began) == 1 + len(address.PAUSES)


def test_no_server_at_all(site, tmp_path):
    closed = site.put(Page()).rpartition(":")[0] + ":9/a.bin"
    with pytest.raises(FetchError, match="refused"):
        fetch(file_at(closed), folder=tmp_path)


# --- processes ------------------------------------------------------------------------------------

SCRIPT = """
import sys
from pathlib import Path
from medtransfer.data.download import address, fetch
from medtransfer.data.files import File
address.BLOCK = 10_000
print(fetch(File.model_validate_json(sys.argv[1]), folder=Path(sys.argv[2])))
"""


def in_another_process(file, folder):
    command = [sys.executable, "-c", SCRIPT, file.model_dump_json(), str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def wait_for(condition):
    """Wait until it is true, for half a minute at most."""
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_killed_download_goes_on_to_the_same_bytes(site, tmp_path):
    page = Page(pause=0.15)
    file = file_at(site.put(page))
    process = in_another_process(file, tmp_path)
    part = tmp_path / "a.bin.part"
    wait_for(lambda: part.is_file() and part.stat().st_size >= 50_000)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert names(tmp_path) == ["a.bin.part"]
    page.pause = 0
    assert fetch(file, folder=tmp_path).read_bytes() == BODY
    assert page.began[1] >= 50_000


def test_two_at_once_download_once(site, tmp_path):
    page = Page(pause=0.03)
    file = file_at(site.put(page))
    process = in_another_process(file, tmp_path)
    wait_for(lambda: page.began)
    thread = threading.Thread(target=fetch, args=[file], kwargs={"folder": tmp_path})
    thread.start()
    assert fetch(file, folder=tmp_path).read_bytes() == BODY
    thread.join()
    assert process.communicate()[0].strip() == str(tmp_path / "a.bin")
    assert page.began == [0]
