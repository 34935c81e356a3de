"""`docs/fields.md`: every field of manifests, profiles and target files, from their schemas.

`python -m medtransfer.docs` (`make docs`) writes it; a test compares.
"""

from __future__ import annotations

import inspect
import json
import re
import types
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from medtransfer import paths
from medtransfer.assess.target import Target
from medtransfer.data import readers
from medtransfer.data.files import Inside, Strict
from medtransfer.data.readers.patients import Pattern
from medtransfer.data.readers.tables import Encoding
from medtransfer.data.readers.values import Value
from medtransfer.data.schema import (
    DomainName,
    Drawing,
    FileManifest,
    ImageFacts,
    Manifest,
    PhantomManifest,
    Published,
)
from medtransfer.data.weights import ModelsManifest, WeightsManifest
from medtransfer.domains import DOMAINS
from medtransfer.phantoms import drawings
from medtransfer.study.schema import Profile, profile
from medtransfer.study.strength import UNIT, Epsilons

PAGE = paths.REPOSITORY / "docs" / "fields.md"
WORDS = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "`true` or `false`",
    type(None): "`null`",
}
BOUNDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
# What a check allows cannot be read from it.
CHECKED = (
    (DomainName, f"one of {', '.join(f'`{name}`' for name in DOMAINS)}"),
    (Drawing, f"one of {', '.join(f'`{name}`' for name in drawings())}"),
    (Inside, "a path inside the folder, without `..`"),
    (Pattern, "a regular expression"),
    (Encoding, "the name of an encoding of text"),
    (Epsilons, f"a list: number, {UNIT}"),
    (Value, "text, a number, `true` or `false`"),
)
BEGINNING = """# Fields of manifests, profiles and target files

Written by `make docs` from the schemas that read the files; do not edit it. A **manifest** states \
the facts of one source of images, a **profile** sets the size of a study, a **target file** \
describes a model of yours. All are YAML. A field that is not in these tables is refused; the \
message lists the allowed ones. To write your own: [own images](own_images.md), \
[own model](own_model.md).

"""
OF_PROFILE = """A profile of your own holds `name`, `extends` (a built-in profile, or the path of \
another file) and what differs. A part of a table changes only that part, `null` removes an \
entry, and `sources` are replaced as a whole. Everything else is as in the profile that it \
extends.
"""


def page() -> str:
    """Return the page in Markdown."""
    kinds = readers.manifests()
    published = [kind for kind in kinds if issubclass(kind, Published)]
    own = [kind for kind in kinds if kind not in published]
    parts = [
        BEGINNING + _section("Every manifest", Manifest),
        _section("Every source of images", ImageFacts),
        *(_section(_kind(kind), kind) for kind in own),
        _section(_kind(PhantomManifest), PhantomManifest),
        _section("Every published source", Published),
        *(_section(_kind(kind), kind) for kind in published),
        *(_section(_kind(kind), kind) for kind in (WeightsManifest, ModelsManifest)),
        _section("Profile", Profile, values=profile("default"), note=OF_PROFILE),
        _section("Target file", Target),
    ]
    shown: list[type[Strict]] = [Manifest, ImageFacts, *own, PhantomManifest, Published]
    shown += [*published, Profile, Target, WeightsManifest, ModelsManifest]
    parts += [_section(model.__name__, model) for model in _inside(shown)]
    return "\n".join(parts)


def _kind(model: type[Strict]) -> str:
    (name,) = get_args(model.model_fields["kind"].annotation)
    return f"Kind `{name}`"


def _inside(models: Iterable[type[Strict]]) -> list[type[Strict]]:
    """Return the records that fields of some models hold, and those within these."""
    found: dict[type[Strict], None] = {}
    waiting = list(models)
    while waiting:
        for name in _own(model := waiting.pop(0)):
            for each in _records(model.model_fields[name].annotation):
                if each not in found:
                    found[each] = None
                    waiting.append(each)
    return list(found)


def _records(annotation: Any) -> Iterator[type[Strict]]:
    if isinstance(annotation, type) and issubclass(annotation, Strict):
        yield annotation
    for inner in get_args(annotation):
        yield from _records(inner)


