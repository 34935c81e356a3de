"""Figures: every one is drawn from a table alone, names its units and keeps its labels apart."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, pairwise, product
from pathlib import Path

import facts
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import verdict_rows
import yaml
from matplotlib.figure import Figure

from medtransfer import paths
from medtransfer.domains import DOMAINS, Domain
from medtransfer.report import figures, style
from medtransfer.report.figures import pictures

NETWORKS = ("efficientnet_lite0", "mobilenet_v2")
STARTS = ("imagenet", "random")
OTHER = "other architecture"


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


@pytest.fixture
def hospital(tmp_path: Path) -> str:
    """The manifest of somebody's own images."""
    path = tmp_path / "hospital.yaml"
    path.write_text(yaml.safe_dump(facts.folder_facts()))
    return str(path)


@pytest.fixture(autouse=True)
def close_all() -> object:
    yield
    plt.close("all")


def halves() -> pd.DataFrame:
    table = fabricated()
    return table[table["surrogate_initialization"] == table["target_initialization"]]


def test_sweep_names_units_and_every_line() -> None:
    shown = texts(figures.sweep(halves()))
    for needed in ("% of clean AUC", "epsilon", "grey levels of 255", "control noise", "white box"):
        assert needed in shown
    for needed in ("pre-trained", "random", "EfficientNet-Lite0", "MobileNetV2"):
        assert needed in shown
    assert "chosen" not in shown


def test_sweep_marks_the_epsilon_of_each_half() -> None:
    figure = figures.sweep(halves(), chosen={"imagenet": 0.02, "random": 0.04})
    for number, axis in enumerate(figure.axes[:4]):
        assert [text.get_text() for text in axis.texts] == ["chosen"]
        assert axis.texts[0].xy[0] == (0.02, 0.04)[number % 2]  # starts are the columns


def test_a_sweep_fits_whatever_is_left_and_no_label_lies_on_another() -> None:
    epsilons = (0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06)
    one = halves().query("epsilon == 0.02")
    table = pd.concat([one.assign(epsilon=epsilon) for epsilon in epsilons])
    table.loc[table["delivery"] == "control", ["percent", "percent_high"]] = (131.0, 900.0)
    figure = figures.sweep(table, chosen={"random": 0.06})
    figure.canvas.draw()
    low, high = figure.axes[0].get_ylim()
    assert low < 0 and 131 < high < 250, "lines fit, an impossible interval squeezes nothing"
    labels = [text for text in figure.axes[2].get_xticklabels() if text.get_text()]
    assert {"0.005", "0.06"} <= {text.get_text() for text in labels}
    boxes = [text.get_window_extent() for text in labels]
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))
    levels = [t.get_text() for t in figure.axes[0].child_axes[0].get_xticklabels()]
    assert levels[:2] == ["0.6", "1.3"]


def cells_of(figure: Figure) -> list[str]:
    """Return the numbers of a heat map."""
    shown = [text.get_text() for text in figure.axes[0].texts]
    return [text for text in shown if text.lstrip("-").isdecimal()]


def test_matrix_shows_the_number_of_every_pair() -> None:
    figure = figures.matrix(crossed(), method="PGD")
    assert cells_of(figure) == ["54"] * 16
    for needed in ("surrogates", "E: EfficientNet-Lite0", "M: MobileNetV2", "pre-trained, d1"):
        assert needed in texts(figure)
    assert "grey" not in texts(figure)


def test_a_matrix_has_no_number_of_targets_at_chance() -> None:
    table = crossed()
    blind = table["target_initialization"] == "random"
    figure = figures.matrix(table.assign(at_chance=blind), method="PGD")
    assert cells_of(figure) == ["54"] * 8
    dashes = [t for t in figure.axes[0].texts if not t.get_text().strip("-\N{EN DASH}")]
    assert len(dashes) == 8 and "targets at chance" in texts(figure)
    assert "does not compare" not in texts(figure)


def rungs() -> pd.DataFrame:
    return halves().query("relation != 'white box'")


