"""Small sources in the layouts in which the published ones are distributed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pandas as pd
import yaml
from PIL import Image

from medtransfer.data import manifests
from medtransfer.data.schema import Published

if TYPE_CHECKING:
    from medtransfer.networks.model import Classifier


def facts(name: str, **changes: Any) -> Published:
    """Return a committed manifest without the counts of the whole set."""
    _, found = manifests.named(name)
    assert isinstance(found, Published)
    return found.model_copy(update={"counts": {}, **changes})


def eyepacs(root: Path, *, patients: int = 12, side: int = 120) -> None:
    """Write photographs of discs on black, wider than high, with both tables."""
    rng = np.random.default_rng(0)
    for part, table, first in (
        ("train", "trainLabels.csv", 0),
        ("test", "retinopathy_solution.csv", patients),
    ):
        (root / part).mkdir(parents=True)
        rows = []
        for patient in range(first, first + patients):
            for eye in ("left", "right"):
                grade = int(rng.integers(0, 5))
                fundus(side, bright=120 + 25 * grade).save(
                    root / part / f"{patient}_{eye}.jpeg", quality=95
                )
                rows.append({"image": f"{patient}_{eye}", "level": grade})
        frame = pd.DataFrame(rows)
        if part == "test":
            frame["Usage"] = "Private"
        frame.to_csv(root / table, index=False)


def fundus(side: int, *, bright: int = 200, shift: int = 0) -> Image.Image:
    """Return a disc of `side` pixels in the middle of a black picture, half as wide again."""
    pixels = np.zeros((side + 20, side * 3 // 2, 3), np.uint8)
    y, x = np.ogrid[: pixels.shape[0], : pixels.shape[1]]
    inside = (y - pixels.shape[0] / 2) ** 2 + (x - pixels.shape[1] / 2 - shift) ** 2 < side**2 / 4
    pixels[inside] = (bright, bright // 2, bright // 4)
    return Image.fromarray(pixels)


def chestxray14(root: Path, *, patients: int = 40, side: int = 48) -> None:
    """Write radiographs with the table and the four split files; patients of two images each."""
    (root / "images").mkdir(parents=True)
    rng = np.random.default_rng(1)
    labels = facts("chestxray14").label_names
    rows, names = [], {}
    for patient in range(1, patients + 1):
        names[patient] = [f"{patient:08d}_{number:03d}" for number in range(2)]
        for number, name in enumerate(names[patient]):
            finding = labels[(patient + number) % len(labels)]
            pixels = rng.integers(0, 200, (side, side), dtype=np.uint8)
            image = Image.fromarray(pixels)
            image.convert("RGBA" if patient == 1 else "L").save(root / "images" / f"{name}.png")
            rows.append(
                {
                    "Image Index": f"{name}.png",
                    "Finding Labels": finding if patient % 3 else f"{finding}|Mass",
                    "Follow-up #": number,
                    "Patient ID": patient,
                    "OriginalImage[Width": 2500,
                    "Height]": 2048,
                }
            )
    # Another order than by name, as in the table of 2020.
    pd.DataFrame(rows[::-1]).to_csv(root / "Data_Entry_2017_v2020.csv", index=False)

    def images(first: int, last: int) -> list[str]:
        return [name for patient in range(first, last) for name in names[patient]]

    fifth = patients // 5
    test = images(1, 1 + fifth)
    d1 = (images(1 + fifth, 1 + 2 * fifth + 4), images(5 + 2 * fifth, 1 + 3 * fifth))
    d2 = (images(1 + 3 * fifth, 1 + 4 * fifth + 4), images(5 + 4 * fifth, 1 + patients))
    sets = {
        "d0": (d1[0][:4], d1[1][:2]),
        "d1": d1,
        "d2": d2,
        "d3": (d2[0][: len(d2[0]) // 4 * 2], d2[1]),
    }
    for name, (train, valid) in sets.items():
        content = {"testIDs": test, "trainIDs": train, "valIDs": valid}
        (root / f"{name}_filenames.yml").write_text(yaml.safe_dump(content))


def patchcamelyon(root: Path, *, slides: int = 12, side: int = 96) -> None:
    """Write the nine files: slides of three patches each in every part."""
    root.mkdir(parents=True)
    rng = np.random.default_rng(2)
    for part in ("train", "valid", "test"):
        number = slides * 3
        truth = rng.integers(0, 2, number).astype(np.uint8)
        x = rng.integers(0, 150, (number, side, side, 3), dtype=np.uint8) + 60 * truth[
            :, None, None, None
        ].astype(np.uint8)
        stem = root / f"camelyonpatch_level_2_split_{part}_"
        with h5py.File(f"{stem}x.h5", "w") as file:
            file.create_dataset("x", data=x, chunks=(4, side, side, 3), compression="gzip")
        with h5py.File(f"{stem}y.h5", "w") as file:
            file.create_dataset("y", data=truth.reshape(-1, 1, 1, 1))
        pd.DataFrame(
            {
                "coord_y": 0,
                "tumor_patch": True,
                "center_tumor_patch": truth.astype(bool),
                "wsi": [f"camelyon16_{part}_{row // 3:03d}" for row in range(number)],
            }
        ).to_csv(f"{stem}meta.csv")


def medmnist(path: Path, *, labels: int, channels: int, px: int = 64, number: int = 30) -> None:
    """Write one archive: `labels` columns of 0/1, or one column of the classes 0 to 8."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(3)
    arrays = {}
    for part, count in (("train", 2 * number), ("val", number // 2), ("test", number)):
        shape = (count, px, px, 3) if channels == 3 else (count, px, px)
        arrays[f"{part}_images"] = rng.integers(0, 256, shape, dtype=np.uint8)
        top = 2 if labels > 1 else 9
        arrays[f"{part}_labels"] = rng.integers(0, top, (count, labels)).astype(np.uint8)
    np.savez_compressed(path, **arrays)


def keras_file(path: Path, model: Classifier) -> Path:
    """Write a flat file of Keras 2 that fits `model`, with its tensors."""
    from medtransfer.networks.keras import TO_KERAS, layouts

    own = model.network.state_dict()
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for key, place in layouts.places(model).items():
            layer, variable = key.split("/")
            value = own[place].permute(TO_KERAS[own[place].ndim])
            file[f"{layer}/{layer}/{variable}:0"] = value.numpy()
    return path
