"""The paper's order as a figure: rungs from top to bottom, what was published in grey."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure

from medtransfer.analysis.selection import OTHER, SAME, WHITE_BOX
from medtransfer.report.figures import order
from medtransfer.report.figures.order import PUBLISHED_FALL, RUNGS


def table(starts=("imagenet", "random"), rungs=RUNGS, methods=("FGSM", "PGD")) -> pd.DataFrame:
    rows = [
        {
            "target_initialization": start,
            "method": method,
            "relation": relation,
            "surrogate_data": data,
            "epsilon": 0.02 if start == "imagenet" else 0.04,
            "percent": 10.0 * place,
            "percent_low": 10.0 * place - 4,
            "percent_high": 10.0 * place + 6,
        }
        for start in starts
        for method in methods
        for place, (relation, data) in enumerate(rungs)
    ]
    return pd.DataFrame(rows).sample(frac=1, random_state=0)  # in whatever order


def texts(figure: Figure) -> str:
    return " ".join(text.get_text() for text in figure.findobj(plt.Text))  # type: ignore[arg-type]


def panels(figure: Figure) -> dict[str, plt.Axes]:
    return {axis.get_title(loc="left").split("\n")[0]: axis for axis in figure.axes}


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_there_is_a_panel_for_each_start_with_its_epsilon_the_papers_first():
    figure = order(table())
    assert list(panels(figure)) == ["both random", "both pre-trained"]
    assert "0.04 (5.10 grey levels" in texts(figure) and "0.02 (2.55 grey levels" in texts(figure)


def test_rungs_stand_from_the_white_box_down_whatever_the_order_of_the_table():
    figure = order(table())
    axis, labels = figure.axes[1], [each.get_text() for each in figure.axes[0].get_yticklabels()]
    assert labels[0] == "white box" and labels[-1] == "other architecture, d2/2"
    assert axis.get_yticks()[0] > axis.get_yticks()[-1], "the first stands on top"
    dots = next(each for each in axis.containers if isinstance(each, ErrorbarContainer))
    for x, y in dots.lines[0].get_xydata():
        assert -y == pytest.approx(x / 10, abs=0.3), "each mean stands on the line of its rung"


def test_what_was_published_is_grey_and_stands_beside_random_pairs_alone():
    figure = order(table())
    marks = {
        name: [line for line in axis.lines if line.get_label() == "published"]
        for name, axis in panels(figure).items()
    }
    assert not marks["both pre-trained"]
    (drawn,) = marks["both random"]
    assert drawn.get_color() == "0.6"
    expected = {-RUNGS.index(rung): 100 - fall for rung, fall in PUBLISHED_FALL.items()}
    assert {y: x for x, y in drawn.get_xydata()} == pytest.approx(expected)
    said = texts(figure).replace("\n", " ")
    for caveat in ("EURETINA 2020", "fundus photographs", "not stated", "no interval"):
        assert caveat in said


def test_the_published_falls_are_those_of_the_abstract():
    assert PUBLISHED_FALL == {
        (WHITE_BOX, "d1"): 99.9,
        (SAME, "d1"): 67.3,
        (OTHER, "d1"): 40.2,
        (SAME, "d2"): 37.9,
        (OTHER, "d2"): 34.1,
        (OTHER, "d2/2"): 3.8,
    }


@pytest.mark.parametrize(
    "part",
    [
        {"starts": ("imagenet",)},
        {"rungs": [rung for rung in RUNGS if rung[0] != OTHER]},
        {"methods": ("PGD",), "starts": ("random",), "rungs": RUNGS[1:3]},
    ],
)
def test_a_profile_with_fewer_kinds_has_fewer_rungs(part):
    figure = order(table(**part))
    rungs = part.get("rungs", RUNGS)
    assert len(figure.axes[0].get_yticks()) == len(rungs)
    assert len(figure.axes) == len(part.get("starts", ("imagenet", "random")))
    assert ("EURETINA" in texts(figure)) == ("random" in part.get("starts", ("random",)))


def test_an_interval_as_wide_as_a_page_does_not_squeeze_the_others():
    wide = table().assign(percent_high=130.0)
    assert order(wide).axes[0].get_xlim()[1] > 130
    wide.loc[wide.index[0], "percent_high"] = 9000.0
    assert order(wide).axes[0].get_xlim()[1] < 300
