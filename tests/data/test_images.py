"""Prepared sources: one uint8 array and one index, whatever the images came from."""

import numpy as np
import pandas as pd
import pytest

from medtransfer import store
from medtransfer.data.images import FileSource, PhantomSource, load, write_index
from medtransfer.errors import StoreError
from medtransfer.phantoms import drawings, phantom


def drawn(drawing="fundus", **changes):
    module = phantom(drawing)
    fields = {
        **{"manifest": f"phantom_{drawing}", "domain": "pathology", "content": f"{drawing} 1"},
        **{"image_px": 32, "channels": module.CHANNELS, "labels": module.LABELS},
        **{"drawing": drawing, "groups": 3, "seed": 4},
    }
    source = PhantomSource(**{**fields, **changes})
    PhantomSource.make([source])
    return load(source)


@pytest.mark.parametrize("drawing", drawings())
def test_a_phantom_becomes_an_array_and_an_index(drawing):
    found, module = drawn(drawing), phantom(drawing)
    number = sum(module.count(seed=4, group=group) for group in range(3))
    assert found.images.shape == (number, 32, 32, module.CHANNELS)
    assert found.images.dtype == np.uint8
    assert list(found.index.columns) == ["image", "group", "split", *module.LABELS]
    assert found.index["image"].is_unique
    assert found.index["group"].nunique() == 3
    assert found.targets.dtype == np.float32
    assert found.targets.shape == (number, len(module.LABELS))


def test_every_image_stands_beside_its_own_labels():
    found, module = drawn(groups=7, seed=1), phantom("fundus")
    for row in (0, 5, len(found.index) - 1):
        group, index = map(int, found.index["image"].iloc[row].split("_"))
        image = module.draw(seed=1, group=group, index=index, image_px=32)
        assert np.array_equal(found.images[row], image)
        assert found.targets[row] == module.labels(seed=1, group=group, index=index)
        assert int(found.index["group"].iloc[row]) == group


def test_labels_stand_in_the_order_of_the_spec():
    found, module = drawn("chest", labels=("Mass", "Cardiomegaly"), groups=12), phantom("chest")
    mass = module.LABELS.index("Mass")
    names = found.index["image"]
    truth = [module.labels(seed=4, group=int(n[:5]), index=int(n[6:]))[mass] for n in names]
    assert found.targets[:, 0].tolist() == truth


@pytest.fixture
def published():
    """A source of eight random images in the store."""
    source = FileSource(
        **{"manifest": "toy", "domain": "pathology", "content": "toy", "image_px": 32},
        **{"channels": 3, "labels": ("sick",), "groups_of_any_size": True},
    )
    names = [f"image{number}" for number in range(8)]
    index = pd.DataFrame({"image": names, "group": names, "split": "", "sick": [0, 1] * 4})
    images = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), dtype=np.uint8)
    with store.draft(source) as place:
        np.save(place / "images.npy", images)
        write_index(place, index)
    return source


def test_what_was_not_prepared_is_named():
    source = PhantomSource(
        **{"manifest": "toy", "domain": "pathology", "content": "toy", "image_px": 32},
        **{"channels": 3, "labels": ("sick",), "drawing": "fundus", "groups": 3, "seed": 0},
    )
    with pytest.raises(StoreError, match="has no PhantomSource"):
        load(source)


@pytest.mark.parametrize(
    "damage", ["shape", "type", "number", "cut off", "gone", "index", "pickled"]
)
def test_files_that_do_not_belong_together_are_refused(published, damage):
    images, place = np.array(load(published).images), store.find(published)
    path = place / "images.npy"
    if damage == "shape":
        np.save(path, images[:, :16])
    elif damage == "type":
        np.save(path, images.astype(np.float32))
    elif damage == "number":
        np.save(path, images[:-1])
    elif damage == "cut off":
        path.write_bytes(path.read_bytes()[:-100])
    elif damage == "gone":
        path.unlink()
    elif damage == "pickled":
        np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    else:
        (place / "index.parquet").write_bytes(b"no parquet")
    with pytest.raises(StoreError, match=r"is damaged .*; delete .* and run again"):
        load(published)


def test_nobody_makes_images_that_were_to_be_read(published):
    lost = FileSource(**{**dict(published.fields()), "content": "another"})
    with pytest.raises(StoreError, match="no longer holds the images of"):
        FileSource.make([lost])
