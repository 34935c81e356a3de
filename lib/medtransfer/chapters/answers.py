"""The answer of a chapter: a sentence that can be read alone, and a small table of its numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from medtransfer.errors import UsageError

Said = Callable[[], str]


def or_why(sentence: Said) -> str:
    """Return a sentence, or why this profile gives none."""
    try:
        return sentence()
    except UsageError as why:
        return f"Nothing can be said here: {why}."


def table(head: str, rows: Mapping[str, Said], *, value: str = "left of the clean AUC") -> str:
    """Return numbers as a table (Markdown); below it, why some rows are missing.

    Args:
        head: what all rows share.
        rows: what a number is of -> the number in words.
        value: what the numbers are.
    """
    found, missing = [f"| {head} | {value} |", "|:---|:---|"], dict[str, None]()
    for name, number in rows.items():
        try:
            found.append(f"| {name} | {number()} |")
        except UsageError as why:
            missing[f"Nothing can be said here: {why}."] = None
    return "\n\n".join(["\n".join(found)] * (len(found) > 2) + [*missing])
