"""Layers that give what PyTorch's give, faster on a CPU; each says by how much, and where."""

from torch import nn

from medtransfer.networks.fast.depthwise import use_shifted_products
from medtransfer.networks.fast.pointwise import use_products
from medtransfer.networks.fast.relu6 import work_in_place


def speed_up(network: nn.Module) -> None:
    """Put the faster layers into a network, in place; names and shapes of tensors stay."""
    use_shifted_products(network)
    use_products(network)
    work_in_place(network)
