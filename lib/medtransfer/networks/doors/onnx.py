"""An ONNX file, asked by onnxruntime on the processor. No code is in it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from medtransfer.data import capacity
from medtransfer.errors import TargetError
from medtransfer.networks.contract import Contract
from medtransfer.networks.doors import pixels
from medtransfer.networks.doors.door import outputs

if TYPE_CHECKING:
    from torch import nn

MOST_BYTES = 2**31 - 1  # of one message of protobuf
SECONDS = 120  # to open a file
KINDS = {"float": "float32", "float16": "float16", "double": "float64", "uint8": "uint8"}
# How a tensor names the file that holds it: the text `location`, then the name and its length.
LOCATION = re.compile(rb"\x0a\x08location\x12(.)", re.DOTALL)
LEAST = (1, 31)  # earlier ones read weights from outside of the folder
INSTALL = 'python -m pip install "onnxruntime>=1.31"'


def files(path: Path) -> list[Path]:
    """Return the file, and those beside it that hold its weights."""
    data = path.read_bytes()
    names = {data[each.end() : each.end() + each[1][0]] for each in LOCATION.finditer(data)}
    beside = (path.parent / name.decode("utf-8", "replace") for name in sorted(names))
    return [path, *(each for each in beside if each.is_file())]


def described(path: Path) -> dict[str, Any]:
    """Return inputs and outputs of a file, opened in a process of its own, which may die of it.

    Raises:
        TargetError: onnxruntime is not installed, cannot open the file, or needs too much for it.
    """
    if path.stat().st_size > MOST_BYTES:
        raise TargetError(
            f"{path} has {path.stat().st_size / 2**30:.1f} GiB, and an ONNX file holds at most 2: "
            "save its weights beside it: `onnx.save(model, FILE, save_as_external_data=True)`"
        )
    command = [sys.executable, "-P", "-m", __name__, str(path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        raise TargetError(f"{path}: onnxruntime did not open it within {SECONDS} s") from None
    if done.returncode == 0:
        return json.loads(done.stdout.strip().split("\n")[-1])
    if done.returncode < 0 or not done.stdout.strip():
        raise TargetError(
            f"{path}: onnxruntime crashed (status {done.returncode}); the file is damaged, or "
            "needs more memory than there is"
        )
    raise TargetError(done.stdout.strip().split("\n")[-1])


def _session(path: Path) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise TargetError(f"onnxruntime is needed for {path.name}: `{INSTALL}`") from error
    if tuple(map(int, onnxruntime.__version__.split(".")[:2])) < LEAST:
        has = onnxruntime.__version__
        raise TargetError(f"onnxruntime {has} is too old to open files of others: `{INSTALL}`")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        said = str(error).split("] : ")[-1]
        raise TargetError(f"{path}: onnxruntime cannot open it: {said}") from error


@dataclass(frozen=True)
class OnnxDoor:
    """A `Door` to a session of onnxruntime.

    Attributes:
        output: the name of the output that is read.
        most: images in one batch, None for any number.
    """

    session: Any
    contract: Contract
    output: str
    most: int | None
    module: nn.Module | None = None
    whole: bool = False

    def answer(self, images: np.ndarray) -> np.ndarray:
        """Return the raw outputs, float64 (N, K), for images, uint8 (N, H, W, C).

        Raises:
            TargetError: the model fails, or gives no such answer.
        """
        taken = pixels.prepared(self.contract, images).numpy()
        if self.contract.layout == "nhwc":
            taken = np.ascontiguousarray(np.moveaxis(taken, 1, -1))
        entry = self.session.get_inputs()[0]
        taken = taken.astype(KINDS[_kind(entry.type)])
        most = self.most or max(1, len(taken))
        parts = []
        for first in range(0, len(taken), most):
            part = taken[first : first + most]
            filled = np.resize(part, (self.most or len(part), *part.shape[1:]))  # repeats the first
            try:
                parts.append(self.session.run([self.output], {entry.name: filled})[0][: len(part)])
            except Exception as error:
                raise TargetError(f"the model fails on {filled.shape}: {error}") from error
        return outputs(np.concatenate(parts), self.contract, images=len(images))


def opened(path: Path, contract: Contract) -> OnnxDoor:
    """Return the door of a file.

    Raises:
        TargetError: it cannot be opened, or does not take and give what its contract says.
    """
    session = _session(path)
    inputs = [(each.name, each.type, each.shape) for each in session.get_inputs()]
    given = [(each.name, each.type, each.shape) for each in session.get_outputs()]
    most = fits(path, inputs, contract)
    return OnnxDoor(session, contract, output=chosen(path, given, contract), most=most)


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
    ((_, kind, shape),) = inputs
    height, width = contract.size
    wanted = [contract.channels, height, width]
    if contract.layout == "nhwc":
        wanted = [height, width, contract.channels]
    free = [size if isinstance(size, int) else None for size in shape]
    if len(free) != 4 or any(s not in (None, w) for s, w in zip(free[1:], wanted, strict=True)):
        said = ", ".join(str(size) for size in shape)
        raise TargetError(
            f"{path} takes ({said}), and `input` says ({contract.layout[0].upper()}, "
            f"{', '.join(map(str, wanted))}), layout {contract.layout}; give `input` as it is"
        )
    if _kind(kind) not in KINDS:
        raise TargetError(f"{path} takes {kind}; allowed: {', '.join(KINDS)}")
    if _kind(kind) == "uint8" and ((contract.low, contract.high) != (0, 255) or contract.mean):
        raise TargetError(f"{path} takes whole numbers: input.range must be [0, 255], without mean")
    return free[0]


def chosen(path: Path, given: list[Any], contract: Contract) -> str:
    """Return the name of the output that has a column for each label.

    Raises:
        TargetError: none has, or several have.
    """
    number = len(contract.labels)
    fitting = [name for name, _, shape in given if _may_be(shape, number)]
    if len(fitting) == 1 or (len(given) == 1 and fitting):
        return fitting[0]
    said = "; ".join(f"{name} {tuple(shape)}" for name, _, shape in given)
    raise TargetError(
        f"{path} has the outputs {said}; exactly one must have a column for each of the labels, "
        f"{', '.join(contract.labels)}. Cut the others off: `onnx.utils.extract_model(FILE, "
        "NEW_FILE, [INPUT], [OUTPUT])`"
    )


def _may_be(shape: list[Any], number: int) -> bool:
    columns = shape[-1] if len(shape) == 2 else None
    if len(shape) == 1:  # numbers of classes
        return True
    return len(shape) == 2 and (not isinstance(columns, int) or columns in (number, 1))


def _kind(of_input: str) -> str:
    return of_input.removeprefix("tensor(").removesuffix(")")


def _main(path: Path) -> int:
    """Print what a file takes and gives, as JSON, or why it cannot be opened."""
    import resource

    if there := capacity.memory():
        resource.setrlimit(resource.RLIMIT_AS, (there, there))
    try:
        session = _session(path)
    except TargetError as error:
        print(" ".join(str(error).split()))
        return 1
    facts = {
        "inputs": [[each.name, each.type, each.shape] for each in session.get_inputs()],
        "outputs": [[each.name, each.type, each.shape] for each in session.get_outputs()],
    }
    print(json.dumps(facts))
    return 0


if __name__ == "__main__":
    sys.exit(_main(Path(sys.argv[1])))
