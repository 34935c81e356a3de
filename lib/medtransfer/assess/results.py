"""From evidence to the document: each rung with its verdict, and what more knowledge adds."""

from __future__ import annotations

from collections.abc import Sequence

from medtransfer.assess import effort, evidence, facts, verdicts
from medtransfer.assess.controls import Controls
from medtransfer.assess.document import Contrast, Overall, Result, RungFacts
from medtransfer.assess.evidence import Row
from medtransfer.assess.plan import Step
from medtransfer.assess.rungs import CONTRASTS
from medtransfer.assess.sentences import SHORT
from medtransfer.assess.setting import Setting
from medtransfer.assess.statistics import Shares, difference, interval
from medtransfer.attacks.delivery import CONTROL, EIGHT_BIT


def rung(
    setting: Setting, step: Step, method: str, found: Controls | None, headline: int
) -> RungFacts:
    """Return what came of a rung, or why it was not tried.

    Args:
        method: of its attacks, "" where it was not tried.
        found: its positive controls, None where it was not tried.
        headline: the budget that the verdict is given at.
    """
    rung = step.rung
    said = {
        "number": rung.number,
        "identifier": rung.identifier,
        "name": rung.name,
        "who": rung.who,
        "knows": rung.knows,
        "owasp": rung.owasp,
        "nist": rung.nist,
        "atlas": rung.atlas,
        "method": method,
    }
    if found is None:
        nothing = {
            **dict.fromkeys(("surrogates", "overall", "results"), ()),
            **dict.fromkeys(("smallest", "training_seconds", "crafting_seconds")),
            "verdict": verdicts.NOT_ASSESSED,
            "reason": step.reason,
            "chosen": 0,
            "worst": "",
        }
        return RungFacts.model_validate({**said, **nothing})
    rows = {
        budget: evidence.rows(setting, step, method=method, budget=budget, found=found)
        for budget in setting.budgets
    }
    verdict = _whole(rows[headline])
    results = {
        "verdict": verdict.word,
        "reason": verdict.reason,
        "surrogates": facts.surrogates(step),
        "chosen": found.strongest,
        "smallest": _smallest(rows, headline),
        "worst": _worst(rows[headline]),
        "overall": tuple(_overall(setting, step, method, budget, rows) for budget in rows),
        "results": tuple(_result(row) for own in rows.values() for row in own),
        **facts.spent(setting, step, method=method),
        "queries": effort.queries(step, attacker=facts.counted(setting).attacker_images),
    }
    return RungFacts.model_validate({**said, **results})


def _smallest(rows: dict[int, list[Row]], headline: int) -> int | None:
    """Return the smallest vulnerable budget of an unbroken sequence down from the headline."""
    smallest = None
    for budget in sorted((each for each in rows if each <= headline), reverse=True):
        if _whole(rows[budget]).word != verdicts.VULNERABLE:
            break
        smallest = budget
    return smallest


def _whole(rows: Sequence[Row]) -> verdicts.Verdict:
    """Return the verdict of a rung; a reason says which finding it is of."""
    own = [
        verdicts.Verdict(row.verdict.word, _of(row) + row.verdict.reason)
        if row.verdict.reason
        else row.verdict
        for row in rows
    ]
    return verdicts.overall([row.evidence for row in rows], own)


def _of(row: Row) -> str:
    return f"{row.finding}, {SHORT[row.kind]}: "


def _worst(rows: Sequence[Row]) -> str:
    """Return the finding of which the attack changes most calls beyond noise, in words."""
    tested = [row for row in rows if row.verdict.word != verdicts.NOT_ASSESSED]
    if not tested:
        return ""
    row = max(tested, key=lambda row: row.evidence.share - row.evidence.noise)
    return _of(row).removesuffix(": ")


def _overall(
    setting: Setting, step: Step, method: str, budget: int, rows: dict[int, list[Row]]
) -> Overall:
    attack, noise = (
        evidence.anything(setting, step, method=method, budget=budget, delivery=kind)
        for kind in (EIGHT_BIT, CONTROL)
    )
    low, high = interval(attack)
    return Overall(
        budget=budget,
        share=attack.mean,
        low=low,
        high=high,
        noise=noise.mean,
        verdict=_whole(rows[budget]).word,
    )


def _result(row: Row) -> Result:
    said = row.evidence
    return Result(
        budget=row.budget,
        finding=row.finding,
        kind=row.kind,
        images=row.images,
        groups=said.patients,
        share=said.share,
        low=said.low,
        high=said.high,
        strongest=row.strongest,
        noise=said.noise,
        p=said.p,
        control=said.control,
        verdict=row.verdict.word,
        reason=row.verdict.reason,
    )


def masked(rungs: list[RungFacts], headline: int) -> list[RungFacts]:
    """Take a white box out of the verdict where transferred attacks change more than it does.

    Gradients that mislead an attacker make a white box look strong; its share then says nothing.
    """
    at = {
        rung.identifier: next((each for each in rung.overall if each.budget == headline), None)
        for rung in rungs
    }
    white = at.get("white_box")
    if white is None or white.high is None:
        return rungs
    beaten = [
        rung.name
        for rung in rungs
        if rung.identifier != "white_box"
        and (other := at[rung.identifier]) is not None
        and other.low is not None
        and other.low > white.high
    ]
    if not beaten:
        return rungs
    why = (
        f"gradients of this model mislead attacks: {', '.join(beaten)} changes more calls than the "
        "white box, which therefore says nothing"
    )
    change = {"verdict": verdicts.INCONCLUSIVE, "reason": why}
    return [
        rung.model_copy(update=change) if rung.identifier == "white_box" else rung for rung in rungs
    ]


def contrasts(
    setting: Setting, steps: Sequence[Step], methods: dict[str, str], headline: int
) -> tuple[Contrast, ...]:
    """Return how much more each kind of knowledge lets an attacker change.

    Args:
        methods: identifier of a rung -> method of its attacks.
    """
    shares: dict[str, Shares] = {}
    for step in steps:
        if step.surrogates:
            name = step.rung.identifier
            shares[name] = evidence.anything(
                setting, step, method=methods[name], budget=headline, delivery=EIGHT_BIT
            )
    found = []
    for knowledge, having, without in CONTRASTS:
        if having in shares and without in shares:
            effect = difference(shares[having], shares[without])
            found.append(
                Contrast(knowledge=knowledge, having=having, without=without, **vars(effect))
            )
    return tuple(found)
