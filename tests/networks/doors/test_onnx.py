"""ONNX files: what is answered, and which files are refused."""

import os

import numpy as np
import pytest
import targets

from medtransfer.assess import bring
from medtransfer.errors import TargetError
from medtransfer.networks.brought import Answering
from medtransfer.networks.doors import door

pytest.importorskip("onnxruntime", reason="part of the extra `assess`")
pytest.importorskip("onnx", reason="makes the files of these tests")


@pytest.fixture
def write(tmp_path):
    """Writes an ONNX file and its target file."""

    def write_it(*, fields=None, **changes):
        targets.write_onnx(tmp_path / "model.onnx", **changes)
        return targets.write_target(tmp_path, "model.onnx", **(fields or {}))

    return write_it


def opened(path):
    model = bring.model(path)
    return Answering(
        door.opened(model.door, model.path, model.contract), model.contract, targets.LABELS
    )


@pytest.mark.parametrize("batch", ["N", 1, 7])
def test_it_answers_as_the_arithmetic_says(write, batch):
    images, _ = targets.pictures(20)
    raw = opened(write(batch=batch)).raw(images)
    np.testing.assert_allclose(raw, targets.logits(images), atol=1e-4)


def test_channels_last_and_whole_numbers(write):
    images, _ = targets.pictures(5)
    px = targets.PX
    plain = {"size": [px, px], "channels": 3}
    last = opened(
        write(shape=["N", px, px, 3], axes=[1, 2], fields={"input": {**plain, "layout": "nhwc"}})
    ).raw(images)
    whole = opened(write(kind="uint8", fields={"input": plain})).raw(images)
    np.testing.assert_allclose(last, whole, rtol=1e-5)
    scale, shift = np.array(targets.STD)[:, None] * targets.WEIGHTS, np.array(targets.MEAN)
    expected = images.mean((1, 2)) @ scale + shift @ targets.WEIGHTS + targets.OFFSET
    np.testing.assert_allclose(last, expected * targets.GAIN, rtol=1e-4, atol=1e-2)


def test_weights_beside_the_file_count_for_its_checksum(tmp_path, write):
    place = tmp_path / "model.onnx.data"
    place.write_bytes(targets.external_weights())
    path = write(external=place.name)
    images, _ = targets.pictures(5)
    np.testing.assert_allclose(opened(path).raw(images), targets.logits(images), atol=1e-4)
    before = bring.model(path).sha256
    place.write_bytes(bytes(len(targets.external_weights())))
    assert bring.model(path).sha256 != before


@pytest.mark.parametrize("kind", ["above", "absolute", "link", "absent"])
def test_weights_outside_of_the_folder_are_not_read(tmp_path, write, kind):
    outside = tmp_path.parent / "weights.bin"
    outside.write_bytes(targets.external_weights())
    os.symlink(outside, tmp_path / "link.bin")
    name = {
        "above": "../weights.bin",
        "absolute": str(outside),
        "link": "link.bin",
        "absent": "absent.bin",
    }[kind]
    with pytest.raises(TargetError, match=r"onnxruntime cannot open it: .*[Ee]xternal data"):
        bring.model(write(external=name))


WRONG = {
    "another size": (
        {"fields": {"input": {**targets.INPUT, "size": [24, 24]}}},
        r"takes \(N, 3, 16, 16\), and `input` says \(N, 3, 24, 24\)",
    ),
    "another layout": (
        {"fields": {"input": {**targets.INPUT, "layout": "nhwc"}}},
        r"`input` says \(N, 16, 16, 3\), layout nhwc",
    ),
    "other channels": (
        {"fields": {"input": {**targets.INPUT, "channels": 1, "mean": [0], "std": [1]}}},
        r"`input` says \(N, 1, 16, 16\)",
    ),
    "five dimensions": ({"shape": ["N", 1, 3, 16, 16], "axes": [1, 3, 4]}, "takes"),
    "another kind of numbers": ({"kind": "int64"}, r"takes tensor\(int64\); allowed: float"),
    "whole numbers with a mean": ({"kind": "uint8"}, "takes whole numbers: input.range"),
    "fewer labels": ({"fields": {"labels": ["Red", "Bright", "Green"]}}, "exactly one must have"),
    "two outputs": (
        {"outputs": ["answers", "logits"]},
        r"outputs answers .*; logits .*extract_model",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_file_that_does_not_fit_its_target_file(write, name):
    changes, said = WRONG[name]
    with pytest.raises(TargetError, match=said):
        bring.model(write(**changes))


def test_a_file_that_is_damaged(tmp_path, write):
    path = write()
    whole = (tmp_path / "model.onnx").read_bytes()
    for data in (whole[: len(whole) // 2], b"no ONNX at all" * 20):
        (tmp_path / "model.onnx").write_bytes(data)
        with pytest.raises(TargetError, match=r"model\.onnx: onnxruntime"):
            bring.model(path)


def test_a_file_of_more_than_2_gib_is_not_even_read(tmp_path):
    path = targets.write_target(tmp_path, "model.onnx")
    with (tmp_path / "model.onnx").open("wb") as file:
        file.write(b"\x08\x0a")
        file.truncate(2**31 + 1)  # holes: it takes no room
    with pytest.raises(TargetError, match=r"has 2\.0 GiB, .*save_as_external_data=True"):
        bring.model(path)


def test_a_file_that_kills_onnxruntime_kills_nothing_else(tmp_path, write, monkeypatch):
    from medtransfer.networks.doors import onnx

    path = write()
    monkeypatch.setattr(onnx.sys, "executable", "/bin/false")
    with pytest.raises(TargetError, match="onnxruntime crashed"):
        bring.model(path)


def test_a_file_that_fails_on_images_is_told_when_it_is_brought(write):
    """In the process of its own: what needs all memory there is ends that process alone."""
    with pytest.raises(TargetError, match=r"the model fails on \(2, 3, 16, 16\); .*Reshape"):
        bring.model(write(last="Reshape"))
    with pytest.raises(TargetError, match=r"the model fails|died of it|cannot open"):
        bring.model(write(last="ConstantOfShape"))


def test_an_operator_that_onnxruntime_does_not_know_is_told(write):
    with pytest.raises(TargetError, match=r"onnxruntime cannot open it: .*[Oo]p"):
        bring.model(write(last="Unheard"))


def test_an_onnxruntime_that_is_too_old_opens_nothing(write, monkeypatch):
    import onnxruntime

    from medtransfer.networks.doors import onnx

    model = bring.model(write())
    monkeypatch.setattr(onnxruntime, "__version__", "1.30.2")
    with pytest.raises(TargetError, match=r"onnxruntime 1\.30\.2 is too old .*onnxruntime>=1\.31"):
        onnx.opened(model.path, model.contract)


def test_what_it_takes_at_once_does_not_matter(write):
    images, _ = targets.pictures(9)
    network = opened(write(batch=4))
    together = network.raw(images)
    alone = np.concatenate([network.raw(image[None]) for image in images])
    np.testing.assert_array_equal(together, alone)
