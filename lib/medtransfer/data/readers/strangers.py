"""Files of strangers in words: what a library said of one, and what its first bytes look like."""

from __future__ import annotations

SHOWN = 12
MARKS = {
    b"version https://git-lfs": "a Git LFS pointer in place of the file; run `git lfs pull`",
    b"\x89PNG": "a PNG",
    b"\xff\xd8\xff": "a JPEG",
    b"%PDF": "a PDF",
    b"PK\x03\x04": "a ZIP archive; unpack it",
    b"\x1f\x8b": "packed with gzip; unpack it",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUMPY": "a NumPy array",
}
NIFTI = "a NIfTI volume; export slices as pictures"


def said(error: Exception) -> str:
    """Return an error of a library on one line; the name of the file stands elsewhere."""
    return " ".join(f"{type(error).__name__}: {error}".split())


def looks(data: bytes) -> str:
    """Return what the bytes of a file that is no picture look like, to be read after "it is"."""
    if not data:
        return "empty (0 bytes)"
    if data[344:348] in (b"n+1\0", b"ni1\0"):
        return NIFTI
    if data.lstrip()[:1] == b"<":
        return "a web page or XML in place of the file; get it again"
    for mark, what in MARKS.items():
        if data.startswith(mark):
            return what
    return f"of a kind not known here (it begins with {data[:SHOWN]!r})"
