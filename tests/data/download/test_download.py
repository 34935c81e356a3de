"""Files of published sources: checked, unpacked, and never half."""

import gzip
import hashlib
import os
import shutil
import zipfile
from types import SimpleNamespace

import pytest
from served import BODY, OTHER, Page, file_at, names, sha256

from medtransfer.data import download as module
from medtransfer.data.download import check, fetch
from medtransfer.data.files import File
from medtransfer.errors import FetchError

pytestmark = pytest.mark.slow

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


def test_a_file_that_a_user_unpacked_is_taken_once_and_then_guarded(tmp_path, capsys):
    file = File(path="a.h5", sha256=sha256(b"compressed"), unpack="gzip")
    (tmp_path / "a.h5").write_bytes(b"array")
    assert module.fetch(file, folder=tmp_path) == tmp_path / "a.h5"
    assert "not compared" in capsys.readouterr().out
    (tmp_path / "a.h5").write_bytes(b"other")
    with pytest.raises(FetchError, match="By hand"):
        module.fetch(file, folder=tmp_path)


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
