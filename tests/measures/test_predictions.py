"""Stored predictions: what is written is read, without any network; damaged files are refused."""

import dataclasses

import numpy as np
import pytest

from medtransfer import store
from medtransfer.errors import StoreError
from medtransfer.measures import predictions
from medtransfer.measures.predictions import FILE, Predictions

NUMBER = 7


def made(*, labels=("Mass", "Nodule"), attacked=True, visible=True, seed=0):
    """Predictions whose every number is another one."""
    rng = np.random.default_rng(seed)
    shape = (NUMBER, len(labels))
    after = rng.normal(size=shape).astype(np.float32)
    return Predictions(
        labels=labels,
        images=tuple(f"image{i}" for i in rng.permutation(NUMBER)),
        groups=tuple(f"group{i}" for i in rng.permutation(NUMBER) // 2),
        truth=rng.integers(0, 2, size=shape).astype(np.uint8),
        clean=rng.normal(size=shape).astype(np.float32),
        attacked=after if attacked else None,
        visible={"max": after[:, 0], "psnr": np.full(NUMBER, np.inf, np.float32)}
        if visible
        else None,
    )


def assert_same(found, expected):
    for field in dataclasses.fields(Predictions):
        ours, theirs = (getattr(each, field.name) for each in (found, expected))
        if isinstance(theirs, np.ndarray):
            ours, theirs = {"": ours}, {"": theirs}
        if not isinstance(theirs, dict):
            assert ours == theirs, field.name
            continue
        assert list(ours) == list(theirs), field.name
        for name, values in theirs.items():
            assert ours[name].dtype == values.dtype, field.name
            assert np.array_equal(ours[name], values), field.name


@pytest.mark.parametrize(
    "expected",
    [
        made(),
        made(labels=("Tumour",)),
        made(labels=("z", "a", "m")),  # their order is kept
        made(attacked=False, visible=False),
        made(visible=False),
        made(labels=("image", "group", "max")),
        made(labels=("truth:max", "clean:image", "attacked:")),
        made(labels=("image",), attacked=False, visible=False),
    ],
    ids=lambda each: f"{'+'.join(each.labels)}{'' if each.attacked is None else ' attacked'}",
)
def test_what_is_written_is_read(tmp_path, expected):
    expected.write(tmp_path)
    assert_same(predictions.read_file(tmp_path / FILE), expected)
    assert len(expected) == NUMBER


def test_what_is_stored_is_what_is_read(toy, publish_answers):
    cell, training = toy.cell(), toy.training()
    stored = publish_answers(cell, labels=[[1], [0]], clean=[[2.0], [-1]], attacked=[[0.5], [0]])
    assert_same(predictions.read(cell), stored)
    stored = publish_answers(training, labels=[[1], [0]], clean=[[2.0], [-1]])
    assert_same(predictions.read(training), stored)


def test_change_is_what_the_attack_adds():
    found = made()
    assert np.array_equal(found.change, found.attacked - found.clean)
    assert found.after is found.attacked


@pytest.mark.parametrize("wanted", ["after", "change"])
def test_nothing_comes_after_an_attack_that_there_was_not(wanted):
    with pytest.raises(ValueError, match="not attacked"):
        getattr(made(attacked=False), wanted)


@pytest.mark.parametrize("kind", ["training", "cell"])
def test_what_was_not_made_has_no_predictions(toy, kind):
    with pytest.raises(StoreError, match=rf"has no {kind.title()} .*ensure"):
        predictions.read(getattr(toy, kind)())


@pytest.mark.parametrize("content", [None, b"", b"no parquet"])
@pytest.mark.parametrize("kind", ["training", "cell"])
def test_a_damaged_file_is_refused_with_what_to_delete(toy, publish_answers, kind, content):
    spec = getattr(toy, kind)()
    publish_answers(spec, labels=[[1], [0]], clean=[[2.0], [-1]], attacked=[[0.5], [0]])
    path = store.find(spec) / FILE
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(
        StoreError, match=rf"predictions\.parquet is damaged .*; delete {path.parent}"
    ):
        predictions.read(spec)


def test_a_file_that_was_cut_off_is_refused_though_it_could_be_read(toy, publish_answers, tmp_path):
    spec = toy.cell()
    publish_answers(spec, labels=[[1], [0]], clean=[[2.0], [-1]], attacked=[[0.5], [0]])
    made().write(tmp_path)  # whole, but of other images
    (store.find(spec) / FILE).write_bytes((tmp_path / FILE).read_bytes())
    with pytest.raises(StoreError, match=r"bytes, .* were written"):
        predictions.read(spec)
