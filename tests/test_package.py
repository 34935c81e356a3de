"""What is built for others: a wheel that needs no checkout beside it, and the whole source."""

import os
import subprocess
import sys
import tarfile
import zipfile

import pytest

from medtransfer import paths

pytestmark = pytest.mark.slow
SHIPPED = ("data_manifests", "notebooks")  # beside the library here, in the package there


def committed(*folders):
    """Return what git holds or would hold of some folders; not what it ignores."""
    listed = [
        "git",
        "-C",
        str(paths.REPOSITORY),
        "ls-files",
        "-zco",
        "--exclude-standard",
        *folders,
    ]
    found = subprocess.run(listed, capture_output=True, text=True, check=True).stdout
    return {name for name in found.split("\0") if name and (paths.REPOSITORY / name).exists()}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    subprocess.run(command, cwd=paths.REPOSITORY, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def wheel(built):
    (path,) = built.glob("*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_holds_the_library_the_manifests_and_the_notebooks_and_nothing_else(wheel):
    library = {name.removeprefix("lib/") for name in committed("lib")}
    shipped = {f"medtransfer/{name}" for name in committed(*SHIPPED)}
    found = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert found == library | shipped


def test_the_source_holds_all_that_git_holds(built):
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as source:
        found = {name.split("/", 1)[1] for name in source.getnames()}
    assert found == committed() | {"PKG-INFO"}


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Runs Python where the wheel is installed, far from the checkout."""
    site, away = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("away")
    wheel.extractall(site)

    def run(*arguments):
        kept = {name: value for name, value in os.environ.items() if "MEDTRANSFER" not in name}
        environment = {**kept, "PYTHONPATH": str(site), "HOME": str(away)}
        command = [sys.executable, *arguments]
        return subprocess.run(command, cwd=away, env=environment, capture_output=True, text=True)

    return run, site, away


def test_the_command_of_a_wheel_works_outside_of_the_checkout(installed):
    run, site, away = installed
    place = run("-c", "import medtransfer.paths as p; print(p.PACKAGE, p.home())")
    assert place.stdout.split() == [str(site / "medtransfer"), str(away / "medtransfer")]
    said = run("-m", "medtransfer.cli", "--version")
    assert said.stdout.startswith("medtransfer "), said.stderr
    status = run("-m", "medtransfer.cli", "status", "--profile", "smoke")
    assert status.returncode == 0 and "pathology" in status.stdout, status.stderr


def test_the_notebooks_of_a_wheel_are_copied_and_nothing_is_overwritten(installed):
    run, _, away = installed
    command = ("-m", "medtransfer.cli", "notebooks", "mine")
    said = run(*command)
    copied = {str(path.relative_to(away / "mine")) for path in (away / "mine").rglob("*.ipynb")}
    assert copied == {name.removeprefix("notebooks/") for name in committed("notebooks")}
    assert f"{len(copied)} notebooks copied" in said.stdout
    (away / "mine" / "00_study_design.ipynb").write_text("changed")
    again = run(*command)
    assert again.returncode == 1 and "nothing was copied" in again.stderr
    assert (away / "mine" / "00_study_design.ipynb").read_text() == "changed"
