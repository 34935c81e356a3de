"""From evidence to words: the headline, the smallest budget, masked gradients."""

from types import SimpleNamespace

import pytest

from medtransfer.assess import controls as positive
from medtransfer.assess import results, run, verdicts
from medtransfer.assess.controls import Controls
from medtransfer.assess.document import Overall, RungFacts
from medtransfer.assess.evidence import Row
from medtransfer.assess.plan import Step
from medtransfer.assess.rungs import RUNGS

BUDGETS = SimpleNamespace(budgets=(1, 2, 4, 8))


def controls(left, shaken):
    """What noise does to the attacker's own networks at each budget."""
    at = dict(zip(BUDGETS.budgets, zip(left, shaken, strict=True), strict=bool(left)))
    return Controls(
        method="PGD",
        strongest=0,
        siblings={},
        left={budget: value for budget, (value, _) in at.items()},
        shaken={budget: value for budget, (_, value) in at.items()},
    )


FINE, BAD = controls([1, 1, 1, 1], [0, 0, 0.01, 0.02]), controls([1, 1, 0.9, 0.8], [0, 0, 0.2, 0.4])


@pytest.mark.parametrize(
    ("found", "budget"),
    [
        ([FINE], 8),
        ([controls([1, 1, 0.98, 0.96], [0, 0, 0, 0])], 4),  # of the AUC
        ([controls([1, 1, 1, 1], [0, 0.04, 0.06, 0.2])], 2),  # of the calls
        ([FINE, BAD], 2),  # in the mean of both 4 leaves 95 %
        ([controls([0.5] * 4, [0.5] * 4)], 1),  # nothing is harmless
        ([], 8),  # nobody to harm
        ([controls([], [])], 8),  # a white box alone
    ],
)
def test_the_headline_is_the_largest_budget_that_is_harmless_as_noise(found, budget):
    assert positive.headline(BUDGETS, found) == budget


def row(word, *, share=0.3, noise=0.0, finding="Mass", reason=""):
    said = verdicts.Evidence(
        patients=50, share=share, low=share, high=share, noise=noise, p=0.5, control=0.5
    )
    return Row(
        budget=1,
        finding=finding,
        kind="misses",
        images=60,
        evidence=said,
        strongest=share,
        verdict=verdicts.Verdict(word, reason),
    )


@pytest.mark.parametrize(
    ("broken", "headline", "smallest"),
    [
        ([2, 4, 8], 8, 2),
        ([1, 2, 4, 8], 4, 1),
        ([1, 4, 8], 8, 4),  # 1 without 2 may be chance
        ([1, 2], 8, None),
        ([], 8, None),
    ],
)
def test_the_smallest_budget_is_counted_down_without_a_gap(broken, headline, smallest):
    words = {b: verdicts.VULNERABLE if b in broken else verdicts.NOT_SHOWN for b in BUDGETS.budgets}
    rows = {budget: [row(word)] for budget, word in words.items()}
    assert results._smallest(rows, headline) == smallest


def test_the_most_changed_finding_is_counted_beyond_noise():
    rows = [
        row(verdicts.VULNERABLE, share=0.5, noise=0.45, finding="Noisy"),
        row(verdicts.VULNERABLE, share=0.3, finding="Mass"),
        row(verdicts.NOT_ASSESSED, share=1.0, finding="Rare"),
    ]
    assert results._worst(rows) == "Mass, hidden"
    assert results._worst(rows[2:]) == ""


def test_the_reason_of_a_rung_says_of_which_finding_it_is():
    rows = [
        row(verdicts.NOT_SHOWN, finding="Nodule"),
        row(verdicts.INCONCLUSIVE, share=0.1, finding="Mass", reason="up to 14 %"),
        row(verdicts.INCONCLUSIVE, share=0.01, finding="Edema", reason="up to 6 %"),
    ]
    assert results._whole(rows) == verdicts.Verdict(
        verdicts.INCONCLUSIVE, "Mass, hidden: up to 14 %"
    )
    assert results._whole(rows[:1]).reason == ""


def facts(rung, low, high):
    whole = Overall(
        budget=4, share=(low + high) / 2, low=low, high=high, noise=0, verdict="vulnerable"
    )
    named = {n: getattr(rung, n) for n in ("number", "identifier", "name", "who", "knows", "owasp")}
    return RungFacts(
        **named,
        nist=rung.nist,
        atlas=rung.atlas,
        verdict="vulnerable",
        reason="",
        method="PGD",
        surrogates=(),
        chosen=0,
        smallest=1,
        worst="",
        overall=(whole,),
        results=(),
        training_seconds=0,
        crafting_seconds=0,
    )


def test_a_white_box_that_is_weaker_than_transfer_says_nothing():
    transfer, white = RUNGS[3], RUNGS[-1]
    masked = results.masked([facts(transfer, 0.5, 0.7), facts(white, 0.1, 0.3)], 4)
    assert [each.verdict for each in masked] == ["vulnerable", "inconclusive"]
    assert "mislead" in masked[1].reason
    overlapping = [facts(transfer, 0.2, 0.4), facts(white, 0.1, 0.3)]
    assert results.masked(overlapping, 4) == overlapping
    assert results.masked(overlapping[:1], 4) == overlapping[:1]


def test_a_rung_whose_public_weights_lack_is_left_out(toy):
    """The home of a test holds no weights; networks from random weights need none."""
    begun = toy.training(architecture="mobilenet_v2", initialization="imagenet")
    found = run._with_weights(Step(RUNGS[3], (begun,), (begun,)))
    assert not found.surrogates and "weights" in found.reason
    random = Step(RUNGS[3], (toy.training(),), (toy.training(),))
    assert run._with_weights(random) == random