def drawn(figure: Figure) -> int:
    """Return how many numbers the lines and dots of a figure show."""
    lines = [line for axis in figure.axes for line in axis.lines if line.get_marker() == "o"]
    places = [np.asarray(line.get_xydata(), float) for line in lines]
    return sum(int(np.isfinite(each).all(1).sum()) for each in places)


@pytest.mark.parametrize(
    ("draw", "table"),
    [
        (figures.sweep, halves),
        (lambda table: figures.pairs(table, by="surrogate_data"), crossed),
        (figures.order, rungs),
    ],
    ids=["sweep", "pairs", "order"],
)
def test_targets_at_chance_are_not_drawn_and_the_figure_says_so(
    draw: Callable[[pd.DataFrame], Figure], table: Callable[[], pd.DataFrame]
) -> None:
    rows = table()
    whole = drawn(draw(rows))
    assert drawn(draw(rows.assign(at_chance=True))) == 0
    rows = rows.assign(at_chance=rows["target_initialization"] == "random")
    figure = draw(rows)
    assert 0 < drawn(figure) < whole
    style.save(figure, rows, name="blind", profile="smoke", source="phantom_chest")
    assert "Targets at chance" in texts(figure)


def test_a_matrix_groups_by_start_and_data_and_says_what_is_grey() -> None:
    tenth = crossed().assign(target_data="d1/10", surrogate_data="d2")
    table = pd.concat([tenth, tenth.assign(target_data="d1/2"), crossed().iloc[1:]])
    figure = figures.matrix(table, method="FGSM")
    groups = [text.get_text() for text in figure.axes[0].texts if "d1" in text.get_text()]
    assert groups[:6] == [
        f"{start}\n{data}"
        for start in ("pre-trained", "random")
        for data in ("d1", "d1/2", "d1/10")
    ]
    assert len(cells_of(figure)) == 16 + 16 + 15
    assert "grey: pairs that the study does not compare" in texts(figure)


def test_numbers_of_a_heat_map_stand_out_from_their_cells() -> None:
    table = crossed().query("method == 'PGD'").assign(percent=np.linspace(0, 101, 16))
    axis = figures.matrix(table, method="PGD").axes[0]
    (image,) = axis.images
    numbers = [text for text in axis.texts if text.get_text().isdecimal()]
    assert len(numbers) == 16
    for text in numbers:
        percent = float(text.get_text())
        cell = luminance(image.cmap(image.norm(percent))[:3])
        number = 1.0 if text.get_color() == "white" else 0.0
        assert (max(cell, number) + 0.05) / (min(cell, number) + 0.05) > 4.4, percent  # WCAG: 4.5


def luminance(colour: tuple[float, ...]) -> float:
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def test_architectures_that_begin_alike_have_letters_of_their_own() -> None:
    table = crossed().replace("mobilenet_v2", "efficientnet_lite0_stride8")
    shown = texts(figures.matrix(table, method="PGD"))
    assert "E: EfficientNet-Lite0, E2: EfficientNet-Lite0/8" in shown


def test_pairs_have_one_mark_per_pair() -> None:
    table = crossed()
    figure = figures.pairs(table, by="surrogate_initialization")
    assert len(figure.axes) == 2 * 4  # methods by targets
    for axis in figure.axes:
        assert len(axis.get_yticks()) == 4
    assert "pre-trained" in texts(figure)


def test_what_all_networks_have_in_common_is_said_once() -> None:
    table = crossed().query("target_initialization == 'random'")
    figure = figures.pairs(table, by="surrogate_initialization")
    assert "FGSM on MobileNetV2 " in f"{texts(figure)} "
    assert "all surrogates: d1; all targets: random, d1" in texts(figure)
    assert "MobileNetV2, random" in [t.get_text() for t in figure.axes[0].get_yticklabels()]


def defended() -> pd.DataFrame:
    """The same targets once more, with a defence that the surrogates do not have."""
    table = crossed()
    columns = {"target_network": "blurred", "target_sigma": 1.5}
    return pd.concat([table.assign(target_network="training"), table.assign(**columns)])


