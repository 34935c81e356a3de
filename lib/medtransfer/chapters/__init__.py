"""What notebooks show: each factor of the study as a chapter, the same for every domain."""

from importlib import import_module
from typing import Any

# Each is imported when it is asked for: one needs PyTorch, for seconds, the next does not.
_MODULES = {
    "Attackers": "attackers",
    "Defences": "defences",
    "Design": "design",
    "DevelopmentData": "development_data",
    "Initialization": "initialization",
    "InitializationAndData": "initialization_and_data",
    "OneImage": "one_image",
    "Perturbation": "perturbation",
    "Synthesis": "synthesis",
    "YourModel": "your_model",
}
__all__ = list(_MODULES)


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"no chapter {name!r}; there are {', '.join(_MODULES)}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