def _own(model: type[Strict]) -> list[str]:
    """Return the fields that a class declares, `kind` first, without those of its parents."""
    if model.__mro__[1] is Strict or not issubclass(model, Manifest):
        own = list(model.model_fields)
    else:
        own = [name for name in model.model_fields if name in model.__annotations__]
    return sorted(own, key=lambda name: name != "kind")


def _section(
    title: str, model: type[Strict], *, values: Strict | None = None, note: str = ""
) -> str:
    """Return a heading, what the class says of itself, and its table."""
    said, meanings = _documented(model)
    default = "default" if values is None else "in `default`"
    lines = [f"## {title}", "", said, ""]
    lines += [note] if note else []
    lines += [f"| field | takes | {default} | meaning |", "|---|---|---|---|"]
    for name in _own(model):
        field = model.model_fields[name]
        usual = _default(field) if values is None else _shown(values.model_dump()[name])
        cells = (f"`{name}`", _takes(field), usual, meanings.get(name) or _inherited(model, name))
        lines.append(f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |")
    return "\n".join([*lines, ""])


def _inherited(model: type[Strict], name: str) -> str:
    for parent in model.__mro__[1:]:
        if parent in (Strict, FileManifest):
            continue
        if issubclass(parent, Strict) and (said := _documented(parent)[1].get(name)):
            return said
    if f"`{name}`" in _documented(model)[0]:
        return "see above"
    raise LookupError(f"{model.__name__}.{name}: no docstring says what it means")


def _documented(model: type[Strict]) -> tuple[str, dict[str, str]]:
    """Return what a docstring says above its attributes, and what it says of each."""
    above, _, below = (inspect.getdoc(model) or "").partition("Attributes:\n")
    below, _, after = below.partition("\n\n")
    meanings = {}
    entries = re.split(r"\n(?=    \w)", f"\n{below.rstrip()}")
    for entry in filter(None, entries):
        names, _, said = entry.partition(":")
        for name in names.split(","):
            meanings[name.strip()] = _line(said)
    return _line(f"{above} {after}"), meanings


def _line(text: str) -> str:
    """Return a text on one line, without pointers to modules."""
    return re.sub(r" \(see `[a-z_.]+`\)", "", " ".join(text.split()))


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**needed**"
    return _shown(field.get_default(call_default_factory=True))


def _shown(value: Any) -> str:
    if isinstance(value, Strict):
        value = value.model_dump(exclude_defaults=True)
    if value is None or value in ((), {}, ""):
        return ""
    return f"`{json.dumps(value, ensure_ascii=False)}`"


def _takes(field: FieldInfo) -> str:
    whole = field.annotation
    return _words(Annotated[(whole, *field.metadata)] if field.metadata else whole)


def _words(kind: Any) -> str:
    """Return in words what a type takes."""
    for checked, said in CHECKED:
        if kind == checked:
            return said
    if get_origin(kind) is Annotated:
        base, *metadata = get_args(kind)
        bounds = [bound for each in metadata for bound in _bounds(each)]
        return ", ".join([_words(base), *bounds])
    if get_origin(kind) is Literal:
        return _either(f"`{json.dumps(each, ensure_ascii=False)}`" for each in get_args(kind))
    if get_origin(kind) in (Union, types.UnionType):
        return _either(_words(each) for each in get_args(kind) if each is not type(None))
    if get_origin(kind) is tuple:
        return f"a list: {_words(get_args(kind)[0])}"
    if get_origin(kind) is dict:
        key, value = get_args(kind)
        return f"a table: {_words(key)} → {_words(value)}"
    if issubclass(kind, Strict):
        return f"[{kind.__name__}](#{kind.__name__.lower()})"
    return WORDS[kind]


def _either(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def _bounds(constraint: Any) -> list[str]:
    if isinstance(constraint, FieldInfo):
        return [bound for each in constraint.metadata for bound in _bounds(each)]
    said = [
        f"{words} {getattr(constraint, name):g}"
        for name, words in BOUNDS.items()
        if getattr(constraint, name, None) is not None
    ]
    if pattern := getattr(constraint, "pattern", None):
        said.append(f"as `{pattern}`")
    return said


def write() -> Path:
    """Write the page; return its path."""
    PAGE.write_text(page(), encoding="utf-8")
    return PAGE


if __name__ == "__main__":
    print(write())
