"""The sanity ladder: tables that hold, and tables that break each rung."""

import pandas as pd
import pytest

from medtransfer.analysis.sanity import SLACK, SanityError, climb
from medtransfer.analysis.selection import OTHER, SAME, WHITE_BOX

HOLDS = {WHITE_BOX: 5.0, SAME: 40.0, OTHER: 80.0, "control": 99.0}


def rows(percent=None, **changes):
    """Rows of one domain, method and epsilon that hold, but for what is changed."""
    made = []
    for rung, value in {**HOLDS, **(percent or {})}.items():
        made.append(
            {
                "domain": "pathology",
                "method": "FGSM",
                "epsilon": 0.02,
                "delivery": "control" if rung == "control" else "float",
                "relation": SAME if rung == "control" else rung,
                "surrogate_architecture": "a",
                "surrogate_initialization": "random",
                "surrogate_data": "d1",
                "target_architecture": "a",
                "target_initialization": "random",
                "target_data": "d1",
                "outputs": 1,
                "percent": value,
                "percent_low": value,
                "percent_high": value,
                "max": 0.02,
                "loss_clean": 0.5,
                "loss": 2.0,
                "positive_shift": -1.0,
                "negative_shift": 1.0,
                **changes,
            }
        )
    return made


def frame(*parts):
    return pd.DataFrame([row for part in parts for row in part])


def test_a_table_that_holds_gives_its_rungs():
    ladder = climb(frame(rows()))
    assert list(ladder.columns) == list(HOLDS)
    assert ladder.iloc[0].tolist() == list(HOLDS.values())


def test_every_domain_method_and_epsilon_has_its_own_ladder():
    parts = [rows(), rows(epsilon=0.03), rows(method="PGD"), rows(domain="radiology")]
    assert len(climb(frame(*parts))) == 4


def test_a_rung_is_the_mean_of_its_cells():
    assert climb(frame(rows(), rows({SAME: 60.0})))[SAME].tolist() == [50]


def test_rungs_that_are_missing_are_left_out():
    few = frame(rows())
    few = few[few["relation"] != WHITE_BOX]
    assert list(climb(few).columns) == [SAME, OTHER, "control"]


@pytest.mark.parametrize(("upper", "lower"), [(WHITE_BOX, SAME), (SAME, OTHER), (OTHER, "control")])
@pytest.mark.parametrize("change", [{}, {"method": "PGD"}, {"epsilon": 0.06}])
def test_a_broken_rung_is_named(upper, lower, change):
    values = dict(HOLDS)
    values[upper] = values[lower] + SLACK + 0.1
    others = list(values)
    for name in others[: others.index(upper)]:  # those above stay stronger
        values[name] = 0.0
    broken = frame(rows(), rows(values, **{"domain": "radiology", **change}))
    with pytest.raises(SanityError, match=f"by {upper} is weaker than by {lower}") as caught:
        climb(broken)
    assert "radiology" in str(caught.value)
    assert "pathology" not in str(caught.value)


def test_a_difference_within_the_slack_is_no_breach():
    climb(frame(rows({WHITE_BOX: 40 + SLACK - 0.1})))


@pytest.mark.parametrize(("half_width", "holds"), [(2.0, False), (6.0, True)])
def test_the_doubt_of_both_intervals_widens_the_slack(half_width, holds):
    table = frame(rows({WHITE_BOX: 40 + SLACK + 5}))
    table["percent_low"] -= half_width
    table["percent_high"] += half_width
    if holds:
        climb(table)
    else:
        with pytest.raises(SanityError, match="by white box is weaker"):
            climb(table)


def test_an_interval_that_is_missing_does_not_hide_a_breach():
    table = frame(rows({WHITE_BOX: 90.0}))
    table[["percent_low", "percent_high"]] = float("nan")
    with pytest.raises(SanityError):
        climb(table)


@pytest.mark.parametrize(
    "change",
    [
        {"surrogate_data": "d2"},
        {"target_data": "d1/10"},
        {"surrogate_initialization": "imagenet"},
        {"delivery": "8-bit"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_pairs_of_another_comparison_stand_on_no_rung(change):
    strange = rows(dict.fromkeys(HOLDS, 500.0), **change)
    assert climb(frame(rows(), strange)).equals(climb(frame(rows())))


@pytest.mark.parametrize(
    "change",
    [{"loss": 0.4}, {"max": 0.0}, {"positive_shift": 0.1}, {"negative_shift": -0.1}],
    ids=lambda change: next(iter(change)),
)
def test_a_white_box_that_helps_its_network_is_refused(change):
    with pytest.raises(SanityError, match="white-box attack did not harm its own network"):
        climb(frame(rows(**change)))


def test_one_of_several_outputs_may_gain_confidence():
    climb(frame(rows(outputs=15, positive_shift=0.1)))
    with pytest.raises(SanityError):
        climb(frame(rows(outputs=15, loss=0.4)))


def test_a_transferred_attack_may_help_its_target():
    table = frame(rows())
    table.loc[table["relation"] == OTHER, ["positive_shift", "loss"]] = (1.0, 0.1)
    climb(table)


def test_a_rung_that_one_domain_lacks_does_not_hide_a_breach():
    broken = [row for row in rows({WHITE_BOX: 90.0}) if row["relation"] != SAME]
    for row in broken:
        row["domain"] = "radiology"
    with pytest.raises(SanityError):
        climb(frame(rows(), broken))


def test_one_step_answers_for_its_smallest_epsilon_only():
    """A larger one may go beyond the point to which its gradient led."""
    small, large = rows(method="FGSM", epsilon=0.01), rows(method="FGSM", epsilon=0.06, loss=0.4)
    climb(frame(small, large))
    with pytest.raises(SanityError):
        climb(frame(rows(method="FGSM", epsilon=0.01, loss=0.4), rows(method="FGSM", epsilon=0.06)))
    with pytest.raises(SanityError):
        climb(frame(rows(method="PGD", epsilon=0.01), rows(method="PGD", epsilon=0.06, loss=0.4)))
