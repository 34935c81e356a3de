"""The design of the study: its images, its development sets, and the list of all that it does."""

from __future__ import annotations

import pandas as pd
from IPython.display import Image

from medtransfer import phantoms
from medtransfer.analysis import selection as catalogue
from medtransfer.chapters.page import Page
from medtransfer.compute import ensure as compute
from medtransfer.data import images as prepare
from medtransfer.data import splits as development
from medtransfer.report.figures import pictures
from medtransfer.specs import Cell
from medtransfer.study import builders as ingredients
from medtransfer.study import plan as study
from medtransfer.units import GREY_LEVEL, grey_levels


class Design(Page):
    """What the notebook of the design calls; nothing is trained."""

    number = "00"

    def profile(self) -> pd.DataFrame:
        """Return every field of the profile."""
        fields = self.settings.model_dump()
        return pd.Series(fields, name=self.settings.name).astype(str).to_frame()

    def sheet(self, drawing: str, *, number: int = 16, columns: int = 8) -> Image:
        """Show the first images of a phantom at 160 px, larger than the study uses them."""
        sample = phantoms.sample(drawing, number=number, image_px=160, seed=self.settings.seed)
        sheet = pictures.contact_sheet(sample.images, sample.titles, columns=columns)
        titles = pd.DataFrame({"title": sample.titles})
        return self.save(sheet, titles, name=drawing, source=f"phantom_{drawing}")

    def sizes(self) -> pd.DataFrame:
        """Return the number of images in each part of each development set, by domain."""
        rows = {
            (domain, name): {part: len(rows) for part, rows in vars(parts).items()}
            for domain in self.settings.sources
            for name, parts in self._parts(domain).items()
        }
        return pd.DataFrame(rows).T.rename_axis(["domain", "set"])

    def frequency(self, domain: str) -> pd.DataFrame:
        """Return in % how many images of each set have each label."""
        prepared = self._prepared(domain)
        sets = {
            f"{name} {part}": rows
            for name, parts in self._parts(domain).items()
            for part, rows in vars(parts).items()
            if name in ("d1", "d2") and (name, part) != ("d2", "test")
        }
        labels = prepared.index[list(prepared.labels)]
        shares = {name: 100 * labels.iloc[rows].mean() for name, rows in sets.items()}
        return pd.DataFrame(shares).round(1).rename_axis("images with the label, in %")

    def units(self) -> pd.DataFrame:
        """Return the epsilons of the sweep in grey levels, exact and whole."""
        epsilons = self.settings.epsilons
        return pd.DataFrame(
            {
                "epsilon": epsilons,
                "grey levels of 255": [round(epsilon / GREY_LEVEL, 2) for epsilon in epsilons],
                "whole levels in an 8-bit file": [grey_levels(epsilon) for epsilon in epsilons],
            }
        )

    def counts(self) -> pd.DataFrame:
        """Return how many networks, passes and cells each factor of each domain has.

        A pass attacks one surrogate by one method, whatever the number of targets; an epsilon
        stands in for the one that is chosen on validation images.
        """
        rows = {}
        for domain in self.settings.sources:
            factors = {name: self._cells(domain, name) for name in study.FACTORS}
            everything = [cell for cells in factors.values() for cell in cells]
            factors["all together"] = tuple(dict.fromkeys(everything))
            for name, cells in factors.items():
                passes = {(cell.attack.surrogate, cell.attack.method) for cell in cells}
                rows[domain, name.replace("_", " ")] = {
                    "networks": len(study.networks(cells)),
                    "passes": len(passes),
                    "cells": len(cells),
                }
        return pd.DataFrame(rows).T.rename_axis(["domain", "factor"])

    def catalogue(self) -> pd.DataFrame:
        """Return who attacks whom with what, factor by factor; it is the same for all domains."""
        domain = next(iter(self.settings.sources))
        tables = {
            name.replace("_", " "): catalogue.overview(self._cells(domain, name))
            for name in study.FACTORS
        }
        return pd.concat(tables, names=["factor", ""])

    def _cells(self, domain: str, factor: str) -> tuple[Cell, ...]:
        return study.cells(self.settings, domain, factor, epsilon=self.settings.epsilons[0])

    def _prepared(self, domain: str) -> prepare.Prepared:
        source = ingredients.source(self.settings, domain)
        compute.ensure([source])
        return prepare.load(source)

    def _parts(self, domain: str) -> dict[str, development.Parts]:
        prepared = self._prepared(domain)
        return {
            name: development.parts(
                prepared.index,
                labels=prepared.labels,
                development=ingredients.development(self.settings, domain, name),
            )
            for name in development.NAMES
        }
