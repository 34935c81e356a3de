"""The claims of the paper: each compares what it names, and is signed as it says."""

import numpy as np
import pytest

from medtransfer.analysis import claims
from medtransfer.attacks.delivery import CONTROL
from medtransfer.networks.trained import IMAGENET
from medtransfer.study import plan
from medtransfer.study.builders import Study
from medtransfer.study.factors import FACTORS

pytestmark = pytest.mark.slow

EPSILON = 0.02
IMAGES = 40
LABELS = np.arange(IMAGES)[:, None] % 2
DOMAINS = ("ophthalmology", "pathology")


@pytest.fixture(scope="module")
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def published(profile, toy, publish_answers, rng):
    """Maker of two domains whose attacks take so many points of AUC by kind of cell."""

    def make(taken, *, replicates=2):
        settings = profile.model_copy(update={"replicates": replicates})
        study = Study(settings, {domain: toy.source(domain=domain) for domain in DOMAINS})
        studies = {
            domain: {
                name: [
                    cell
                    for cell in plan.cells(study, domain, name, epsilon=EPSILON)
                    if cell.attack.method.name == "PGD"
                ]
                for name in FACTORS
            }
            for domain in DOMAINS
        }
        cells = {c: None for factors in studies.values() for own in factors.values() for c in own}
        for cell in cells:
            clean, attacked = answers(1.0, rng), answers(1 - taken(cell) / 100, rng)
            publish_answers(cell, labels=LABELS, clean=clean, attacked=attacked)
        for network in plan.of_cells(cells):
            publish_answers(network, labels=LABELS, clean=answers(1.0, rng))
        return studies

    return make


def answers(auc, rng):
    """Logits with about this AUC: so many positives above all negatives, the others below."""
    above = rng.permutation(IMAGES // 2) < round(auc * IMAGES / 2)
    logits = np.zeros(IMAGES)
    logits[1::2] = np.where(above, 1, -1)
    return logits[:, None] + 0.001 * rng.normal(size=(IMAGES, 1))


def as_the_paper_says(cell):
    """Points of AUC that an attack takes if every claim holds."""
    (surrogate,), target = cell.attack.surrogates, cell.target
    if cell.delivery == CONTROL:
        return 0
    if {surrogate.initialization, target.initialization} != {IMAGENET}:
        return 5
    apart = surrogate.architecture != target.architecture
    return 80 - 30 * (surrogate.development.name != "d1") - 30 * apart


def never(cell):
    return 40


def test_claims_that_hold_are_supported(published):
    judged = claims.judge(published(as_the_paper_says), method="PGD", resamples=30)
    rows = judged.set_index(["claim", "domain"])
    for claim in ("C1", "C3", "C4", "C5"):
        assert rows.loc[(claim, claims.POOLED), "verdict"] == "supported", claim
    assert rows.loc[("C3", "pathology"), "value"] == pytest.approx(30, abs=3)
    assert rows.loc[("C4", "pathology"), "value"] == pytest.approx(30, abs=3)
    assert rows.loc[("C5", "pathology"), "value"] == pytest.approx(100, abs=1)
    assert set(judged["says"]) == set(claims.CLAIMS.values())


def test_claims_that_do_not_hold_are_not_supported(published):
    judged = claims.judge(published(never), method="PGD", resamples=30)
    assert "supported" not in set(judged["verdict"])
    harm = judged[(judged["claim"] == "C5")]
    assert set(harm["verdict"]) == {"not supported"}  # noise that takes 40 points is not harmless


def test_one_training_of_each_kind_decides_no_claim(published):
    studies = published(as_the_paper_says, replicates=1)
    judged = claims.judge(studies, method="PGD", resamples=30)
    assert set(judged["verdict"]) == {"undecided"}
    assert judged["p"].isna().all()


def test_gains_have_a_point_for_each_domain_size_and_architecture(published):
    points = claims.gains(published(as_the_paper_says), method="PGD")
    assert len(points) == 2 * 2 * 2
    assert set(points["data"]) == {"d1", "d1/10"}
    assert points["fall"].between(0.1, 0.6).all()
    assert (points["pairs"] == 2).all()
