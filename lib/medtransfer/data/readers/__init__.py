"""Where images come from: one module per kind of source, with its manifest and its reader.

Whatever else a reader needs is imported when it reads: manifests are read in every command.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from medtransfer.data.schema import FileManifest


def manifests() -> tuple[type[FileManifest], ...]:
    """Return the kinds of manifests that the modules of this package declare."""
    modules = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]
    found = [
        value
        for module in modules
        for value in vars(module).values()
        if getattr(value, "__module__", None) == module.__name__
        and isinstance(value, type)
        and issubclass(value, FileManifest)
    ]
    return tuple(found)
