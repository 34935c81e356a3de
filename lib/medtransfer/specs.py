"""Frozen specs: they hold science and nothing else, and say what should exist.

A spec's key names where the store keeps its result. Device, paths, numbers of workers and scoring
batch sizes never enter a spec. A field that has a default was added after the first release: while
it is at its default it stays out of the key, so that old results stay valid. A default therefore
never changes.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

SCHEMA = 2
SCALARS = (str, int, float, bool, type(None))


@dataclass(frozen=True, kw_only=True, eq=False)
class Spec:
    """A frozen description of something that the study needs.

    Raises:
        TypeError: a field is not a str, int, float, bool, None, spec, or a tuple of these.
    """

    _known: ClassVar[dict[str, Any]]
    replicated: ClassVar[tuple[str, ...]] = ()
    """The fields in which replicates differ."""

    def __post_init__(self) -> None:
        for name, value in self.fields():
            self._check(name, value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Spec) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def fields(self) -> Iterator[tuple[str, Any]]:
        """Yield the name and value of every field."""
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

    @classmethod
    def _defaults(cls) -> dict[str, Any]:
        """Return the fields with their defaults, MISSING where there is none; looked up once."""
        if "_known" not in cls.__dict__:
            cls._known = {field.name: field.default for field in dataclasses.fields(cls)}
        return cls._known

    @cached_property
    def key(self) -> str:
        """The sha256 (hex) of the canonical JSON, in which a nested spec stands as its own key."""
        return _digest(type(self), self._tree(nested=_key))

    @cached_property
    def kind(self) -> str:
        """What replicates of this spec share: the key of all but the fields `replicated`."""
        tree = self._tree(nested=_kind)
        return _digest(type(self), {n: v for n, v in tree.items() if n not in self.replicated})

    @cached_property
    def description(self) -> dict[str, Any]:
        """The whole spec as nested JSON values: what `spec.json` holds and a person reads."""
        return {"kind": type(self).__name__, **self._tree(nested=_description)}

    def _tree(self, *, nested: Any) -> dict[str, Any]:
        defaults = self._defaults()
        same = {n for n, v in self.fields() if type(v) is type(defaults[n]) and v == defaults[n]}
        return {n: _plain(v, nested) for n, v in self.fields() if n not in same}

    def upstream(self) -> Iterator[Spec]:
        """Yield every spec nested directly in this one."""
        for _, value in self.fields():
            for item in value if isinstance(value, tuple) else (value,):
                if isinstance(item, Spec):
                    yield item


@dataclass(frozen=True, kw_only=True, eq=False)
class Result(Spec):
    """A spec whose result the store keeps: it says who makes it, and with which others."""

    @property
    def batch(self) -> Hashable:
        """What is equal for results that are made together, in one unit of work."""
        return self

    @classmethod
    def make(cls, specs: Sequence[Self]) -> None:
        """Make and publish the results of one batch; what they need is in the store."""
        raise NotImplementedError(f"nothing computes a {cls.__name__}")

    @property
    def title(self) -> str:
        """What is computed, in a few words for people."""
        return f"{type(self).__name__} {self.key[:12]}"

    @property
    def effort(self) -> str:
        """A label shared by results that take about equally long."""
        return type(self).__name__


def _digest(kind: type[Spec], fields: dict[str, Any]) -> str:
    text = json.dumps(
        {"schema": SCHEMA, "kind": kind.__name__, "fields": fields},
        sort_keys=True,
        separators=(",", ":"),
        allow_nan=False,
    )
    return hashlib.sha256(text.encode()).hexdigest()


def _key(spec: Spec) -> Any:
    return {"key": spec.key}


def _kind(spec: Spec) -> Any:
    return {"kind": spec.kind}


def _description(spec: Spec) -> Any:
    return spec.description


def _plain(value: Any, nested: Any) -> Any:
    if isinstance(value, Spec):
        return nested(value)
    if isinstance(value, tuple):
        return [_plain(item, nested) for item in value]
    return value
