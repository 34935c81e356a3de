"""The environment: one source, one lock, and no versions anywhere else."""

from __future__ import annotations

import re
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from medtransfer import paths

PROJECT = tomllib.loads((paths.REPOSITORY / "pyproject.toml").read_text())["project"]
# One line per pin: the pin, then its hashes.
LOCK = (paths.REPOSITORY / "requirements.txt").read_text().replace("\\\n", "").splitlines()


def locked(python: str) -> dict[str, str]:
    environment = {"python_version": python, "python_full_version": f"{python}.0"}
    environment |= {"sys_platform": "linux", "platform_system": "Linux"}
    found = {}
    for line in LOCK:
        requirement = Requirement(line.split(" --hash=")[0])
        if requirement.marker is None or requirement.marker.evaluate(environment):
            (pin,) = requirement.specifier
            assert pin.operator == "=="
            found[canonicalize_name(requirement.name)] = pin.version
    return found


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_lock_pins_every_declared_requirement(python: str) -> None:
    pins = locked(python)
    for text in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]:
        requirement = Requirement(text)
        name = canonicalize_name(requirement.name)
        assert name in pins, f"{name} is not in requirements.txt; run `make lock`"
        assert requirement.specifier.contains(pins[name]), f"{name}: run `make lock`"


def test_lock_names_no_index_and_no_address() -> None:
    assert not [line for line in LOCK if "://" in line or line.startswith("-")]


def test_only_files_with_known_hashes_are_installed() -> None:
    for line in LOCK:
        assert re.search(r"( +--hash=sha256:[0-9a-f]{64})+$", line), f"no hash: {line}"
    makefile = (paths.REPOSITORY / "Makefile").read_text()
    assert re.search(r"pip install .*--require-hashes -r requirements\.txt", makefile)
    assert "--generate-hashes" in makefile


def test_the_name_that_shipped_malicious_releases_is_absent() -> None:
    assert "lightning" not in locked("3.11")


def test_conda_environment_holds_no_versions_of_its_own() -> None:
    environment = yaml.safe_load((paths.REPOSITORY / "environment.yml").read_text())
    *plain, pip = environment["dependencies"]
    assert plain == ["python=3.11", "pip"]
    # The project itself has no hash, and pip takes no hash for some and none for others.
    assert pip == {"pip": ["-r requirements.txt"]}


def test_every_floor_that_guards_has_its_reason() -> None:
    text = (paths.REPOSITORY / "pyproject.toml").read_text()
    for line in text.splitlines():
        if re.match(r'\s+"[a-z-]+(==|>=[^"]*,<)', line) and "dev = [" not in line:
            if any(tool in line for tool in ("ruff==", "nbstripout==")):
                continue
            assert "#" in line, f"no reason: {line.strip()}"
