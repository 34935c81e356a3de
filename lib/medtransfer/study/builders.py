"""The images and networks of a study: which sources, which development sets, how trained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from inspect import signature
from itertools import product
from typing import Any
from zlib import crc32

from medtransfer.attacks.attack import TEST, Attack
from medtransfer.attacks.method import Method, method
from medtransfer.data import manifests
from medtransfer.data.images import Source
from medtransfer.data.splits import Development
from medtransfer.domains import domain as row_of
from medtransfer.errors import ManifestError, UsageError
from medtransfer.networks.architectures import fits
from medtransfer.networks.network import Network
from medtransfer.networks.trained import IMAGENET, RANDOM, Training
from medtransfer.study.schema import Profile

ACROSS = "another_start"
"""The defence whose networks begin with those of another domain."""


@dataclass(frozen=True)
class Study:
    """A profile with the images of its domains; whatever is asked of it is computed from these.

    Attributes:
        sources: domain -> its images; a domain whose images are not prepared may be absent.
    """

    profile: Profile
    sources: Mapping[str, Source]

    @property
    def domains(self) -> tuple[str, ...]:
        """The domains of the profile, in its order."""
        return tuple(self.profile.sources)

    @property
    def starts(self) -> tuple[str, ...]:
        """The initializations that the profile has recipes for, pre-trained networks first."""
        return tuple(name for name in (IMAGENET, RANDOM) if name in self.profile.recipes)

    @property
    def replicates(self) -> range:
        """The numbers of all replicates; one initialization may have fewer than the other."""
        return range(max(map(self.trainings, self.starts)))

    def trainings(self, start: str) -> int:
        """Return how many replicates networks of one initialization have."""
        return self.profile.replicates[start]  # type: ignore[index]

    @property
    def parts(self) -> range:
        """The replicates of networks on parts of d1 and d2."""
        return self.replicates[: self.profile.replicates_of_parts]

    def source(self, domain: str) -> Source:
        """Return the images of a domain.

        Raises:
            UsageError: the profile has none, or they are not prepared.
        """
        if domain not in self.profile.sources:
            has = f"only for {', '.join(self.domains)}"
            raise UsageError(f"profile {self.profile.name} has no source for {domain}, {has}")
        if domain not in self.sources:
            raise UsageError(
                f"the images of {domain} ({self.profile.sources[domain]}) are not prepared yet; "
                "`medtransfer run` and `reproduce` do it, or `medtransfer data prepare`"
            )
        return self.sources[domain]

    def development(self, domain: str, name: str) -> Development:
        """Return a development set, one of `data.splits.NAMES`."""
        return Development(
            source=self.source(domain),
            name=name,
            seed=self.profile.seed,
            test_share=self.profile.test_share,
            validation_share=self.profile.validation_share,
        )

    def network(
        self,
        domain: str,
        *,
        architecture: str,
        initialization: str,
        data: str = "d1",
        bis: bool = False,
        replicate: int = 0,
    ) -> Network:
        """Return a network, to be trained or imported; no two of a study share their seed.

        Raises:
            ImportedError: it is to be imported and is not there.
        """
        profile = self.profile
        place = f"{domain}/{architecture}/{initialization}/{data}/{bis}/{replicate}"
        common: Any = {
            "development": self.development(domain, data),
            "architecture": architecture,
            "initialization": initialization,
            "seed": crc32(f"{profile.seed}/{place}".encode()),
        }
        if profile.networks == "imported":
            from medtransfer.networks import imported

            name = imported.Name(domain, architecture, initialization, data, bis)
            return imported.Imported(**common, weights=imported.checksum(name))
        recipe = profile.recipes[initialization]  # type: ignore[index]
        return Training(
            **common,
            weights=_weights(architecture) if initialization == IMAGENET else "",
            augmentation=row_of(domain).augmentation,
            batch_size=profile.batch_size,
            weight_decay=profile.weight_decay,
            **recipe.model_dump(),
        )

    def networks(
        self,
        domain: str,
        *,
        data: str = "d1",
        bis: bool = False,
        initializations: Iterable[str] | None = None,
        replicates: Iterable[int] | None = None,
    ) -> list[Network]:
        """Return the networks of one development set.

        Of all replicates and initializations that the profile has, unless some are named.
        """
        starts = self.starts if initializations is None else initializations
        numbers = self.replicates if replicates is None else replicates
        return [
            self.network(domain, architecture=a, initialization=s, data=data, bis=bis, replicate=n)
            for n, s, a in product(numbers, starts, self.profile.architectures)
            if n < self.trainings(s)
        ]

    def method(self, name: str, epsilon: float) -> Method:
        """Return a method of attack with the parameters of the profile.

        Raises:
            UsageError: there is no such method, or it has no such parameter.
        """
        made = method(name)
        kinds = {n: each.annotation for n, each in signature(made).parameters.items()}
        given = {
            n: float(value) if kinds.get(n) == "float" else value
            for n, value in (self.profile.attackers | self.profile.methods)[name].items()
        }
        try:
            return made(epsilon=epsilon, **given)
        except TypeError as error:
            allowed = ", ".join(n for n in kinds if n not in ("epsilon", "called")) or "none"
            raise UsageError(f"methods: {name}: {error}; its parameters: {allowed}") from None

    def attack(
        self, name: str, surrogates: Sequence[Network], *, epsilon: float, images: str = TEST
    ) -> Attack:
        """Return an attack by a method of the profile."""
        return Attack(
            method=self.method(name, epsilon), surrogates=tuple(surrogates), images=images
        )


def resolve(profile: Profile, domains: Iterable[str] | None = None) -> Study:
    """Return the study of a profile; images made of files are fetched and read.

    Args:
        domains: whose images it needs; None: all. With ACROSS among its defences it needs all.

    Raises:
        ManifestError, SourceError, FetchError: a manifest or what it describes cannot be used.
        UsageError: there is no such architecture, or it does not take such images.
        WeightsError: images are to be read, and the ImageNet weights are not there.
    """
    from medtransfer.data import catalog, prepare

    too_deep(profile)
    found = profile.sources if domains is None or ACROSS in profile.defences else domains
    wanted = [d for d in found if d in profile.sources]
    places = [catalog.asked(profile.sources[d], **asked(profile, d)) for d in wanted]
    if any(isinstance(each, catalog.Request) for each in places):
        _check_weights(profile)  # reading images may take hours
    return Study(
        profile, {d: prepare.source(profile.sources[d], **asked(profile, d)) for d in wanted}
    )


def too_deep(profile: Profile) -> list[str]:
    """Return in sentences which networks of a profile are too deep for its images.

    Raises:
        UsageError: there is no such architecture, or it does not take such images.
    """
    sides = {profile.image_px[domain] for domain in profile.sources}
    found = [fits(name, side) for name in profile.architectures for side in sorted(sides)]
    return [sentence for sentence in found if sentence]


def known(profile: Profile) -> Study:
    """Return the study of a profile as far as its images are prepared; nothing is fetched.

    Raises:
        ManifestError: a manifest cannot be used.
    """
    from medtransfer.data import catalog

    found = ((d, catalog.known(m, **asked(profile, d))) for d, m in profile.sources.items())
    return Study(profile, {domain: source for domain, source in found if source})


def asked(profile: Profile, domain: str) -> dict[str, Any]:
    """Return what a study asks of the source of a domain (see `catalog.Wanted`).

    Raises:
        ManifestError: the profile says no size of its images.
    """
    if domain not in profile.image_px:
        raise ManifestError(f"profile {profile.name}: image_px: {domain}: needed")
    return {
        "domain": domain,
        "image_px": profile.image_px[domain],
        "groups": profile.groups.get(domain),
        "limit": profile.image_limit,
        "seed": profile.seed,
    }


def _check_weights(profile: Profile) -> None:
    from medtransfer.networks import imagenet

    if profile.networks == "trained" and IMAGENET in profile.recipes:
        for name in profile.architectures:
            imagenet.find(manifests.imagenet_weights(name))


@cache
def _weights(architecture: str) -> str:
    return manifests.imagenet_weights(architecture).sha256
