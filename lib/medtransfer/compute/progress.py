"""What a run is doing, in words: which work of which factor, and how long all of it may take."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tqdm import tqdm

from medtransfer.compute import durations
from medtransfer.specs import Result

EVERY = 20.0  # seconds after which the time left is estimated again
MINUTE, LESS = 60, "less than a minute"
FORMAT = "{desc}: {n_fmt} of {total_fmt} |{bar:16}| {elapsed}{postfix}"


@dataclass(frozen=True)
class Stage:
    """A part of a longer run.

    Attributes:
        name: what it does, such as "networks (1 of 3)".
        purpose: result -> what it is for, such as "pathology, initialization".
        later: what the parts after this one make, which counts for the time left.
    """

    name: str = "medtransfer"
    purpose: Mapping[Result, str] = field(default_factory=dict)
    later: Sequence[Result] = ()


class Bar:
    """A progress bar with the work that was done last and the time left for the whole run."""

    def __init__(self, stage: Stage, *, total: int) -> None:
        self._stage, self._asked, self._left = stage, -EVERY, ""
        self._bar = tqdm(total=total, desc=stage.name, smoothing=0, bar_format=FORMAT)

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def update(self) -> None:
        """Count one unit of work."""
        self._bar.update()

    def wait(self, titles: Sequence[str]) -> None:
        """Let the clock go on; before anything is done, say what is being made."""
        if titles and not self._bar.n:
            more = f" (+{len(titles) - 1})" if titles[1:] else ""
            self._bar.set_postfix_str(f"at work on {titles[0]}{more}", refresh=False)
        self._bar.refresh()

    def say(self, done: Result, title: str, *, missing: Iterable[Result], failed: int) -> None:
        """Say what was done last, and what is left.

        Args:
            done: the first result of the unit, `title` what people call it.
            missing: the results of this stage that are still to be made.
            failed: how many units failed.
        """
        now = time.monotonic()
        if now - self._asked >= EVERY:
            self._asked, self._left = now, self._estimate(missing)
        purpose = self._stage.purpose.get(done)
        said = [self._left, f"{failed} failed" if failed else "", title]
        self._bar.set_postfix_str(
            ", ".join(filter(None, said)) + (f", for {purpose}" if purpose else "")
        )

    def _estimate(self, missing: Iterable[Result]) -> str:
        known = durations.known()
        work = [*missing, *self._stage.later]
        counted = [spec for spec in work if spec.effort in known]
        if not counted:
            return ""
        seconds = durations.left(counted, known)
        if len(counted) == len(work):
            return f"about {in_words(seconds)} left" if seconds >= MINUTE else f"{LESS} left"
        return f"at least {in_words(seconds)} left" if seconds >= MINUTE else ""


def in_words(seconds: float) -> str:
    """Return "40 min" or "2 h 10 min"; at least a minute."""
    minutes = max(1, round(seconds / 60))
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours else f"{rest} min"
