"""What an assessment needs, as specs: surrogates, positive controls and cells, rung by rung."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import permutations, product

from medtransfer.assess import surrogates
from medtransfer.assess.rungs import ASKED, ATTACKER, PUBLIC, RUNGS, TARGET, Rung
from medtransfer.assess.setting import Setting, other_start
from medtransfer.attacks.attack import TEST, VALIDATION, Attack
from medtransfer.attacks.delivery import CONTROL, EIGHT_BIT
from medtransfer.data import roles
from medtransfer.data.splits import Development
from medtransfer.errors import ManifestError, UsageError
from medtransfer.networks import relabelled
from medtransfer.networks.aimed import Aimed
from medtransfer.networks.architectures import fits
from medtransfer.networks.elsewhere import Elsewhere
from medtransfer.networks.network import Network
from medtransfer.networks.trained import IMAGENET
from medtransfer.scoring.cell import Cell
from medtransfer.study.builders import Study
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

    Where attackers can ask the target, its predictions are in the store.

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
    images = _images(setting, rung)
    if images is None:
        return Step(rung, reason=_NO_IMAGES[rung.images])
    if rung.same_architecture and setting.architecture is None:
        return Step(rung, reason="the target file does not name its architecture")
    if rung.same_start and setting.initialization is None:
        return Step(rung, reason="the target file does not say what its training started from")
    start = setting.initialization if rung.same_start else other_start(setting.initialization)
    start = IMAGENET if rung.same_start is None else start
    name = setting.architecture if rung.same_architecture else _other(setting)
    # Networks on the same images, whoever labelled them, have seeds of their own.
    first = setting.replicates if rung.images == ASKED else 0
    assert name is not None and start is not None
    try:
        fits(name, images.source.image_px)
        trained = tuple(
            surrogates.training(
                setting.profile,
                images,
                architecture=name,
                initialization=start,
                bis=images == setting.known,
                replicate=number,
            )
            for number in range(first, first + setting.replicates)
        )
    except (ManifestError, UsageError) as why:
        return Step(rung, reason=f"no surrogate can be trained: {why}")
    return Step(rung, trained, tuple(_aimed(setting, _lent(setting, each)) for each in trained))


def _images(setting: Setting, rung: Rung) -> Development | None:
    """Return what the surrogates of a rung are trained on, None where there is nothing."""
    if rung.images != ASKED:
        found = {PUBLIC: setting.public, ATTACKER: setting.attacker}
        return found.get(rung.images, setting.known)
    if not setting.askable:
        return None
    own = relabelled.of(setting.attacker, setting.target, setting.limits)
    return roles.of(own, roles.ATTACKER, seed=setting.attacker.seed)


_NO_IMAGES = {
    ASKED: "attackers cannot ask the system about images of theirs",
    PUBLIC: "no public images of another source were given (--public)",
    "development": "no images are named as the target's development set",
}


def _white_box(setting: Setting, rung: Rung) -> Step:
    if not setting.differentiable:
        return Step(rung, reason="the target gives no gradients")
    return Step(rung, (), (_aimed(setting, setting.target),))


def _other(setting: Setting) -> str:
    """Return an architecture that is not the target's, nor a part, a whole or a variant of it."""
    own = _letters(setting.architecture or "")
    return next(name for name in setting.candidates if _letters(name) not in own)


def _letters(architecture: str) -> str:
    """Return the letters and digits of a whole network's name: mobilenetv2."""
    return "".join(filter(str.isalnum, architecture.split("_stride")[0]))


def _lent(setting: Setting, network: Network) -> Network:
    if network.development.source == setting.attacker.source:
        return network
    return Elsewhere(development=setting.attacker, inner=network)


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


def _aimed(setting: Setting, network: Network) -> Network:
    if not setting.goal:
        return network
    return Aimed(development=network.development, inner=network, finding=setting.goal)


def rehearsals(setting: Setting, step: Step) -> dict[At, Cell]:
    """Return the attacks by which a rung's method is chosen: every method at the largest budget.

    The attacker's own networks attack each other, on his validation images, and noise of the same
    size does. None where the attacker has the target.
    """
    return _among_its_own(setting, step, setting.tried, [max(setting.budgets)])


def controls(setting: Setting, step: Step, *, method: str) -> dict[At, Cell]:
    """Return the positive controls of a rung: the same by the chosen method at every budget.

    A white box has one network, the target: an attack without a bound, on the calibration images,
    shows whether its gradients lead anywhere.
    """
    if step.surrogates and not step.trained:
        return {At(WHITE_BOX, BOUNDLESS, EIGHT_BIT, 0, 0): _boundless(setting)}
    return _among_its_own(setting, step, [method], setting.budgets)


def _among_its_own(
    setting: Setting, step: Step, methods: Iterable[str], budgets: Iterable[int]
) -> dict[At, Cell]:
    pairs = permutations(range(len(step.trained)), 2)
    grid = product(methods, budgets, DELIVERIES, pairs)
    return {
        At(method, budget, kind, *pair): Cell(
            attack=_attack(
                setting, _aimed(setting, step.trained[pair[0]]), method, budget, VALIDATION
            ),
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
WHITE_BOX = "PGD"
"""The method of an attacker who has the target, and so needs no surrogate to choose one."""
BOUNDLESS = 64
"""Grey levels with which an attack along true gradients turns any call."""


def _boundless(setting: Setting) -> Cell:
    epsilon = BOUNDLESS * GREY_LEVEL
    own = setting.methods[WHITE_BOX]
    large = {**own, "step_size": 2 * epsilon / own["steps"]}
    attack = Study(setting.profile.model_copy(update={"methods": {WHITE_BOX: large}}), {}).attack(
        WHITE_BOX, [_aimed(setting, setting.target)], epsilon=epsilon, images=VALIDATION
    )
    return Cell(attack=attack, target=setting.target, delivery=EIGHT_BIT)


def _attack(setting: Setting, surrogate: Network, method: str, budget: int, images: str) -> Attack:
    epsilon = budget * GREY_LEVEL
    return setting.study.attack(method, [surrogate], epsilon=epsilon, images=images)
