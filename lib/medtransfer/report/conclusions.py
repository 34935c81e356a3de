"""Paragraphs of the synthesis, written from its tables: C2, phantoms, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from medtransfer.report import sentences, wording
from medtransfer.report.sentences import outcome

if TYPE_CHECKING:
    import pandas as pd

NOTHING = "there are too few targets on which an attack can be judged"


def within(correlations: pd.DataFrame) -> str:
    """Return what the points of C2 say, in the words of a figure's title.

    Args:
        correlations: of `analysis.claims.correlations`; the first measure is that of the claim.
    """
    rows = correlations.to_dict("records")
    return f"Within domains: {_correlation(rows[0]) if rows else NOTHING}"


def _correlation(row: Mapping[Any, Any]) -> str:
    p = wording.p_value(row["p"])
    interval = f"{row['value']:z.2f} ({row['low']:z.2f} to {row['high']:z.2f})"
    return f"rank correlation {interval}{f', {p}' if p else ''}"


def gain(correlations: pd.DataFrame, judged: pd.DataFrame) -> str:
    """Return in Markdown what the points of C2 show, whatever the verdict.

    Args:
        correlations: of `analysis.claims.correlations`.
        judged: the row of C2, if there is one.
    """
    said = [f"**{claim.sentence}**" for claim in sentences.told(judged)]
    if correlations.empty:
        return "\n\n".join([*said, f"No correlation is known: {NOTHING}."])
    first, *others = correlations.to_dict("records")
    said.append(
        f"{first['points']} points, one for each domain, architecture and size of the target's "
        "data for which an attack can be judged. Both the gain and the loss depend much on the "
        f"domain, so the claim is judged within domains. By the {first['measure']}: "
        f"{_correlation(first)} within domains, {first['overall']:z.2f} over all points, ignoring "
        "domains."
    )
    if others:
        by = "; ".join(f"{row['measure']}, {_correlation(row)}" for row in others)
        said.append(f"By other measures, which decide nothing and are not corrected: {by}.")
    said.append(
        "There is no obvious expectation. With fewer images, pre-training is worth more, which "
        "makes the points rise. But fewer images also make a target less like a surrogate that has "
        "seen other images, and a lower clean AUC leaves less to lose; both make them fall. The "
        "number is the net effect of all three."
    )
    return "\n\n".join(said)


def phantoms(sources: Mapping[str, str]) -> str:
    """Return in Markdown what phantoms can and cannot say; "" where there are none."""
    drawn = wording.phantoms(sources)
    if not drawn:
        return ""
    whose = (
        "All images here"
        if len(drawn) == len(sources)
        else f"The images of {wording.listed(drawn)}"
    )
    return (
        f"## What these phantoms can and cannot say\n\n{whose} are drawn by code: signs of known "
        "size and contrast on a simple background.\n\n"
        "- **They can** show that the method finds an effect where there is one, that its "
        "intervals are honest, and that every number can be reproduced.\n"
        "- **They cannot** say how large an effect is in a clinic, or which sign it has. How much "
        "transfers depends on the width and strength of the drawn signs; drawings and recipes were "
        "tuned on phantoms of other seeds until attacks transferred in part.\n"
        "- **So** learn here what to measure and how, then measure it on your own images."
    )


_ADVICE = {
    "C3": "*Do not rely on secret data alone.* Ask what an attacker without your images can do.",
    "C4": "*Nor on a secret architecture.* Ask the same about one who does not know your network.",
    "C1": "*Weigh what pre-training gains against what it gives away.* With a start that nobody "
    "else has, your network shares less with an attacker's.",
    "C2": "*Do not take the gain from pre-training as a measure of the risk.*",
    "C5": "*Test with attacks crafted on surrogates, not with noise.*",
}


def defence(judged: pd.DataFrame) -> str:
    """Return in Markdown what a defender should do, each with what this run found."""
    known = {claim.name: claim for claim in sentences.told(judged)}
    lines: list[str] = []
    for name, advice in _ADVICE.items():
        if name not in known:
            found = f"{name} was not judged: this study lacks the networks that it compares."
        else:
            found = f"{name}: {known[name].sentence} {known[name].exceptions}".rstrip()
        lines.append(f"{len(lines) + 1}. {advice} {found}")
    open_ = [row["verdict"] for row in judged.to_dict("records") if not outcome(row)]
    if open_:
        lines.append(
            f"\n{len(open_)} of {len(judged)} rows of the table could not be decided; each says "
            "why. More trainings of each kind narrow an interval, but do not help where an attack "
            "leaves no room."
        )
    return "\n".join(lines)
