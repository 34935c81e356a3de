"""Figures of defences, and the card of the paper's recommendations."""

from itertools import combinations

import pandas as pd
import pytest
from verdict_rows import row

from medtransfer.report import figures, recommendations
from medtransfer.report.figures.defences import looks
from medtransfer.report.style import SHADES
from medtransfer.study.defences import DEFENCES
from medtransfer.study.defended import CLASSES

WORDS = {"none": "no defence", "random_start": "random start", "jpeg": "JPEG"}
GAIN = {"none": 0.0, "random_start": 0.25, "jpeg": 0.2}


@pytest.fixture
def table():
    rows = []
    for place, knowledge in enumerate(CLASSES):
        for defence, words in WORDS.items():
            clean = 0.9 if defence != "random_start" else 0.8
            auc = max(0.05, 0.85 - 0.16 * place + GAIN[defence] * (knowledge == "A2"))
            measured = {"clean": clean, "auc": auc, "left": 100 * auc / clean, "gain": 0, "cost": 0}
            spread = {"clean": 0.02, "auc": 0.05, "left": 5, "gain": 2, "cost": 0.01}
            rows.append(
                {
                    "domain": "pathology",
                    "defence": defence,
                    "words": words,
                    "knowledge": knowledge,
                    "attacker": "an imitation",
                    "method": "PGD",
                    "share": 0.8 if defence == "jpeg" else float("nan"),
                    **measured,
                    **{f"{n}_low": v - spread[n] for n, v in measured.items()},
                    **{f"{n}_high": v + spread[n] for n, v in measured.items()},
                }
            )
    return pd.DataFrame(rows)


def marks(axis):
    """Where each defence stands, by its words."""
    return {
        line.get_label(): (line.get_xdata()[0], line.get_ydata()[0])
        for line in axis.lines
        if not line.get_label().startswith("_")
    }


def test_each_panel_shows_cost_and_gain_of_every_defence(table):
    figure = figures.pareto(table, classes=("A2", "A5"))
    assert [axis.get_title(loc="left") for axis in figure.axes] == [
        "A2: has images of their own",
        "A5: has the target",
    ]
    for axis, knowledge in zip(figure.axes, ("A2", "A5"), strict=True):
        rows = table[table["knowledge"] == knowledge].set_index("words")
        for words, place in marks(axis).items():
            assert place == pytest.approx((rows.loc[words, "clean"], rows.loc[words, "auc"]))
        assert set(marks(axis)) == set(WORDS.values())
    low, high = figure.axes[0].get_xlim()
    assert low < 0.8 and high > 0.9


def test_no_two_defences_look_the_same():
    drawn = looks()
    assert set(drawn) == set(DEFENCES)
    assert len({(look["color"], look["marker"]) for look in drawn.values()}) == len(DEFENCES)
    for one, other in combinations(drawn.values(), 2):
        if one["color"] == other["color"]:
            assert one["marker"] != other["marker"]
    assert {look["color"] for look in drawn.values()} <= {*SHADES, "#7F7F7F"}


def test_a_defence_looks_the_same_whatever_stands_beside_it(table):
    def shown(rows):
        (axis,) = figures.pareto(rows, classes=("A2",)).axes
        (line,) = (each for each in axis.lines if each.get_label() == "JPEG")
        return line.get_color(), line.get_marker()

    assert shown(table) == shown(table[table["defence"] != "random_start"])
    (axis,) = figures.knowledge(table).axes
    (line,) = (each for each in axis.lines if each.get_label().startswith("JPEG"))
    assert (line.get_color(), line.get_marker()) == shown(table)


def test_the_band_is_what_a_defence_may_cost(table):
    (axis, *_) = figures.pareto(table, classes=("A2",)).axes
    band = axis.patches[0].get_extents().transformed(axis.transData.inverted())
    assert (band.x0, band.x1) == pytest.approx((0.89, 0.9))


def test_the_ladder_names_the_share_that_rests_on_a_secret(table):
    (axis,) = figures.knowledge(table).axes
    labels = [line.get_label() for line in axis.lines]
    assert "JPEG, 80 %" in labels
    assert "no defence" in labels and "random start" in labels
    ticks = [tick.get_text().split("\n")[0] for tick in axis.get_xticklabels()]
    assert ticks == list(CLASSES)


def test_the_distance_of_every_network_is_drawn():
    points = pd.DataFrame(
        {
            "domain": ["pathology"] * 4,
            "words": ["no defence", "no defence", "larger steps", "larger steps"],
            "distance": [0.1, 0.12, 0.4, 0.5],
            "left": [30, 35, 70, 80],
            "clean": [0.9, 0.91, 0.89, 0.88],
        }
    )
    axis = figures.distance(points).axes[0]
    drawn = sorted(tuple(p) for c in axis.collections for p in c.get_offsets().tolist())
    assert drawn == sorted(zip(points["distance"], points["left"], strict=True))


