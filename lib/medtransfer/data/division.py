"""Images divided into parts, such that no patient or slide is in two of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


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
        even: whether how many images a group has decides nothing. Otherwise a large group tends to
            a large part, so that test images come from patients with few.
    """
    names, member = np.unique(groups, return_inverse=True)
    sizes = np.bincount(member, minlength=len(names)).tolist()
    order = _order(member, labels, groups=len(names), seed=seed).tolist()
    wanted = [float(share) for share in np.asarray(shares, float) / np.sum(shares)]
    mean = len(member) / max(1, len(names))
    # Plain numbers: hundreds of thousands of groups, two or three parts.
    filled, part = [0.0] * len(wanted), np.zeros(len(names), int)
    for done, group in enumerate(order):
        total = sum(filled) + (mean if even else sizes[group])
        lack = [share * total - has for share, has in zip(wanted, filled, strict=True)]
        if len(order) - done <= filled.count(0):  # the last groups go where there is none yet
            lack = [-np.inf if has else short for short, has in zip(lack, filled, strict=True)]
        part[group] = chosen = lack.index(max(lack))
        filled[chosen] += sizes[group]
    return part[member]


def _order(member: np.ndarray, labels: np.ndarray, *, groups: int, seed: int) -> np.ndarray:
    rarity = labels.mean(axis=0).argsort()  # rarest label first
    stratum = np.full(groups, labels.shape[1])
    for rank, label in reversed(list(enumerate(rarity))):
        stratum[np.unique(member[labels[:, label] > 0])] = rank
    shuffled = np.random.default_rng(seed).permutation(groups)
    return shuffled[np.argsort(stratum[shuffled], kind="stable")]
