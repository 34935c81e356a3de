"""Reading a source once: images per second of one core against the decoder alone.

    .venv/bin/python benchmarks/reading.py [--images 120]

Radiographs of 1,024 px (PNG, grey) become 224 px, photographs of 3,000 px (JPEG, colour) 512 px,
all of them phantoms drawn and encoded beforehand. "Reading" is everything that `medtransfer data
prepare` does to an image: read, hash, decode, crop, resize, hash, write. Files lie in the page
cache. Median of repeats.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

REPEATS = 3
# name: drawing, side of the files, suffix, committed manifest, side of the images
CASES = {
    "radiographs": ("chest", 1024, "png", "chestxray14", 224),
    "photographs": ("fundus", 3000, "jpeg", "eyepacs", 512),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=120)
    number = parser.parse_args().images
    print("| images | decoder alone | decoder at reduced size | reading | reading / decoder |")
    print("|---|---|---|---|---|")
    for name, case in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            os.environ["MEDTRANSFER_HOME"] = folder
            measure(name, *case, number=number, root=Path(folder) / "files")


def measure(
    name: str,
    drawing: str,
    side: int,
    suffix: str,
    source: str,
    px: int,
    *,
    number: int,
    root: Path,
) -> None:
    from medtransfer.data.draft import CHUNK, read_chunk
    from medtransfer.data.manifests import named

    files = write(drawing, side=side, suffix=suffix, number=number, root=root)
    _, facts = named(source)
    reader = facts.reader(root=root, image_px=px)
    names = [str(path.relative_to(root / "images" if suffix == "png" else root)) for path in files]
    names = [each.removesuffix(".jpeg") for each in names]
    array = root / "out.npy"
    shape = (number, px, px, facts.image.channels)
    np.lib.format.open_memmap(array, mode="w+", dtype=np.uint8, shape=shape).flush()

    def read() -> None:
        for first in range(0, number, CHUNK):
            part = names[first : first + CHUNK]
            record = read_chunk(reader, part, first=first, path=array)
            assert not record["problems"], record["problems"]

    rates = {
        "whole": speed(lambda: decode(files), number),
        "reduced": speed(lambda: decode(files, at_least_px=2 * px), number),
        "reading": speed(read, number),
    }
    share = rates["reading"] / rates["whole"]
    size = sum(path.stat().st_size for path in files) / number / 1e3
    print(
        f"| {name}, {side} px, {size:.0f} kB, to {px} px | {rates['whole']:.1f} /s | "
        f"{rates['reduced']:.1f} /s | {rates['reading']:.1f} /s | {share:.0%} |"
    )


def write(drawing: str, *, side: int, suffix: str, number: int, root: Path) -> list[Path]:
    """Write phantoms, drawn at 256 px and enlarged, with the grain that a detector adds."""
    from medtransfer.phantoms import phantom

    drawn, rng = phantom(drawing), np.random.default_rng(0)
    folder = root / ("images" if suffix == "png" else "train")
    folder.mkdir(parents=True)
    files = []
    for group in range(number):
        pixels = np.squeeze(drawn.draw(seed=0, group=group, index=0, image_px=256))
        image = Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC)
        grain = rng.normal(0, 3, (side, side, *pixels.shape[2:]))
        noisy = np.clip(np.asarray(image) + grain, 0, 255).astype(np.uint8)
        stem = f"{group + 1:08d}_000" if suffix == "png" else f"{group}_left"
        files.append(folder / f"{stem}.{suffix}")
        Image.fromarray(noisy).save(files[-1], quality=90)
    return files


def decode(files: list[Path], *, at_least_px: int | None = None) -> None:
    for path in files:
        with Image.open(io.BytesIO(path.read_bytes())) as image:
            if at_least_px:
                image.draft(None, (at_least_px, at_least_px))
            image.load()


def speed(work: Callable[[], None], number: int) -> float:
    work()
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return number / statistics.median(seconds)


if __name__ == "__main__":
    main()
