"""Images that are shown: called correctly, turned by the attack, with the tables' numbers."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from medtransfer import store
from medtransfer.attacks.delivery import CONTROL, EIGHT_BIT, FLOAT
from medtransfer.measures import predictions
from medtransfer.scoring import example, transfer
from medtransfer.scoring.cell import Cell
from medtransfer.scoring.example import Pictures, Turned, deliveries, pictured, turned

# Rows of a target whose threshold is 0: truth, logit before the attack, logit after it.
HIDDEN = (1, 2.0, -1.0)
HIDDEN_FAR = (1, 2.0, -3.0)
INVENTED = (0, -2.0, 1.0)
INVENTED_FAR = (0, -2.0, 4.0)
FOUND, FREE = (1, 2.0, 1.0), (0, -2.0, -1.0)  # stay correct
MISSED, ALARM = (1, -2.0, -3.0), (0, 2.0, 3.0)  # wrong before the attack, and after it
CORRECTED = (1, -2.0, 3.0)  # wrong before the attack alone
NOTHING = [FOUND, FREE, MISSED, ALARM, CORRECTED]
VALIDATION = {"labels": [[1], [1], [0], [0]], "clean": [[0.0], [3.0], [-4.0], [-1.0]]}


@pytest.fixture
def asked(toy, publish_answers):
    """Maker of a cell with such rows, for each label of its target."""

    def make(*labels, validation=VALIDATION):
        names = tuple(f"finding{k}" for k in range(len(labels)))
        source = toy.source(labels=names)
        target = toy.training(development=toy.development(source=source))
        cell = toy.cell(target)
        truth, clean, attacked = np.array(labels, float).transpose(2, 1, 0)
        publish_answers(cell, labels=truth.astype(int), clean=clean, attacked=attacked)
        publish_answers(
            target, **{name: np.repeat(each, len(labels), 1) for name, each in validation.items()}
        )
        return cell

    return make


@pytest.mark.parametrize(
    ("rows", "places"),
    [
        (NOTHING, []),
        ([HIDDEN], [0]),
        ([*NOTHING, INVENTED, *NOTHING], [5]),
        ([INVENTED_FAR, HIDDEN], [1, 0]),  # a finding before an invention, however far that moved
        ([HIDDEN, HIDDEN_FAR, FREE, INVENTED, INVENTED_FAR], [1, 0, 4, 3]),  # most moved first
        ([(1, 0.0, -0.5)], [0]),  # called at its threshold
        ([(0, -0.1, 0.0)], [0]),
    ],
)
def test_images_that_were_called_correctly_and_are_no_longer(asked, rows, places):
    found = turned(asked(rows))
    assert found.rows.tolist() == places
    assert (found.label, found.threshold) == ("finding0", 0.5)


def test_a_call_is_made_at_the_operating_point_and_not_at_one_half(asked):
    """A rise from 0.05 to 0.31 may be no call at all, and one from 0.8 to 0.9 may be one."""
    high = {"labels": [[1], [1], [0], [0]], "clean": [[2.0], [3.0], [-4.0], [1.0]]}
    rows = [(1, 1.5, -9.0), (0, -3.0, 1.5), (1, 2.0, 1.9), (0, 1.9, 2.0)]
    found = turned(asked(rows, validation=high))
    assert sorted(found.rows) == [2, 3]
    assert found.threshold == pytest.approx(1 / (1 + np.exp(-2.0)))


def test_the_label_with_most_such_images_is_taken(asked):
    cell = asked([HIDDEN_FAR, FOUND, FREE], [HIDDEN, INVENTED, FREE], [FOUND, FREE, FREE])
    assert (turned(cell).label, turned(cell).rows.tolist()) == ("finding1", [0, 1])
    assert turned(cell, "finding0").rows.tolist() == [0]
    assert turned(cell, "finding2").rows.tolist() == []
    with pytest.raises(ValueError, match="finding9"):
        turned(cell, "finding9")


def test_a_label_without_an_operating_point_has_no_turned_images(asked):
    one_way = {"labels": [[1], [1]], "clean": [[2.0], [3.0]]}
    found = turned(asked([HIDDEN, INVENTED], validation=one_way))
    assert found.rows.tolist() == []
    assert np.isfinite(found.threshold)


# --- pictures of the tiny study ------------------------------------------------------------------


@pytest.fixture
def cells(studied):
    """The same attack on the same target in every delivery, as crafted first."""
    (cell,) = (
        cell
        for cell in studied.fgsm
        if (cell.target, cell.delivery) == (studied.wide, FLOAT)
        and cell.attack.method.epsilon == 0.06
    )
    made = deliveries(cell)
    assert [each.delivery for each in made] == [FLOAT, EIGHT_BIT, CONTROL]
    assert made[0] == cell and set(made) <= set(studied.cells)
    return made


def examples(cells, found):
    """The pictures made and published, then read."""
    spec = pictured(cells, found)
    if not store.has(spec):
        Pictures.make([spec])
    return example.examples(spec, found)


def some(rows):
    """What `turned` may have found: networks of one epoch need not turn any image."""
    return Turned(label="Tumour", threshold=0.5, rows=np.array(rows))


def test_one_is_most_changed_and_one_is_drawn(cells):
    first, drawn = examples(cells, some([7, 2, 5, 4]))
    assert (first.chosen, drawn.chosen) == ("most changed", "drawn at random")
    assert (first.among, drawn.among) == (4, 4)
    names = predictions.read(cells[0]).images
    assert first.image == names[7]
    assert drawn.image in {names[row] for row in (7, 2, 5, 4)}
    again = examples(cells, some([7, 2, 5, 4]))
    assert [each.image for each in again] == [first.image, drawn.image]


def test_the_drawn_one_is_not_always_the_most_changed(cells):
    rows = list(range(10))
    drawn = {examples(cells, some(rows[k:]))[1].image for k in range(4)}
    assert drawn - {predictions.read(cells[0]).images[k] for k in range(4)}


def test_probabilities_are_those_of_the_stored_predictions(cells):
    for shown in examples(cells, some([3, 8])):
        row = predictions.read(cells[0]).images.index(shown.image)
        expected = {"clean": predictions.read(cells[0]).clean[row, 0]}
        for panel, cell in zip(example.PANELS.values(), cells, strict=True):
            expected[panel] = predictions.read(cell).after[row, 0]
        assert list(shown.probabilities) == list(expected)
        for panel, logit in expected.items():
            assert shown.probabilities[panel] == 1 / (1 + np.exp(-np.float64(logit))), panel
        assert shown.truth == bool(predictions.read(cells[0]).truth[row, 0])


def test_panels_are_what_reached_the_target(cells, shown):
    index, images, _ = shown
    (first, _) = examples(cells, some([6]))
    assert list(first.panels) == ["clean", *example.PANELS.values(), "perturbation"]
    assert first.image == index["image"].iloc[6]
    side = images.shape[-1]
    assert {panel.shape for panel in first.panels.values()} == {(side, side, 3)}
    clean, attacked = first.panels["clean"], first.panels["attacked"]
    assert np.array_equal(clean, images[6].permute(1, 2, 0))
    assert np.array_equal(first.panels["perturbation"], attacked - clean)
    for panel, cell in zip(example.PANELS.values(), cells, strict=True):
        moved = np.abs(first.panels[panel] - clean).max()
        assert moved == predictions.read(cell).visible["max"][6], panel


def asked_again(cell, rows, images):
    """What the target answers to images crafted again, each in a batch like that of its scoring."""
    spec = Pictures(cells=(cell,), rows=tuple(rows))
    Pictures.make([spec])
    with store.reading(spec, example.FILE) as path:
        pictures = load_file(path)["attacked"].permute(0, 3, 1, 2)
    answers = []
    for row, picture in zip(rows, pictures, strict=True):
        first = row - row % transfer.BATCH
        batch = images[first : first + transfer.BATCH].clone(memory_format=torch.channels_last)
        batch[row - first] = picture
        answers.append(cell.target.open().logits(batch)[row - first].numpy())
    return np.stack(answers)


def test_images_crafted_again_have_the_bits_that_were_scored(studied, cells, shown):
    pgd = next(cell for cell in studied.pgd if cell.target == studied.target)
    rows = [0, 11, len(shown[1]) - 1]
    for cell in (cells[0], pgd):
        found = predictions.read(cell).after[rows]
        assert np.array_equal(asked_again(cell, rows, shown[1]), found)


def test_they_are_crafted_in_their_own_batch(fresh, shown, monkeypatch):
    monkeypatch.setattr(transfer, "BATCH", 5)
    cell = next(cell for cell in fresh.fgsm if cell.delivery == FLOAT)
    Cell.make([cell])
    rows = [4, 5, 12, len(shown[1]) - 1]
    found = predictions.read(cell).after[rows]
    assert np.array_equal(asked_again(cell, rows, shown[1]), found)
