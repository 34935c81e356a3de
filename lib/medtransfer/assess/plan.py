"""What an assessment needs, as specs: surrogates, positive controls and cells, rung by rung."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations, product
from typing import Any
from zlib import crc32

from medtransfer.assess.rungs import ATTACKER, PUBLIC, RUNGS, TARGET, Rung
from medtransfer.assess.setting import Setting, other_start
from medtransfer.attacks.attack import TEST, VALIDATION, Attack
from medtransfer.attacks.delivery import CONTROL, EIGHT_BIT
from medtransfer.data import manifests
from medtransfer.data.splits import Development
from medtransfer.domains import domain as row_of
from medtransfer.errors import ManifestError, UsageError
from medtransfer.networks.architectures import fits
from medtransfer.networks.elsewhere import Elsewhere
from medtransfer.networks.network import Network
from medtransfer.networks.trained import IMAGENET, Training
from medtransfer.scoring.cell import Cell
from medtransfer.study.builders import Study
from medtransfer.study.schema import Profile
from medtransfer.units import GREY_LEVEL


@dataclass(frozen=True)
class Step:
    """A rung as it is tried, or the reason why it is not.

    Attributes:
        rung: which.
        trained: the attacker's own networks, on the images that they were trained with.
        surrogates: the same as they attack the target's images.
        reason: why the rung cannot be tried, "" if it can.
    """

    rung: Rung
    trained: tuple[Network, ...] = ()
    surrogates: tuple[Network, ...] = ()
    reason: str = ""


def ladder(setting: Setting, only: Sequence[str] = ()) -> list[Step]:
    """Return every rung with its surrogates, or with the reason why it is not tried.

    Args:
        only: identifiers of the rungs that are wanted; none means all.

    Raises:
        UsageError: there is no such rung.
    """
    known = [rung.identifier for rung in RUNGS]
    if unknown := [name for name in only if name not in known]:
        raise UsageError(f"no rung {', '.join(unknown)}; allowed: {', '.join(known)}")
    return [
        _step(setting, rung)
        if not only or rung.identifier in only
        else Step(rung, reason="it was not asked for")
        for rung in RUNGS
    ]


def _step(setting: Setting, rung: Rung) -> Step:
    if rung.images == TARGET:
        return _white_box(setting, rung)
    images = {PUBLIC: setting.public, ATTACKER: setting.attacker}.get(rung.images, setting.known)
    if images is None:
        return Step(rung, reason=_NO_IMAGES[rung.images])
    if rung.same_architecture and setting.architecture is None:
        return Step(rung, reason="nobody says which architecture the target has")
    if rung.same_start and setting.initialization is None:
        return Step(rung, reason="nobody says how the target's weights began")
    start = setting.initialization if rung.same_start else other_start(setting.initialization)
    start = IMAGENET if rung.same_start is None else start
    name = setting.architecture if rung.same_architecture else _other(setting)
    assert name is not None and start is not None
    try:
        fits(name, images.source.image_px)
        trained = tuple(
            training(
                setting.profile,
                images,
                architecture=name,
                initialization=start,
                bis=images == setting.known,
                replicate=number,
            )
            for number in range(setting.replicates)
        )
    except (ManifestError, UsageError) as why:
        return Step(rung, reason=f"no surrogate can be trained: {why}")
    return Step(rung, trained, tuple(_lent(setting, each) for each in trained))


_NO_IMAGES = {
    PUBLIC: "no public images of another source were given (--public)",
    "development": "no images are named as the target's development set",
}


def _white_box(setting: Setting, rung: Rung) -> Step:
    if not setting.differentiable:
        return Step(rung, reason="the target gives no gradients")
    return Step(rung, (), (setting.target,))


def _other(setting: Setting) -> str:
    """Return an architecture that is not the target's, nor a part or a whole of it."""
    own = (setting.architecture or "").split("_stride")[0]
    return next(name for name in setting.candidates if name.split("_stride")[0] != own)


def _lent(setting: Setting, network: Network) -> Network:
    if network.development.source == setting.attacker.source:
        return network
    return Elsewhere(development=setting.attacker, inner=network)


def training(
    profile: Profile,
    images: Development,
    *,
    architecture: str,
    initialization: str,
    bis: bool = False,
    replicate: int = 0,
) -> Training:
    """Return a network by the recipe of a profile; no two of an assessment share their seed.

    On development sets of a study they are networks of that study, as far as it has so many.

    Args:
        bis: whether it is a second training, independent of the target's on the same images.

    Raises:
        ManifestError: there are no ImageNet weights for the architecture.
        UsageError: the profile has no recipe for the initialization.
    """
    recipe = profile.recipes.get(initialization)  # type: ignore[call-overload]
    if recipe is None:
        raise UsageError(f"profile {profile.name} has no recipe for {initialization} networks")
    weights = ""
    if initialization == IMAGENET:
        weights = manifests.imagenet_weights(architecture).sha256
    domain = images.source.domain
    place = f"{domain}/{architecture}/{initialization}/{images.name}/{bis}/{replicate}"
    common: Any = {"batch_size": profile.batch_size, "weight_decay": profile.weight_decay}
    return Training(
        development=images,
        architecture=architecture,
        initialization=initialization,
        weights=weights,
        seed=crc32(f"{profile.seed}/{place}".encode()),
        augmentation=row_of(domain).augmentation,
        **common,
        **recipe.model_dump(),
    )


@dataclass(frozen=True)
class At:
    """Where a cell stands in a rung.

    Attributes:
        method: its name.
        budget: grey levels of 255.
        delivery: "8-bit", or "control" for noise of the same size.
        surrogate: place of the surrogate among those of the rung.
        target: place of the attacker's network that answers; None for the target itself.
    """

    method: str
    budget: int
    delivery: str
    surrogate: int
    target: int | None = None


def controls(setting: Setting, step: Step) -> dict[At, Cell]:
    """Return the positive controls of a rung: its own networks attack each other.

    By every method at every budget, on validation images of the attacker, and noise of the same
    size.
    """
    pairs = permutations(range(len(step.trained)), 2)
    grid = product(setting.methods, setting.budgets, DELIVERIES, pairs)
    return {
        At(method, budget, kind, *pair): Cell(
            attack=_attack(setting, step.trained[pair[0]], method, budget, VALIDATION),
            target=step.trained[pair[1]],
            delivery=kind,
        )
        for method, budget, kind, pair in grid
    }


def cells(setting: Setting, step: Step, *, method: str) -> dict[At, Cell]:
    """Return what the target is asked on a rung: each surrogate at every budget, and noise."""
    grid = product([method], setting.budgets, DELIVERIES, range(len(step.surrogates)))
    return {
        At(name, budget, kind, place): Cell(
            attack=_attack(setting, step.surrogates[place], name, budget, TEST),
            target=setting.target,
            delivery=kind,
        )
        for name, budget, kind, place in grid
    }


DELIVERIES = (EIGHT_BIT, CONTROL)


def _attack(setting: Setting, surrogate: Network, method: str, budget: int, images: str) -> Attack:
    study = Study(setting.profile.model_copy(update={"methods": setting.methods}), {})
    return study.attack(method, [surrogate], epsilon=budget * GREY_LEVEL, images=images)


def target_calls(setting: Setting, steps: Sequence[Step], *, images: int, calibration: int) -> int:
    """Return how many images the target is asked about in all."""
    attacks = sum(len(step.surrogates) for step in steps) * len(setting.budgets) * 2
    return images * (1 + attacks) + calibration