def verdicts(*rows):
    return pd.DataFrame(rows)


def test_every_recommendation_has_a_verdict():
    paper = verdicts(
        row("C1", "all pairs"),
        row("C3", "random", verdict="not supported"),
        row("C3", "pre-trained", verdict="not supported"),
        row("C4", "random", verdict="supported"),
        row("C4", "pre-trained", verdict="not supported"),
    )
    own = verdicts(
        {**row("C1", "JPEG, what the secret is worth"), "claim": "D7"},
        {**row("C1", "JPEG, against a colleague", verdict="interval too wide"), "claim": "D7"},
    )
    card = recommendations.card(paper, own)
    found = card["verdict"].to_dict()
    assert found["Do not begin with weights that everybody has."] == "supported"
    assert found["Keep your development data to yourself."] == "not supported"
    assert found["Do not use an architecture that everybody has."] == "supported in part"
    assert found["Do not disclose the design."] == "supported"
    assert found["Defend in addition: train on attacked images."] == "not asked"
    change = "Defend in addition: change images before the network sees them."
    assert found[change] == "undecided"
    assert len(found) == len(recommendations.RECOMMENDATIONS)


def test_a_recommendation_that_holds_for_some_defences_and_not_for_others_holds_in_part():
    rows = [
        {**row("C1", "JPEG, what the secret is worth"), "claim": "D7"},
        {**row("C1", "bits, what the secret is worth", verdict="not supported"), "claim": "D7"},
    ]
    found = recommendations.card(verdicts(*rows))["verdict"]
    assert found["Do not disclose the design."] == "supported in part"


@pytest.mark.parametrize(
    ("above", "less", "expected"),
    [
        ("supported", "not supported", "supported"),
        ("supported", "supported", "supported in part"),
        ("not supported", "supported", "not supported"),
        ("no room", "supported", "not supported"),
        ("no room", "no room", "undecided"),
    ],
)
def test_what_is_detected_less_speaks_against_referral(above, less, expected):
    rows = [
        {**row("C1", "by an attacker who has the network", verdict=above), "claim": "D8"},
        {**row("C1", "transferred ones less", verdict=less), "claim": "D8"},
    ]
    found = recommendations.card(verdicts(*rows))
    refer = "Defend in addition: refer suspicious images to a human."
    assert found["verdict"][refer] == expected
    assert found["why"][refer].count("D8") == 2


def test_the_card_says_why():
    card = recommendations.card(verdicts(row("C1", "all pairs")), verdicts(row("C4", "random")))
    assert "C1, all pairs (supported): the whole" in card["why"].iloc[0]


def test_rows_of_single_domains_decide_nothing_beside_those_over_all():
    rows = [row("C1", "all pairs", verdict="not supported"), row("C1", "all pairs", "pathology")]
    card = recommendations.card(verdicts(*rows))
    assert card["verdict"].iloc[0] == "not supported"
    alone = recommendations.card(verdicts(rows[1]))
    assert alone["verdict"].iloc[0] == "supported"


def claims_on_defences():
    """Three claims in one domain and over all: two of them in points, one of them not."""
    jpeg, secret = ("JPEG, against a colleague", "JPEG, what the secret is worth")
    points = [
        {**row("C3", part, domain), "claim": "D7"}
        for part in (jpeg, secret)
        for domain in ("all domains", "pathology")
    ]
    cost = {**row("C3", "JPEG"), "claim": "cost", "unit": "clean AUC"}
    return verdicts(*points, cost)


def test_claims_in_points_have_a_row_each_with_their_verdict():
    figure = figures.gains(claims_on_defences())
    (axis,) = figure.axes
    assert [label.get_text() for label in axis.get_yticklabels()] == [
        "D7  JPEG, against a colleague",
        "D7  JPEG, what the secret is worth",
    ]
    assert [text.get_text() for text in axis.texts] == ["supported"] * 2
    assert axis.get_xlabel() == "points of clean AUC"


def test_the_card_in_markdown_names_what_speaks_for_it_and_ends_with_the_table():
    text = recommendations.as_markdown(verdicts(row("C1", "all pairs")), claims_on_defences())
    lines = text.splitlines()
    assert len([line for line in lines if line.startswith("- **")]) == len(
        recommendations.RECOMMENDATIONS
    )
    (change,) = [line for line in lines if "change images before" in line]
    assert "** Supported.<br>*D7, JPEG, against a colleague: 4.2 (3.0 to 5.5) points" in change
    assert "D7, JPEG, what the secret is worth" not in change
    assert "- **Move far from the public start.** Not asked." in lines
    rows = [line.split("|")[1].strip() for line in lines if line.startswith("| **")]
    assert rows[0].startswith("**D7** ") and rows[0].endswith("<br>JPEG, against a colleague")
    assert rows[1] == "**D7** JPEG, what the secret is worth", "the claim's words stand once"
    assert len(rows) == 3
    assert "nan" not in text
