"""The defences of the study: how each is made of a network, whoever trains it and on what.

A defence is one row of DEFENCES, and a line of `defences` in a profile, with its parameters. Who
imitates a defence makes it by the same row, of networks on his own images.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from medtransfer.errors import UsageError
from medtransfer.networks.defences.bits import Bits
from medtransfer.networks.defences.jpeg import JPEG
from medtransfer.networks.defences.median import Median
from medtransfer.networks.defences.noise import Noise
from medtransfer.networks.defences.resized import Resized
from medtransfer.networks.network import Network
from medtransfer.networks.trained import RANDOM
from medtransfer.study import making
from medtransfer.study.builders import ACROSS, Study
from medtransfer.study.making import Place

NONE, REFERENCE, REFERRAL = "none", "random_start", "referral"
IMITATION, OF_ITS_KIND = "an imitation", "an imitation, a start of its kind"
Build = Callable[..., Network]


@dataclass(frozen=True)
class Defence:
    """A way to make a network that is harder to attack.

    Attributes:
        claim: which of D1 to D8 is about it, "" for what the others are compared with.
        words: what figures and sentences call it.
        build: study, place and the parameters of the profile -> the defended network.
        secret: what must be kept secret, lest an attacker imitate it.
        random: whether it takes trainings from random weights, beside those of the plain networks.
        possible: whether a study has what else it takes.
        further: how else he may imitate it, in words, who does not have the secret.
    """

    claim: str
    words: str
    build: Build
    secret: str = "nothing"
    random: bool = False
    possible: Callable[[Study], bool] = lambda study: True
    further: Mapping[str, Build] = field(default_factory=dict)


def _many(study: Study) -> bool:
    return len(study.profile.architectures) > 1


def _across(study: Study) -> bool:
    return 1 < len(study.domains) == len(study.sources)


_BEFORE, _MEMBERS = "what is done to an image", "the members"
DEFENCES: dict[str, Defence] = {
    NONE: Defence("", "no defence", making.plain),
    REFERENCE: Defence("", "random start", making.random, random=True),
    "n_fgsm": Defence("D1", "training on attacked images", making.attacked),
    "pubdef": Defence("D2", "training on transferred attacks", making.rehearsed),
    "renofeation": Defence("D3", "features without weights", making.taught, random=True),
    ACROSS: Defence(
        "D4",
        "another start",
        making.continued,
        secret="the start",
        random=True,
        possible=_across,
        further={OF_ITS_KIND: partial(making.continued, data="d2")},
    ),
    "longer": Defence("", "longer training", making.longer),
    "slower": Defence("D5", "smaller steps", making.rate),
    "faster": Defence("D5", "larger steps", making.rate),
    "fastest": Defence("D5", "largest steps", making.rate),
    "architectures": Defence(
        "D6", "several architectures", making.architectures, secret=_MEMBERS, possible=_many
    ),
    "two_starts": Defence("D6", "two starts", making.starts, secret=_MEMBERS, random=True),
    "jpeg": Defence("D7", "JPEG", partial(making.behind, JPEG), secret=_BEFORE),
    "bits": Defence("D7", "fewer bits", partial(making.behind, Bits), secret=_BEFORE),
    "median": Defence("D7", "median", partial(making.behind, Median), secret=_BEFORE),
    "noise": Defence("D7", "noise and vote", partial(making.drawn, Noise), secret=_BEFORE),
    "resized": Defence("D7", "random size", partial(making.drawn, Resized), secret=_BEFORE),
    REFERRAL: Defence("D8", "detection and referral", making.plain, secret="the detector"),
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


def possible(study: Study, name: str, replicate: int) -> bool:
    """Return whether a study has the networks that a defence takes.

    Raises:
        UsageError: there is no such defence.
    """
    row = defence(name)
    both = study.starts[0] != RANDOM and RANDOM in study.starts
    enough = not row.random or (both and replicate < study.trainings(RANDOM))
    return enough and row.possible(study)


def built(study: Study, place: Place, name: str) -> Network:
    """Return a network with one of the profile's defences.

    Raises:
        UsageError: there is no such defence, it has no such parameter, or a training is needed
            where networks are imported.
    """
    return _built(study, place, name, defence(name).build)


def imitations(study: Study, place: Place, name: str) -> dict[str, Network]:
    """Return what he trains in its place who knows a defence, in words.

    Raises:
        UsageError: see `built`.
    """
    ways = {IMITATION: defence(name).build, **defence(name).further}
    return {words: _built(study, place, name, build) for words, build in ways.items()}


def _built(study: Study, place: Place, name: str, build: Build) -> Network:
    try:
        return build(study, place, **study.profile.defences.get(name, {}))
    except TypeError as error:
        raise UsageError(f"defences: {name}: {error}") from None


def squeezed(study: Study, place: Place) -> dict[str, Network]:
    """Return the network itself, and behind each of SQUEEZERS, by name."""
    behind = {
        name: DEFENCES[name].build(study, place, **parameters)
        for name, parameters in SQUEEZERS.items()
    }
    return {NONE: place.network(study), **behind}
