"""From a target file and a manifest of images to an assessment that can be run."""

from __future__ import annotations

import numpy as np

from medtransfer.assess import bring
from medtransfer.assess.bring import Model
from medtransfer.assess.setting import BUDGETS, Setting, System
from medtransfer.data import catalog, images, manifests, prepare, roles
from medtransfer.data.images import FileSource, Source
from medtransfer.data.splits import DEVELOPMENT, Development, published
from medtransfer.errors import UsageError
from medtransfer.networks import of_timm
from medtransfer.networks.contract import JPEG, ONE_OF_MANY
from medtransfer.networks.doors import scores
from medtransfer.networks.doors.door import ANSWERS
from medtransfer.study.schema import Profile

PUBLIC_SHARE = 0.2
"""Of public images, kept apart where nobody needs them: as test images of a study."""


def of_target(
    model: Model,
    manifest: str,
    *,
    profile: Profile,
    public: str | None = None,
    budgets: tuple[int, ...] = BUDGETS,
    replicates: int,
    goal: str = "",
) -> Setting:
    """Return the assessment of a brought model; its images are read, and nothing is trained.

    Args:
        manifest: of the labelled images, a name or a path.
        public: that of images of another source, for the outsider.
        budgets: grey levels of 255.
        replicates: surrogates a rung.
        goal: the finding that attackers want turned; "": whatever turns.

    Raises:
        ManifestError: a manifest breaks its schema.
        TargetError: the model cannot be opened, or does not fit the images.
        SourceError, SplitError: the images cannot be used.
        UsageError: the public images have no label of the model, or are those of the assessment;
            or the goal is no label of the images.
    """
    source = _read(manifest, model)
    if goal and goal not in source.labels:
        raise UsageError(f"no finding {goal!r}; allowed: {', '.join(source.labels)}")
    brought = bring.brought(model, source)
    known = model.target.known
    named = published(images.load(source).index)
    return Setting(
        system=system(model, source.labels),
        images=manifests.image_facts(manifest),
        target=brought,
        attacker=roles.of(source, roles.ATTACKER, seed=profile.seed),
        known=roles.of(source, DEVELOPMENT, seed=profile.seed) if DEVELOPMENT in named else None,
        public=_public(public, model, source, profile) if public else None,
        architecture=_architecture(known.architecture),
        initialization=known.initialization,
        differentiable=model.door != ANSWERS and brought.open().differentiable,
        profile=profile,
        budgets=budgets,
        replicates=replicates,
        askable=known.askable and model.door != ANSWERS,
        goal=goal,
    )


def _architecture(name: str | None) -> str | None:
    """Return what the registry calls an architecture that has a name here or in timm."""
    return name and (of_timm.known_as(name) or name)


def _read(manifest: str, model: Model) -> FileSource:
    return prepare.ready(catalog.request(manifest, image_px=model.contract.image_px))


def _public(manifest: str, model: Model, own: FileSource, profile: Profile) -> Development:
    source = _read(manifest, model)
    if not {*source.labels} & {*own.labels}:
        raise UsageError(
            f"{manifest}: none of its labels ({', '.join(source.labels)}) is one of "
            f"{', '.join(own.labels)}; labels are matched by name: rename them in that manifest, "
            "or leave --public out"
        )
    inside, others = {*_pictures(own)}, _pictures(source)
    if same := sum(each in inside for each in others):
        raise UsageError(
            f"{manifest}: {same} of its {len(others)} pictures are among the images of the "
            "assessment: an outsider has none of these. Leave them out of that manifest, or "
            "--public"
        )
    return Development(
        source=source,
        name="d1",
        seed=profile.seed,
        test_share=PUBLIC_SHARE,
        validation_share=PUBLIC_SHARE,
    )


def _pictures(source: Source) -> list[str]:
    """Return the sha256 of the pixels of every image of a source."""
    return [catalog.checksum(np.asarray(image)) for image in images.load(source).images]


def system(model: Model, labels: tuple[str, ...]) -> System:
    """Return what the owner says of the system, for the labels of the images."""
    facts, contract = model.target, model.contract
    steps = [
        f"saved as JPEG of quality {step.value}" if step.name == JPEG else f"{step.value} px"
        for step in contract.chain
    ]
    limits = scores.thresholds(contract, facts.thresholds, labels)
    return System(
        name=facts.name,
        title=facts.title,
        sha256=model.sha256,
        outputs=facts.outputs,
        one_of_many=facts.head == ONE_OF_MANY,
        limits=tuple(map(float, limits)),
        declared={name: facts.declared.auc[name] for name in labels if name in facts.declared.auc},
        path=", then ".join(steps) or "nothing",
        development=facts.known.development,
        tester=facts.tester.model_dump(),
    )
