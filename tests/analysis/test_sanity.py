"""Sanity checks: what is no law is a flag in the table, what is a law stops the run."""

import numpy as np
import pandas as pd
import pytest

from medtransfer.analysis.sanity import FLAGS, SLACK, check, strengths
from medtransfer.analysis.selection import OTHER, SAME, WHITE_BOX
from medtransfer.errors import SanityError

HOLDS = {WHITE_BOX: 5.0, SAME: 40.0, OTHER: 80.0, "control": 99.0}
NAN = float("nan")
STEPS = {"FGSM": NAN, "PGD": 20}  # a method of one step has no such parameter


def rows(percent=None, **changes):
    """Rows of one domain, method and epsilon that hold, but for what is changed."""
    made = []
    for rung, value in {**HOLDS, **(percent or {})}.items():
        made.append(
            {
                "domain": "pathology",
                "method": "FGSM",
                "epsilon": 0.02,
                "steps": STEPS.get(changes.get("method", "FGSM"), NAN),
                "step_size": 0.01 if changes.get("method") == "PGD" else NAN,
                "delivery": "control" if rung == "control" else "float",
                "relation": SAME if rung == "control" else rung,
                "surrogate_architecture": "a",
                "surrogate_initialization": "random",
                "surrogate_data": "d1",
                "surrogate_network": "training",
                "target_architecture": "a",
                "target_initialization": "random",
                "target_data": "d1",
                "target_network": "training",
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


def test_an_attack_on_several_networks_is_no_rung():
    """Its target may be one of them, and it is yet weaker than an attack on that alone."""
    alone = rows(method="PGD")
    several = [{**row, "percent": 95.0, "surrogate_members": 4} for row in rows(method="PGD")]
    check(frame(alone, several))
    assert strengths(frame(alone, several)).equals(strengths(frame(alone)))


@pytest.mark.parametrize("network", ["jpeg", "nfgsm", "ensemble", "noise"])
def test_a_defended_target_is_flagged_and_stops_nothing(network):
    broken = frame(rows({WHITE_BOX: 90.0}, method="PGD", target_network=network))
    check(broken)
    (said,) = strengths(broken)[FLAGS]
    assert "white box not trusted" in said
    assert "white box weaker than same architecture" in said


def without(rung, part):
    return [row for row in part if row["relation"] != rung or row["delivery"] == "control"]


def flags(table):
    """The flags of a table of one domain, method and epsilon."""
    (found,) = strengths(table)[FLAGS]
    return found


# --- the rungs -----------------------------------------------------------------------------------


def test_a_table_that_holds_gives_its_rungs_and_no_flag():
    table = frame(rows())
    found = strengths(table)
    assert list(found.columns) == [*HOLDS, FLAGS]
    assert found.iloc[0].tolist() == [*HOLDS.values(), ""]
    check(table)


def test_every_domain_method_and_epsilon_has_its_own_rungs():
    parts = [rows(), rows(epsilon=0.03), rows(method="PGD"), rows(domain="radiology")]
    assert len(strengths(frame(*parts))) == 4
    check(frame(*parts))


def test_a_rung_is_the_mean_of_its_cells():
    assert strengths(frame(rows(), rows({SAME: 60.0})))[SAME].tolist() == [50]


def test_rungs_that_are_missing_are_left_out():
    few = frame(without(WHITE_BOX, rows()))
    assert list(strengths(few).columns) == [SAME, OTHER, "control", FLAGS]
    check(few)


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
@pytest.mark.parametrize("method", ["FGSM", "PGD"])
def test_pairs_of_another_comparison_stand_on_no_rung(method, change):
    whole = rows(method=method)
    strange = rows({**dict.fromkeys(HOLDS, 500.0), WHITE_BOX: 900.0}, method=method, **change)
    pd.testing.assert_frame_equal(strengths(frame(whole, strange)), strengths(frame(whole)))
    check(frame(whole, strange))


# --- flags ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("upper", "lower"), [(WHITE_BOX, SAME), (SAME, OTHER), (OTHER, "control")])
@pytest.mark.parametrize("change", [{}, {"method": "PGD"}, {"epsilon": 0.06}])
def test_a_rung_out_of_order_is_flagged_where_it_is(upper, lower, change):
    values = dict(HOLDS)
    values[upper] = values[lower] + SLACK + 0.1
    others = list(values)
    for name in others[: others.index(upper)]:  # those above stay stronger
        values[name] = 0.0
    found = strengths(frame(rows(), rows(values, **{"domain": "radiology", **change})))[FLAGS]
    assert found.loc["radiology"].tolist() == [f"{upper} weaker than {lower}"]
    assert found.loc["pathology"].tolist() == [""]


def test_every_flag_is_told():
    table = frame(rows({WHITE_BOX: 90.0}, loss=0.4))
    weaker = [f"{WHITE_BOX} weaker than {rung}" for rung in (SAME, OTHER)]
    assert flags(table).split("; ") == [*weaker, "white box lowers the loss"]


def test_a_difference_within_the_slack_is_no_flag():
    assert flags(frame(rows({WHITE_BOX: 40 + SLACK - 0.1}))) == ""


@pytest.mark.parametrize(("half_width", "flagged"), [(2.0, True), (6.0, False)])
def test_the_doubt_of_both_intervals_widens_the_slack(half_width, flagged):
    table = frame(rows({WHITE_BOX: 40 + SLACK + 5}))
    table["percent_low"] -= half_width
    table["percent_high"] += half_width
    assert (flags(table) != "") == flagged


def test_an_interval_that_is_missing_hides_no_flag():
    table = frame(rows({WHITE_BOX: 90.0}))
    table[["percent_low", "percent_high"]] = NAN
    assert f"{WHITE_BOX} weaker than {SAME}" in flags(table)


def test_a_rung_that_one_domain_lacks_hides_no_flag():
    broken = without(SAME, rows({WHITE_BOX: 90.0}, domain="radiology"))
    found = strengths(frame(rows(), broken))[FLAGS]
    assert found.loc["radiology"].tolist() == [f"{WHITE_BOX} weaker than {OTHER}"]


@pytest.mark.parametrize(
    ("change", "flag"),
    [
        ({"loss": 0.4}, "white box lowers the loss"),
        ({"max": 0.0}, "white box moves no pixel"),
        ({"positive_shift": 0.1}, "white box makes a class surer"),
        ({"negative_shift": -0.1}, "white box makes a class surer"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
@pytest.mark.parametrize("method", ["FGSM", "PGD"])
@pytest.mark.parametrize("epsilon", [0.01, 0.06])
def test_a_white_box_that_helps_its_network_is_flagged(method, epsilon, change, flag):
    where = {"method": method, "epsilon": epsilon}
    table = frame(rows(epsilon=0.03), rows(**where, **change))
    found = strengths(table)[FLAGS]
    assert found[found != ""].tolist() == [flag]
    assert found.loc[("pathology", method, epsilon, "random")] == flag
    check(table)


def test_a_flag_of_several_networks_is_told_once():
    assert flags(frame(rows(loss=0.4), rows(loss=0.3))) == "white box lowers the loss"


def test_one_of_several_outputs_may_gain_confidence():
    assert flags(frame(rows(outputs=15, positive_shift=0.1))) == ""
    assert flags(frame(rows(outputs=15, loss=0.4))) == "white box lowers the loss"


def test_a_transferred_attack_may_help_its_target():
    table = frame(rows())
    table.loc[table["relation"] == OTHER, ["positive_shift", "loss"]] = (1.0, 0.1)
    assert flags(table) == ""


def test_rounding_is_no_flag():
    assert flags(frame(rows(loss=0.5 - 1e-6, positive_shift=1e-6, negative_shift=-1e-6))) == ""


def test_an_honest_step_beyond_its_aim_ends_no_run():
    """One finite step, one output: the loss rose from 0.70 to 0.74 while one class grew surer."""
    honest = {"loss_clean": 0.70, "loss": 0.74, "positive_shift": 0.2, "negative_shift": 0.5}
    table = frame(rows({WHITE_BOX: 60.0, SAME: 62.0}, **honest))
    check(table)
    assert flags(table) == "white box makes a class surer"


def test_where_no_auc_was_measured_nothing_fails():
    """Images of one class have no AUC; what else is seen of them is still told."""
    blind = rows(dict.fromkeys(HOLDS, NAN), domain="radiology", loss=0.4)
    for method in ("FGSM", "PGD"):
        table = frame(rows(method=method), [{**row, "method": method} for row in blind])
        found = strengths(table)
        assert found.loc["pathology", FLAGS].tolist() == [""]
        assert found.loc["radiology", FLAGS].tolist() == ["white box lowers the loss"]
        check(table)
    assert flags(frame(blind)) == "white box lowers the loss"
    check(frame(blind))


@pytest.mark.parametrize("relation", [[WHITE_BOX], [SAME, OTHER, "control"], []])
def test_few_rows_are_enough(relation):
    table = frame(rows(), rows(method="PGD"))
    few = table[table["relation"].isin(relation)]
    assert len(strengths(few)) == (2 if relation else 0)
    check(few)


# --- laws ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("lower", [SAME, OTHER, "control"])
def test_many_steps_in_the_white_box_are_not_weaker_than_from_elsewhere(lower):
    values = {**dict.fromkeys(HOLDS, 100.0), lower: 40.0, WHITE_BOX: 40 + SLACK + 0.1}
    table = frame(rows(method="PGD"), rows(values, method="PGD", domain="radiology"))
    with pytest.raises(
        SanityError, match=f"white-box attack is weaker than the same from {lower}"
    ) as caught:
        check(table)
    assert "radiology" in str(caught.value)
    assert "pathology" not in str(caught.value)
    assert f"{WHITE_BOX} weaker than {lower}" in strengths(table).loc["radiology", FLAGS].item()


def test_one_step_may_be_weaker_than_from_elsewhere():
    check(frame(rows({WHITE_BOX: 90.0}), rows(method="PGD")))


def test_attacks_from_elsewhere_may_come_in_any_order():
    check(frame(rows({SAME: 95.0, OTHER: 20.0, "control": 15.0}, method="PGD")))


@pytest.mark.parametrize(
    ("weak", "strong"),
    [({"method": "PGD"}, {}), ({"method": "PGD"}, {"method": "PGD", "steps": 5})],
    ids=["than one step", "than fewer steps"],
)
def test_more_steps_in_the_white_box_are_not_weaker(weak, strong):
    table = frame(rows({WHITE_BOX: 20.0}, **weak), rows({WHITE_BOX: 20 - SLACK - 0.1}, **strong))
    with pytest.raises(SanityError, match=r"weaker than one of fewer steps, (1|5) instead of 20"):
        check(table)
    strengths(table)
    check(frame(rows({WHITE_BOX: 20.0}, **weak), rows({WHITE_BOX: 20 - SLACK + 0.1}, **strong)))
    check(frame(rows({WHITE_BOX: 1.0}, **weak), rows({WHITE_BOX: 30.0}, **strong)))


def test_steps_that_do_not_reach_the_budget_prove_nothing():
    """Two steps of 0.01 stay within 0.02 of the image, one step of 0.06 does not."""
    short = {"method": "PGD", "steps": 2, "epsilon": 0.06}
    weak = {**dict.fromkeys(HOLDS, 100.0), WHITE_BOX: 55.4}
    check(frame(rows(weak, **short), rows({WHITE_BOX: 31.0}, epsilon=0.06)))
    with pytest.raises(SanityError):
        check(frame(rows(weak, **{**short, "steps": 6}), rows({WHITE_BOX: 31.0}, epsilon=0.06)))


def test_only_the_same_epsilon_and_networks_are_compared():
    weak = rows({WHITE_BOX: 30.0}, method="PGD")
    for change in ({"epsilon": 0.06}, {"domain": "radiology"}):
        check(frame(weak, rows({WHITE_BOX: 1.0}, **change)))
    started = {"surrogate_initialization": "imagenet", "target_initialization": "imagenet"}
    check(frame(weak, rows({WHITE_BOX: 1.0}, **started)))


@pytest.mark.parametrize("law", ["from elsewhere", "steps"])
def test_the_doubt_of_both_intervals_excuses_what_it_can(law):
    parts = {
        "from elsewhere": [rows({WHITE_BOX: 40 + SLACK + 5}, method="PGD")],
        "steps": [rows({WHITE_BOX: SLACK + 10}, method="PGD"), rows()],
    }[law]
    for half_width, broken in ((2.0, True), (6.0, False)):
        table = frame(*parts)
        table["percent_low"] -= half_width
        table["percent_high"] += half_width
        if broken:
            with pytest.raises(SanityError):
                check(table)
        else:
            check(table)


def test_an_interval_that_is_missing_hides_no_breach():
    table = frame(rows({WHITE_BOX: 90.0}, method="PGD"))
    table[["percent_low", "percent_high"]] = NAN
    with pytest.raises(SanityError):
        check(table)


def test_a_rung_that_one_domain_lacks_hides_no_breach():
    broken = without(SAME, rows({WHITE_BOX: 90.0}, method="PGD", domain="radiology"))
    with pytest.raises(SanityError, match=f"from {OTHER}"):
        check(frame(rows(method="PGD"), broken))


@pytest.mark.parametrize("network", ["squeezed", "onnx"])
def test_of_a_network_whose_gradients_may_lie_no_law_is_asked(network):
    """Its white box is flagged instead; those of plain networks beside it are still checked."""
    lying = rows({WHITE_BOX: 90.0}, method="PGD", target_network=network, domain="radiology")
    single = rows({WHITE_BOX: 10.0}, target_network=network, domain="radiology")
    table = frame(rows(method="PGD"), lying, single)
    check(table)
    found = strengths(table)[FLAGS]
    assert all("white box not trusted" in flag for flag in found.loc["radiology"])
    assert found.loc["pathology"].tolist() == [""]
    with pytest.raises(SanityError):
        check(frame(rows({WHITE_BOX: 90.0}, method="PGD"), lying))


@pytest.mark.parametrize("network", ["training", "imported"])
def test_gradients_of_plain_networks_are_trusted(network):
    table = frame(rows({WHITE_BOX: 90.0}, method="PGD", target_network=network))
    assert "not trusted" not in flags(table)
    with pytest.raises(SanityError):
        check(table)


def test_a_table_of_one_step_methods_has_no_steps():
    table = frame(rows({WHITE_BOX: 90.0})).drop(columns="steps")
    check(table)
    assert np.isfinite(strengths(table)[WHITE_BOX]).all()
