"""The house: rooms that see only what lies below them, and modules that can be read in one go.

`make lint` checks the direction of imports (import-linter, [tool.importlinter] in pyproject.toml);
here stands what it does not see.
"""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

from medtransfer import paths
from medtransfer.domains import DOMAINS

LIBRARY = paths.REPOSITORY / "lib" / "medtransfer"
MODULES = sorted(LIBRARY.rglob("*.py"))
LONGEST = 250


def name(path: Path) -> str:
    return str(path.relative_to(LIBRARY))


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_says_what_it_is_and_is_short(path: Path) -> None:
    text = path.read_text()
    assert ast.get_docstring(ast.parse(text)), "no docstring"
    assert len(text.splitlines()) <= LONGEST


def test_every_room_has_its_place_in_the_contract() -> None:
    project = tomllib.loads((paths.REPOSITORY / "pyproject.toml").read_text())
    (contract,) = project["tool"]["importlinter"]["contracts"]
    placed = {each.strip("() ") for layer in contract["layers"] for each in layer.split(":")}
    rooms = {path.relative_to(LIBRARY).parts[0].removesuffix(".py") for path in MODULES}
    assert rooms - {"__init__"} <= placed
    assert contract["layers"][-1] == "phantoms"


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_domain_is_one_row(path: Path) -> None:
    constants = (n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Constant))
    assert path.name == "domains.py" or not [n.lineno for n in constants if n.value in DOMAINS]