def test_a_new_trait_stands_in_the_name_and_its_pairs_are_not_mixed_with_others() -> None:
    table = defended()
    figure = figures.pairs(table, by="surrogate_initialization")
    assert len(figure.axes) == 2 * 8
    assert "PGD on MobileNetV2, random, blurred" in texts(figure)
    grid = figures.matrix(table, method="PGD")
    assert len(cells_of(grid)) == 4 * 8
    assert "random\nd1\nblurred" in texts(grid)


def test_a_trait_that_only_some_networks_have_is_a_name_too() -> None:
    plain = crossed().query("method == 'PGD'")
    table = pd.concat([plain.assign(target_sigma=""), plain.assign(target_sigma=1.5)])
    grid = figures.matrix(table, method="PGD")
    assert len(cells_of(grid)) == 4 * 8
    assert "random\nd1\nsigma 1.5" in texts(grid)


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
            source="phantom_chest",
        )
        files = {p.suffix: p.read_bytes() for p in paths.rendered("smoke").iterdir()}
        assert set(files) == {".png", ".pdf", ".csv"}
        first = locals().get("first", files)
        assert files == first


def test_claims_of_targets_at_chance_have_no_mark_and_no_say_in_the_axis() -> None:
    blind = {"value": 900.0, "low": 800.0, "high": 990.0, "verdict": "at chance"}
    rows = [verdict_rows.row("C1", "all pairs", "radiology", **blind)]
    (axis,) = figures.claims(pd.DataFrame(rows)).axes
    assert len(axis.lines) == 1 and axis.get_xlim() == (-1, 1), "the grey line alone"
    assert "at chance" in texts(axis.figure)
    nothing = {"value": -7e-15, "low": -7e-15, "high": -7e-15, "verdict": "no room"}
    rows.append(verdict_rows.row("C1", "other architecture", "radiology", **nothing))
    axis = figures.claims(pd.DataFrame(rows)).axes[0]
    assert axis.get_xlim() == pytest.approx((-1, 1))


@pytest.mark.parametrize(
    ("drawn", "own", "note"),
    [
        (["phantom_chest"], False, "phantom_chest: synthetic images, no medical claim"),
        ([], True, "t"),
        (["phantom_chest", "phantom_fundus"], True, "t; phantom_chest and phantom_fundus:"),
    ],
)
def test_phantoms_alone_are_called_phantoms_on_a_figure(
    drawn: list[str], own: bool, note: str, hospital: str
) -> None:
    table = crossed()
    figure = figures.matrix(table, method="PGD")
    sources = [*drawn, *([hospital] if own else [])]
    style.save(figure, table, name="m", profile="smoke", source=sources)
    assert note in texts(figure)
    assert ("no medical claim" in texts(figure)) is bool(drawn)


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
    row = Domain(number=6, augmentation=(), colour="#44AA99")
    monkeypatch.setitem(DOMAINS, "endoscopy", row)
    assert style.colours(["endoscopy", "radiology"]) == {
        "endoscopy": "#44AA99",
        "radiology": DOMAINS["radiology"].colour,
    }


def test_more_terms_than_shades_still_have_colours_and_marks() -> None:
    many = [f"term {number}" for number in range(20)]
    assert set(style.colours(many)) == set(style.marks(many)) == set(many)


CLAIM = {
    "claim": "C3",
    "says": "s",
    "domain": "radiology",
    "value": 3.0,
    "low": 1.0,
    "high": 9.0,
    "null": 0.0,
    "unit": "points of clean AUC",
}


def test_claims_show_parts_verdicts_and_units() -> None:
    table = pd.DataFrame(
        [
            {**CLAIM, "part": part, "domain": domain, "verdict": verdict}
            for part, verdict in (("random", "supported"), ("pre-trained", "no room"))
            for domain in ("radiology", "all domains")
        ]
    )
    figure = figures.claims(table)
    for needed in ("C3: s", "random", "pre-trained", "points", "supported", "no room"):
        assert needed in texts(figure)
    names = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert names == ["all domains", "radiology"]


