"""Tables as a reader takes them in."""

from __future__ import annotations

import numpy as np
import pandas as pd

from medtransfer.report import tables


def test_a_table_for_readers_has_words_and_no_gaps() -> None:
    frame = pd.DataFrame(
        {"target_initialization": ["imagenet", None], "psnr": [31.5, np.nan], "pairs": [2, 3]}
    )
    shown = tables.readable(frame, index=["pairs"])
    assert shown["target initialization"].tolist() == ["pre-trained", ""]
    assert shown["psnr"].tolist() == [31.5, ""]
    assert "NaN" not in shown.to_html() and "None" not in shown.to_html()


def test_a_table_without_gaps_keeps_its_numbers() -> None:
    frame = pd.DataFrame({"data": ["d1"], "psnr": [31.5]})
    assert tables.readable(frame, index=["data"])["psnr"].dtype == float


def test_means_show_their_interval_and_single_pairs_where_there_are_several() -> None:
    means = pd.DataFrame(
        {"relation": ["white box"], "pairs": [4], "percent": [-0.2], "percent_low": [-1.0]}
    ).assign(percent_high=3.0, lowest=0.0, highest=2.0, at_chance=False)
    shown = tables.left(means, index=["relation"])
    assert shown[tables.LEFT].tolist() == ["0 % (-1 to 3)"]
    assert shown["single pairs"].tolist() == ["0 to 2"]
    assert [*shown] == [tables.LEFT, "single pairs", "pairs"]
    assert "single pairs" not in tables.left(means.assign(pairs=1), index=["relation"])


def test_means_of_targets_at_chance_are_no_percentages() -> None:
    means = pd.DataFrame(
        {"relation": ["same", "other"], "pairs": [4, 4], "percent": [98.0, 60.0]}
    ).assign(percent_low=90.0, percent_high=99.0, lowest=1.0, highest=99.0)
    shown = tables.left(means.assign(at_chance=[True, False]), index=["relation"])
    assert shown[tables.LEFT].tolist() == ["at chance", "60 % (90 to 99)"]
    assert shown["single pairs"].tolist() == ["", "1 to 99"]
