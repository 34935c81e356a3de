"""Ask a model about clean images, and note what is wrong with its answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from medtransfer.assess import asking, clean, suspects
from medtransfer.assess.asking import Asked
from medtransfer.assess.bring import Model
from medtransfer.data.looks import Checked
from medtransfer.data.schema import numbered
from medtransfer.data.splits import CALIBRATION, TEST
from medtransfer.networks.brought import Answering

if TYPE_CHECKING:
    import pandas as pd


def judge(
    found: Checked,
    model: Model,
    network: Answering,
    index: pd.DataFrame,
    rows: np.ndarray,
    pictures: np.ndarray,
    sets: Mapping[str, np.ndarray],
) -> None:
    """Ask a model about pictures, and note what is wrong with its answers.

    Args:
        rows: of the index, those of the pictures.
        sets: name -> rows of the index.
    """
    own = index.iloc[rows]
    truth, groups = own[list(network.labels)].to_numpy(), own["group"].tolist()
    asked = found.tried(asking.ask, network, pictures, truth, groups)
    if asked is not None:
        sides = {name: np.isin(rows[: len(asked.raw)], each) for name, each in sets.items()}
        found.tried(_answers, found, model, asked, sides, sets)


def _answers(
    found: Checked,
    model: Model,
    asked: Asked,
    sides: Mapping[str, np.ndarray],
    sets: Mapping[str, np.ndarray],
) -> None:
    given, found.seconds = model.target.thresholds, asked.seconds
    mistakes = asking.wrong(asked)
    found.facts.append(
        f"asked about {len(asked.raw)} images, {1000 * asked.seconds:.1f} ms each; gradients: "
        f"{'yes' if asked.network.differentiable else 'no'}"
    )
    if not mistakes:
        # Those of the report: the model may have learned from others.
        divided = TEST in sides and bool(sides[TEST].any())
        test, calibration = (
            asked.part(sides[name]) if divided else asked for name in (TEST, CALIBRATION)
        )
        mistakes, warnings = clean.judged(test, model.target.declared.auc)
        mistakes += clean.thresholds(asked, given)
        mistakes += suspects.found(asked, inverted=bool(clean.inverted(test)))
        found.warnings += warnings
        found.answers, why = clean.called(test, calibration, given)
        chosen = bool(clean.without(asked.network.contract, given, asked.network.labels))
        on = _measured_on(test, calibration, sets if divided else {}, chosen=chosen)
        found.measured += [on, *why]
    found.errors += mistakes


def _measured_on(
    test: Asked, calibration: Asked, sets: Mapping[str, np.ndarray], *, chosen: bool
) -> str:
    if not sets:
        return f"measured on {numbered(len(test.raw), 'image')}, whatever their set"
    said = (
        f"measured on {len(test.raw):,} of {numbered(len(sets[TEST]), 'test image')}, which are "
        "those of the report"
    )
    if not chosen:
        return said
    return (
        f"{said}; thresholds that you do not give: chosen on {len(calibration.raw):,} of "
        f"{numbered(len(sets[CALIBRATION]), 'calibration image')}"
    )
