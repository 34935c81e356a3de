"""How a defended network is made of where it stands, whoever trains it and on what."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any
from zlib import crc32

from medtransfer.errors import UsageError
from medtransfer.networks.defences.continued import NETWORK, Continued
from medtransfer.networks.defences.drawn import Drawn
from medtransfer.networks.defences.ensemble import Ensemble
from medtransfer.networks.defences.front import Transformed
from medtransfer.networks.defences.nfgsm import NFGSM
from medtransfer.networks.defences.pubdef import PubDef
from medtransfer.networks.defences.renofeation import Renofeation
from medtransfer.networks.network import Network
from medtransfer.networks.trained import RANDOM, Training
from medtransfer.networks.untrained import Untrained
from medtransfer.study.builders import Study


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


def plain(study: Study, place: Place) -> Network:
    """Return the network without a defence."""
    return place.network(study)


def random(study: Study, place: Place) -> Network:
    """Return the network from random weights."""
    return replace(place, start=RANDOM).network(study)


def behind(kind: type[Transformed], study: Study, place: Place, **parameters: int) -> Network:
    """Return the network behind a transform of a kind."""
    inner = place.network(study)
    return kind(development=inner.development, inner=inner, **parameters)


def drawn(kind: type[Drawn], study: Study, place: Place, **parameters: Any) -> Network:
    """Return the network behind random versions of a kind, drawn by a seed of its own."""
    inner = place.network(study)
    seed = crc32(f"{kind.__name__}/{getattr(inner, 'seed', 0)}".encode())
    return kind(development=inner.development, inner=inner, seed=seed, **parameters)


def _together(study: Study, *places: Place) -> Network:
    members = tuple(place.network(study) for place in places)
    return Ensemble(development=members[0].development, members=members)


def architectures(study: Study, place: Place) -> Network:
    """Return networks of all architectures of the profile, which answer as one."""
    names = sorted(study.profile.architectures, key=lambda name: name != place.architecture)
    return _together(study, *(replace(place, architecture=name) for name in names))


def starts(study: Study, place: Place) -> Network:
    """Return the network and one from random weights, which answer as one."""
    return _together(study, place, replace(place, start=RANDOM))


def _training(study: Study, place: Place) -> Training:
    plain = place.network(study)
    if not isinstance(plain, Training):
        raise UsageError(
            f"profile {study.profile.name} trains no networks, so it can have no defence that is "
            "trained: remove it from `defences`"
        )
    return plain


def _like(plain: Training) -> dict[str, Any]:
    """Return the fields of a training, its seed among them, for another one like it."""
    return {each.name: getattr(plain, each.name) for each in fields(plain)}


def attacked(study: Study, place: Place, **parameters: float) -> Network:
    """Return the same training on attacked images."""
    given: Any = {name: float(value) for name, value in parameters.items()}
    return NFGSM(**_like(_training(study, place)), **given)


def rehearsed(study: Study, place: Place, *, epsilon: float) -> Network:
    """Return the same training, beside attacks on networks that are trained for it alone."""
    beside = (replace(place, architecture=name) for name in study.profile.architectures)
    plain = [_training(study, each) for each in beside]
    sources = tuple(replace(each, seed=crc32(f"source/{each.seed}".encode())) for each in plain)
    return PubDef(**_like(_training(study, place)), sources=sources, epsilon=float(epsilon))


def taught(study: Study, place: Place, *, weight: float, dropout: float) -> Network:
    """Return the training from random weights, with the public network as its teacher."""
    own = _like(_training(study, replace(place, start=RANDOM)))
    teacher = public(study, place)
    return Renofeation(**own, teacher=teacher, weight=float(weight), dropout=float(dropout))


def continued(study: Study, place: Place, *, data: str = "d1") -> Network:
    """Return the training from random weights, begun with a random network of the next domain.

    What begins it is far from what it has to learn: in the fewer and smaller steps that suffice
    after public weights it would learn less than from random ones.
    """
    domains = study.domains
    other = domains[(domains.index(place.domain) + 1) % len(domains)]
    start = Place(other, place.architecture, RANDOM, data=data, replicate=place.replicate)
    own = _like(_training(study, replace(place, start=RANDOM))) | {"initialization": NETWORK}
    return Continued(**own, start=_training(study, start))


def public(study: Study, place: Place) -> Untrained:
    """Return the public network that a training begins with, asked about the same images."""
    plain = _training(study, place)
    return Untrained(
        development=plain.development,
        architecture=plain.architecture,
        initialization=plain.initialization,
        weights=plain.weights,
        seed=crc32(f"public/{plain.seed}".encode()),
    )


def longer(study: Study, place: Place, *, factor: float) -> Network:
    """Return the same training with more steps."""
    plain = _training(study, place)
    return replace(plain, steps=round(plain.steps * factor))


def rate(study: Study, place: Place, *, factor: float) -> Network:
    """Return the same training at another learning rate of the body."""
    plain = _training(study, place)
    return replace(plain, learning_rate=plain.learning_rate * factor)
