"""Images divided into parts, such that no patient or slide is in two of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

FEWEST = 4
"""Groups that a part has at least, or half of its share of them, beside one giant."""


def divide(
    groups: np.ndarray, labels: np.ndarray, *, shares: Sequence[float], seed: int, even: bool
) -> np.ndarray:
    """Return for every image the number of its part; a group is never divided.

    Groups are ordered by their rarest positive label, shuffled within it, and each goes to
    the part that lacks most of its share, so that parts are alike in size and labels as far as
    whole groups allow.

    Args:
        groups: (N,) group names.
        labels: (N, K), 0 or 1.
        shares: share of the images for each part; their sum is taken as 1.
        seed: draws the order.
        even: whether groups of about one size follow each other, the largest first, so that each
            part has its share of them. Otherwise a large group tends to a large part, and test
            images come from patients with few.
    """
    names, member = np.unique(groups, return_inverse=True)
    sizes = np.bincount(member, minlength=len(names)).tolist()
    order = _order(member, labels, groups=len(names), seed=seed)
    if even:
        octave = np.log2(np.bincount(member)).astype(int)  # sizes within a factor of two
        order = order[np.argsort(-octave[order], kind="stable")]
    wanted = [float(share) for share in np.asarray(shares, float) / np.sum(shares)]
    most = FEWEST if even else 1
    enough = [min(most, math.ceil(share * len(names) / 2)) for share in wanted]
    # Plain numbers: hundreds of thousands of groups, two or three parts.
    filled, numbers, part = [0.0] * len(wanted), [0] * len(wanted), np.zeros(len(names), int)
    for done, group in enumerate(order.tolist()):
        total = sum(filled) + sizes[group]
        lack = [share * total - has for share, has in zip(wanted, filled, strict=True)]
        for least in ([1] * len(wanted), enough):  # the last groups go where there are too few
            few = [number < need for number, need in zip(numbers, least, strict=True)]
            needed = sum(max(0, need - has) for need, has in zip(least, numbers, strict=True))
            if len(order) - done <= needed:
                lack = [each if own else -np.inf for each, own in zip(lack, few, strict=True)]
                break
        part[group] = chosen = lack.index(max(lack))
        filled[chosen] += sizes[group]
        numbers[chosen] += 1
    return part[member]


def _order(member: np.ndarray, labels: np.ndarray, *, groups: int, seed: int) -> np.ndarray:
    rarity = labels.mean(axis=0).argsort()  # rarest label first
    stratum = np.full(groups, labels.shape[1])
    for rank, label in reversed(list(enumerate(rarity))):
        stratum[np.unique(member[labels[:, label] > 0])] = rank
    shuffled = np.random.default_rng(seed).permutation(groups)
    return shuffled[np.argsort(stratum[shuffled], kind="stable")]
