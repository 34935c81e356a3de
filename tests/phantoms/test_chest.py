from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtransfer.phantoms import chest
from medtransfer.phantoms.parts.chest_body import LEFT, RESHAPE, RIGHT, draw_body

FINDINGS = chest.LABELS[1:]
whole = st.integers(min_value=0, max_value=2**40)


@cache
def film(*, findings=(), group=3, image_px=64, strength=1.0, seed=7):
    chosen = dict.fromkeys(findings, strength)
    return chest._render(seed=seed, group=group, index=0, image_px=image_px, findings=chosen)


def difference(first, second):
    return first.astype(int)[..., 0] - second.astype(int)[..., 0]


@pytest.fixture(scope="module")
def cohort():
    """Labels of the first two films of 2,000 patients, (2000, 2, 15)."""
    return np.array([[chest.labels(seed=1, group=g, index=i) for i in (0, 1)] for g in range(2000)])


# --- the images ---------------------------------------------------------------------------------


@pytest.mark.parametrize("image_px", [32, 64, 97])
def test_a_radiograph_is_a_grey_image_of_the_size_asked_for(image_px):
    image = chest.draw(seed=0, group=1, index=0, image_px=image_px)
    assert image.shape == (image_px, image_px, chest.CHANNELS)
    assert image.dtype == np.uint8
    assert image.min() < 40 and image.max() > 180  # air outside and dense abdomen


@pytest.mark.parametrize("image_px", [31, 0, -5])
def test_too_small_a_radiograph_is_refused_with_what_is_allowed(image_px):
    with pytest.raises(ValueError, match="image_px >= 32"):
        chest.draw(seed=0, group=0, index=0, image_px=image_px)


def test_equal_arguments_give_equal_images_in_any_order():
    keys = [(seed, group, index) for seed in (0, 5) for group in (0, 9) for index in (0, 1)]

    def images(order):
        return {
            k: chest.draw(seed=k[0], group=k[1], index=k[2], image_px=32).tobytes() for k in order
        }

    forth, back = images(keys), images(keys[::-1])
    assert forth == back
    assert len(set(forth.values())) == len(keys)


def test_the_global_generator_has_no_influence_and_is_left_alone():
    np.random.seed(1)
    first = chest.draw(seed=0, group=2, index=0, image_px=32)
    untouched = np.random.random()
    np.random.seed(1)
    assert untouched == np.random.random()
    assert np.array_equal(first, chest.draw(seed=0, group=2, index=0, image_px=32))


def test_anatomy_is_the_same_at_every_size():
    for group in range(4):
        small = chest.draw(seed=4, group=group, index=0, image_px=48)[..., 0].astype(float)
        large = chest.draw(seed=4, group=group, index=0, image_px=192)[..., 0].astype(float)
        large = large.reshape(48, 4, 48, 4).mean(axis=(1, 3))
        assert np.abs(small - large).mean() < 5
        assert np.corrcoef(small.ravel(), large.ravel())[0, 1] > 0.98


def test_films_of_a_patient_resemble_each_other_more_than_those_of_strangers():
    films = np.array(
        [
            [chest._render(seed=2, group=g, index=i, image_px=32, findings={}) for i in (0, 1)]
            for g in range(20)
        ]
    ).astype(float)
    own = np.abs(films[:, 0] - films[:, 1]).mean()
    other = np.abs(films[:, 0] - np.roll(films[:, 1], 1, axis=0)).mean()
    assert own < other


def test_lungs_are_darker_than_heart_and_abdomen_and_lighter_than_air():
    image = np.mean([film(group=g) for g in range(12)], axis=0)[..., 0]
    lung, heart, air = image[22:32, 14:20].mean(), image[38:42, 32:36].mean(), image[50:, :2].mean()
    abdomen = image[56:, 28:36].mean()
    assert air + 40 < lung < heart - 40
    assert lung < abdomen - 60


# --- the findings -------------------------------------------------------------------------------


@pytest.mark.parametrize("finding", FINDINGS)
def test_each_finding_changes_the_image_and_stronger_ones_change_it_more(finding):
    faint, plain = (
        [
            difference(film(findings=(finding,), group=g, strength=s), film(group=g))
            for g in range(3)
        ]
        for s in (0.4, 1.1)
    )
    assert 0.15 < np.abs(faint).mean() < np.abs(plain).mean() < 25


@pytest.mark.parametrize("finding", FINDINGS)
def test_a_finding_of_no_strength_leaves_the_chest_normal(finding):
    assert np.abs(difference(film(findings=(finding,), strength=0.0), film())).max() <= 1


def test_contrast_scales_what_is_drawn(monkeypatch):
    ill = next(g for g in range(99) if not chest.labels(seed=7, group=g, index=0)[0])
    monkeypatch.setattr(chest, "CONTRAST", 0.0)
    faint = chest.draw(seed=7, group=ill, index=0, image_px=64)
    assert np.abs(difference(faint, film(group=ill))).max() <= 1


