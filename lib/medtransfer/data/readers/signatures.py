"""Image files in words: what a library said about one, and what its first bytes look like."""

from __future__ import annotations

SHOWN = 12
NO_PICTURES = {
    b"version https://git-lfs": "a Git LFS pointer in place of the file; run `git lfs pull`",
    b"%PDF": "a PDF; export its pictures",
    b"PK\x03\x04": "a ZIP archive; unpack it",
    b"\x1f\x8b": "packed with gzip; unpack it",
    b"\x89HDF": "an HDF5 file; export its pictures",
    b"\x93NUMPY": "a NumPy array; save it as pictures",
}
PICTURES = {
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF8": "GIF",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"BM": "BMP",
}


def said(error: Exception) -> str:
    """Return an error of a library on one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())


def looks(data: bytes) -> str:
    """Return what an unreadable file seems to be, as words that follow "it is"."""
    if not data:
        return "empty (0 bytes)"
    if data[344:348] in (b"n+1\0", b"ni1\0"):
        return "a NIfTI volume; export slices as pictures"
    if data[4:8] == b"ftyp":
        return f"of the kind {data[8:12].decode('latin-1')!r} (HEIF, MP4); save it as PNG"
    if data.lstrip()[:1] == b"<":
        return "a web page or XML in place of the file; get it again"
    for mark, what in NO_PICTURES.items():
        if data.startswith(mark):
            return what
    for mark, kind in PICTURES.items():
        if data.startswith(mark):
            return f"a {kind} by its first bytes, and of a variety unknown here, or not whole"
    return f"of a kind unknown here (it begins with {data[:SHOWN]!r})"
