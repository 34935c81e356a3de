"""One download over HTTP, resumed where an earlier try stopped."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
from tqdm import tqdm
from urllib3.exceptions import HTTPError

from medtransfer.data.download.beside import BLOCK, drop, hidden, part_of, recall, size_of
from medtransfer.data.files import File
from medtransfer.errors import FetchError

TIMEOUT = (15, 60)  # seconds to connect, and without a byte
PAUSES = (1, 3)  # seconds between tries that bring nothing
PAGE = "a web page came instead of the file: a login, a licence to accept, or a quota used up"


class _TryAgainError(Exception):
    """A try failed in a way that the next one may mend."""


def download(address: str, *, file: File, path: Path, accept: Callable[[Path], None]) -> None:
    """Download what belongs at `path`, and hand the whole part to `accept`.

    Raises:
        FetchError: the address does not bring the file, or `accept` refused it.
    """
    if not address.startswith(("http://", "https://")):
        raise FetchError("only http and https addresses are fetched")
    part, pauses = part_of(path), list(PAUSES)
    while True:
        before = size_of(part)
        try:
            _receive(address, part=part, file=file)
            return accept(part)
        except (_TryAgainError, requests.RequestException, HTTPError) as error:
            if size_of(part) > before:  # a slow way is a way: only tries without a gain count
                pauses = list(PAUSES)
            if not pauses:
                raise FetchError(str(error)) from error
        time.sleep(pauses.pop(0))


def _receive(address: str, *, part: Path, file: File) -> None:
    """Ask for what the part lacks and write it, until the part is whole.

    Raises:
        _TryAgainError, RequestException, HTTPError: the answer was cut; what came is kept.
        FetchError: the answer is not the file, or does not fit on the disk.
    """
    known = _beginning(address, part=part, file=file)
    have = size_of(part) if known else 0
    if have and have == known["total"]:
        return
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    if have and known["version"]:
        headers["If-Range"] = known["version"]
    with requests.get(address, headers=headers, stream=True, timeout=TIMEOUT) as answer:
        _refuse_failure(answer)
        if answer.status_code == 200:
            have, known = 0, _begin(answer, address=address, part=part, file=file)
        elif not _goes_on(answer, have=have, known=known):
            drop(part)
            raise _TryAgainError("the file changed while it was downloaded")
        if answer.status_code != 416:
            _refuse_full_disk(part.parent, total=known["total"], have=have, file=file)
            _write(answer, part=part, have=have, total=known["total"])


def _beginning(address: str, *, part: Path, file: File) -> dict[str, Any]:
    """Return what is known of the part, if it may be gone on with from this address."""
    known = recall(part)
    if known.get("address") != address:
        return {}
    # Without a version, only a checksum can tell that two halves do not belong together.
    return known if known["version"] or file.md5 or file.sha256 else {}


def _refuse_failure(answer: requests.Response) -> None:
    status = answer.status_code
    if status == 429 or status >= 500:
        raise _TryAgainError(f"HTTP {status} {answer.reason}")
    if status not in (200, 206, 416):
        raise FetchError(f"HTTP {status} {answer.reason}")
    if status == 200 and answer.headers.get("Content-Type", "").startswith("text/html"):
        raise FetchError(PAGE)


def _goes_on(answer: requests.Response, *, have: int, known: dict[str, Any]) -> bool:
    """Return whether a 206 brings the rest of the part, or a 416 says that there is no rest."""
    span, _, total = answer.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
    if not have or (known["total"] is not None and total not in ("*", str(known["total"]))):
        return False
    if answer.status_code == 416:
        return span == "*" and total == str(have)
    return span.startswith(f"{have}-") and _version(answer) in ("", known["version"])


def _version(answer: requests.Response) -> str:
    """Return what tells this version of the remote file from others; weak tags cannot."""
    tag = answer.headers.get("ETag", "")
    strong = tag and not tag.startswith("W/")
    return tag if strong else answer.headers.get("Last-Modified", "")


def _begin(answer: requests.Response, *, address: str, part: Path, file: File) -> dict[str, Any]:
    """Delete an old part, and write down of what the new one will be the beginning."""
    length = answer.headers.get("Content-Length")
    total = file.bytes if length is None else int(length)
    if file.bytes not in (None, total):
        raise FetchError(f"has {total:,} bytes, the manifest says {file.bytes:,}")
    drop(part)
    known = {"address": address, "version": _version(answer), "total": total}
    hidden(part, "json").write_text(json.dumps(known))
    return known


def _refuse_full_disk(folder: Path, *, total: int | None, have: int, file: File) -> None:
    if total is None:
        return
    needed = total - have + (total if file.unpack else 0)  # unpacked, it is at least as large
    free = shutil.disk_usage(folder).free
    if free < needed:
        missing, left = (tqdm.format_sizeof(each, "B") for each in (needed, free))
        raise FetchError(f"the disk is too full: {missing} are needed, {folder} has {left} free")


def _write(answer: requests.Response, *, part: Path, have: int, total: int | None) -> None:
    name = part.name.removesuffix(".part")
    bar = tqdm(desc=name, total=total, initial=have, unit="B", unit_scale=True)
    with bar, part.open("ab") as out:
        for block in answer.raw.stream(BLOCK, decode_content=False):
            out.write(block)
            bar.update(len(block))
    if total is not None and size_of(part) < total:
        raise _TryAgainError(f"the connection broke at {size_of(part):,} of {total:,} bytes")
