"""Whether an ONNX file takes and gives what its target file says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from medtransfer.errors import TargetError
from medtransfer.networks.contract import Contract

KINDS = {"float": "float32", "float16": "float16", "double": "float64", "uint8": "uint8"}


def fits(path: Path, inputs: list[Any], contract: Contract) -> int | None:
    """Return how many images the file takes at once, None for any number.

    Args:
        inputs: (name, type, shape) of every input; a number that is free has a name, or None.

    Raises:
        TargetError: it takes something else than its contract says.
    """
    if len(inputs) != 1:
        names = ", ".join(name for name, _, _ in inputs)
        raise TargetError(f"{path} has {len(inputs)} inputs ({names}); allowed: one, of images")
    ((_, given, sides),) = inputs
    wanted = shape(contract)
    free = [size if isinstance(size, int) else None for size in sides]
    if len(free) != 4 or any(s not in (None, w) for s, w in zip(free[1:], wanted, strict=True)):
        said = ", ".join(str(size) for size in sides)
        raise TargetError(
            f"{path} takes ({said}), and `input` says ({contract.layout[0].upper()}, "
            f"{', '.join(map(str, wanted))}), layout {contract.layout}; give `input` as it is"
        )
    if kind(given) not in KINDS:
        raise TargetError(f"{path} takes {given}; allowed: {', '.join(KINDS)}")
    if kind(given) == "uint8" and ((contract.low, contract.high) != (0, 255) or contract.mean):
        raise TargetError(f"{path} takes whole numbers: input.range must be [0, 255], without mean")
    return free[0]


def shape(contract: Contract) -> list[int]:
    """Return the shape of one image, as the layout has it."""
    height, width = contract.size
    if contract.layout == "nhwc":
        return [height, width, contract.channels]
    return [contract.channels, height, width]


def chosen(path: Path, given: list[Any], contract: Contract) -> str:
    """Return the name of the output that has a column for each label.

    Raises:
        TargetError: none has, or several have.
    """
    number = len(contract.labels)
    fitting = [name for name, _, sides in given if _may_be(sides, number)]
    if len(fitting) == 1 or (len(given) == 1 and fitting):
        return fitting[0]
    said = "; ".join(f"{name} {tuple(sides)}" for name, _, sides in given)
    raise TargetError(
        f"{path} has the outputs {said}; exactly one must have a column for each of the labels, "
        f"{', '.join(contract.labels)}. Cut the others off: `onnx.utils.extract_model(FILE, "
        "NEW_FILE, [INPUT], [OUTPUT])`"
    )


def _may_be(sides: list[Any], number: int) -> bool:
    columns = sides[-1] if len(sides) == 2 else None
    if len(sides) == 1:  # numbers of classes
        return True
    return len(sides) == 2 and (not isinstance(columns, int) or columns in (number, 1))


def kind(of_input: str) -> str:
    """Return which numbers an input takes: "float" of "tensor(float)"."""
    return of_input.removeprefix("tensor(").removesuffix(")")
