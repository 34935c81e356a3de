"""Prepared sources: one memory-mapped uint8 array and one index, whatever the images came from."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from medtransfer import store
from medtransfer.data.phantoms import phantom
from medtransfer.data.schema import PhantomManifest
from medtransfer.specs import PhantomSource, Source

GROUPS_PER_TASK = 25


@dataclass(frozen=True)
class Prepared:
    """Images with their index.

    Attributes:
        images: memory map, uint8, (N, H, W, C), 0-255.
        index: one row per image: `image` and `group` (str), `split` (str, "" unless published),
            then one 0/1 column per label.
        labels: names of the label columns, in order.
    """

    images: np.ndarray
    index: pd.DataFrame
    labels: tuple[str, ...]

    @property
    def targets(self) -> np.ndarray:
        """The labels, float32 (N, K), 0 or 1."""
        return self.index[list(self.labels)].to_numpy(np.float32)


def load(source: Source) -> Prepared:
    """Return a prepared source from the store.

    Raises:
        StoreError: it has not been prepared, or its files do not belong together.
    """
    columns = ["image", "group", "split", *source.labels]
    with store.reading(source, "index.parquet") as path:
        index = pd.read_parquet(path, columns=columns)
    shape = (len(index), source.image_px, source.image_px, source.channels)
    with store.reading(source, "images.npy") as path:
        images = np.load(path, mmap_mode="r", allow_pickle=False)
        if images.shape != shape or images.dtype != np.uint8:
            raise ValueError(f"it is {images.dtype} {images.shape}, its spec says uint8 {shape}")
    return Prepared(images=images, index=index, labels=source.labels)


def prepare_phantom(source: PhantomSource, *, executor: Executor) -> None:
    """Draw every image of a phantom source on the executor's workers and publish them."""
    ranges = [
        range(start, min(start + GROUPS_PER_TASK, source.groups))
        for start in range(0, source.groups, GROUPS_PER_TASK)
    ]
    futures = [executor.submit(draw_groups, source, groups) for groups in ranges]
    bar = tqdm(futures, desc=f"drawing the {source.drawing} phantom", unit="part")
    parts = [future.result() for future in bar]
    with store.draft(source) as place:
        np.save(place / "images.npy", np.concatenate([images for images, _ in parts]))
        write_index(place, pd.concat([index for _, index in parts], ignore_index=True))


def draw_groups(source: PhantomSource, groups: range) -> tuple[np.ndarray, pd.DataFrame]:
    """Return images (uint8, (N, px, px, C)) and index rows of some groups of a phantom."""
    drawn = phantom(source.drawing)
    columns = [drawn.LABELS.index(name) for name in source.labels]
    images, rows = [], []
    for group in groups:
        for index in range(drawn.count(seed=source.seed, group=group)):
            where = {"seed": source.seed, "group": group, "index": index}
            images.append(drawn.draw(**where, image_px=source.image_px))
            values = drawn.labels(**where)[columns]
            name = {"image": f"{group:05d}_{index:03d}", "group": f"{group:05d}", "split": ""}
            rows.append({**name, **dict(zip(source.labels, values, strict=True))})
    return np.stack(images), pd.DataFrame(rows)


def write_index(place: Path, index: pd.DataFrame) -> None:
    """Write an index as parquet."""
    index.to_parquet(place / "index.parquet", index=False)


def phantom_source(
    manifest: PhantomManifest, *, image_px: int, groups: int, seed: int, content: str
) -> PhantomSource:
    """Return the spec of a phantom source."""
    return PhantomSource(
        manifest=manifest.name,
        domain=manifest.domain,
        content=content,
        image_px=image_px,
        channels=manifest.image.channels,
        labels=manifest.label_names,
        drawing=manifest.drawing,
        groups=groups,
        seed=seed,
    )
