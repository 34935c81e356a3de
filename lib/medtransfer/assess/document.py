"""`assessment.json`: everything that the report says, in one document with a schema.

All shares are from 0 to 1. A number that could not be measured is null.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

from medtransfer.assess.calls import Kind
from medtransfer.assess.verdicts import Word

VERSION: Literal[1] = 1


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


Number = Annotated[float | None, BeforeValidator(_finite)]


class Part(BaseModel):
    """A part of the document; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Threshold(Part):
    """The threshold of one finding, in units of the outputs.

    Attributes:
        origin: "owner", or "calibration" where it was chosen on those images. Of one class of many
            the value is 0: the class above all others is the call.
    """

    finding: str
    value: Number
    origin: Literal["owner", "calibration"]


class SystemFacts(Part):
    """What was assessed; `path` is what is done to a file before the model."""

    name: str
    title: str
    sha256: str
    outputs: str
    one_of_many: bool
    thresholds: tuple[Threshold, ...]
    image_px: int
    channels: int
    path: str


class Sets(Part):
    """The images, and how many of them each side has."""

    title: str
    phantom: bool
    groups: str
    test_images: int
    test_groups: int
    calibration_images: int
    attacker_images: int
    development_images: int | None


class Clean(Part):
    """One finding without any attack, at the threshold; `declared` is the owner's AUC."""

    finding: str
    positives: int
    negatives: int
    auc: Number
    low: Number
    high: Number
    declared: Number
    sensitivity: Number
    specificity: Number


class Result(Part):
    """What a rung does to one finding at one budget.

    Attributes:
        kind: "misses", hidden findings, or "inventions".
        images, groups: with a correct call.
        share, low, high: of the correct calls that are changed, with its 95 % interval; the mean
            over surrogates.
        strongest: by the surrogate that the attacker would choose.
        noise: share that noise of the same size changes.
        p: one-sided, that the attack changes more than noise; not corrected.
        control: share of the calls of the attacker's own networks that it changes.
    """

    budget: int
    finding: str
    kind: Kind
    images: int
    groups: int
    share: Number
    low: Number
    high: Number
    strongest: Number
    noise: Number
    p: Number
    control: Number
    verdict: Word
    reason: str


class Overall(Part):
    """All findings together at one budget: share of all correct calls changed."""

    budget: int
    share: Number
    low: Number
    high: Number
    noise: Number
    verdict: Word


class Surrogate(Part):
    """A network of the attacker: its name, key in the store, and AUC on validation images."""

    name: str
    key: str
    auc: Number


class RungFacts(Part):
    """A rung: what it takes to know, what was tried, and what came of it.

    Attributes:
        chosen: place of the surrogate that the attacker would choose, by what its attacks do to the
            others.
        smallest: grey levels of the smallest budget that is vulnerable, counted down from the
            headline without a gap; None where there is none.
        worst: finding and kind of which most correct calls are changed at the headline budget.
        training_seconds, crafting_seconds: spent by the attacker.
        queries: how many images the attacker asks the system about.
    """

    number: int
    identifier: str
    name: str
    who: str
    knows: str
    owasp: str
    nist: str
    atlas: tuple[str, ...]
    verdict: Word
    reason: str
    method: str
    surrogates: tuple[Surrogate, ...]
    chosen: int
    smallest: int | None
    worst: str
    overall: tuple[Overall, ...]
    results: tuple[Result, ...]
    training_seconds: Number
    crafting_seconds: Number
    queries: int = 0


class Contrast(Part):
    """How much more correct calls are changed with some knowledge than without it."""

    knowledge: str
    having: str
    without: str
    value: Number
    low: Number
    high: Number
    p: Number


class Example(Part):
    """A picture of an image whose correct call an attack turns.

    Attributes:
        file: clean, attacked as delivered, and the difference at full contrast, side by side.
        chosen: "worst", the one that the attack moves furthest, or "drawn at random".
        before, after, limit: outputs for the finding, and from where on it is called.
    """

    file: str
    chosen: str
    rung: str
    finding: str
    kind: Kind
    image: str
    before: Number
    after: Number
    limit: Number


class Tool(Part):
    """What made the assessment, where and when."""

    version: str
    revision: str
    date: str
    host: str
    python: str
    versions: dict[str, str]
    command: str


class Tester(Part):
    """What only people can say, as the target file says it."""

    name: str = ""
    independence: str = ""
    expertise: str = ""


class Assessment(Part):
    """One assessment of one model.

    Attributes:
        headline: grey levels of the budget of the first page.
        least: the smallest share worth naming.
        notes, warnings: what a reader must know beside the numbers; what the check warned of.
        goal: the finding that attackers wanted turned; "": whatever turned.
    """

    schema_version: Literal[1] = VERSION
    tool: Tool
    tester: Tester
    system: SystemFacts
    images: Sets
    clean: tuple[Clean, ...]
    budgets: tuple[int, ...]
    headline: int
    least: float
    methods: dict[str, dict[str, float]]
    resamples: int
    target_calls: int
    seconds: float
    rungs: tuple[RungFacts, ...]
    contrasts: tuple[Contrast, ...]
    examples: tuple[Example, ...] = ()
    notes: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    goal: str = ""
