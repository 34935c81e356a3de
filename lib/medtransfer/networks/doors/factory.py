"""Code that makes the model: `FILE.py:FUNCTION`. It is run only where its user consented."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from medtransfer.errors import TargetError
from medtransfer.networks.contract import Contract
from medtransfer.networks.doors import modules, pixels
from medtransfer.networks.doors.door import Door, outputs

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class FunctionDoor:
    """A `Door` to a function from images, uint8 (N, H, W, C), to its outputs (N, K)."""

    function: Callable[[np.ndarray], Any]
    contract: Contract
    module: nn.Module | None = None
    whole: bool = False

    def answer(self, images: np.ndarray) -> np.ndarray:
        """Return the raw outputs, float64 (N, K), for images, uint8 (N, H, W, C).

        Raises:
            TargetError: the function fails, or gives no such answer.
        """
        try:
            given = np.asarray(self.function(pixels.shown(self.contract, images).copy()))
        except (Exception, SystemExit) as error:  # code of strangers raises whatever it likes
            raise TargetError(f"the model fails: {type(error).__name__}: {error}") from error
        return outputs(given, self.contract, images=len(images))


def files(path: Path) -> list[Path]:
    """Return the file of the code; what it imports or opens is not compared later."""
    return [Path(str(path).rpartition(":")[0])]


def opened(path: Path, contract: Contract) -> Door:
    """Run the function and return the door of what it made: a PyTorch module, or a function.

    Raises:
        TargetError: the code fails, or makes neither.
    """
    from torch import nn

    file, _, name = str(path).rpartition(":")
    spec = importlib.util.spec_from_file_location(Path(file).stem, file)
    assert spec is not None and spec.loader is not None
    code = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(code)
        made = getattr(code, name)()
    except (Exception, SystemExit) as error:  # code of strangers raises whatever it likes
        raise TargetError(f"{path} fails: {type(error).__name__}: {error}") from error
    if isinstance(made, nn.Module):
        return modules.of(made, contract)
    if callable(made):
        return FunctionDoor(made, contract)
    raise TargetError(
        f"{path} returned a {type(made).__name__}; allowed: a torch.nn.Module, or a function from "
        "images, uint8 (N, H, W, C), to outputs (N, K)"
    )
