"""Figures: every one is drawn from a table alone, names its units and keeps its labels apart."""

from __future__ import annotations

from itertools import product

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from medtransfer import paths
from medtransfer.domains import DOMAINS, Domain
from medtransfer.report import figures, style
from medtransfer.report.figures import pictures

NETWORKS = ("efficientnet_lite0", "mobilenet_v2")
STARTS = ("imagenet", "random")


def fabricated() -> pd.DataFrame:
    rows = []
    for a, b, s, t, method, epsilon in product(
        NETWORKS, NETWORKS, STARTS, STARTS, ("FGSM", "PGD"), (0.02, 0.04)
    ):
        for relation, kind in (("same", "float"), ("same", "control"), ("white box", "float")):
            known = "white box" if relation == "white box" else "same architecture"
            percent = 50 + 100 * epsilon + (40 if kind == "control" else 0)
            if relation == "white box" and (a, s) != (b, t):
                continue
            rows.append(
                {
                    "method": method,
                    "epsilon": epsilon,
                    "delivery": kind,
                    "relation": known if a == b else "other architecture",
                    "surrogate_architecture": a,
                    "surrogate_initialization": s,
                    "surrogate_data": "d2" if relation == "white box" else "d1",
                    "target_architecture": b,
                    "target_initialization": t,
                    "target_data": "d1",
                    "percent": percent,
                    "percent_low": percent - 5,
                    "percent_high": percent + 5,
                    "pairs": 3,
                    "lowest": percent - 8,
                    "highest": percent + 8,
                }
            )
    return pd.DataFrame(rows)


def crossed() -> pd.DataFrame:
    return fabricated().query("epsilon == 0.04 and surrogate_data == 'd1' and delivery == 'float'")


def texts(figure: Figure) -> str:
    return " ".join(text.get_text() for text in figure.findobj(plt.Text))  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def close_all() -> object:
    yield
    plt.close("all")


def test_sweep_names_units_and_every_line() -> None:
    table = fabricated()
    own = table[table["surrogate_initialization"] == table["target_initialization"]]
    shown = texts(figures.sweep(own))
    for needed in ("% of clean AUC", "epsilon", "grey levels of 255", "control noise", "white box"):
        assert needed in shown
    for needed in ("pre-trained", "random", "EfficientNet-Lite0", "MobileNetV2"):
        assert needed in shown


def test_matrix_shows_the_number_of_every_pair() -> None:
    table = crossed()
    figure = figures.matrix(table, method="PGD")
    numbers = [text.get_text() for text in figure.axes[0].texts]
    assert numbers == ["54"] * 16
    assert "surrogate" in texts(figure)


def test_pairs_have_one_mark_per_pair() -> None:
    table = crossed()
    figure = figures.pairs(table, by="surrogate_initialization")
    assert len(figure.axes) == 2 * 4  # methods by targets
    for axis in figure.axes:
        assert len(axis.get_yticks()) == 4
    assert "pre-trained" in texts(figure)


def defended() -> pd.DataFrame:
    """The same targets once more, with a defence that the surrogates do not have."""
    table = crossed()
    columns = {"target_network": "blurred", "target_sigma": 1.5}
    return pd.concat([table.assign(target_network="training"), table.assign(**columns)])


def test_a_new_trait_stands_in_the_name_and_its_pairs_are_not_mixed_with_others() -> None:
    table = defended()
    figure = figures.pairs(table, by="surrogate_initialization")
    assert len(figure.axes) == 2 * 8
    assert "PGD on MobileNetV2, random, d1, blurred" in texts(figure)
    grid = figures.matrix(table, method="PGD").axes[0]
    assert len(grid.texts) == 4 * 8
    assert "random\nMobileNetV2\nblurred" in [t.get_text() for t in grid.get_xticklabels()]
    factors = figures.factors(table.query("method == 'PGD'"), title="t").axes[0]
    assert "MobileNetV2, random, d1, blurred" in [t.get_text() for t in factors.get_xticklabels()]


def test_a_trait_that_only_some_networks_have_is_a_name_too() -> None:
    plain = crossed().query("method == 'PGD'")
    table = pd.concat([plain.assign(target_sigma=""), plain.assign(target_sigma=1.5)])
    grid = figures.matrix(table, method="PGD").axes[0]
    assert len(grid.texts) == 4 * 8
    shown = texts(figures.factors(table, title="t"))
    assert "MobileNetV2, random, d1, sigma 1.5" in shown


def test_every_method_has_its_column() -> None:
    table = pd.concat([crossed(), crossed().query("method == 'PGD'").assign(method="Noise")])
    assert len(figures.pairs(table, by="surrogate_initialization").axes) == 3 * 4


