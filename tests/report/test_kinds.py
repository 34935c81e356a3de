"""Names of networks: the traits that tell them apart, and no others."""

from __future__ import annotations

import pandas as pd
import pytest

from medtransfer.report.kinds import columns, kinds, network_kinds, ordered, traits

PLAIN = {"architecture": "mobilenet_v2", "initialization": "random", "data": "d1"}


def table(*networks: dict[str, object]) -> pd.DataFrame:
    """Return a table in which each network attacks the first."""
    rows = [
        {f"surrogate_{name}": value for name, value in network.items()}
        | {f"target_{name}": value for name, value in networks[0].items()}
        for network in networks
    ]
    return pd.DataFrame(rows).assign(percent=range(len(rows)))


@pytest.mark.parametrize(
    ("other", "called"),
    [
        ({}, "MobileNetV2, random, d1"),
        ({"initialization": "imagenet", "epochs": 10}, "MobileNetV2, pre-trained, d1"),
        ({"seed": 7, "key": "ab"}, "MobileNetV2, random, d1"),
        ({"network": "blurred", "sigma": 1.5}, "MobileNetV2, random, d1, blurred"),
        ({"epochs": 10}, "MobileNetV2, random, d1, epochs 10"),
        ({"hardened_at": 0.02}, "MobileNetV2, random, d1, hardened at 0.02"),
        ({"distilled": True}, "MobileNetV2, random, d1, distilled"),
        ({"architecture": "mobilenet_v2+tiny"}, "MobileNetV2 + tiny, random, d1"),
    ],
)
def test_a_network_is_called_by_what_tells_it_apart(other: dict[str, object], called: str) -> None:
    first = {**PLAIN, "epochs": 8, "network": "training", "seed": 1, "key": "cd"}
    found = kinds(table(first, {**first, **other}), side="surrogate")
    assert found[1] == called


def test_what_has_no_architecture_is_called_by_what_it_is() -> None:
    foreign = {"network": "onnx", "data": "d1"}
    assert kinds(table(PLAIN | {"network": "training"}, foreign), side="surrogate") == [
        "MobileNetV2, random, d1",
        "onnx, d1",
    ]


def test_columns_that_say_nothing_are_not_kept() -> None:
    first = {**PLAIN, "epochs": 8, "weights": "", "network": "training"}
    pretrained = {**first, "initialization": "imagenet", "epochs": 10, "weights": "abc"}
    assert traits(table(first, pretrained)) == ["architecture", "initialization", "data"]
    found = columns(table(first, pretrained, {**first, "network": "blurred"}))
    assert found == [
        f"{side}_{trait}"
        for side in ("surrogate", "target")
        for trait in ("architecture", "initialization", "data", "network")
    ]


def test_development_sets_stand_before_their_parts() -> None:
    given = ["d2/2", "d1/10", "d2", "d1/2", "d1", "d1/4", "d1"]
    assert ordered(given) == ["d1", "d1/2", "d1/4", "d1/10", "d2", "d2/2"]


def test_networks_are_named_without_their_development_set() -> None:
    rows = [{**PLAIN, "data": data, "epochs": n, "seed": n} for n, data in enumerate(("d1", "d2"))]
    frame = pd.DataFrame(rows).assign(validation_auc=0.8, validation_auc_low=0.7, key="k")
    assert network_kinds(frame) == ["MobileNetV2, random"] * 2
