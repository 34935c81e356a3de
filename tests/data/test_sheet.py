"""The contact sheet shows some of every set and label, pixel by pixel."""

import numpy as np
import pandas as pd
from PIL import Image

from medtransfer.data import sheet


def test_the_order_begins_with_some_of_every_kind():
    index = pd.DataFrame({"a": [0] * 100, "b": [0] * 100})
    index.loc[[3, 60], "a"] = 1
    index.loc[[4, 61, 62], "b"] = 1
    sets = {"test": np.arange(50), "train": np.arange(50, 100)}
    order = sheet.spread(index, labels=["a", "b"], sets=sets)
    assert sorted(order) == list(range(100))
    first = order[:6].tolist()
    kinds = {(row < 50, row in (3, 60), row in (4, 61, 62)) for row in first}
    assert len(kinds) == 6  # two sets, and a, b or none of them
    assert order.tolist() == sheet.spread(index, labels=["a", "b"], sets=sets).tolist()


def test_images_are_drawn_as_they_are(tmp_path):
    pixels = np.zeros((2, 2, 3), np.uint8)
    pixels[0, 0], pixels[1, 1] = (255, 0, 0), (0, 0, 255)
    grey = np.full((2, 2, 1), 77, np.uint8)
    names = ["$a_b$.png", "画像_ä_and a long name that is cut.png"]
    path = tmp_path / "sheets" / "a.png"
    sheet.draw(path, [pixels, grey], [(name, "Mass", "test") for name in names])
    drawn = np.asarray(Image.open(path).convert("RGB")).reshape(-1, 3)
    colours = {*map(tuple, np.unique(drawn, axis=0).tolist())}
    assert {(255, 0, 0), (0, 0, 255), (77, 77, 77)} <= colours
