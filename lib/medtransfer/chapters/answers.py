"""The answer of a chapter: a sentence that makes sense on its own, and a small table of numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from medtransfer.errors import UsageError

Said = Callable[[], str]


def or_why(sentence: Said) -> str:
    """Return a sentence, or why this profile cannot give it."""
    try:
        return sentence()
    except UsageError as why:
        return f"Nothing can be said here: {why}."


def table(head: str, rows: Mapping[str, Said], *, value: str = "left of the clean AUC") -> str:
    """Return numbers as a table (Markdown); below it, why some rows are missing.

    Args:
        head: the head of the first column: what all rows share.
        rows: the name of a row -> a function that returns its number in words.
        value: the head of the second column: what the numbers are.
    """
    found, missing = [f"| {head} | {value} |", "|:---|:---|"], dict[str, None]()
    for name, number in rows.items():
        try:
            found.append(f"| {name} | {number()} |")
        except UsageError as why:
            missing[f"Nothing can be said here: {why}."] = None
    return "\n\n".join(["\n".join(found)] * (len(found) > 2) + [*missing])
