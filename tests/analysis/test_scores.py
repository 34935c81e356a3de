"""What stored cells score, and which targets see without an attack."""

import numpy as np
import pytest

from medtransfer.analysis import scores

LABELS = np.arange(40)[:, None] % 2


@pytest.mark.parametrize(
    ("clean", "said", "at_chance"),
    [(1.0, "1.00 (1.00 to 1.00)", False), (0.0, "0.50 (0.50 to 0.50)", True)],
)
def test_every_kind_of_target_says_what_it_reaches(toy, publish_answers, clean, said, at_chance):
    own = {"development": toy.development()}
    changes = [{"seed": 1}, {"seed": 2}, {"architecture": "tiny_wide"}]
    cells = [toy.cell(target=toy.training(**own, **change)) for change in changes]
    for cell in cells:
        publish_answers(cell, labels=LABELS, clean=clean * LABELS, attacked=0.0 * LABELS)
    several, one = scores.reached(cells, resamples=20)
    assert (several.trainings, one.trainings) == (2, 1)
    for each in (several, one):
        assert (each.said, each.at_chance) == (said, at_chance)


def test_a_cell_scores_before_and_after(toy, publish_answers):
    cell = toy.cell()
    publish_answers(cell, labels=LABELS, clean=1.0 * LABELS, attacked=-1.0 * LABELS)
    found = scores.scores(cell, 20)
    assert (found.clean, found.attacked) == (1, 0)
    assert found.clean_draws.shape == found.attacked_draws.shape == (20,)
