"""Pictures for a system that cannot be called from here: it answers them elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from tqdm import tqdm

from medtransfer.assess import bring, case, controls, facts, files, plan
from medtransfer.assess import target as target_file
from medtransfer.assess.bring import Model
from medtransfer.assess.files import PNG, Format
from medtransfer.assess.plan import At, Step
from medtransfer.assess.setting import Setting
from medtransfer.attacks.attack import Attack
from medtransfer.attacks.delivery import CONTROL, deliver
from medtransfer.compute.ensure import ensure
from medtransfer.compute.progress import Stage
from medtransfer.data import images, splits
from medtransfer.errors import ManifestError, UsageError
from medtransfer.executors.local import executor
from medtransfer.networks.contract import CALLS, LOGITS, ONE_OF_MANY, PROBABILITIES
from medtransfer.networks.doors import answers, pixels
from medtransfer.networks.doors.door import ANSWERS
from medtransfer.scoring import transfer
from medtransfer.study import schema

ORDER, READ_ME, CLEAN = "craft.json", "README.txt", "clean"
TEXT = """These pictures are for the test of {title}, by those who are entitled to test it.

The folder {clean} holds {number} pictures as they are. All others were changed so as to mislead
networks that read such pictures: they must never reach an archive, a worklist or a patient.

Let the system answer every picture, through the path that its pictures always take, and write
{table} into this folder, a row for each picture. It needs these columns, in any order; others are
ignored:

{columns}

Then run `medtransfer assess score` with this folder.
"""
ANSWER = {
    LOGITS: "what the system gives for it, a number (a logit)",
    PROBABILITIES: "its probability, from 0 to 1, with all the digits that there are",
    CALLS: "1 if the system calls it, 0 if not",
}


@dataclass(frozen=True, kw_only=True)
class Order:
    """What pictures were asked for; `score` needs the same.

    Attributes:
        target, manifest, public: paths or names, as they were given; "" for no public images.
        profile: its name or path.
        rungs: identifiers; none means all.
        budgets: grey levels of 255.
        replicates: surrogates a rung.
        format: of the files.
        goal: the finding that attackers want turned; "": whatever turns.
    """

    target: str
    manifest: str
    public: str
    profile: str
    rungs: tuple[str, ...]
    budgets: tuple[int, ...]
    replicates: int
    format: Format = PNG
    goal: str = ""

    def setting(self, model: Model) -> Setting:
        """Return the assessment of a model with these pictures."""
        return case.of_target(
            model,
            self.manifest,
            profile=schema.profile(self.profile),
            public=self.public or None,
            budgets=self.budgets,
            replicates=self.replicates,
            goal=self.goal,
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
    model = uncalled(Path(order.target), folder)
    setting = order.setting(model)
    steps = [each for each in plan.ladder(setting, order.rungs) if each.trained]
    if not steps:
        raise UsageError("no rung can be tried; `known` in the target file says more of the system")
    with executor() as pool:
        ensure(
            (cell for step in steps for cell in plan.rehearsals(setting, step).values()),
            stage=Stage("attackers' networks"),
        )
        number = facts.counted(setting)
        attacks = sum(len(step.surrogates) for step in steps) * len(order.budgets) * 2
        total = number.calibration_images + number.test_images * (1 + attacks)
        say(f"{total:,} pictures to write")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ORDER).write_text(json.dumps(asdict(order), indent=1), encoding="utf-8")
        _write_clean(setting, folder / CLEAN, order.format)
        wanted = [attacks for step in steps for attacks in _attacks(setting, step, folder)]
        # By the workers, as `score` crafts them again: on as many threads, bit by bit the same.
        running = [pool.submit(_write_attacks, attacks, order.format) for attacks in wanted]
        for done in tqdm(running, desc="surrogates"):
            done.result()
    if absent := [at for each in wanted for at in each if not at.is_dir()]:
        raise UsageError(
            f"{absent[0]}: the workers of the cluster wrote it elsewhere; name a folder, --out, "
            "that all of them see"
        )
    text = TEXT.format(
        title=setting.system.title,
        clean=CLEAN,
        number=number.calibration_images + number.test_images,
        table=answers.TABLE,
        columns="\n".join(_columns(model)),
    )
    (folder / READ_ME).write_text(text, encoding="utf-8")
    return total


def _columns(model: Model) -> list[str]:
    """Return a line for every column that a table of answers has: all that the system answers."""
    contract = model.contract
    lines = [(answers.PICTURE, f"the path of the picture below this folder, as {CLEAN}/...")]
    lines += [(name, ANSWER[contract.outputs]) for name in contract.labels]
    found = [f"  {name}: {means}" for name, means in lines]
    if contract.outputs == CALLS and contract.head == ONE_OF_MANY:
        return [
            *found,
            f"  or, in place of the last {len(contract.labels)}, one column "
            f"{answers.CLASS}: the name of the class",
        ]
    return found


def uncalled(path: Path, folder: Path) -> Model:
    """Return the model of a target file that cannot be asked yet.

    Raises:
        ManifestError: the target file breaks its schema, or does not say what the system takes.
        UsageError: the model can be asked.
    """
    found = target_file.read(path)
    if found.model != ANSWERS:
        raise UsageError(
            f"{path}: model: {found.model}: it can be called: `medtransfer assess run`"
        )
    if found.input is None:
        raise ManifestError(f"{path}: input: needed: the size and channels of its pictures")
    return Model(found, folder, ANSWERS, "", found.contract(found.input))


def answered(order: Order, folder: Path) -> tuple[Model, Setting]:
    """Return a system that answered the pictures in a folder, and its assessment.

    Raises:
        TargetError: `answers.csv` is missing, or does not answer these pictures.
    """
    model = bring.model(Path(order.target), pictures=folder)
    return model, order.setting(model)


def _write_clean(setting: Setting, place: Path, kind: Format) -> None:
    prepared = images.load(setting.attacker.source)
    found = [
        splits.parts(prepared.index, labels=prepared.labels, development=development)
        for development in (setting.attacker, setting.target.development)
    ]
    rows = np.union1d(found[0].test, found[1].validation)
    names = prepared.index["image"].iloc[rows].tolist()
    files.write(place, names, prepared.images[rows], kind=kind)


Attacks = dict[Path, tuple[Attack, str]]
"""A folder for each attack of one surrogate, with its delivery."""


def _attacks(setting: Setting, step: Step, folder: Path) -> Iterator[Attacks]:
    """Yield what every surrogate of a rung crafts."""
    method = controls.chosen(setting, step)
    cells = plan.cells(setting, step, method=method)
    for _, group in groupby(sorted(cells, key=lambda at: at.surrogate), lambda at: at.surrogate):
        yield {folder.resolve() / _named(step, at): (cells[at].attack, at.delivery) for at in group}


def _write_attacks(attacks: Attacks, kind: Format) -> None:
    first, _ = next(iter(attacks.values()))
    prepared, rows = transfer.prepared_rows(first)
    if all(files.complete(place, len(rows), kind=kind) for place in attacks):
        return
    methods = list(dict.fromkeys(attack.method for attack, _ in attacks.values()))
    for found in transfer.crafting(transfer.surrogates(first), prepared, rows, methods):
        for place, (attack, delivery) in attacks.items():
            if attack.method == found.method:
                sent = deliver(delivery, found.clean, found.attacked, names=found.names)
                files.write(place, found.names, pixels.pictures(sent), kind=kind)


def _named(step: Step, at: At) -> str:
    kind = "noise" if at.delivery == CONTROL else "attack"
    return f"ADVERSARIAL_{step.rung.identifier}_{at.surrogate + 1}_{at.budget}_{kind}"
