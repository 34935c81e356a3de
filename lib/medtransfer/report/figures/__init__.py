"""Charts: pure functions from a table of `analysis` to a matplotlib Figure."""

from medtransfer.report.figures.attackers import dumbbells, questions
from medtransfer.report.figures.claims import claims, gain
from medtransfer.report.figures.defences import distance, knowledge, pareto
from medtransfer.report.figures.gains import gains
from medtransfer.report.figures.heat import matrix
from medtransfer.report.figures.networks import findings, networks
from medtransfer.report.figures.order import order
from medtransfer.report.figures.pairs import pairs
from medtransfer.report.figures.sweep import sweep
from medtransfer.report.figures.synthesis import interaction, operating, perceptibility

__all__ = [
    "claims",
    "distance",
    "dumbbells",
    "findings",
    "gain",
    "gains",
    "interaction",
    "knowledge",
    "matrix",
    "networks",
    "operating",
    "order",
    "pairs",
    "pareto",
    "perceptibility",
    "questions",
    "sweep",
]
