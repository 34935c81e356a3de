"""The defences of the study: how each is made of a network, whoever trains it and on what.

A defence is one row of DEFENCES, and a line of `defences` in a profile, with its parameters. Who
imitates a defence makes it by the same row, of networks on his own images.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any
from zlib import crc32

from medtransfer.errors import UsageError
from medtransfer.networks.defences.bits import Bits
from medtransfer.networks.defences.drawn import Drawn
from medtransfer.networks.defences.ensemble import Ensemble
from medtransfer.networks.defences.front import Transformed
from medtransfer.networks.defences.jpeg import JPEG
from medtransfer.networks.defences.median import Median
from medtransfer.networks.defences.nfgsm import NFGSM
from medtransfer.networks.defences.noise import Noise
from medtransfer.networks.defences.resized import Resized
from medtransfer.networks.network import Network
from medtransfer.networks.trained import RANDOM, Training
from medtransfer.study.builders import Study

NONE, REFERENCE, REFERRAL = "none", "random_start", "referral"


@dataclass(frozen=True)
class Place:
    """Where a network stands: its domain, its data, its number, and how it begins."""

    domain: str
    architecture: str
    start: str
    data: str = "d1"
    bis: bool = False
    replicate: int = 0

    def network(self, study: Study) -> Network:
        """Return the network without a defence."""
        return study.network(
            self.domain,
            architecture=self.architecture,
            initialization=self.start,
            data=self.data,
            bis=self.bis,
            replicate=self.replicate,
        )


@dataclass(frozen=True)
class Defence:
    """A way to make a network that is harder to attack.

    Attributes:
        claim: which of D1 to D8 is about it, "" for what the others are compared with.
        words: what figures and sentences call it.
        build: study, place and the parameters of the profile -> the defended network.
        trained: whether it takes a training of its own.
        secret: what must be kept secret, lest an attacker imitate it.
        possible: whether a study has the networks that it takes.
    """

    claim: str
    words: str
    build: Callable[..., Network]
    trained: bool = False
    secret: str = "nothing"
    possible: Callable[[Study], bool] = lambda study: True


def _plain(study: Study, place: Place) -> Network:
    return place.network(study)


def _random(study: Study, place: Place) -> Network:
    return replace(place, start=RANDOM).network(study)


def _behind(kind: type[Transformed], study: Study, place: Place, **parameters: int) -> Network:
    inner = place.network(study)
    return kind(development=inner.development, inner=inner, **parameters)


def _drawn(kind: type[Drawn], study: Study, place: Place, **parameters: Any) -> Network:
    inner = place.network(study)
    seed = crc32(f"{kind.__name__}/{getattr(inner, 'seed', 0)}".encode())
    return kind(development=inner.development, inner=inner, seed=seed, **parameters)


def _together(study: Study, *places: Place) -> Network:
    members = tuple(place.network(study) for place in places)
    return Ensemble(development=members[0].development, members=members)


def _architectures(study: Study, place: Place) -> Network:
    names = sorted(study.profile.architectures, key=lambda name: name != place.architecture)
    return _together(study, *(replace(place, architecture=name) for name in names))


def _starts(study: Study, place: Place) -> Network:
    return _together(study, place, replace(place, start=RANDOM))


def _training(study: Study, place: Place) -> Training:
    plain = place.network(study)
    if not isinstance(plain, Training):
        raise UsageError(
            f"profile {study.profile.name} trains no networks, so it can have no defence that is "
            "trained: remove it from `defences`"
        )
    return plain


def _attacked(study: Study, place: Place, **parameters: float) -> Network:
    """Return the same training, from the same seed, on attacked images."""
    plain = _training(study, place)
    same: Any = {field.name: getattr(plain, field.name) for field in fields(plain)}
    given: Any = {name: float(value) for name, value in parameters.items()}
    return NFGSM(**same, **given)


def _longer(study: Study, place: Place, *, factor: float) -> Network:
    plain = _training(study, place)
    return replace(plain, steps=round(plain.steps * factor))


def _rate(study: Study, place: Place, *, factor: float) -> Network:
    plain = _training(study, place)
    return replace(plain, learning_rate=plain.learning_rate * factor)


def _many(study: Study) -> bool:
    return len(study.profile.architectures) > 1


def _both(study: Study) -> bool:
    return study.starts[0] != RANDOM and RANDOM in study.starts


_BEFORE, _MEMBERS = "what is done to an image", "the members"
DEFENCES: dict[str, Defence] = {
    NONE: Defence("", "no defence", _plain),
    REFERENCE: Defence("", "random start", _random, possible=_both),
    "n_fgsm": Defence("D1", "training on attacked images", _attacked, trained=True),
    "longer": Defence("", "longer training", _longer, trained=True),
    "slower": Defence("D5", "smaller steps", _rate, trained=True),
    "faster": Defence("D5", "larger steps", _rate, trained=True),
    "fastest": Defence("D5", "largest steps", _rate, trained=True),
    "architectures": Defence(
        "D6", "several architectures", _architectures, secret=_MEMBERS, possible=_many
    ),
    "two_starts": Defence("D6", "two starts", _starts, secret=_MEMBERS, possible=_both),
    "jpeg": Defence("D7", "JPEG", partial(_behind, JPEG), secret=_BEFORE),
    "bits": Defence("D7", "fewer bits", partial(_behind, Bits), secret=_BEFORE),
    "median": Defence("D7", "median", partial(_behind, Median), secret=_BEFORE),
    "noise": Defence("D7", "noise and vote", partial(_drawn, Noise), secret=_BEFORE),
    "resized": Defence("D7", "random size", partial(_drawn, Resized), secret=_BEFORE),
    REFERRAL: Defence("D8", "detection and referral", _plain, secret="the detector"),
}
SQUEEZERS: dict[str, dict[str, int]] = {
    "jpeg": {"quality": 75},
    "bits": {"bits": 5},
    "median": {"side": 3},
}
"""What images are compared with where attacked ones are to be detected, with its parameters."""


def defence(name: str) -> Defence:
    """Return a defence.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in DEFENCES:
        known = ", ".join(each for each in DEFENCES if each not in (NONE, REFERENCE))
        raise UsageError(f"defences: no defence {name!r}; allowed: {known}")
    return DEFENCES[name]


def built(study: Study, place: Place, name: str) -> Network:
    """Return a network with one of the profile's defences.

    Raises:
        UsageError: there is no such defence, it has no such parameter, or a training is needed
            where networks are imported.
    """
    parameters = study.profile.defences.get(name, {})
    try:
        return defence(name).build(study, place, **parameters)
    except TypeError as error:
        raise UsageError(f"defences: {name}: {error}") from None


def squeezed(study: Study, place: Place) -> dict[str, Network]:
    """Return the network itself, and behind each of SQUEEZERS, by name."""
    behind = {
        name: DEFENCES[name].build(study, place, **parameters)
        for name, parameters in SQUEEZERS.items()
    }
    return {NONE: place.network(study), **behind}
