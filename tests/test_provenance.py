"""Where and on what a process runs."""

from medtransfer import provenance


def test_it_names_code_versions_and_machine():
    found = provenance.provenance()
    assert {"git", "host", "python", "platform", "date"} <= set(found)
    assert set(found["versions"]) == set(provenance.PACKAGES)
    assert found["versions"]["torch"].startswith("2.")


def test_without_git_the_revision_is_unknown(monkeypatch):
    monkeypatch.setenv("PATH", "")
    provenance._machine.cache_clear()
    try:
        assert provenance.provenance()["git"] == provenance.UNKNOWN
    finally:
        provenance._machine.cache_clear()
