"""A network to defend, and images to ask it about."""

from dataclasses import dataclass

import pytest
import torch

from medtransfer.networks.network import ModulePredictor, Network


@dataclass(frozen=True, kw_only=True, eq=False)
class Known(Network):
    """A network whose module is told; it is in no store."""

    seed: int = 0

    def open(self):
        return ModulePredictor(MODULES[self.seed])


MODULES = {}


@pytest.fixture
def known(network, toy):
    """Maker of networks to defend, by the seed of their weights."""
    development = toy.development()

    def make(seed=0):
        MODULES[seed] = network(seed=seed)
        return Known(development=development, seed=seed)

    return make


@pytest.fixture
def images():
    draw = torch.Generator().manual_seed(5)
    grey = torch.randint(0, 256, (6, 3, 32, 32), generator=draw)
    return (grey / 127.5 - 1).contiguous(memory_format=torch.channels_last)


@pytest.fixture
def labels():
    return torch.tensor([[1.0, 0, 1], [0, 0, 1], [1, 1, 1], [0, 0, 0], [1, 0, 0], [0, 1, 0]])
