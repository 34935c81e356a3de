"""What a profile may say: how large a study is. A YAML file each, most of them a short diff.

A file that `extends` another is a merge patch (RFC 7396) of it: a part of a table changes that
part, `null` removes what it stands for. `sources` alone are taken as a whole, so that a study of
one domain names one source.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import BeforeValidator, Field, ValidationError, model_validator

from medtransfer import paths
from medtransfer.data import manifests
from medtransfer.data.schema import DomainName, Name, Strict
from medtransfer.domains import DOMAINS
from medtransfer.errors import ManifestError
from medtransfer.study.profiles import allowed, built_in, place
from medtransfer.study.recipe import Recipe
from medtransfer.study.strength import Epsilons

PAPER_METHODS = ("FGSM", "PGD")  # what claims and pages are about
Initialization = Literal["imagenet", "random"]
Share = Annotated[float, Field(gt=0, lt=1)]
Parameter = Annotated[int | float, Field(gt=0)]


def _everywhere(value: Any) -> Any:
    return value if isinstance(value, dict) else dict.fromkeys(DOMAINS, value)


def _of_both(value: Any) -> Any:
    return value if isinstance(value, dict) else dict.fromkeys(get_args(Initialization), value)


class Profile(Strict):
    """Everything that decides the size of a study, and nothing else.

    Attributes:
        name: name of the profile, and of the folder of its pages.
        sources: domain -> name of a manifest, or path of one of your own.
        groups: domain -> how many patients or slides a phantom has; other sources have their own.
        image_px: domain -> side length of the images in pixels; one number serves all domains.
        image_limit: approximate number of images used of a source read from files, to try a
            large source; None uses all.
        architectures: the networks, each as surrogate and as target.
        recipes: initialization -> how it is trained.
        batch_size: images in a step of training.
        weight_decay: weight decay of the optimizer (AdamW).
        test_share: share of all images for testing, in whole groups, if the source has no test set.
        validation_share: share of the images of each half for validation, in whole groups.
        methods: method of attack -> its parameters; FGSM and PGD are always among them.
        defences: defence (see `study.defences`) -> its parameters.
        insiders: whether an attacker with the target's own images imitates defences, too; each
            that is trained costs a training more.
        sweep: method -> its epsilons on test images; PGD always has the chosen one, too. Above
            0.2, 25 grey levels, a change is plain to see.
        candidates: the epsilons from which one is chosen on validation images.
        remaining, harmless: the chosen epsilon is the smallest that leaves at most the share
            `remaining` of the clean AUC on validation images while control noise leaves at least
            the share `harmless`: PGD between networks of the same architecture and initialization;
            `remaining` has one share for each initialization.
        networks: "trained" here, or "imported": those of the paper's authors, one of each kind.
        replicates: initialization -> independent trainings of every network that starts so; one
            number serves both. Surrogates meet targets of all.
        replicates_of_parts: at most so many on parts of d1 and d2, where pairs decide no claim.
        attackers: stronger method of attack -> its parameters, for the factor `attackers` alone.
        ensembles: those of them, or PGD, that are also crafted on two surrogates together.
        replicates_of_attackers: at most so many of every network meet the stronger attackers.
        matched: whether the strongest attacker attacks at the strength of PGD, too.
        questions: numbers of questions to the target after which its answers are kept; the last is
            the most that are asked about an image. Empty: nobody asks.
        resamples: number of resamples of every bootstrap.
        seed: seed from which phantoms, splits and trainings are drawn.
    """

    name: Name
    sources: dict[DomainName, str]
    groups: dict[DomainName, Annotated[int, Field(ge=12)]] = Field(default_factory=dict)
    image_px: Annotated[
        dict[DomainName, Annotated[int, Field(ge=32)]], BeforeValidator(_everywhere)
    ]
    image_limit: Annotated[int, Field(ge=50)] | None = None
    architectures: Annotated[tuple[str, ...], Field(min_length=1)]
    recipes: Annotated[dict[Initialization, Recipe], Field(min_length=1)]
    batch_size: Annotated[int, Field(ge=2)]
    weight_decay: Annotated[float, Field(ge=0)]
    test_share: Share
    validation_share: Share
    methods: dict[str, dict[str, Parameter]]
    defences: dict[str, dict[str, Parameter]] = Field(default_factory=dict)
    insiders: bool = False
    sweep: dict[str, Epsilons]
    candidates: Epsilons
    remaining: dict[Initialization, Share]
    harmless: Share
    networks: Literal["trained", "imported"] = "trained"
    replicates: Annotated[
        dict[Initialization, Annotated[int, Field(ge=1)]], BeforeValidator(_of_both)
    ]
    replicates_of_parts: Annotated[int, Field(ge=1)]
    attackers: dict[str, dict[str, Parameter]] = Field(default_factory=dict)
    ensembles: tuple[str, ...] = ()
    replicates_of_attackers: Annotated[int, Field(ge=1)] = 2
    matched: bool = False
    questions: tuple[Annotated[int, Field(ge=0)], ...] = ()
    resamples: Annotated[int, Field(ge=10)]
    seed: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def _methods_are_whole(self) -> Profile:
        if absent := [name for name in PAPER_METHODS if name not in self.methods]:
            raise ValueError(f"methods: {', '.join(absent)}: needed; others may stand beside")
        if unknown := [name for name in self.sweep if name not in self.methods]:
            raise ValueError(
                f"sweep: {', '.join(unknown)}: not among methods, which are "
                f"{', '.join(self.methods)}"
            )
        if not self.sweep.get("FGSM"):
            raise ValueError("sweep: FGSM: needs at least one epsilon")
        if not self.candidates:
            raise ValueError("candidates: needs at least one epsilon")
        if absent := [name for name in self.recipes if name not in self.remaining]:
            raise ValueError(f"remaining: {', '.join(absent)}: needed, since recipes has it")
        return self

    @model_validator(mode="after")
    def _attackers_are_new(self) -> Profile:
        if twice := [name for name in self.attackers if name in self.methods]:
            raise ValueError(f"attackers: {', '.join(twice)}: already among methods")
        if unknown := [n for n in self.ensembles if n not in (*PAPER_METHODS, *self.attackers)]:
            raise ValueError(f"ensembles: {', '.join(unknown)}: not among attackers")
        if self.questions and (
            tuple(sorted({*self.questions})) != self.questions or not self.questions[-1]
        ):
            raise ValueError("questions: must rise, from 0, to at least 1")
        return self


def profile(name_or_path: str) -> Profile:
    """Return a built-in profile, or the one in a YAML file.

    The file holds `name`, `extends` (a built-in profile, or the path of another file) and what
    differs; paths in it are relative to the file.

    Raises:
        ManifestError: there is no such profile, or the file breaks the schema; the message names
            file, field and what is allowed.
    """
    return _read(place(name_or_path, beside=Path()))


def _read(path: Path, *, through: tuple[Path, ...] = ()) -> Profile:
    """Return the profile in a file that others, in `through`, extend."""
    content = manifests.content(path)
    if not isinstance(content, dict):
        raise ManifestError(f"{path}: must hold `name`, `extends` and the fields that differ")
    name, extends = content.get("name"), content.pop("extends", None)
    if not isinstance(name, str) or built_in().get(name, path) != path:
        raise ManifestError(f"{path}: name: needed, and not one of {', '.join(built_in())}")
    if isinstance(content.get("sources"), dict):
        content["sources"] = {d: _beside(path, str(m)) for d, m in content["sources"].items()}
    base: dict[str, Any] = {}
    if extends is not None:
        base = _base(path, extends, through).model_dump()
        base["sources"] = None if "sources" in content else base["sources"]
    elif absent := sorted(_needed() - set(content)):
        raise ManifestError(
            f"{path}: extends: needed ({allowed()}), unless every field is given; absent: "
            f"{', '.join(absent)}"
        )
    return _validated(path, _patched(base, content))


def _needed() -> set[str]:
    return {name for name, field in Profile.model_fields.items() if field.is_required()}


def _base(path: Path, extends: Any, through: tuple[Path, ...]) -> Profile:
    try:
        found = place(extends, beside=path.parent)
    except ManifestError as error:
        raise ManifestError(f"{path}: extends: {error}") from None
    except TypeError:
        raise ManifestError(f"{path}: extends: {extends!r}; allowed: {allowed()}") from None
    if found in (path, *through):
        raise ManifestError(f"{path}: extends: {extends} extends this file in turn")
    return _read(found, through=(path, *through))


def _patched(base: Any, change: Any) -> Any:
    """Return a merge patch applied: parts of tables change those parts, None removes."""
    if not isinstance(change, dict):
        return change
    table = base if isinstance(base, dict) else {}
    whole = {**table, **{name: _patched(table.get(name), part) for name, part in change.items()}}
    return {name: part for name, part in whole.items() if part is not None}


def _validated(path: Path, content: Any) -> Profile:
    try:
        return Profile.model_validate(content)
    except ValidationError as error:
        raise ManifestError(manifests.explain(path, error)) from None


def _beside(path: Path, manifest: str) -> str:
    is_path = manifest.endswith((".yaml", ".yml"))
    return str((path.parent / manifest).resolve()) if is_path else manifest


def limited(name_or_path: str, *, images: int, epochs: int) -> Path:
    """Write a profile that tries everything of another on few images and epochs.

    Returns:
        the path of the new profile's YAML file, in `paths.profiles()`.

    Raises:
        ManifestError: see `profile`; or images or epochs are too few.
    """
    whole = profile(name_or_path)
    built = name_or_path in built_in()
    change: dict[str, Any] = {
        "name": f"{whole.name}-limit{images}x{epochs}",
        "extends": name_or_path if built else str(Path(name_or_path).expanduser().resolve()),
        "image_limit": images,
        "recipes": {
            name: {"least_epochs": 1, "most_epochs": min(recipe.most_epochs, epochs)}
            for name, recipe in whole.recipes.items()
        },
    }
    path = paths.profiles() / f"{change['name']}.yaml"
    _validated(path, _patched(whole.model_dump(), {**change, "extends": None}))
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(f".{os.getpid()}")
    scratch.write_text(yaml.safe_dump(change, sort_keys=False), encoding="utf-8")
    os.replace(scratch, path)
    return path
