"""Kinds of files that are not opened because that may run code, and how to convert each to ONNX."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from medtransfer.errors import TargetError

ONNXSCRIPT = "after `pip install onnxscript`, which torch needs for it"
TORCH_TO_ONNX = (
    '`torch.onnx.export(model.eval(), (example,), "model.onnx", dynamo=True, dynamic_shapes=({0: '
    f'torch.export.Dim("batch")}},))`, where `example` is a batch of two images, {ONNXSCRIPT}'
)
TF_TO_ONNX = "python -m tf2onnx.convert --{kind} {path} --output model.onnx"
FIRST_BYTES = 8


@dataclass(frozen=True)
class Refused:
    """A kind of file: what it is, why it is not opened, and the one line that converts it."""

    what: str
    reason: str
    convert: str


PICKLED = Refused(
    "a pickle",
    "a pickle runs any code that it holds when it is loaded",
    f"where you trust the file, load it there and write ONNX: {TORCH_TO_ONNX}; or, of a model of "
    'timm: `timm.models.save_for_hf(model, "FOLDER", safe_serialization=True)`',
)
EXPORTED = Refused(
    "a program of torch.export",
    "torch loads parts of it as a pickle, which runs any code that it holds",
    '`torch.onnx.export(torch.export.load("{path}"), f="model.onnx")`, where you trust the file, '
    + ONNXSCRIPT,
)
SCRIPT = Refused(
    "TorchScript",
    "it is code, and loading it may run a pickle",
    f"write ONNX of the network that it was made from: {TORCH_TO_ONNX}",
)
KERAS = Refused(
    "a Keras model",
    "its layers may hold code, and loading it safely was broken again and again",
    '`keras.models.load_model("{path}").export("model.onnx", format="onnx")`, where you trust it',
)
SAVED = Refused(
    "a SavedModel of TensorFlow",
    "a graph of TensorFlow can read and write files",
    f"`{TF_TO_ONNX.format(kind='saved-model', path='{path}')}`",
)
LITE = Refused(
    "a model of TensorFlow Lite",
    "nothing here reads it",
    f"`{TF_TO_ONNX.format(kind='tflite', path='{path}')}`",
)
BUNDLE = Refused(
    "a bundle of MONAI",
    "its configuration is code",
    "bring the ONNX file that it may hold (`models/model.onnx`), or write one: `python -m "
    "monai.bundle onnx_export --bundle_root {path} --filepath model.onnx`, where you trust it",
)
TENSORS = Refused(
    "tensors alone",
    "it does not say which network they belong to",
    f"bring the folder with the `config.json` that timm writes beside it, or ONNX: {TORCH_TO_ONNX}",
)
OF_SUFFIX = {
    **dict.fromkeys((".pkl", ".pickle", ".joblib", ".pth", ".pt", ".ckpt", ".bin"), PICKLED),
    ".pt2": EXPORTED,
    **dict.fromkeys((".ts", ".torchscript", ".jit"), SCRIPT),
    **dict.fromkeys((".keras", ".h5", ".hdf5"), KERAS),
    ".pb": SAVED,
    ".tflite": LITE,
    ".safetensors": TENSORS,
}
BEGINNINGS = {
    b"\x80": PICKLED,  # every pickle since protocol 2
    b"PK\x03\x04": Refused("an archive, as torch and Keras write", PICKLED.reason, PICKLED.convert),
    b"\x89HDF": KERAS,
}


def check(path: Path) -> None:
    """Refuse what is not opened, by name and by the first bytes; nothing of it is loaded.

    Raises:
        TargetError: it is of such a kind, or is empty; the message says why, and what to do.
    """
    if path.is_dir():
        if (path / "configs").is_dir() and not (path / "config.json").is_file():
            raise _error(path, BUNDLE)
        if (path / "saved_model.pb").is_file():
            raise _error(path, SAVED)
        return
    if found := OF_SUFFIX.get(path.suffix.lower()):
        raise _error(path, found)
    with path.open("rb") as file:
        begins = file.read(FIRST_BYTES)
    if not begins:
        raise TargetError(f"{path} is empty; bring the file again")
    for mark, found in BEGINNINGS.items():
        if begins.startswith(mark):
            raise _error(path, found, but=", whatever its name says")


def _error(path: Path, found: Refused, *, but: str = "") -> TargetError:
    return TargetError(
        f"{path} is {found.what}{but}, which is not opened here: {found.reason}. Convert it: "
        f"{found.convert.replace('{path}', str(path))}"
    )
