"""What notebooks show: each factor of the study as a chapter, the same for every domain."""

from medtransfer.chapters.design import Design
from medtransfer.chapters.development_data import DevelopmentData
from medtransfer.chapters.initialization import Initialization
from medtransfer.chapters.initialization_and_data import InitializationAndData
from medtransfer.chapters.one_image import OneImage
from medtransfer.chapters.perturbation import Perturbation
from medtransfer.chapters.synthesis import Synthesis
from medtransfer.chapters.your_model import YourModel

__all__ = [
    "Design",
    "DevelopmentData",
    "Initialization",
    "InitializationAndData",
    "OneImage",
    "Perturbation",
    "Synthesis",
    "YourModel",
]
