"""What a run will not decide, or leaves out: said as early as it can be known."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import multivariate_normal, norm

from medtransfer.analysis import guards
from medtransfer.analysis.gains import POINTS
from medtransfer.compute import sets
from medtransfer.data import images, splits
from medtransfer.data.images import FileSource
from medtransfer.networks.trained import IMAGENET, RANDOM
from medtransfer.study import plan, strength
from medtransfer.study.builders import Study
from medtransfer.study.factors import FACTORS, SIZES
from medtransfer.study.trial import only_tries

if TYPE_CHECKING:
    import pandas as pd

GOOD = 0.8
"""A clean AUC as many systems have; notes say how precisely it can be known."""
WIDE = 0.1
"""An interval that reaches further to either side leaves most effects open."""
HELP = ". More or larger images would help, or labels that more images show"


def before(study: Study, domains: Iterable[str], factors: Iterable[str] = FACTORS) -> list[str]:
    """Return in sentences what a run will not decide, what it leaves out, and which sets are poor.

    Phantoms are drawn if they are missing; none of their sets is called poor.

    Raises:
        SplitError: see `sets.checked`; or the sets of a domain serve none of the factors.
    """
    domains, factors = list(domains), list(factors)
    profile = study.profile
    said = [*strength.plain_to_see(profile.sweep, profile.candidates), *undecided(study)]
    for domain in domains:
        out = sets.left_out(study, domain, factors)
        said += sets.omitted(domain, out)
        said += sets.checked(study, [domain], [name for name in factors if name not in out])
        said += uncertain(study, domain)
    return said


def trained(study: Study, domains: Iterable[str]) -> list[str]:
    """Return in sentences in which domains targets may be guessing, by their validation images.

    The choice of epsilon must be in the store.
    """
    said = []
    for domain in domains:
        cells = [cell for choice in plan.choices(study, domain).values() for cell in choice.cells]
        if blind := guards.at_chance(cells, resamples=study.profile.resamples):
            said.append(
                f"{domain}, validation images: {blind[1]}; if test images say the same, no claim "
                f"about these is judged{HELP if not only_tries(study.profile) else ''}"
            )
    return said


def undecided(study: Study) -> list[str]:
    """Return in sentences which claims a study gets no verdict on, whatever its images show."""
    profile, said = study.profile, []
    if single := [start for start in study.starts if study.trainings(start) == 1]:
        every = len(single) == len(study.starts)
        kind, those = ("kind", "") if every else (f"kind of {single[0]} network", " about these")
        said.append(
            f"one training of each {kind}: effects and intervals are shown, but no claim{those} is "
            "judged, because another seed might give another answer; to have them judged, write "
            "`replicates: 2` or more in the profile"
        )
    if absent := [start for start in (IMAGENET, RANDOM) if start not in study.starts]:
        said.append(
            f"no recipe for networks that start from {absent[0]} weights: C1 and C2, which compare "
            "both starts, are not judged"
        )
        return said
    points = len(study.domains) * len(SIZES) * len(profile.architectures)
    if points < POINTS:
        said.append(
            f"C2 is not judged: it needs {POINTS} points (domains x sizes x architectures), and "
            f"this study has {len(study.domains)} x {len(SIZES)} x {len(profile.architectures)}"
        )
    return said


def uncertain(study: Study, domain: str) -> list[str]:
    """Return a sentence where the test images of a user are too few for narrow intervals."""
    source = study.source(domain)
    if not isinstance(source, FileSource):
        return []
    prepared = images.load(source)
    rows = splits.parts(
        prepared.index, labels=prepared.labels, development=study.development(domain, "d1")
    ).test
    return few(prepared.index[list(prepared.labels)].iloc[rows], domain=domain)


def few(labels: pd.DataFrame, *, domain: str) -> list[str]:
    """Return a sentence where test images are too few for narrow intervals.

    Args:
        labels: (N, K), 0 or 1, of the test images.
    """
    reach = reach_of_auc(labels, auc=GOOD)
    if not reach > WIDE:
        return []
    rarest = labels.sum().idxmin()
    positives = int(labels[rarest].sum())
    of = f"of {rarest} " if labels.shape[1] > 1 else ""
    return [
        f"{domain} test has {positives} positive and {len(labels) - positives} negative images {of}"
        f"among {len(labels)}: a clean AUC of {GOOD:g} is known to +/- {reach:.2f} at best, and "
        "many effects will stay open; more test images help, above all of the rarer class"
    ]


def reach_of_auc(labels: pd.DataFrame, *, auc: float) -> float:
    """Return how far the 95 % interval of a mean AUC reaches to either side, at best.

    By Hanley and McNeil (1982), for independent images whose scores are normal, as wide in one
    class as in the other; labels of one class count for nothing.

    Args:
        labels: (N, K), 0 or 1.
        auc: of every label, above 0.5 and below 1.
    """
    positives = labels.sum().to_numpy(float)
    negatives = len(labels) - positives
    known = (positives > 0) & (negatives > 0)
    if not known.any():
        return float("nan")
    m, n = positives[known], negatives[known]
    # That two of one class are both on the right side of one of the other.
    both = multivariate_normal.cdf([norm.ppf(auc)] * 2, cov=[[1, 0.5], [0.5, 1]])
    variance = auc * (1 - auc) + (m + n - 2) * (both - auc**2)
    return float(1.96 * np.sqrt((variance / (m * n)).sum()) / known.sum())