@pytest.mark.parametrize(
    "finding",
    ["Edema", "Effusion", "Mass", "Consolidation", "Pleural_Thickening", "Nodule", "Pneumonia",
     "Infiltration"],
)  # fmt: skip
def test_opacities_make_the_film_brighter(finding):
    for group in range(4):
        assert difference(film(findings=(finding,), group=group), film(group=group)).mean() > 0.1


@pytest.mark.parametrize("finding", ["Emphysema", "Pneumothorax"])
def test_too_much_air_makes_the_film_darker(finding):
    for group in range(4):
        change = difference(film(findings=(finding,), group=group), film(group=group))
        assert np.percentile(change, 3) < -12


def test_a_large_heart_is_wider_than_half_the_chest_and_a_normal_one_is_not():
    for group in range(50):
        place, now = np.random.default_rng((group, 0)), np.random.default_rng((group, 1))
        body = draw_body(place=place, now=now)
        assert 0.35 < body.cardiothoracic_ratio < 0.56
        large = RESHAPE["Cardiomegaly"](body, 0.8, place)
        assert large.cardiothoracic_ratio > 0.55


def test_collapse_raises_the_diaphragm_and_overinflation_lowers_it():
    body = draw_body(place=np.random.default_rng(0), now=np.random.default_rng(1))
    raised = RESHAPE["Atelectasis"](body, 1.0, np.random.default_rng(2))
    low = RESHAPE["Emphysema"](body, 1.0, np.random.default_rng(2))
    assert min(raised.dome(s) - body.dome(s) for s in (LEFT, RIGHT)) < -0.03
    assert all(low.dome(s) > body.dome(s) for s in (LEFT, RIGHT))


def test_pneumothorax_is_darkest_on_the_side_that_the_heart_leaves():
    for group in range(4):
        change = difference(film(findings=("Pneumothorax",), group=group), film(group=group))
        rims = {RIGHT: change[8:30, 8:24], LEFT: change[8:30, 40:56]}
        side = min(rims, key=lambda s: np.percentile(rims[s], 5))
        body = draw_body(place=np.random.default_rng(0), now=np.random.default_rng(1))
        site = chest._site("Pneumothorax", 7, group)
        assert (RESHAPE["Pneumothorax"](body, 1.0, site).pull - body.pull) * side < 0


# --- the labels ---------------------------------------------------------------------------------


def test_labels_are_those_of_chest_xray14_in_the_order_of_the_study():
    assert len(chest.LABELS) == len(set(chest.LABELS)) == 15
    assert (chest.LABELS[0], chest.LABELS[1], chest.LABELS[14]) == (
        "No Finding",
        "Cardiomegaly",
        "Infiltration",
    )


@settings(deadline=None, max_examples=200)
@given(seed=whole, group=whole, index=st.integers(0, 7))
def test_no_finding_stands_exactly_when_nothing_else_does(seed, group, index):
    row = chest.labels(seed=seed, group=group, index=index)
    assert row.shape == (15,) and row.dtype == np.uint8
    assert set(row.tolist()) <= {0, 1}
    assert row[0] == (not row[1:].any())
    assert np.array_equal(row, chest.labels(seed=seed, group=group, index=index))


@settings(deadline=None, max_examples=50)
@given(seed=whole, group=whole)
def test_a_patient_has_one_to_eight_films(seed, group):
    films = chest.count(seed=seed, group=group)
    assert 1 <= films <= 8
    assert films == chest.count(seed=seed, group=group)


def test_patients_have_about_three_films():
    assert 2.8 < np.mean([chest.count(seed=0, group=g) for g in range(1000)]) < 3.3


def test_every_label_is_frequent_enough_to_be_tested_on_a_few_hundred_films(cohort):
    share = dict(zip(chest.LABELS, cohort.mean(axis=(0, 1)), strict=True))
    assert 0.38 < share.pop("No Finding") < 0.48
    for name, low, high in [
        ("Infiltration", 0.13, 0.19), ("Effusion", 0.12, 0.18), ("Atelectasis", 0.10, 0.16),
    ]:  # fmt: skip
        assert low < share.pop(name) < high
    assert all(0.045 < value < 0.115 for value in share.values()), share


def test_follow_up_labels_agree_more_than_those_of_two_patients(cohort):
    first, second = cohort[:, 0].astype(float), cohort[:, 1].astype(float)
    stranger = np.roll(second, 1, axis=0)
    for label in range(15):
        own = np.corrcoef(first[:, label], second[:, label])[0, 1]
        other = np.corrcoef(first[:, label], stranger[:, label])[0, 1]
        assert own > 0.15 > other, chest.LABELS[label]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Edema", "Cardiomegaly"), ("Edema", "Effusion"), ("Emphysema", "Pneumothorax"),
        ("Mass", "Nodule"), ("Consolidation", "Pneumonia"), ("Pneumonia", "Infiltration"),
        ("Atelectasis", "Effusion"), ("Fibrosis", "Pleural_Thickening"),
    ],
)  # fmt: skip
def test_findings_with_a_common_cause_occur_together(cohort, one, other):
    flat = cohort.reshape(-1, 15).astype(bool)
    a, b = flat[:, chest.LABELS.index(one)], flat[:, chest.LABELS.index(other)]
    assert b[a].mean() > 1.4 * b.mean()
