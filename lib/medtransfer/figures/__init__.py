"""Charts: pure functions from a table of `evaluation` to a matplotlib Figure."""

from medtransfer.figures.networks import findings, networks
from medtransfer.figures.pairs import matrix, pairs
from medtransfer.figures.sweep import sweep
from medtransfer.figures.synthesis import (
    claims,
    factors,
    gain,
    interaction,
    operating,
    perceptibility,
)

__all__ = [
    "claims",
    "factors",
    "findings",
    "gain",
    "interaction",
    "matrix",
    "networks",
    "operating",
    "pairs",
    "perceptibility",
    "sweep",
]
