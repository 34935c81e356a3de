"""What is assessed, by whom, and with what: everything that a plan needs to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from medtransfer.analysis.tables import thresholds
from medtransfer.attacks.iterative import METHODS
from medtransfer.data import manifests
from medtransfer.data.schema import ImageFacts
from medtransfer.data.splits import Development
from medtransfer.networks.network import Network
from medtransfer.networks.trained import IMAGENET, RANDOM
from medtransfer.study.builders import Study
from medtransfer.study.schema import Profile

BUDGETS = (1, 2, 4, 8)
"""Grey levels of 255 by which a pixel may be moved; fixed, whatever the target answers."""
FEWER = (2, 4, 8)
"""Those of a study's own network: attacks on it are a part of every run."""
REPLICATES = 3
STEPS = 10
"""At most so many steps has an iterative attack: with them it reaches every budget, and a ladder
of surrogates is attacked at four budgets."""
SHALLOW = ("mobilenet_v2_stride8", "efficientnet_lite0_stride8")
DEEP = ("mobilenet_v2", "efficientnet_lite0")
"""What surrogates are made of where nobody says otherwise, for small and for large images."""


@dataclass(frozen=True, kw_only=True)
class System:
    """What the owner says of the system, for people.

    Attributes:
        name: what files and commands call it.
        title: what sentences call it.
        sha256: of its file; "" where there is none.
        outputs: "logits", "probabilities" or "labels".
        one_of_many: whether one class of many is called, and not every finding by itself.
        limits: for each finding the owner's threshold, as a score (see `networks.doors.scores`);
            NaN where there is none. Empty: there is none at all.
        declared: finding -> the AUC that the owner declares.
        path: what is done to a file before the model, in words.
        development: sources of the images that it was made with; empty: nobody says.
        tester: who tests it: name, independence and expertise.
    """

    name: str
    title: str
    sha256: str = ""
    outputs: str = "logits"
    one_of_many: bool = False
    limits: tuple[float, ...] = ()
    declared: Mapping[str, float] = field(default_factory=dict)
    path: str = "nothing"
    development: tuple[str, ...] = ()
    tester: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One assessment.

    Attributes:
        system: what the owner says of it.
        images: what the manifest says of the images.
        target: what is attacked; its validation images are the calibration images.
        attacker: the images that an attacker of the same source has.
        known: those that the target was made with, None where nobody says.
        public: those of another source, None where there are none.
        architecture, initialization: the target's; None where nobody says.
        differentiable: whether the target gives gradients.
        askable: whether attackers can ask the target about images of theirs.
        goal: the finding that attackers want turned; "": whatever turns.
        without: methods of attack that there is no time for.
        profile: recipes of training, parameters of the methods, resamples, seed.
        budgets: grey levels of 255.
        replicates: surrogates a rung.
    """

    system: System
    images: ImageFacts
    target: Network
    attacker: Development
    known: Development | None
    public: Development | None
    architecture: str | None
    initialization: str | None
    differentiable: bool
    profile: Profile
    budgets: tuple[int, ...] = BUDGETS
    replicates: int = REPLICATES
    askable: bool = True
    goal: str = ""
    without: tuple[str, ...] = ()

    @cached_property
    def methods(self) -> dict[str, dict[str, float]]:
        """What attackers can try: name -> parameters, of at most `STEPS` steps.

        Those of the profile, the stronger ones too; this is the only list of them. Left out is what
        differs from PGD by its number of steps alone.
        """
        study, found = Study(self.profile, {}), {}
        for name, given in (self.profile.methods | self.profile.attackers).items():
            steps = getattr(study.method(name, 0.0), "steps", None)
            if METHODS.get(name, {}).keys() != {"steps"}:
                found[name] = {**given, **({"steps": min(steps, STEPS)} if steps else {})}
        return found

    @property
    def tried(self) -> tuple[str, ...]:
        """The methods that attackers of every rung try, from the one of fewest gradients."""
        study = self.study
        names = (name for name in self.methods if name not in self.without)
        return tuple(sorted(names, key=lambda name: study.method(name, 0.0).gradients))

    @property
    def study(self) -> Study:
        """What makes an attack by one of `methods`."""
        return Study(self.profile.model_copy(update={"methods": self.methods}), {})

    @property
    def candidates(self) -> tuple[str, ...]:
        """The architectures of attackers who do not know the target's."""
        return small_or_large(self.attacker.source.image_px)

    @cached_property
    def limits(self) -> np.ndarray:
        """From where on the target calls each finding, (K,); its predictions are in the store.

        The owner's thresholds; where there is none, the one that maximises sensitivity +
        specificity on calibration images, NaN for a finding that these show one way.
        """
        chosen = thresholds(self.target)
        own = np.array(self.system.limits or np.full(len(chosen), np.nan), float)
        return np.where(np.isfinite(own), own, chosen)

    @property
    def counted(self) -> np.ndarray:
        """The limits of the findings whose calls count, (K,), NaN for those that nobody aims at."""
        return np.where(self.aims, self.limits, np.nan)

    @property
    def aims(self) -> np.ndarray:
        """Whether attackers want a finding turned, bool (K,)."""
        return np.array([self.goal in ("", name) for name in self.target.labels])


def small_or_large(image_px: int) -> tuple[str, ...]:
    """Return the architectures that images of a side can feed."""
    from medtransfer.networks.architectures import architecture

    return DEEP if all(architecture(name).enough_px <= image_px for name in DEEP) else SHALLOW


def of_study(study: Study, domain: str, *, target: Network, title: str) -> Setting:
    """Return the assessment of a network of a study, as if a vendor had brought it.

    The attacker has d2, the target was made with d1, there is no public source, and nobody can ask
    the target. Budgets are `FEWER`.

    Args:
        study: with the images of the domain.
    """
    traits = target.traits
    return Setting(
        system=System(name=f"{domain}_{target.key[:8]}", title=title),
        images=manifests.image_facts(study.profile.sources[domain]),
        target=target,
        attacker=study.development(domain, "d2"),
        known=study.development(domain, "d1"),
        public=None,
        architecture=traits.get("architecture"),
        initialization=traits.get("initialization"),
        differentiable=True,
        profile=study.profile,
        budgets=FEWER,
        askable=False,
    )


def other_start(initialization: str | None) -> str:
    """Return the start of an attacker who does not share the target's."""
    return RANDOM if initialization == IMAGENET else IMAGENET
