"""What notebooks show: each factor of the study as a chapter, the same for every domain."""

from medtransfer.chapters.development_data import DevelopmentData
from medtransfer.chapters.initialization import Initialization
from medtransfer.chapters.initialization_and_data import InitializationAndData
from medtransfer.chapters.perturbation import Perturbation
from medtransfer.chapters.synthesis import Synthesis

__all__ = [
    "DevelopmentData",
    "Initialization",
    "InitializationAndData",
    "Perturbation",
    "Synthesis",
]
