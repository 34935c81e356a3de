"""The design of the study: its images, its development sets, and everything that it computes."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from IPython.display import Image, Markdown

from medtransfer import phantoms
from medtransfer.analysis import selection
from medtransfer.chapters.page import Page
from medtransfer.compute.ensure import ensure
from medtransfer.data import images, manifests, splits
from medtransfer.data.images import PhantomSource, Prepared
from medtransfer.data.splits import Parts
from medtransfer.networks import architectures
from medtransfer.report import tables
from medtransfer.report.figures import pictures
from medtransfer.report.wording import WHY_PHANTOMS, described, spaced
from medtransfer.report.wording import phantoms as phantoms_among
from medtransfer.scoring.cell import Cell
from medtransfer.study import plan
from medtransfer.study.factors import FACTORS
from medtransfer.units import GREY_LEVEL, grey_levels

LOOK_PX = 160  # phantoms are shown larger than the study uses them


class Design(Page):
    """What the notebook of the design calls; nothing is trained."""

    number = "00"

    def profile(self) -> pd.DataFrame:
        """Return every field of the profile."""
        fields = self.settings.model_dump()
        words = {name: "none" if field is None else str(field) for name, field in fields.items()}
        return pd.Series(words, name=self.settings.name).to_frame()

    def images(self) -> Markdown:
        """Say which images these are, domain by domain, and what readers must know about them."""
        sources = self.settings.sources
        said = [WHY_PHANTOMS] if phantoms_among(sources) else []
        for domain in self.domains:
            prepared = self._prepared(domain)
            facts = manifests.image_facts(sources[domain])
            px = self.study.source(domain).image_px
            said.append(f"**{domain.capitalize()}**")
            said.append(described(facts, index=prepared.index, image_px=px))
        return Markdown("\n\n".join(said))

    @property
    def domains(self) -> tuple[str, ...]:
        """The domains that the profile has images for."""
        return tuple(self.study.domains)

    def sheet(self, domain: str, *, number: int | None = None) -> Image:
        """Show the first images of a domain; phantoms at 160 px, larger than in the study.

        Args:
            number: how many; None takes more where an image may have several labels.
        """
        source = self.study.source(domain)
        several = len(source.labels) > 1
        number = number or (24 if several else 16)
        if isinstance(source, PhantomSource):
            pixels, titles = phantoms.sample(
                source.drawing, number=number, image_px=LOOK_PX, seed=self.settings.seed
            )
        else:
            pixels, titles = _first(self._prepared(domain), number)
        sheet = pictures.contact_sheet(pixels, titles, columns=6 if several else 8)
        name = getattr(source, "drawing", domain)
        table = pd.DataFrame({"title": titles})
        return self.save(sheet, table, name=name, source=self.settings.sources[domain])

    def sizes(self) -> pd.DataFrame:
        """Return the number of images in each part of each development set, by domain."""
        rows = {
            (domain, name): {part: len(rows) for part, rows in vars(parts).items()}
            for domain in self.domains
            for name, parts in self._parts(domain).items()
        }
        return pd.DataFrame(rows).T.rename_axis(["domain", "set"])

    def frequency(self, domain: str | None = None) -> pd.DataFrame:
        """Return in % how many images of each set have each label.

        Args:
            domain: None takes the one with most labels.
        """
        domain = domain or max(self.domains, key=lambda name: len(self.study.source(name).labels))
        prepared = self._prepared(domain)
        sets = {
            f"{name} {part}": rows
            for name, parts in self._parts(domain).items()
            for part, rows in vars(parts).items()
            if name in ("d1", "d2") and (name, part) != ("d2", "test")
        }
        labels = prepared.index[list(prepared.labels)]
        shares = {name: 100 * labels.iloc[rows].mean() for name, rows in sets.items()}
        return pd.DataFrame(shares).round(1).rename_axis(f"{domain}: images with the label, in %")

    def networks(self, image_px: int | None = None) -> pd.DataFrame:
        """Return how deep the networks of the profile are, and whether they fit its images.

        `last map` is the approximate size of the last map; `fits` says what is wrong, if
        anything.

        Args:
            image_px: side of the images; None takes the sizes of the profile.
        """
        sizes = sorted({*self.settings.image_px.values()}) if image_px is None else [image_px]
        rows = []
        for name, side in product(self.settings.architectures, sizes):
            entry = architectures.architecture(name)
            places = math.ceil(side / entry.stride)
            rows.append(
                {
                    "network": name,
                    "image px": side,
                    "stride": entry.stride,
                    "last map": f"{places} x {places}",
                    "receptive field px": entry.receptive_field_px,
                    "fits": architectures.fits(name, side) or "yes",
                }
            )
        return tables.readable(pd.DataFrame(rows), index=["network", "image px"])

    def units(self) -> pd.DataFrame:
        """Return the epsilons of the sweeps in grey levels, exact and whole."""
        swept = {epsilon for sweep in self.settings.sweep.values() for epsilon in sweep}
        epsilons = sorted({*swept, *self.settings.candidates})
        return pd.DataFrame(
            {
                "epsilon": epsilons,
                "grey levels of 255": [round(epsilon / GREY_LEVEL, 2) for epsilon in epsilons],
                "whole levels in an 8-bit file": [grey_levels(epsilon) for epsilon in epsilons],
            }
        )

    def counts(self) -> pd.DataFrame:
        """Return how many networks, and pairs of surrogate and target, each factor has."""
        rows = {}
        for domain in self.domains:
            everything: dict[str, set[Any]] = {"networks": set(), "pairs": set()}
            for name, factor in FACTORS.items():
                own: dict[str, set[Any]] = {
                    "networks": {*plan.networks(self.study, domain, name)},
                    "pairs": {*factor.pairs(self.study, domain)},
                }
                rows[domain, spaced(name)] = {n: len(found) for n, found in own.items()}
                for what, found in own.items():
                    everything[what] |= found
            rows[domain, "all together"] = {n: len(found) for n, found in everything.items()}
        return pd.DataFrame(rows).T.rename_axis(["domain", "factor"])

    def catalogue(self) -> pd.DataFrame:
        """Return who attacks whom with what, factor by factor; it is the same for all domains.

        It shows the smallest candidate epsilon in place of the chosen ones.
        """
        parts = [
            selection.overview(self._cells(name)).assign(factor=spaced(name)) for name in FACTORS
        ]
        found = pd.concat(parts, ignore_index=True)
        named = [name for name in found if name in selection.OVERVIEW]
        return tables.readable(found, index=["factor", *named])

    def _cells(self, factor: str) -> tuple[Cell, ...]:
        epsilons = dict.fromkeys(self.study.starts, min(self.settings.candidates))
        return plan.cells(self.study, self.study.domains[0], factor, epsilons=epsilons)

    def _prepared(self, domain: str) -> Prepared:
        source = self.study.source(domain)
        ensure([source])
        return images.load(source)

    def _parts(self, domain: str) -> dict[str, Parts]:
        prepared = self._prepared(domain)
        return {
            name: splits.parts(
                prepared.index,
                labels=prepared.labels,
                development=self.study.development(domain, name),
            )
            for name in splits.NAMES
        }


def _first(prepared: Prepared, number: int) -> tuple[np.ndarray, list[str]]:
    """Return the first images of a source, with their positive labels as titles."""
    rows = prepared.index.head(number)
    titles = [
        ", ".join(spaced(name) for name in prepared.labels if row[name]) or "no label"
        for row in rows.to_dict("records")
    ]
    return np.asarray(prepared.images[: len(rows)]), titles
