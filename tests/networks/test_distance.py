"""How far a network moved from its start."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from medtransfer import store
from medtransfer.networks import training
from medtransfer.networks.distance import distance


def test_the_distance_is_relative_and_of_the_body_alone(copied):
    spec = copied.target
    file = store.find(spec) / "weights.safetensors"
    start = training.initial(spec).state_dict()
    moved = {name: value.clone() for name, value in load_file(file).items()}
    for name, value in moved.items():
        value.copy_(start[name])
        if value.ndim > 1:
            value.mul_(1.5 if not name.startswith("network.9.") else 7)
        elif value.is_floating_point():
            value.add_(3)
    save_file(moved, file)
    assert distance(spec) == pytest.approx(0.5, rel=1e-5)


def test_an_untrained_network_has_not_moved(copied):
    spec = copied.target
    save_file(training.initial(spec).state_dict(), store.find(spec) / "weights.safetensors")
    assert distance(spec) == 0


def test_training_moves(studied):
    assert 0 < distance(studied.target) < 10
    assert torch.isfinite(torch.tensor(distance(studied.wide)))
