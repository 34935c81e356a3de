"""Figures of stronger attackers: drawn from a table alone, every attacker and question in them."""

from itertools import product

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from medtransfer.report import figures
from medtransfer.report.figures.attackers import WITH, WITHOUT

ATTACKERS = ("PGD", "MI", "DI", "DI, 2 surrogates")
PROTECTIONS = ("random weights", "other data", "other architecture")


def protected(**more):
    rows = []
    for (i, name), (j, protection) in product(enumerate(ATTACKERS), enumerate(PROTECTIONS)):
        without, with_ = 60 - 15 * i, 90 - 12 * i - 5 * j
        rows.append(
            {
                **more,
                "attacker": name,
                "protection": protection,
                "at_chance": False,
                **{"without": without, "without_low": without - 6, "without_high": without + 6},
                **{"with": with_, "with_low": with_ - 6, "with_high": with_ + 6},
            }
        )
    return pd.DataFrame(rows)


def curves(relations=("without a surrogate", "same architecture", "other architecture")):
    rows = []
    for relation, number in product(relations, (0, 1, 2, 5, 10, 100)):
        percent = 90 - 12 * number**0.4
        begins = "square" if relation == relations[0] else "square from PGD"
        rows.append(
            {
                **{"begins": begins, "relation": relation, "questions": number, "searches": 2},
                **{"percent": percent, "percent_low": percent - 4, "percent_high": percent + 4},
                **{"flips": 0.004 * number, "asked": 100},
            }
        )
    return pd.DataFrame(rows)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def dots(axis, colour):
    return {
        (round(float(line.get_xdata()[0])), round(float(line.get_ydata()[0])))
        for line in axis.lines
        if line.get_marker() == "o" and line.get_color() == colour and len(line.get_xdata())
    }


def test_every_attacker_is_a_bar_from_without_to_with():
    figure = figures.dumbbells(protected())
    axes = figure.axes
    assert [axis.get_title(loc="left") for axis in axes] == list(PROTECTIONS)
    assert [label.get_text() for label in axes[0].get_yticklabels()] == list(ATTACKERS)
    assert dots(axes[0], WITHOUT) == {(60 - 15 * i, -i) for i in range(4)}
    assert dots(axes[2], WITH) == {(80 - 12 * i, -i) for i in range(4)}
    (band,) = axes[1].patches
    assert band.get_x() == 60 and band.get_width() == 25, "the bar of PGD"


def test_each_domain_has_a_row_of_its_own():
    table = pd.concat([protected(domain=name) for name in ("ophthalmology", "pathology")])
    figure = figures.dumbbells(table)
    assert len(figure.axes) == 6
    assert figure.axes[0].get_ylabel() == "ophthalmology"
    assert figure.axes[3].get_ylabel() == "pathology"


def test_of_targets_at_chance_nothing_is_drawn():
    table = protected()
    table["at_chance"] = table["protection"] == "other data"
    axes = figures.dumbbells(table).axes
    assert [len(dots(axis, WITH)) for axis in axes] == [4, 0, 4]
    assert [text.get_text() for text in axes[1].texts] == ["at chance"]


def test_a_study_of_one_protection_is_drawn():
    table = protected()
    figure = figures.dumbbells(table[table["protection"] == "other data"])
    assert len(figure.axes) == 1


def test_curves_begin_with_no_question_and_have_a_column_for_each_kind_of_surrogate():
    figure = figures.questions(curves())
    above, below = figure.axes[:3], figure.axes[3:]
    assert above[0].get_title(loc="left") == "without a surrogate"
    for axis in above:
        (line,) = (each for each in axis.lines if len(each.get_xdata()) > 2)
        assert line.get_xdata()[0] == 0 and line.get_ydata()[0] == 90
    assert below[0].get_xlabel() == "questions about each image"
    assert [tick.get_text() for tick in below[0].get_xticklabels()] == ["0", "1", "10", "100"]
    assert below[0].get_xscale() == "symlog"


def test_one_kind_of_search_is_drawn_alone():
    assert len(figures.questions(curves(("without a surrogate",))).axes) == 2