def test_an_interval_that_decides_nothing_squeezes_no_other() -> None:
    wide = {**CLAIM, "low": -300.0, "high": 310.0, "domain": "pathology"}
    table = pd.DataFrame(
        [{**CLAIM, "verdict": "supported"}, {**wide, "verdict": "interval too wide"}]
    ).assign(part="random")
    (axis,) = figures.claims(table).axes
    assert axis.get_xlim()[1] < 20
    assert {"<", ">"} <= {line.get_marker() for line in axis.lines}, "it is seen to go on"


def test_claims_without_numbers_still_say_why() -> None:
    table = pd.DataFrame([{**CLAIM, "part": "random", "verdict": "one training"}])
    table[["value", "low", "high"]] = np.nan
    assert "one training" in texts(figures.claims(table))


def test_all_claims_fit_a_page_and_no_words_lie_on_each_other() -> None:
    parts = {"C1": ("all pairs", "other architecture"), "C2": ("",)}
    table = pd.DataFrame(
        [
            {**CLAIM, "claim": claim, "part": part, "domain": domain, "verdict": verdict}
            for claim in ("C1", "C2", "C3", "C4", "C5")
            for part in parts.get(claim, ("random", "pre-trained"))
            for domain, verdict in (
                *((name, "interval too wide") for name in [*DOMAINS][:3]),
                ("all domains", "too few points"),
            )
        ]
    )
    figure = figures.claims(table)
    width, height = figure.get_size_inches()
    assert width <= 8 and height <= 10.5
    figure.canvas.draw()
    words = [text for axis in figure.axes for text in (*axis.texts, *axis.get_yticklabels())]
    boxes = [text.get_window_extent() for text in words if text.get_text()]
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))
    assert max(box.x1 for box in boxes) <= width * figure.dpi


SIZES = ("d1", "d1/2", "d1/4", "d1/10")


@pytest.mark.parametrize("domains", [("radiology",), ("radiology", "pathology", "ophthalmology")])
@pytest.mark.parametrize("networks", [NETWORKS[:1], NETWORKS])
def test_gain_tells_domains_architectures_and_sizes_apart(
    domains: tuple[str, ...], networks: tuple[str, ...]
) -> None:
    rows = product(domains, networks, SIZES)
    table = pd.DataFrame(rows, columns=["domain", "architecture", "data"])
    table = table.assign(gain=0.1, fall=0.2)
    figure = figures.gain(table, measure="fall", label="fall in AUC", title="rank correlation 0.60")
    shown = texts(figure)
    for needed in ("rank correlation 0.60", *domains, "on d1/10", "gain in", "fall in AUC"):
        assert needed in shown
    own = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 1]
    assert len(own) == len(networks) * len(SIZES)
    assert len({line.get_markersize() for line in own}) == len(SIZES)


@pytest.mark.parametrize("relations", [("same architecture",), ("same architecture", OTHER)])
@pytest.mark.parametrize("starts", [("random",), STARTS])
def test_interaction_shows_both_halves_and_whatever_there_is(
    relations: tuple[str, ...], starts: tuple[str, ...]
) -> None:
    rows = product(("radiology",), starts, ("d1", "d2"), relations)
    names = ["domain", "target_initialization", "surrogate_data", "relation"]
    table = pd.DataFrame(rows, columns=names)
    table = table.assign(percent=50.0, percent_low=np.nan, percent_high=np.nan)
    figure = figures.interaction(table)
    assert len(figure.axes) == len(starts)
    assert (OTHER in texts(figure)) is (OTHER in relations)
    assert "radiology, random" in texts(figure)


def test_perceptibility_shows_attack_and_noise() -> None:
    seen = pd.DataFrame({"domain": ["radiology"] * 4, "epsilon": [0.01, 0.06] * 2})
    seen = seen.assign(delivery=["float"] * 2 + ["control"] * 2, ssim=[0.99, 0.9] * 2)
    seen = seen.assign(percent=[80, 20, 100, 99])
    shown = texts(figures.perceptibility(seen, chosen={"radiology": 0.01}))
    for needed in ("SSIM", "0.06", "control noise", "chosen epsilon"):
        assert needed in shown
    assert "chosen" not in texts(figures.perceptibility(seen))


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
