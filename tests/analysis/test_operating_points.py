"""Operating points: sensitivity and specificity by hand, from fabricated answers."""

import numpy as np
import pytest

from medtransfer.analysis import operating_points as operating
from medtransfer.measures import metrics

GROUPS = ["a", "a", "b", "b", "c", "c"]
FIRST = [1, 0, 1, 0, 1, 0]
SECOND = [0, 1, 0, 1, 1, 0]
LABELS = np.array([FIRST, SECOND]).T
CLEAN = np.where(LABELS > 0, 1.0, -1.0)  # every call is right
HIDDEN = np.array([-1.0, -1, 1, -1, 1, -1])  # one of three ill images of the first label
INVENTED = np.array([-1.0, 1, 1, 1, 1, 1])  # two of three other images of the second label


@pytest.fixture
def cells(toy, publish_answers):
    """Two trainings of a target under the same attack."""
    source = toy.source(labels=("Mass", "Nodule"))
    development = toy.development(source=source)
    attacker = toy.training(development=development, seed=9)
    made = []
    for seed in (0, 1):
        target = toy.training(development=development, seed=seed)
        cell = toy.cell(attacker, target)
        attacked = np.stack([HIDDEN, INVENTED], axis=1)
        publish_answers(cell, labels=LABELS, clean=CLEAN, attacked=attacked, groups=GROUPS)
        publish_answers(target, labels=LABELS, clean=CLEAN)
        made.append(cell)
    return made


def measured(table, label, measure, images):
    (row,) = table[
        (table["label"] == label) & (table["measure"] == measure) & (table["images"] == images)
    ].to_dict("records")
    return row


def test_what_is_hidden_and_invented_by_hand(cells):
    table = operating.operating_table(cells, resamples=200)
    expected = {
        ("Mass", "sensitivity"): (1, 2 / 3),
        ("Mass", "specificity"): (1, 1),
        ("Nodule", "sensitivity"): (1, 1),
        ("Nodule", "specificity"): (1, 1 / 3),
    }
    for (label, measure), (clean, attacked) in expected.items():
        assert measured(table, label, measure, "clean")["value"] == pytest.approx(clean)
        assert measured(table, label, measure, "attacked")["value"] == pytest.approx(attacked)
    assert list(dict.fromkeys(table["label"])) == ["Mass", "Nodule"]  # the fall is first
    assert (table["pairs"] == 2).all()


def test_the_interval_is_over_groups(cells):
    row = measured(
        operating.operating_table(cells, resamples=500), "Mass", "sensitivity", "attacked"
    )
    weights = metrics.Resamples(groups=tuple(GROUPS), number=500).weights
    ill = LABELS[:, 0] > 0
    drawn = (weights @ (ill & (HIDDEN >= 1))) / (weights @ ill)
    assert (row["low"], row["high"]) == pytest.approx(metrics.interval(drawn))
    assert 0 <= row["low"] < 2 / 3 < row["high"] <= 1


def test_a_label_without_a_threshold_is_left_out(toy, publish_answers):
    development = toy.development(source=toy.source(labels=("Mass", "Nodule")))
    target = toy.training(development=development, seed=0)
    cell = toy.cell(toy.training(development=development, seed=9), target)
    publish_answers(cell, labels=LABELS, clean=CLEAN, attacked=CLEAN, groups=GROUPS)
    one_way = np.stack([FIRST, np.zeros(6)], axis=1)
    publish_answers(target, labels=one_way, clean=CLEAN)
    assert set(operating.operating_table([cell], resamples=20)["label"]) == {"Mass"}


def test_no_cells_is_an_error():
    with pytest.raises(ValueError, match="no cells"):
        operating.operating_table([], resamples=20)
