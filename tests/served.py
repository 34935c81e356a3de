"""A server of pages that breaks, changes or lies as tests ask it to."""

import hashlib
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

import numpy as np

from medtransfer.data.files import File

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


def file_at(*addresses, **changes):
    """The manifest's entry of BODY."""
    fields = {"path": "a.bin", "addresses": addresses, "sha256": sha256(BODY), "bytes": len(BODY)}
    return File.model_validate({**fields, **changes})


def names(folder):
    """What a user sees in the folder."""
    return sorted(each.name for each in folder.iterdir() if not each.name.startswith("."))
