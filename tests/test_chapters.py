"""What a notebook waits for before its first line runs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from medtransfer import chapters

PROGRAM = """
import sys
from medtransfer.chapters import {name}
print(*[name for name in ("torch", "torchvision", "torchmetrics", "timm") if name in sys.modules])
"""
SHOW_RESULTS = [name for name in chapters.__all__ if name not in {"YourModel"}]


@pytest.mark.parametrize("name", SHOW_RESULTS)
def test_who_shows_stored_results_does_not_wait_for_pytorch(name: str) -> None:
    command = [sys.executable, "-c", PROGRAM.format(name=name)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


def test_a_chapter_that_is_not_there_is_answered_with_those_that_are() -> None:
    with pytest.raises(AttributeError, match="Perturbation, Synthesis"):
        _ = chapters.Perturbations  # type: ignore[attr-defined]
