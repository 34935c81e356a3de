"""What a target file says: the facts of one model that somebody brings. A YAML file each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from medtransfer.data import manifests
from medtransfer.data.files import Sha256, Strict
from medtransfer.data.schema import Name
from medtransfer.errors import ManifestError
from medtransfer.networks.contract import JPEG, RESIZE, Contract, Step

Side = Annotated[int, Field(ge=8, le=4096)]
Number = Annotated[float, Field(ge=-1000, le=1000)]
Area = Annotated[float, Field(ge=0, le=1)]


class Input(Strict):
    """What the model takes: how an image, 0 to 255, becomes its numbers.

    Attributes:
        size: height and width, in px.
        channels: 1 for grey images, 3 for colours.
        layout: of a batch: "nchw" (channels before rows and columns) or "nhwc".
        colours: "rgb", or "bgr" where blue comes first.
        range: what the grey levels 0 and 255 become, before mean and std; they stay as they are.
        mean, std: one number for each channel, in units of `range`: subtracted, and divided by
            afterwards. Needed together.
        fit: how an image that is not as wide as high becomes so: black borders, the middle of it,
            or stretched.
        centre: the central share of the side that is kept (`crop_pct` of timm).
        interpolation: how images are resized.
    """

    size: tuple[Side, Side]
    channels: Literal[1, 3]
    layout: Literal["nchw", "nhwc"] = "nchw"
    colours: Literal["rgb", "bgr"] = "rgb"
    range: tuple[Number, Number] = (0.0, 255.0)
    mean: tuple[Number, ...] = ()
    std: tuple[Annotated[float, Field(gt=0)], ...] = ()
    fit: Literal["pad", "crop", "stretch"] = "pad"
    centre: Annotated[float, Field(gt=0, le=1)] = 1.0
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos", "box"] = "bilinear"

    @model_validator(mode="after")
    def _channels_agree(self) -> Input:
        for name in ("mean", "std"):
            if (number := len(getattr(self, name))) not in (0, self.channels):
                raise ValueError(f"{name}: {self.channels} numbers, one for each channel, or none")
            if not number and (self.mean or self.std):
                raise ValueError("mean and std: needed together, or leave both out")
        if self.range[0] >= self.range[1]:
            raise ValueError("range: what 0 and 255 become, the smaller first, such as [0, 1]")
        if self.channels == 1 and self.colours == "bgr":
            raise ValueError("colours: one channel has no order; leave it out")
        return self


class ChainStep(Strict):
    """One step of what the system does to a file before its model sees it; each has one field.

    Attributes:
        jpeg: saved as JPEG of this quality, and opened again.
        resize: resized to a square of this side, in px.
    """

    jpeg: Annotated[int, Field(ge=1, le=100)] | None = None
    resize: Side | None = None

    @model_validator(mode="after")
    def _is_one(self) -> ChainStep:
        if (self.jpeg is None) == (self.resize is None):
            raise ValueError("a step has one field: {jpeg: QUALITY} or {resize: PX}")
        return self

    @property
    def step(self) -> Step:
        """The step as the contract has it."""
        if self.jpeg is not None:
            return Step(name=JPEG, value=self.jpeg)
        assert self.resize is not None
        return Step(name=RESIZE, value=self.resize)


class Declared(Strict):
    """What its maker says of the model.

    Attributes:
        auc: label -> its AUC on clean images; the assessment stops when what is measured is below.
    """

    auc: dict[str, Area] = Field(default_factory=dict)


class Known(Strict):
    """What an attacker can know of the model: the public facts.

    Attributes:
        architecture: its name, here or in timm.
        initialization: what its training began with, such as imagenet or random.
        development: sources of the images that it was made with.
        askable: whether an attacker can ask it about images of theirs: by an interface, a
            demonstration, a device of their own.
    """

    architecture: str | None = None
    initialization: str | None = None
    development: tuple[str, ...] = ()
    askable: bool = True


class Tester(Strict):
    """Who tests: what only people can say, for the report.

    Attributes:
        name: of the people or the institution.
        independence: from those who made the system.
        expertise: what they know of such tests.
    """

    name: str = ""
    independence: str = ""
    expertise: str = ""


class Target(Strict):
    """A model to assess; paths are relative to the file that says this.

    Attributes:
        kind: `target`: a model of somebody.
        name: what commands and folders call it.
        title: what reports call it, with its version.
        model: a file `.onnx`; a folder that timm wrote (`config.json`, `model.safetensors`);
            `store:KEY`, a network of this project's store; `answers`, for a system that cannot be
            called; or `FILE.py:FUNCTION`, code that returns the model, with `trust_code: true`.
        sha256: of the model, as `medtransfer assess check` prints it; another file is refused.
        trust_code: whether the code of `FILE.py` may be run; nothing else runs any.
        outputs: what the model gives: logits, probabilities, or labels: calls, 0 or 1.
        head: "independent" (for each label a yes or no) or "one-of-many" (one class of all).
        labels: the names of its outputs, in order. They are matched by name with those of the
            images, each of which must be among them.
        thresholds: label -> the output at or above which it is called positive. What is left out is
            chosen on calibration images, and the report says so. One of many classes has none: the
            largest output is the call; of two, in probabilities, one may have a threshold.
        input: what it takes: needed, but a timm folder and a network of the store say it
            themselves. Of a system that cannot be called, size and channels are enough.
        chain: what the system does to a file before the model, step by step.
        declared: what its maker says of it.
        known: what an attacker can know of it.
        tester: who tests it; the report says so.
    """

    kind: Literal["target"]
    name: Name
    title: str
    model: Annotated[str, Field(min_length=1)]
    sha256: Sha256 | None = None
    trust_code: bool = False
    outputs: Literal["logits", "probabilities", "labels"]
    head: Literal["independent", "one-of-many"]
    labels: Annotated[tuple[str, ...], Field(min_length=1)]
    thresholds: dict[str, Number] = Field(default_factory=dict)
    input: Input | None = None
    chain: tuple[ChainStep, ...] = ()
    declared: Declared = Declared()
    known: Known = Known()
    tester: Tester = Tester()

    @model_validator(mode="after")
    def _labels_are_named(self) -> Target:
        if twice := sorted({name for name in self.labels if self.labels.count(name) > 1}):
            raise ValueError(f"labels: {', '.join(twice)}: every name may stand once")
        for field, given in (("thresholds", self.thresholds), ("declared.auc", self.declared.auc)):
            if unknown := [name for name in given if name not in self.labels]:
                raise ValueError(
                    f"{field}: {', '.join(unknown)}: not among labels, which are "
                    f"{', '.join(self.labels)}"
                )
        if self.head == "one-of-many" and len(self.labels) < 2:
            raise ValueError("head: one of many needs at least two labels; is independent meant?")
        return self

    @model_validator(mode="after")
    def _thresholds_fit(self) -> Target:
        if self.thresholds and self.outputs == "labels":
            raise ValueError("thresholds: a model whose outputs are labels has its own; leave out")
        of_two = len(self.labels) == 2 and self.outputs == "probabilities"
        if self.head == "one-of-many" and len(self.thresholds) > of_two:
            raise ValueError(
                "thresholds: of one of many, the largest output is the call; leave it out. Only of "
                "two classes in probabilities one may have a threshold"
            )
        outside = {n: v for n, v in self.thresholds.items() if not 0 < v <= 1}
        if self.outputs == "probabilities" and outside:
            raise ValueError(f"thresholds: {outside}: of probabilities, above 0 and at most 1")
        return self

    def contract(self, taken: Input) -> Contract:
        """Return how the model is asked, given what it takes."""
        return Contract(
            labels=self.labels,
            outputs=self.outputs,
            head=self.head,
            size=taken.size,
            channels=taken.channels,
            layout=taken.layout,
            colours=taken.colours,
            low=taken.range[0],
            high=taken.range[1],
            mean=taken.mean,
            std=taken.std,
            fit=taken.fit,
            centre=taken.centre,
            interpolation=taken.interpolation,
            chain=tuple(each.step for each in self.chain),
        )


def read(path: Path) -> Target:
    """Return what a target file says.

    Raises:
        ManifestError: it is missing, is not YAML, or breaks the schema; the message names the
            file, each wrong field, and what is allowed there.
    """
    content: Any = manifests.content(path)
    try:
        return Target.model_validate(content)
    except ValidationError as error:
        raise ManifestError(manifests.explain(path, error)) from None