def test_findings_show_each_label_before_and_after() -> None:
    names = ["Pleural_Thickening", "Effusion"]
    table = pd.DataFrame(
        {
            "label": names * 2,
            "relation": ["same architecture"] * 2 + ["white box"] * 2,
            **{k: [0.9, 0.8] * 2 for k in ("clean_auc", "clean_auc_low", "clean_auc_high")},
            **{k: [0.5, 0.3] * 2 for k in ("auc", "auc_low", "auc_high")},
        }
    )
    shown = texts(figures.findings(table))
    for needed in ("Pleural Thickening", "clean", "same architecture", "white box", "chance"):
        assert needed in shown


def test_networks_show_each_set() -> None:
    table = pd.DataFrame(
        {
            "architecture": ["mobilenet_v2"] * 2,
            "initialization": ["random"] * 2,
            "data": ["d1", "d2/2"],
            **{k: [0.8, 0.7] for k in ("validation_auc", "validation_auc_low")},
            "validation_auc_high": [0.9, 0.8],
        }
    )
    figure = figures.networks(table)
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == ["d1", "d2/2"]
    assert "MobileNetV2, random" in texts(figure)


def test_networks_of_new_kinds_have_their_own_line() -> None:
    table = pd.DataFrame(
        {
            "architecture": ["mobilenet_v2", "mobilenet_v2", None],
            "initialization": ["random", "random", None],
            "data": ["d1"] * 3,
            "network": ["training", "hardened", "foreign"],
            "seed": [1, 2, 3],
            "epochs": [8, 9, 0],
            **{f"validation_auc{end}": [0.8, 0.7, 0.6] for end in ("", "_low", "_high")},
        }
    )
    shown = texts(figures.networks(table))
    for needed in ("MobileNetV2, random", "MobileNetV2, random, hardened", "foreign"):
        assert needed in shown


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_take_grey_and_colour(channels: int) -> None:
    images = np.zeros((3, 32, 32, channels), np.uint8)
    assert "a b" in texts(pictures.contact_sheet(images, ["a b", "c", "d"], columns=2))


def shown_as(row: dict[str, object], **changes: object) -> Figure:
    return pictures.example([{**row, **changes}], label="Pleural_Thickening", threshold=0.4)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [32, 512])
def test_an_example_says_what_the_target_calls(channels: int, side: int) -> None:
    row = {
        "title": "most changed of 9 flipped calls",
        "panels": {
            "clean": np.zeros((side, side, channels)),
            "attacked": np.zeros((side, side, channels)),
            "perturbation": np.full((side, side, channels), 0.01),
        },
        "probabilities": {"clean": 0.81, "attacked": 0.12},
        "truth": True,
    }
    figure = pictures.example(
        [row, {**row, "title": "drawn at random", "truth": False}],
        label="Pleural_Thickening",
        threshold=0.4,
    )
    shown = texts(figure)
    for needed in (
        "most changed of 9 flipped calls (with Pleural Thickening)",
        "drawn at random (without Pleural Thickening)",
        "0.81, called",
        "0.12, not called",
        "threshold, 0.40",
        "amplified 100 times",
    ):
        assert needed in shown
    pictured = [axis.images[0].get_array() for axis in figure.axes if axis.images]
    assert len(pictured) == 6
    assert pictured[2].max() == 1  # amplified to the whole range


@pytest.mark.parametrize(
    ("probability", "truth", "right", "filled"),
    [(0.4, True, True, True), (0.39, True, False, False), (0.7, False, False, True)],
)
def test_a_call_is_drawn_as_right_or_wrong_at_the_threshold(
    probability: float, truth: bool, right: bool, filled: bool
) -> None:
    row = {"title": "t", "panels": {"clean": np.zeros((32, 32, 1))}, "truth": truth}
    figure = shown_as({**row, "probabilities": {"clean": probability}})
    (dot,) = figure.axes[1].lines
    assert dot.get_color() == (style.RIGHT if right else style.WRONG)
    assert (dot.get_markerfacecolor() == dot.get_color()) is filled


def test_a_probability_just_below_the_threshold_is_not_written_as_the_threshold() -> None:
    row = {"title": "t", "panels": {"clean": np.zeros((32, 32, 1))}, "truth": True}
    shown = texts(shown_as({**row, "probabilities": {"clean": 0.3991}}))
    assert "0.399, not called" in shown and "threshold, 0.400" in shown


def test_no_words_of_an_example_lie_on_each_other() -> None:
    row = {
        "title": "most changed of 1,234 flipped calls",
        "panels": dict.fromkeys(
            ("clean", "attacked", "attacked, 8 bits", "control noise", "perturbation"),
            np.ones((48, 48, 3)),
        ),
        "probabilities": {"clean": 1.0, "attacked": 0.0},
        "truth": True,
    }
    figure = shown_as(row)
    figure.canvas.draw()
    (legend,) = figure.legends
    drawn = [*legend.get_texts(), legend.get_title(), *(part._suptitle for part in figure.subfigs)]
    drawn += [text for axis in figure.axes for text in (axis.title, *axis.texts)]
    boxes = [(text.get_text(), text.get_window_extent()) for text in drawn if text.get_text()]
    assert len(boxes) > 10
    for number, (words, box) in enumerate(boxes):
        assert not [other for other, where in boxes[:number] if box.overlaps(where)], words


