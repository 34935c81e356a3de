"""MedMNIST+: arrays in an archive become images, sets and labels."""

import numpy as np
import pytest
import upstream

from medtransfer.errors import SourceError


def medmnist(root, name, *, px=64, **shape):
    manifest = upstream.facts(name)
    upstream.medmnist(root / manifest.files_for(px)[0].path, px=px, **shape)
    return manifest.reader(root=root, image_px=px)


@pytest.mark.parametrize(
    ("name", "positive"), [("retinamnist", (2, 3, 4)), ("pathmnist", (8,))], ids=str
)
def test_classes_become_one_label(tmp_path, name, positive):
    found = medmnist(tmp_path, name, labels=1, channels=3)
    index = found.index()
    with np.load(found.path) as arrays:
        classes = np.concatenate([arrays[f"{p}_labels"][:, 0] for p in ("train", "val", "test")])
    assert index[found.manifest.label_names[0]].tolist() == np.isin(classes, positive).tolist()
    assert index["split"].value_counts().to_dict() == {"development": 75, "test": 30}
    assert index["group"].is_unique


def test_columns_of_labels_keep_their_order(tmp_path):
    found = medmnist(tmp_path, "chestmnist", labels=14, channels=1)
    with np.load(found.path) as arrays:
        assert np.array_equal(
            found.index()[list(found.manifest.label_names)].to_numpy()[:60], arrays["train_labels"]
        )


def test_images_are_streamed_in_any_order(tmp_path):
    found = medmnist(tmp_path, "chestmnist", labels=14, channels=1)
    with np.load(found.path) as arrays:
        for name in ("train/000000", "train/000007", "test/000029", "train/000003", "val/000000"):
            part, row = name.split("/")
            expected = arrays[f"{part}_images"][int(row)]
            assert np.array_equal(found.picture(name).pixels[..., 0], expected)


def test_the_smallest_archive_that_is_large_enough_is_used():
    manifest = upstream.facts("pathmnist")
    paths = {px: manifest.files_for(px)[0].path for px in (32, 64, 100, 224, 512)}
    assert paths == {
        32: "pathmnist_64.npz",
        64: "pathmnist_64.npz",
        100: "pathmnist_128.npz",
        224: "pathmnist_224.npz",
        512: "pathmnist_224.npz",
    }


@pytest.mark.parametrize("damage", ["gone", "text", "pickled", "labels", "cut off"])
def test_a_damaged_archive_is_refused(tmp_path, damage):
    found = medmnist(tmp_path, "retinamnist", labels=1, channels=3)
    if damage == "gone":
        found.path.unlink()
    elif damage == "text":
        found.path.write_text("no archive")
    elif damage == "pickled":
        evil = np.array([Evil(tmp_path / "ran")], dtype=object)
        np.savez(found.path, train_labels=evil, val_labels=evil, test_labels=evil)
    elif damage == "labels":
        upstream.medmnist(found.path, labels=3, channels=3)
        found.manifest = found.manifest.model_copy(update={"positive": None})
    else:
        found.path.write_bytes(found.path.read_bytes()[:-200])
    with pytest.raises(SourceError, match=r"retinamnist_64\.npz"):
        found.index()
    assert not (tmp_path / "ran").exists()


class Evil:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (open, (self.path, "w"))
