"""The nouns of the study: frozen specs that hold science and nothing else.

A spec says what should exist; its key names where the store keeps it. Device, paths, numbers of
workers and scoring batch sizes never enter a spec. A field that has a default was added after the
first release: while it is at its default it stays out of the key, so that old results stay valid.
A default therefore never changes.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

SCHEMA = 1
SCALARS = (str, int, float, bool, type(None))

IMAGENET, RANDOM = "imagenet", "random"
FLOAT, EIGHT_BIT, CONTROL = "float", "8-bit", "control"


@dataclass(frozen=True, kw_only=True, eq=False)
class Spec:
    """A frozen description of something that the study needs.

    Raises:
        TypeError: a field is not a str, int, float, bool, None, spec, or a tuple of these.
    """

    _known: ClassVar[dict[str, Any]]

    def __post_init__(self) -> None:
        for name, value in self._fields():
            self._check(name, value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Spec) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def _fields(self) -> Iterator[tuple[str, Any]]:
        for name in self._defaults():
            yield name, getattr(self, name)

    def _check(self, name: str, value: object) -> None:
        if isinstance(value, tuple):
            for item in value:
                self._check(name, item)
        elif not isinstance(value, (Spec, *SCALARS)):
            raise TypeError(
                f"{type(self).__name__}.{name} is a {type(value).__name__}; allowed are str, int, "
                "float, bool, None, another spec, or a tuple of these"
            )

    def _at_default(self, name: str, value: object) -> bool:
        return self._defaults()[name] == value

    @classmethod
    def _defaults(cls) -> dict[str, Any]:
        """Return the fields with their defaults, MISSING where there is none; looked up once."""
        if "_known" not in cls.__dict__:
            cls._known = {field.name: field.default for field in dataclasses.fields(cls)}
        return cls._known

    @cached_property
    def key(self) -> str:
        """The sha256 (hex) of the canonical JSON, in which a nested spec stands as its own key."""
        text = json.dumps(
            {"schema": SCHEMA, "kind": type(self).__name__, "fields": self._tree(nested=_key)},
            sort_keys=True,
            separators=(",", ":"),
            allow_nan=False,
        )
        return hashlib.sha256(text.encode()).hexdigest()

    @cached_property
    def description(self) -> dict[str, Any]:
        """The whole spec as nested JSON values: what `spec.json` holds and a person reads."""
        return {"kind": type(self).__name__, **self._tree(nested=_description)}

    def _tree(self, *, nested: Any) -> dict[str, Any]:
        return {n: _plain(v, nested) for n, v in self._fields() if not self._at_default(n, v)}

    def upstream(self) -> Iterator[Spec]:
        """Yield every spec nested directly in this one."""
        for _, value in self._fields():
            for item in value if isinstance(value, tuple) else (value,):
                if isinstance(item, Spec):
                    yield item


def _key(spec: Spec) -> Any:
    return {"key": spec.key}


def _description(spec: Spec) -> Any:
    return spec.description


def _plain(value: Any, nested: Any) -> Any:
    if isinstance(value, Spec):
        return nested(value)
    if isinstance(value, tuple):
        return [_plain(item, nested) for item in value]
    return value


@dataclass(frozen=True, kw_only=True, eq=False)
class Source(Spec):
    """A set of images with labels and groups, stored as one uint8 array and an index.

    Attributes:
        manifest: name of the manifest that states its facts.
        domain: "ophthalmology", "radiology" or "pathology".
        content: sha256 of what the images are made from (drawing code), or of what was read.
        image_px: side of the square images, in pixels.
        channels: 1 (grey) or 3 (RGB).
        labels: names of the outputs, in order.
    """

    manifest: str
    domain: str
    content: str
    image_px: int
    channels: int
    labels: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class PhantomSource(Source):
    """Images drawn by code: `groups` patients or slides of the phantom `drawing`, from `seed`."""

    drawing: str
    groups: int
    seed: int


@dataclass(frozen=True, kw_only=True, eq=False)
class FileSource(Source):
    """Images read from files; `content` covers their index and every pixel."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Development(Spec):
    """A development set of the paper: "d1", "d1/10", "d2" or "d2/2" (protocol: development sets).

    The shares divide groups, not images: `test_share` of all, `validation_share` of each half.
    """

    source: Source
    name: str
    seed: int
    test_share: float
    validation_share: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Network(Spec):
    """A network of the study, surrogate or target.

    Attributes:
        development: the images that it was made with.
        architecture: an entry of `models.architectures`.
        initialization: "imagenet" or "random".
        weights: sha256 of the ImageNet weights that it began with, or "".
        seed: tells networks apart that are otherwise alike, and draws what a training draws.
    """

    development: Development
    architecture: str
    initialization: str
    weights: str
    seed: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Training(Network):
    """A network that is trained here."""

    augmentation: tuple[str, ...]
    epochs: int
    batch_size: int
    learning_rate: float
    head_learning_rate: float
    weight_decay: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Imported(Network):
    """A network that others trained; `weights` is the sha256 of their file."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Attack(Spec):
    """Adversarial images crafted on `surrogate`, for its "test" or "validation" images.

    `epsilon` and `step_size` are in units of the image range [-1, 1].
    """

    surrogate: Network
    method: str
    epsilon: float
    step_size: float
    steps: int
    images: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Cell(Spec):
    """What `target` answers to an attack: the unit of every table of the study.

    `delivery` says what reaches the target: the "float" image as crafted, the "8-bit" image that a
    file can hold, or the "control" image with the same perturbation shuffled.
    """

    attack: Attack
    target: Network
    delivery: str


@dataclass(frozen=True, kw_only=True, eq=False)
class EpsilonChoice(Spec):
    """The epsilon chosen from cells on validation images (see `evaluation.choice`).

    It is the smallest epsilon that leaves, in the mean over the cells' pairs, at most the share
    `remaining` of the clean AUC, while control noise leaves at least the share `harmless`.
    """

    cells: tuple[Cell, ...]
    remaining: float
    harmless: float