def test_saved_beside_its_numbers_and_the_same_bytes_again() -> None:
    table = crossed()
    for _ in range(2):
        style.save(
            figures.matrix(table, method="PGD"),
            table,
            name="m",
            profile="smoke",
            source="phantom_x",
        )
        files = {p.suffix: p.read_bytes() for p in paths.rendered("smoke").iterdir()}
        assert set(files) == {".png", ".pdf", ".csv"}
        first = locals().get("first", files)
        assert files == first


@pytest.mark.parametrize(("source", "says"), [("phantom_x", True), ("/a/hospital.yaml", False)])
def test_a_phantom_is_called_a_phantom_on_its_figure(source: str, says: bool) -> None:
    table = crossed()
    figure = figures.matrix(table, method="PGD")
    style.save(figure, table, name="m", profile="smoke", source=source)
    assert ("no medical claim" in texts(figure)) is says
    assert ("hospital" in texts(figure)) is not says


def test_all_terms_of_one_figure_have_their_own_colour() -> None:
    for terms in (
        ("white box", "same architecture", "other architecture", "control"),
        STARTS,
        NETWORKS,
        ("d1", "d2", "d2/2"),
        ("imagenet", "random", "from a neighbour"),
        tuple(DOMAINS),
    ):
        found = style.colours(terms)
        assert list(found) == list(terms)
        assert len(set(found.values())) == len(terms)


def test_a_new_domain_has_the_colour_of_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    row = Domain(number=4, augmentation=(), colour="#117733")
    monkeypatch.setitem(DOMAINS, "dermatology", row)
    assert style.colours(["dermatology", "radiology"]) == {
        "dermatology": "#117733",
        "radiology": DOMAINS["radiology"].colour,
    }


def test_more_terms_than_shades_still_have_colours_and_marks() -> None:
    many = [f"term {number}" for number in range(20)]
    assert set(style.colours(many)) == set(style.marks(many)) == set(many)


def test_the_factor_matrix_orders_by_start_and_leaves_what_is_not_paired_empty() -> None:
    table = crossed().query("method == 'PGD'").iloc[1:]
    figure = figures.factors(table, title="Radiology")
    axis = figure.axes[0]
    names = [label.get_text() for label in axis.get_yticklabels()]
    assert names[0] == "EfficientNet-Lite0, pre-trained, d1"
    assert names[-1] == "MobileNetV2, random, d1"
    assert len(axis.texts) == 15


def test_claims_show_their_verdicts_and_units() -> None:
    row = {"claim": "C1", "says": "s", "value": 3.0, "low": 1.0, "high": 9.0, "null": 0.0}
    table = pd.DataFrame(
        [
            {**row, "domain": "radiology", "unit": "points", "verdict": "supported"},
            {**row, "domain": "all domains", "unit": "points", "verdict": "undecided"},
        ]
    )
    shown = texts(figures.claims(table))
    for needed in ("C1: s", "radiology", "all domains", "points", "supported", "undecided"):
        assert needed in shown


def test_gain_tells_domains_architectures_and_sizes_apart() -> None:
    rows = product(("radiology", "pathology"), NETWORKS, ("d1", "d1/10"))
    table = pd.DataFrame(rows, columns=["domain", "architecture", "data"])
    shown = texts(figures.gain(table.assign(gain=0.1, fall=0.2), title="rank correlation 0.60"))
    for needed in (
        "rank correlation 0.60",
        "radiology",
        "pathology",
        "MobileNetV2",
        "d1/10",
        "gain in AUC",
        "fall in AUC",
    ):
        assert needed in shown


def test_interaction_and_perceptibility_have_a_line_for_each_kind() -> None:
    rows = product(("radiology",), ("d1", "d2"), ("same architecture", "other architecture"))
    table = pd.DataFrame(rows, columns=["domain", "surrogate_data", "relation"])
    table = table.assign(percent=50.0, percent_low=40.0, percent_high=60.0)
    assert "same architecture" in texts(figures.interaction(table))
    seen = pd.DataFrame({"domain": ["radiology"] * 2, "epsilon": [0.01, 0.06]})
    shown = texts(figures.perceptibility(seen.assign(ssim=[0.99, 0.9], percent=[80, 20])))
    assert "SSIM" in shown and "0.06" in shown


def test_operating_points_name_every_finding_and_both_states() -> None:
    rows = [
        {"domain": domain, "label": label, "measure": measure, "images": images}
        for domain, label in (("radiology", "Pleural_Thickening"), ("pathology", "Tumour"))
        for measure in ("sensitivity", "specificity")
        for images in ("clean", "attacked")
    ]
    table = pd.DataFrame(rows).assign(value=0.7, low=0.6, high=0.8)
    figure = figures.operating(table)
    shown = texts(figure)
    for word in ("Pleural Thickening", "Tumour", "clean", "attacked, radiology", "specificity"):
        assert word in shown
