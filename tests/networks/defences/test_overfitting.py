"""Catastrophic overfitting: told by what attacks of one and of many steps leave, and by cosines."""

import pytest

from medtransfer.networks.defences.overfitting import overfitted

NAN = float("nan")


def history(*rows):
    return [dict(zip(("fgsm_auc", "pgd_auc", "cosine"), row, strict=True)) for row in rows]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], False),
        ([(0.6, 0.5, 0.9), (0.7, 0.55, 0.9)], False),  # it learns
        ([(0.6, 0.5, 0.9), (0.7, 0.3, 0.9)], True),  # one step misses what many find
        ([(1.0, 0.5, 0.9), (1.0, 0.3, 0.9)], True),
        ([(0.6, 0.5, 0.9), (0.5, 0.3, 0.9)], False),  # both fall: overfitting, but no such one
        ([(0.6, 0.5, 0.9), (0.7, 0.36, 0.9)], False),  # a fall of 0.14
        ([(0.9, 0.3, 0.9)], True),  # one step is misled from the first
        ([(0.9, 0.3, 0.9), (0.9, 0.8, 0.9)], False),  # which may pass
        ([(0.9, 0.45, 0.9)], False),
        ([(0.6, 0.5, 0.7), (0.6, 0.5, 0.2)], True),  # the loss became curved
        ([(0.6, 0.5, 0.5), (0.6, 0.5, 0.2)], False),  # it always was
        ([(0.6, 0.5, 0.9), (0.7, 0.3, 0.9), (0.7, 0.6, 0.9)], True),  # once is for ever
        ([(0.6, 0.5, 0.7), (NAN, NAN, NAN), (0.6, 0.5, 0.2)], True),
        ([(NAN, NAN, NAN)], False),
    ],
)
def test_the_flag(rows, expected):
    assert overfitted(history(*rows)) is expected
