"""Small models to bring, and images that they can tell apart, made by plain arithmetic.

An image shows Red, Bright, both or neither: redder than blue, and brighter. The model answers
`GAIN` times how much of each it sees; its input is normalised as many are.
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from PIL import Image

PX = 16
LABELS = ("Red", "Bright")
MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)
GAIN = 20.0
INPUT = {"size": [PX, PX], "channels": 3, "range": [0, 1], "mean": list(MEAN), "std": list(STD)}
WEIGHTS = np.array([[1.0, 1 / 3], [0.0, 1 / 3], [-1.0, 1 / 3]])  # of red, green, blue
OFFSET = np.array([0.0, -0.43])


def logits(images: np.ndarray) -> np.ndarray:
    """What the model answers to uint8 (N, H, W, 3), by arithmetic alone."""
    return (images.astype(float).mean((1, 2)) / 255 @ WEIGHTS + OFFSET) * GAIN


def pictures(number: int = 160, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Images, uint8 (N, PX, PX, 3), and their labels, (N, 2)."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, size=(number, 2))
    grey = 95 + 28 * truth[:, 1] + rng.normal(0, 9, number)
    tint = np.where(truth[:, 0], 9, -9) + rng.normal(0, 6, number)
    colour = grey[:, None] + tint[:, None] * np.array([1.0, 0.0, -1.0])
    noise = rng.normal(0, 12, size=(number, PX, PX, 3))
    return np.clip(colour[:, None, None] + noise, 0, 255).astype(np.uint8), truth


def write_images(folder: Path, *, number: int = 160, **changes: Any) -> Path:
    """Write such images with their table and manifest; return the manifest."""
    found, truth = pictures(number)
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for n, pixels in enumerate(found):
        Image.fromarray(pixels).save(folder / "images" / f"{n:03d}.png")
    names = [f"{n:03d}.png" for n in range(number)]
    table = pd.DataFrame({"file": names, "patient": [f"p{n // 2:03d}" for n in range(number)]})
    table[list(LABELS)] = truth
    for name, values in changes.pop("columns", {}).items():
        table[name] = values
    table.to_csv(folder / "labels.csv", index=False)
    facts = {
        "kind": "folder",
        "name": "tints",
        "title": "Tints",
        "domain": "pathology",
        "task": "multi-label",
        "labels": [{"name": name, "meaning": "shown"} for name in LABELS],
        "images": "images",
        "table": "labels.csv",
        "image_column": "file",
        "group_column": "patient",
        "group_noun": "patient",
        "group_rule": "one group per patient",
        "split": {"rule": "seeded"},
        "image": {"channels": 3},
        "licence": "none",
        "citation": "none",
        "verified": False,
        "verification": "made by a test",
    }
    path = folder / "images.yaml"
    path.write_text(yaml.safe_dump(facts | changes))
    return path


def write_target(folder: Path, model: str = "model.py:build", **changes: Any) -> Path:
    """Write a target file; a field that is None is left out. Return its path."""
    facts = {
        "kind": "target",
        "name": "tints",
        "title": "Tints, version 1",
        "model": model,
        "outputs": "logits",
        "head": "independent",
        "labels": list(LABELS),
        "input": INPUT,
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "target.yaml"
    kept = {name: value for name, value in (facts | changes).items() if value is not None}
    path.write_text(yaml.safe_dump(kept))
    return path


def write_module(folder: Path, *, after: str = "logits", name: str = "model.py") -> str:
    """Write code that builds the model in torch; `after` is what becomes of its logits."""
    folder.mkdir(parents=True, exist_ok=True)
    code = f"""
    import torch
    from torch import nn

    class Model(nn.Module):
        def forward(self, images):
            mean = torch.tensor({MEAN}).view(1, 3, 1, 1)
            std = torch.tensor({STD}).view(1, 3, 1, 1)
            seen = (images * std + mean).mean((2, 3))
            weights = torch.tensor({WEIGHTS.tolist()})
            logits = (seen @ weights + torch.tensor({OFFSET.tolist()})) * {GAIN}
            return {after}

    def build():
        return Model()
    """
    (folder / name).write_text(textwrap.dedent(code))
    return f"{name}:build"


def write_onnx(
    path: Path, *, external: str = "", batch: int | str = "N", kind: str = "float", **named: Any
) -> Path:
    """Write the model as ONNX, with its weights in a file `external` where that is given.

    `last` is the name of an operator put behind the logits, `constant` makes all answers alike.
    """
    from onnx import TensorProto, helper, numpy_helper

    scale = (np.array(STD)[:, None] * WEIGHTS * GAIN).astype(np.float32)
    if named.get("constant"):
        scale = scale * 0
    shift = ((np.array(MEAN) @ WEIGHTS + OFFSET) * GAIN).astype(np.float32)
    if named.get("broken"):
        shift = shift * np.float32("nan")
    weights = numpy_helper.from_array(scale, "weights")
    if external:
        weights = TensorProto(name="weights", data_type=1, dims=scale.shape)
        weights.data_location = TensorProto.EXTERNAL
        for key, value in {"location": external, "length": str(scale.nbytes)}.items():
            weights.external_data.add(key=key, value=value)
    axes = numpy_helper.from_array(np.array(named.get("axes", [2, 3])), "axes")
    last = named.get("last", "Identity")
    nodes = [
        helper.make_node("Cast", ["images"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["numbers", "axes"], ["seen"], keepdims=0),
        helper.make_node("MatMul", ["seen", "weights"], ["product"]),
        helper.make_node("Add", ["product", "shift"], ["logits"]),
        *_last(last),
    ]
    shape = named.get("shape", [batch, 3, PX, PX])
    kinds = {"float": TensorProto.FLOAT, "uint8": TensorProto.UINT8, "int64": TensorProto.INT64}
    inputs = [helper.make_tensor_value_info("images", kinds[kind], shape)]
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, len(LABELS)])
        for name in named.get("outputs", ["answers"])
    ]
    graph = helper.make_graph(
        nodes,
        "tints",
        inputs,
        outputs,
        [weights, numpy_helper.from_array(shift, "shift"), axes],
    )
    opset = [helper.make_opsetid("", 20)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(
        helper.make_model(graph, opset_imports=opset, ir_version=10).SerializeToString()
    )
    return path


def _last(name: str) -> list[Any]:
    """Nodes from the logits to the answers: one operator, or one that fails on any image."""
    from onnx import helper, numpy_helper

    if name not in ("Reshape", "ConstantOfShape"):
        return [helper.make_node(name, ["logits"], ["answers"])]
    # A shape that does not fit; or more numbers than any memory holds, made of the image.
    large = numpy_helper.from_array(np.array([7, 7] if name == "Reshape" else [2**20, 2**21]))
    made = [helper.make_node("Constant", [], ["sides"], value=large)]
    if name == "Reshape":
        return [*made, helper.make_node(name, ["logits", "sides"], ["answers"])]
    return [
        *made,
        helper.make_node(name, ["sides"], ["zeros"]),
        helper.make_node("ReduceSum", ["zeros"], ["sum"], keepdims=0),
        helper.make_node("Add", ["logits", "sum"], ["answers"]),
    ]


def external_weights() -> bytes:
    """The bytes of the weights of `write_onnx`, as they lie in a file of their own."""
    return (np.array(STD)[:, None] * WEIGHTS * GAIN).astype(np.float32).tobytes()
