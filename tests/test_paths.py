"""Paths: anchored on the repository or on MEDTRANSFER_HOME, wherever the caller stands."""

import pytest

from medtransfer import paths


def test_what_a_run_makes_lies_in_the_home(home):
    made = [paths.store(), paths.weights(), paths.executed("smoke"), paths.report("smoke")]
    assert all(home.resolve() in folder.parents for folder in made)
    assert len(set(made)) == 4
    assert not home.exists()  # naming a folder does not make it


@pytest.mark.parametrize("value", [None, ""])
def test_without_a_home_it_lies_in_the_repository(monkeypatch, tmp_path, value):
    monkeypatch.delenv("MEDTRANSFER_HOME") if value is None else monkeypatch.setenv(
        "MEDTRANSFER_HOME", value
    )
    monkeypatch.chdir(tmp_path)
    assert paths.home() == paths.REPOSITORY / "build"


def test_the_repository_is_the_one_with_the_manifests(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert list(paths.manifests().glob("phantom_*.yaml"))
    assert (paths.REPOSITORY / "pyproject.toml").is_file()


def test_an_installed_package_has_its_files_in_itself_and_writes_to_the_users_home(
    monkeypatch, tmp_path
):
    package = tmp_path / "lib" / "medtransfer"  # as a virtual environment may be called
    monkeypatch.setattr(paths, "PACKAGE", package)
    monkeypatch.setattr(paths, "REPOSITORY", package.parents[1])
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.delenv("MEDTRANSFER_HOME")
    assert paths.home() == (tmp_path / "user" / "medtransfer").resolve()
    assert paths.manifests() == package / "data_manifests"
    assert paths.notebooks() == package / "notebooks"


def test_profiles_do_not_share_folders():
    for folder in (paths.executed, paths.report, paths.rendered):
        assert folder("smoke") != folder("default")
