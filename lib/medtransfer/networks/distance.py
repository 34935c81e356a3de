"""How far a network has moved from the public weights that it started from."""

from __future__ import annotations

from medtransfer.networks.trained import Training


def distance(spec: Training) -> float:
    """Return the distance of a stored network's body from its start, over the start's length.

    The body is every weight of a convolution or a linear layer but those of the head. Biases and
    the parameters of batch norms are left out, as is the head, which begins by chance.

    Raises:
        StoreError: the network is not in the store.
        WeightsError: the weights that it began with are missing.
    """
    import torch

    from medtransfer.networks import stored, training

    start, end = training.initial(spec), stored.load(spec)
    before, after = dict(start.named_parameters()), dict(end.named_parameters())
    body = [
        name
        for name, weights in before.items()
        if weights.ndim > 1 and not name.removeprefix("network.").startswith(start.head)
    ]
    with torch.no_grad():
        moved, whole = (
            sum(float(each.double().square().sum()) for each in parts)
            for parts in (
                (after[name].cpu() - before[name] for name in body),
                (before[name] for name in body),
            )
        )
    return (moved / whole) ** 0.5
