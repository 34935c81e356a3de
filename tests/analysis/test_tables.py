"""Tidy tables: numbers by hand from fabricated answers, and of the tiny study."""

import numpy as np
import pytest

from medtransfer.analysis import tables
from medtransfer.analysis.sanity import check, strengths
from medtransfer.analysis.selection import OTHER, SAME, WHITE_BOX
from medtransfer.measures import metrics, predictions

LABELS = [[1], [1], [0], [0]]
CLEAN = [[2.0], [3.0], [0.0], [1.0]]
HALF = [[2.0], [0.5], [0.0], [1.0]]  # AUC 0.75
TURNED = [[0.0], [1.0], [2.0], [3.0]]  # AUC 0


@pytest.fixture
def cell(toy, publish_answers):
    """Maker of a stored cell with the given attacked logits; the clean AUC is 1."""
    development = toy.development()

    def make(attacked, *, surrogate="tiny", target="tiny", seed=1, groups=None, **attack):
        victim, attacker = (
            toy.training(development=development, architecture=name, seed=each)
            for name, each in ((target, 0), (surrogate, seed))
        )
        made = toy.cell(attacker, victim, **attack)
        publish_answers(made, labels=LABELS, clean=CLEAN, attacked=attacked, groups=groups)
        publish_answers(victim, labels=LABELS, clean=CLEAN)
        return made

    return make


def one_row(cell, *, resamples=50):
    return tables.transfer_table([cell], resamples=resamples).iloc[0]


def test_a_turned_answer_by_hand(cell):
    row = one_row(cell(TURNED))
    assert (row["clean_auc"], row["auc"], row["percent"], row["left"]) == (1, 0, 0, -1)
    assert row["positive_shift"] == -2 and row["negative_shift"] == 2
    assert row["flips"] == 1  # the threshold is 2: all four calls are turned
    assert row["loss_clean"] < row["loss"]
    assert row["loss"] == pytest.approx(np.log1p(np.exp([0, -1, 2, 3])).mean())


def test_half_an_answer_by_hand(cell):
    row = one_row(cell(HALF))
    assert (row["auc"], row["percent"], row["left"], row["flips"]) == (0.75, 75, 0.5, 0.25)


def test_what_stands_for_visibility_is_the_mean_over_images(cell):
    row = one_row(cell(HALF))
    assert [row[name] for name in ("max", "rms", "psnr", "ssim")] == [0.02, 0.01, 40, 0.9]


def test_a_row_says_what_the_cell_is(cell):
    made = cell(HALF, surrogate="tiny_wide", method="PGD", epsilon=0.03)
    row = one_row(made)
    assert row["key"] == made.key
    assert (row["method"], row["epsilon"], row["grey_levels"]) == ("PGD", 0.03, 3)
    assert (row["surrogate_architecture"], row["target_architecture"]) == ("tiny_wide", "tiny")
    assert (row["delivery"], row["domain"], row["target_data"]) == ("float", "pathology", "d1")


def test_the_interval_is_that_of_resampled_groups(cell):
    groups = ["a", "b", "a", "b"]  # each group has a positive and a negative
    made = cell(HALF, groups=groups)
    drawn = metrics.Resamples(groups=tuple(groups), number=50)
    low, high = metrics.interval(drawn.macro_auc(np.array(LABELS), np.array(HALF)))
    row = one_row(made)
    assert (row["auc_low"], row["auc_high"]) == (low, high)
    assert low < 0.75 < high
    assert row["clean_auc_low"] == row["clean_auc_high"] == 1
    assert (row["percent_low"], row["percent_high"]) == (100 * low, 100 * high)


def test_a_finding_has_its_own_row(toy, publish_answers):
    source = toy.source(labels=("mass", "none"))
    training = toy.training(development=toy.development(source=source))
    made = toy.cell(training)
    labels = np.hstack([LABELS, np.zeros((4, 1), int)])
    clean, attacked = (np.hstack([x, np.zeros((4, 1))]) for x in (CLEAN, TURNED))
    publish_answers(made, labels=labels, clean=clean, attacked=attacked)
    publish_answers(training, labels=labels, clean=clean)
    found = tables.finding_table([made], by=[], resamples=20).set_index("label")
    assert found.loc["mass", ["positives", "clean_auc", "auc"]].tolist() == [2, 1, 0]
    assert found.loc["mass", ["sensitivity_clean", "sensitivity"]].tolist() == [1, 0]
    assert found.loc["mass", ["specificity_clean", "specificity"]].tolist() == [1, 0]
    assert found.loc["none", "positives"] == 0
    nothing = ["clean_auc", "auc", "auc_low", "sensitivity", "flips"]
    assert found.loc["none", nothing].isna().all()


def test_a_mean_over_pairs(cell):
    cells = [cell(HALF, seed=1), cell(TURNED, seed=2), cell(CLEAN, seed=3, surrogate="tiny_wide")]
    found = tables.pooled(cells, by=["relation"], resamples=20).set_index("relation")
    assert found.loc[SAME, ["pairs", "percent"]].tolist() == [2, 37.5]
    assert found.loc[OTHER, ["pairs", "percent", "percent_low"]].tolist() == [1, 100, 100]


def test_a_mean_says_whether_a_target_is_at_chance(cell, toy, publish_answers):
    blind = toy.cell(target=toy.training(seed=9))
    labels = np.arange(12)[:, None] % 2
    publish_answers(blind, labels=labels, clean=0.0 * labels, attacked=0.0 * labels)
    found = tables.pooled([blind], by=["relation"], resamples=20)
    assert found["at_chance"].tolist() == [True]
    sees = tables.pooled([cell(HALF, seed=1)], by=["relation"], resamples=20)
    assert sees["at_chance"].tolist() == [False]


def test_a_contrast_is_a_difference_of_means(cell):
    same, other = [cell(HALF, seed=1), cell(TURNED, seed=2)], [cell(CLEAN, seed=3)]
    found = tables.contrast(other, same, resamples=50)
    assert found.value == 62.5
    assert found.low <= 62.5 <= found.high
    nothing = tables.contrast(same, same, resamples=50)
    assert (nothing.value, nothing.low, nothing.high) == pytest.approx((0, 0, 0), abs=1e-6)
    with pytest.raises(ValueError, match="no cells"):
        tables.contrast(same, [], resamples=50)


def test_one_training_of_a_kind_decides_nothing_about_others(cell):
    same, other = [cell(HALF, seed=1)], [cell(CLEAN, seed=1, surrogate="tiny_wide")]
    assert not tables.contrast(same, other, resamples=50).replicated


def test_the_tiny_study_gives_one_row_for_each_cell(studied):
    found = tables.transfer_table(studied.cells, resamples=20)
    assert found["key"].tolist() == [cell.key for cell in studied.cells]
    for row, cell in zip(found.itertuples(), studied.cells, strict=True):
        stored = predictions.read(cell)
        assert row.auc == metrics.macro_auc(stored.truth, stored.after)
        assert row.max <= row.epsilon + 1e-6
        assert row.auc_low <= row.auc <= row.auc_high or np.isnan(row.auc_low)
    assert set(found["relation"]) == {WHITE_BOX, SAME, OTHER}


def test_the_columns_are_those_that_the_sanity_checks_read(studied):
    found = tables.transfer_table(studied.cells, resamples=20)
    found["percent"] = 50.0  # networks of one epoch prove nothing
    check(found)
    assert len(strengths(found)) == found.groupby(["method", "epsilon"]).ngroups
