"""A server on this machine."""

import threading
from http.server import ThreadingHTTPServer
from types import SimpleNamespace

import pytest
from served import Handler

from medtransfer.data.download import address


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
