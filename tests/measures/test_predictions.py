"""Stored answers: read without any network, refused when damaged."""

import pytest

from medtransfer import store
from medtransfer.measures import predictions as answers


def test_what_is_stored_is_what_is_read(toy, publish_answers):
    cell, training = toy.cell(), toy.training()
    frame = publish_answers(cell, labels=[[1], [0]], clean=[[2.0], [-1]], attacked=[[0.5], [0]])
    assert answers.of_cell(cell).equals(frame)
    frame = publish_answers(training, labels=[[1], [0]], logits=[[2.0], [-1]])
    assert answers.of_validation(training).equals(frame)


@pytest.mark.parametrize("read", [answers.of_validation, answers.history])
def test_what_was_not_trained_has_no_answers(toy, read):
    with pytest.raises(store.StoreError, match=r"has no Training .*ensure"):
        read(toy.training())


def test_what_was_not_scored_has_no_answers(toy):
    with pytest.raises(store.StoreError, match=r"has no Cell .*ensure"):
        answers.of_cell(toy.cell())


@pytest.mark.parametrize("content", [None, b"", b"no parquet"])
def test_a_damaged_file_is_refused_with_what_to_delete(toy, publish_answers, content):
    cell = toy.cell()
    publish_answers(cell, labels=[[1], [0]], clean=[[2.0], [-1]], attacked=[[0.5], [0]])
    path = store.find(cell) / "images.parquet"
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(store.StoreError, match=r"images\.parquet is damaged .*; delete"):
        answers.of_cell(cell)


def test_a_history_has_a_row_for_each_epoch(studied):
    found = answers.history(studied.target)
    assert list(found.columns) == ["epoch", "loss", "auc"]
    assert found["epoch"].tolist() == [0]
