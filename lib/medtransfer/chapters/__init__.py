"""What notebooks show: each factor of the study as a chapter, the same for every domain."""

import warnings

from medtransfer.chapters.defences import Defences
from medtransfer.chapters.design import Design
from medtransfer.chapters.development_data import DevelopmentData
from medtransfer.chapters.initialization import Initialization
from medtransfer.chapters.initialization_and_data import InitializationAndData
from medtransfer.chapters.perturbation import Perturbation
from medtransfer.chapters.synthesis import Synthesis
from medtransfer.chapters.your_model import YourModel

# A library's advice to install widgets; our own bars are plain text.
warnings.filterwarnings("ignore", message="IProgress not found")

__all__ = [
    "Defences",
    "Design",
    "DevelopmentData",
    "Initialization",
    "InitializationAndData",
    "Perturbation",
    "Synthesis",
    "YourModel",
]
