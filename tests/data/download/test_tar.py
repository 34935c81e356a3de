"""Archives: regular files alone, and none outside the folder."""

import io
import os
import tarfile

import pytest
from served import BODY, names

from medtransfer.data.download import extract_tar
from medtransfer.errors import FetchError


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
