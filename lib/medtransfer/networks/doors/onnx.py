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
from medtransfer.networks.doors.onnx_fits import KINDS, chosen, fits, kind, shape

if TYPE_CHECKING:
    from torch import nn

MOST_BYTES = 2**31 - 1  # of one message of protobuf
SECONDS, TRIED = 120, 2  # to open a file, and to ask it about so many images
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


def described(path: Path, contract: Contract) -> dict[str, Any]:
    """Return inputs and outputs of a file, opened in a process of its own, which may die of it.

    There it is asked about two black images, too, of the size that its contract says where the
    file leaves it open.

    Raises:
        TargetError: onnxruntime is not installed, cannot open or run the file, or needs too much
            for it.
    """
    if path.stat().st_size > MOST_BYTES:
        raise TargetError(
            f"{path} has {path.stat().st_size / 2**30:.1f} GiB, and an ONNX file holds at most 2: "
            "save its weights beside it: `onnx.save(model, FILE, save_as_external_data=True)`"
        )
    sides = map(str, (TRIED, *shape(contract)))
    command = [sys.executable, "-P", "-m", __name__, str(path), *sides]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        raise TargetError(f"{path}: onnxruntime did not run it within {SECONDS} s") from None
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
        return outputs(self._run(taken), self.contract, images=len(images))

    def _run(self, taken: np.ndarray) -> np.ndarray:
        """Return what the file gives for (N, C, H, W), float32."""
        if self.contract.layout == "nhwc":
            taken = np.ascontiguousarray(np.moveaxis(taken, 1, -1))
        entry = self.session.get_inputs()[0]
        taken = taken.astype(KINDS[kind(entry.type)])
        most = self.most or max(1, len(taken))
        parts = []
        for first in range(0, len(taken), most):
            part = taken[first : first + most]
            filled = np.resize(part, (self.most or len(part), *part.shape[1:]))  # repeats the first
            try:
                parts.append(self.session.run([self.output], {entry.name: filled})[0][: len(part)])
            except Exception as error:
                raise TargetError(f"the model fails on {filled.shape}: {error}") from error
        return np.concatenate(parts)


def opened(path: Path, contract: Contract) -> OnnxDoor:
    """Return the door of a file.

    Raises:
        TargetError: it cannot be opened, or does not take and give what its contract says.
    """
    session = _session(path)
    inputs = [(each.name, each.type, each.shape) for each in session.get_inputs()]
    given = [(each.name, each.type, each.shape) for each in session.get_outputs()]
    most = fits(path, inputs, contract)
    output = chosen(path, given, contract)
    return OnnxDoor(session, contract, output=output, most=most)


def _main(path: Path, sides: list[int]) -> int:
    """Print what a file takes and gives, as JSON, or why it cannot be opened or run."""
    import resource

    if there := capacity.memory():
        resource.setrlimit(resource.RLIMIT_AS, (there, there))
    try:
        session = _session(path)
        _try(session, path, sides)
    except TargetError as error:
        print(" ".join(str(error).split()))
        return 1
    facts = {
        "inputs": [[each.name, each.type, each.shape] for each in session.get_inputs()],
        "outputs": [[each.name, each.type, each.shape] for each in session.get_outputs()],
    }
    print(json.dumps(facts))
    return 0


def _try(session: Any, path: Path, sides: list[int]) -> None:
    """Ask about black images, if there is one input that could be of images."""
    if len(session.get_inputs()) != 1:
        return  # what it takes is told by `fits`
    entry = session.get_inputs()[0]
    numbers = KINDS.get(kind(entry.type))
    if numbers is None or len(entry.shape) != len(sides):
        return
    pairs = zip(entry.shape, sides, strict=True)
    black = np.zeros([size if isinstance(size, int) else side for size, side in pairs], numbers)
    try:
        session.run(None, {entry.name: black})
    except Exception as error:
        raise TargetError(
            f"{path}: the model fails on {black.shape}; see whether `input` says what it takes: "
            f"{error}"
        ) from error


if __name__ == "__main__":
    sys.exit(_main(Path(sys.argv[1]), [int(side) for side in sys.argv[2:]]))
