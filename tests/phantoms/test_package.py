"""The package of drawings: found by their names, and at home without the study."""

import subprocess
import sys
from pathlib import Path

import pytest

from medtransfer import phantoms


def alone(code, *, place):
    """Run code in a process that knows the package alone, as `phantoms`; return what it prints."""
    command = [sys.executable, "-P", "-S", "-c", code]
    libraries = [path for path in sys.path if "site-packages" in path]
    environment = {"PYTHONPATH": ":".join([str(place), *libraries])}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


DRAW = """
import sys, phantoms
for name in phantoms.drawings():
    image = phantoms.phantom(name).draw(seed=0, group=1, index=0, image_px=32)
    assert image.shape[:2] == (32, 32)
print(*[name for name in sys.modules if name.startswith("medtransfer")])
"""
LIGHT = """
import sys, phantoms
versions = [phantoms.phantom(name).VERSION for name in phantoms.drawings()]
assert all(isinstance(each, int) for each in versions)
print(*[name for name in ("scipy", "pandas") if name in sys.modules])
"""


@pytest.mark.parametrize("code", [DRAW, LIGHT], ids=["draws without the study", "is light"])
def test_the_package_stands_alone(tmp_path, code):
    (tmp_path / "phantoms").symlink_to(Path(phantoms.__file__).parent)
    assert alone(code, place=tmp_path) == ""


def test_a_new_module_is_a_new_drawing(tmp_path, monkeypatch):
    (tmp_path / "skin.py").write_text("LABELS, CHANNELS, VERSION = ('Naevus',), 3, 1\n")
    monkeypatch.setattr(phantoms, "__path__", [*phantoms.__path__, str(tmp_path)])
    phantoms.drawings.cache_clear()
    try:
        assert phantoms.drawings() == ("chest", "fundus", "histology", "skin")
        assert phantoms.phantom("skin").LABELS == ("Naevus",)
    finally:
        phantoms.drawings.cache_clear()
        sys.modules.pop("medtransfer.phantoms.skin", None)


def test_another_name_is_refused_with_what_is_allowed():
    for name in ("teeth", "parts", "canvas", "../chest"):
        with pytest.raises(ValueError, match="allowed: chest, fundus, histology"):
            phantoms.phantom(name)
