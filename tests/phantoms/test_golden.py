"""Drawings stay what they are: whoever changes a pixel or a label raises the drawing's VERSION.

`golden.json` holds, for every drawing and version, the mean and the spread of the grey of 4 x 4
blocks of a few images, which together show every label, grade or kind of tissue, and a checksum of
many labels. After raising a VERSION, `python tests/phantoms/test_golden.py` writes the file anew.
"""

import json
import zlib
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from medtransfer import phantoms

GOLDEN = Path(__file__).with_name("golden.json")
SEED = 3
# drawing: (group, index) of images; the first two are drawn at every size, the others at 48 px.
IMAGES = {
    "chest": [(26, 1), (60, 1), (0, 0), (0, 1)],
    "fundus": [(20, 0), (1, 1), (4, 0), (0, 0), (2, 0)],
    "histology": [(0, 2), (3, 1), (2, 2), (0, 3), (1, 0)],
}
# Processors and libraries may round a pixel in thousands to its neighbour; a moved constant moves
# all, and in the smallest block one pixel moves the mean by as much if it moves by 2 grey levels.
TOLERANCE = 0.03
BLOCKS = 4


def blocks(image):
    """Return the mean of each block, row by row, and then the standard deviations."""
    side = image.shape[0] // BLOCKS
    cut = image.astype(float).reshape(BLOCKS, side, BLOCKS, side, -1)
    both = [statistic(axis=(1, 3, 4)).ravel() for statistic in (cut.mean, cut.std)]
    return np.concatenate(both).round(2).tolist()


def measured(drawing):
    drawn, found = phantoms.phantom(drawing), {}
    for number, (group, index) in enumerate(IMAGES[drawing]):
        for px in (32, 48, 64) if number < 2 else (48,):
            image = drawn.draw(seed=SEED, group=group, index=index, image_px=px)
            found[f"{px} px, {group}, {index}"] = blocks(image)
    labels = [
        drawn.labels(seed=SEED, group=group, index=index).tobytes()
        for group in range(60)
        for index in range(drawn.count(seed=SEED, group=group))
    ]
    return {"labels": zlib.crc32(b"".join(labels)), "blocks": found}


def differences(drawing):
    """Return what is no longer as it was in this version of the drawing."""
    name = f"{drawing} {phantoms.phantom(drawing).VERSION}"
    golden, found = json.loads(GOLDEN.read_text()).get(name), measured(drawing)
    if golden is None:
        return [f"{name} is not in golden.json: run `python {Path(__file__).name}`"]
    moved = ["labels"] * (found["labels"] != golden["labels"])
    for image, means in golden["blocks"].items():
        gap = np.abs(np.subtract(means, found["blocks"][image])).max()
        if gap > TOLERANCE:
            moved.append(f"{image}: a block by {gap:.2f} grey levels")
    return moved


@pytest.mark.parametrize("drawing", phantoms.drawings())
def test_a_version_is_drawn_as_ever(drawing):
    moved = differences(drawing)
    assert not moved, f"bump VERSION in phantoms/{drawing}.py; moved: {'; '.join(moved)}"


def scaled(place, factor):
    """Return a patch that multiplies a constant or what a function returns."""
    module, name = place.rsplit(".", 1)
    target = import_module(f"medtransfer.phantoms.{module}")
    value = getattr(target, name)
    moved = (lambda *a, **k: value(*a, **k) * factor) if callable(value) else value * factor
    return target, name, moved


@pytest.mark.parametrize(
    ("drawing", "place"),
    [
        ("chest", "chest.CONTRAST"),
        ("chest", "chest._OVERSAMPLING"),
        ("chest", "chest._thresholds"),
        ("fundus", "fundus.CONTRAST"),
        ("fundus", "fundus._APERTURE_PX"),
        ("histology", "histology.CONTRAST"),
        ("histology", "histology._HAEMATOXYLIN"),
    ],
)
def test_a_constant_moved_by_a_fiftieth_is_seen(monkeypatch, drawing, place):
    for name in ("_patient", "_slide"):  # these remember what the old constants gave
        if cached := getattr(phantoms.phantom(drawing), name, None):
            monkeypatch.setattr(phantoms.phantom(drawing), name, cached.__wrapped__)
    assert differences(drawing) == []
    monkeypatch.setattr(*scaled(place, 1.02))
    assert differences(drawing)


@pytest.mark.parametrize("drawing", phantoms.drawings())
def test_one_changed_pixel_is_seen(monkeypatch, drawing):
    drawn = phantoms.phantom(drawing)
    draw = drawn.draw

    def spotted(**where):
        image = draw(**where)
        image[5, 5] = np.where(image[5, 5] > 127, image[5, 5] - 8, image[5, 5] + 8)
        return image

    monkeypatch.setattr(drawn, "draw", spotted)
    assert any("32 px" in each for each in differences(drawing))


if __name__ == "__main__":
    table = {f"{d} {phantoms.phantom(d).VERSION}": measured(d) for d in phantoms.drawings()}
    rows = json.dumps(table, indent=1).replace("\n    ", " ").replace("\n   ]", "]")
    GOLDEN.write_text(rows + "\n")
