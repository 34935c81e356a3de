"""Makers of small valid specs, which tests have as `toy`; keyword arguments replace fields."""

import itertools

from medtransfer.attacks.attack import Attack
from medtransfer.attacks.delivery import FLOAT
from medtransfer.attacks.fgsm import FGSM
from medtransfer.attacks.pgd import PGD
from medtransfer.data.images import PhantomSource, Source
from medtransfer.data.splits import Development
from medtransfer.networks.trained import RANDOM, Training
from medtransfer.scoring.cell import Cell

_fresh = itertools.count(1)


def source(**changes):
    fields = {
        "manifest": "toy",
        "domain": "pathology",
        "content": f"toy images {next(_fresh)}",  # another one every time, unless given
        "image_px": 32,
        "channels": 3,
        "labels": ("sick",),
    }
    return Source(**{**fields, **changes})


def phantom(**changes):
    fields = {
        "manifest": "phantom_fundus",
        "domain": "ophthalmology",
        "content": "drawn by the code of the day",
        "image_px": 32,
        "channels": 3,
        "labels": ("Referable DR",),
        "drawing": "fundus",
        "groups": 24,
        "seed": 0,
    }
    return PhantomSource(**{**fields, **changes})


def development(**changes):
    fields = {"name": "d1", "seed": 0, "test_share": 0.25, "validation_share": 0.25}
    if "source" not in changes:
        fields["source"] = source()
    return Development(**{**fields, **changes})


def training(**changes):
    fields = {
        "architecture": "tiny",
        "initialization": RANDOM,
        "weights": "",
        "augmentation": ("shift", "mirror"),
        "steps": 4,
        "least_epochs": 1,
        "most_epochs": 1,
        "batch_size": 4,
        "learning_rate": 1e-2,
        "head_learning_rate": 1e-2,
        "weight_decay": 0.01,
        "seed": 0,
    }
    if "development" not in changes:
        fields["development"] = development()
    return Training(**{**fields, **changes})


def method(name="FGSM", *, epsilon=0.02, steps=3, step_size=0.01):
    if name == "FGSM":
        return FGSM(epsilon=epsilon)
    return PGD(epsilon=epsilon, step_size=step_size, steps=steps)


def attack(*surrogates, method="FGSM", images="test", **changes):
    made = method if not isinstance(method, str) else globals()["method"](method, **changes)
    return Attack(method=made, surrogates=surrogates or (training(),), images=images)


def cell(surrogate=None, target=None, *, delivery=FLOAT, **changes):
    surrogate = surrogate or training()
    return Cell(attack=attack(surrogate, **changes), target=target or surrogate, delivery=delivery)
