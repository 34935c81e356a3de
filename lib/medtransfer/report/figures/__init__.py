"""Charts: pure functions from a table of `analysis` to a matplotlib Figure."""

from medtransfer.report.figures.networks import findings, networks
from medtransfer.report.figures.pairs import matrix, pairs
from medtransfer.report.figures.sweep import sweep
from medtransfer.report.figures.synthesis import (
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
