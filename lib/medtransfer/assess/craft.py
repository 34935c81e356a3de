"""Pictures for a system that cannot be called from here: it answers them elsewhere."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from medtransfer.assess import bring, case, evidence, facts, plan
from medtransfer.assess import target as target_file
from medtransfer.assess.bring import Model
from medtransfer.assess.plan import At, Step
from medtransfer.assess.setting import Setting
from medtransfer.attacks.attack import Attack
from medtransfer.attacks.delivery import deliver
from medtransfer.compute.ensure import ensure
from medtransfer.data import images, splits
from medtransfer.errors import ManifestError, UsageError
from medtransfer.executors.local import executor
from medtransfer.networks.doors import answers, pixels
from medtransfer.networks.doors.door import ANSWERS
from medtransfer.scoring import transfer
from medtransfer.study import schema

ORDER, READ_ME, CLEAN = "craft.json", "README.txt", "clean"
TEXT = """These pictures are for the test of {title}, by those who are entitled to test it.

The folder {clean} holds {number} pictures as they are. All others were changed so as to mislead
networks that read such pictures: they must never reach an archive, a worklist or a patient.

Let the system answer every picture, through the path that its pictures always take, and write
{table} into this folder: a column `{picture}` with the path of the picture below this folder, and
a column for each of {labels}. Then run `medtransfer assess score` with this folder.
"""


@dataclass(frozen=True, kw_only=True)
class Order:
    """What pictures were asked for; `score` needs the same.

    Attributes:
        target, manifest, public: paths or names, as they were given; "" for no public images.
        profile: its name or path.
        rungs: identifiers; none means all.
        budgets: grey levels of 255.
        replicates: surrogates a rung.
    """

    target: str
    manifest: str
    public: str
    profile: str
    rungs: tuple[str, ...]
    budgets: tuple[int, ...]
    replicates: int

    def setting(self, model: Model) -> Setting:
        """Return the assessment of a model with these pictures."""
        return case.of_target(
            model,
            self.manifest,
            profile=schema.profile(self.profile),
            public=self.public or None,
            budgets=self.budgets,
            replicates=self.replicates,
        )


def ordered(folder: Path) -> Order:
    """Return what the pictures in a folder were made for.

    Raises:
        UsageError: `craft` did not write them.
    """
    try:
        given = json.loads((folder / ORDER).read_text(encoding="utf-8"))
        given |= {name: tuple(given[name]) for name in ("rungs", "budgets")}
        return Order(**given)
    except Exception as error:
        raise UsageError(
            f"{folder / ORDER} cannot be read ({type(error).__name__}); "
            "`medtransfer assess craft` writes it with the pictures"
        ) from None


def craft(order: Order, folder: Path, *, say: Callable[[str], None] = print) -> int:
    """Write the pictures that a system is to answer into a folder; return how many there are.

    Those that are there already stay, so that the same call goes on where it was stopped.

    Raises:
        ManifestError: the target file breaks its schema, or does not say what the system takes.
        UsageError: no rung can be tried, or the folder holds the pictures of another order.
    """
    if (folder / ORDER).exists() and ordered(folder) != order:
        raise UsageError(f"{folder} holds pictures that were asked for otherwise; name another")
    setting = order.setting(_uncalled(Path(order.target), folder))
    steps = [each for each in plan.ladder(setting, order.rungs) if each.trained]
    if not steps:
        raise UsageError("no rung can be tried; `known` in the target file says more of the system")
    with executor():
        ensure(cell for step in steps for cell in plan.controls(setting, step).values())
    number = facts.counted(setting)
    attacks = sum(len(step.surrogates) for step in steps) * len(order.budgets) * 2
    total = number.calibration_images + number.test_images * (1 + attacks)
    say(f"{total:,} pictures to write")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ORDER).write_text(json.dumps(asdict(order), indent=1), encoding="utf-8")
    _write_clean(setting, folder / CLEAN)
    for step in steps:
        _write_step(setting, step, folder)
        say(f"{step.rung.number} {step.rung.name}: written")
    text = TEXT.format(
        title=setting.system.title,
        clean=CLEAN,
        number=number.calibration_images + number.test_images,
        table=answers.TABLE,
        picture=answers.PICTURE,
        labels=", ".join(f"`{name}`" for name in setting.target.labels),
    )
    (folder / READ_ME).write_text(text, encoding="utf-8")
    return total


def _uncalled(path: Path, folder: Path) -> Model:
    """Return the model of a target file that cannot be asked yet."""
    found = target_file.read(path)
    if found.model != ANSWERS:
        raise UsageError(
            f"{path}: model: {found.model}: it can be called: `medtransfer assess run`"
        )
    if found.input is None:
        raise ManifestError(f"{path}: input: needed: the size and channels of its pictures")
    return Model(found, folder, ANSWERS, "", found.contract(found.input))


def answered(order: Order, folder: Path) -> Setting:
    """Return the assessment of a system that answered the pictures in a folder.

    Raises:
        TargetError: `answers.csv` is missing, or does not answer these pictures.
    """
    return order.setting(bring.model(Path(order.target), pictures=folder))


def _write_clean(setting: Setting, place: Path) -> None:
    prepared = images.load(setting.attacker.source)
    found = [
        splits.parts(prepared.index, labels=prepared.labels, development=development)
        for development in (setting.attacker, setting.target.development)
    ]
    rows = np.union1d(found[0].test, found[1].validation)
    _write(place, prepared.index["image"].iloc[rows].tolist(), prepared.images[rows])


def _write_step(setting: Setting, step: Step, folder: Path) -> None:
    method = evidence.controls(setting, step).method
    cells = plan.cells(setting, step, method=method)
    for _, group in groupby(sorted(cells, key=lambda at: at.surrogate), lambda at: at.surrogate):
        wanted = list(group)
        _write_attacks(step, {at: cells[at].attack for at in wanted}, folder)


def _write_attacks(step: Step, attacks: dict[At, Attack], folder: Path) -> None:
    first = next(iter(attacks.values()))
    places = {at: folder / _named(step, at) for at in attacks}
    prepared, rows = transfer.prepared_rows(first)
    if all(_complete(place, len(rows)) for place in places.values()):
        return
    methods = list(dict.fromkeys(attack.method for attack in attacks.values()))
    with _as_workers_do():  # as `score` crafts them again: bit by bit the same
        for found in transfer.crafting(transfer.surrogates(first), prepared, rows, methods):
            for at, attack in attacks.items():
                if attack.method == found.method:
                    sent = deliver(at.delivery, found.clean, found.attacked, names=found.names)
                    _write(places[at], found.names, pixels.pictures(sent))


def _named(step: Step, at: At) -> str:
    kind = "noise" if at.delivery == "control" else "attack"
    return f"ADVERSARIAL_{step.rung.identifier}_{at.surrogate + 1}_{at.budget}_{kind}"


def _complete(place: Path, number: int) -> bool:
    return place.is_dir() and len(list(place.rglob("*.png"))) == number


def _write(place: Path, names: Sequence[str], pictures: np.ndarray) -> None:
    """Write pictures, uint8 (N, H, W, C), as PNG files of their names."""
    from PIL import Image

    for name, picture in zip(names, pictures, strict=True):
        path = place / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_suffix(".part")
        grey = picture.shape[-1] == 1
        Image.fromarray(picture[..., 0] if grey else picture).save(scratch, "PNG")
        scratch.replace(path)


@contextlib.contextmanager
def _as_workers_do() -> Iterator[None]:
    """Compute on one thread, as workers do: with several, sums are rounded otherwise."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_flush_denormal(False)
