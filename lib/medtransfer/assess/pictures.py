"""Pictures of a report: the curve over budgets, and images whose correct call an attack turns."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medtransfer.assess import facts, plan
from medtransfer.assess.calls import INVENTIONS, MISSES, Kind
from medtransfer.assess.document import Assessment, Example, RungFacts
from medtransfer.assess.plan import At, Step
from medtransfer.assess.setting import Setting
from medtransfer.assess.verdicts import NOT_ASSESSED
from medtransfer.attacks.delivery import EIGHT_BIT
from medtransfer.compute.ensure import ensure
from medtransfer.compute.progress import Stage
from medtransfer.measures import predictions
from medtransfer.report.style import MARKS, SHADES, STYLE
from medtransfer.scoring.cell import Cell
from medtransfer.scoring.example import Pictures, panels_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CURVE = "budgets.png"
SHOWN_PX, GAP_PX = 220, 8  # of an example, at least about, and between its pictures
WORST, AT_RANDOM = "worst", "drawn at random"


def curve(found: Assessment) -> Figure:
    """Return the share of correct calls changed over the budget, a line for each rung.

    Bars are 95 % intervals; grey crosses are noise of the same size, for the strongest rung.
    """
    import matplotlib.pyplot as plt
    from matplotlib.ticker import PercentFormatter

    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(5, 4.2), layout="constrained")
        tried = [rung for rung in found.rungs if rung.overall]
        for number, rung in enumerate(tried):
            shift = 1.03 ** (number - (len(tried) - 1) / 2)
            known = [each for each in rung.overall if each.share is not None]
            budgets = [each.budget * shift for each in known]
            share = np.array([each.share for each in known])
            ends = np.array([(each.low, each.high) for each in known]).T.reshape(2, -1)
            axis.errorbar(
                budgets,
                share,
                yerr=np.abs(ends - share),
                color=SHADES[(rung.number - 1) % len(SHADES)],
                marker=MARKS[rung.number % len(MARKS)],
                markersize=5,
                linewidth=1.2,
                label=rung.name,
            )
        for budget in found.budgets:
            noise = [e.noise for r in tried for e in r.overall if e.budget == budget]
            axis.plot(
                [budget],
                [max((value for value in noise if value is not None), default=np.nan)],
                "x",
                color="#7F7F7F",
                label="control noise, largest" if budget == found.budgets[0] else None,
            )
        axis.axvline(found.headline, color="0.85", linewidth=6, zorder=0)
        axis.set_xscale("log", base=2)
        axis.set_xticks(found.budgets, [str(budget) for budget in found.budgets])
        axis.set_ylim(bottom=0)
        axis.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axis.set_xlabel("budget, grey levels of 255 (grey bar: that of the first page)")
        axis.set_ylabel("correct calls changed")
        figure.legend(loc="outside upper center", ncols=2, fontsize=9)
    return figure


def examples(
    setting: Setting, steps: Sequence[Step], found: Assessment, folder: Path
) -> tuple[Example, ...]:
    """Write pictures of turned calls into a folder: of misses and inventions, worst and at random.

    They come from the rung whose transferred attacks change most calls beyond noise, and from the
    surrogate that its attacker would choose, at the budget of the first page.
    """
    tried = {step.rung.identifier: step for step in steps if step.surrogates}
    known = [each for each in found.rungs if each.identifier in tried]
    transferred = [each for each in known if tried[each.identifier].trained]
    rung = max(
        transferred or known, key=lambda each: _beyond_noise(each, found.headline), default=None
    )
    if rung is None:
        return ()
    step, made = tried[rung.identifier], []
    cell = plan.cells(setting, step, method=rung.method)[
        At(rung.method, found.headline, EIGHT_BIT, rung.chosen)
    ]
    for kind in (MISSES, INVENTIONS):
        rows = [
            each
            for each in rung.results
            if (each.budget, each.kind) == (found.headline, kind) and each.verdict != NOT_ASSESSED
        ]
        worst = max(rows, key=lambda each: (each.share or 0) - (each.noise or 0), default=None)
        if worst is None:
            continue
        for chosen, row in _turned(setting, cell, worst.finding, kind):
            file = f"example_{kind}_{chosen.split()[0]}.png"
            _draw(cell, row, folder / file)
            asked, k = predictions.read(cell), setting.target.labels.index(worst.finding)
            before, after, limit = (
                float(facts.in_units(setting.system.outputs, each))
                for each in (asked.clean[row, k], asked.after[row, k], setting.limits[k])
            )
            made.append(
                Example(
                    file=file,
                    chosen=chosen,
                    rung=rung.name,
                    finding=worst.finding,
                    kind=kind,
                    image=asked.images[row],
                    before=before,
                    after=after,
                    limit=limit,
                )
            )
    return tuple(made)


def _beyond_noise(rung: RungFacts, budget: int) -> float:
    at = next(each for each in rung.overall if each.budget == budget)
    return (at.share or 0.0) - (at.noise or 0.0)


def _turned(setting: Setting, cell: Cell, finding: str, kind: Kind) -> list[tuple[str, int]]:
    """Return the turned image that is moved furthest, and one drawn at random, if there are."""
    found, k = predictions.read(cell), setting.target.labels.index(finding)
    limit = setting.limits[k]
    before, after = found.clean[:, k] >= limit, found.after[:, k] >= limit
    ill = found.truth[:, k] > 0
    rows = np.flatnonzero((before == ill) & (after != before) & (ill == (kind == MISSES)))
    if not len(rows):
        return []
    furthest = int(rows[np.abs(found.change[rows, k]).argmax()])
    drawn = int(np.random.default_rng(0).choice(rows))
    return [(WORST, furthest), (AT_RANDOM, drawn)] if drawn != furthest else [(WORST, furthest)]


def _draw(cell: Cell, row: int, path: Path) -> None:
    """Draw an image as it is, as attacked and delivered, and the difference, side by side."""
    import matplotlib.pyplot as plt

    spec = Pictures(cells=(cell,), rows=(row,))
    ensure([spec], stage=Stage("pictures for the report"))
    clean, delivered = (panel[0] for panel in panels_of(spec).values())
    moved = delivered - clean
    most = max(float(np.abs(moved).max()), 1e-6)
    panels = [np.clip((each + 1) / 2, 0, 1) for each in (clean, delivered, moved / most)]
    times = max(1, SHOWN_PX // clean.shape[0])
    large = [
        np.broadcast_to(each, (*each.shape[:2], 3)).repeat(times, 0).repeat(times, 1)
        for each in panels
    ]
    gap = np.ones((len(large[0]), GAP_PX, 3))
    plt.imsave(path, np.concatenate([large[0], gap, large[1], gap, large[2]], 1))
