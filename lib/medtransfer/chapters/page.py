"""What every notebook has: a profile, its study, figures with its number, where it ran."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import pandas as pd
from IPython.display import Image
from matplotlib.figure import Figure

from medtransfer.provenance import provenance
from medtransfer.report import style
from medtransfer.study import builders, schema
from medtransfer.study.builders import Study


class Page:
    """What a notebook calls, cell by cell; everything is computed only when needed.

    Args:
        profile: name of a built-in profile, or path of a YAML profile.
    """

    number: str  # first digits of the notebook, with which its figures begin

    def __init__(self, profile: str) -> None:
        self.settings = schema.profile(profile)
        pd.set_option("display.max_colwidth", None)  # claims are sentences

    @cached_property
    def study(self) -> Study:
        """The profile with the images that the page needs; files are fetched and read."""
        return builders.resolve(self.settings, self.needs)

    @property
    def needs(self) -> Iterable[str]:
        """The domains whose images the page needs."""
        return self.settings.sources

    def made_on(self) -> pd.DataFrame:
        """Return where this notebook ran, and on what."""
        made = {"profile": self.settings.name, **provenance()}
        return pd.Series(made, name="made on").to_frame()

    def save(
        self, figure: Figure, data: pd.DataFrame, *, name: str, source: str | None = None
    ) -> Image:
        """Write a figure beside its table, and show it.

        Args:
            source: whose images it shows; None names those of all that the page needs.
        """
        sources = self.settings.sources
        return style.save(
            figure,
            data,
            name=f"{self.number}_{name}",
            profile=self.settings.name,
            source=source or [sources[domain] for domain in self.needs if domain in sources],
        )
