"""Prepared sources: one uint8 array and one index, whatever the images came from."""

import numpy as np
import pytest

from medtransfer import store
from medtransfer.data import images as prepare
from medtransfer.data import manifests as manifest
from medtransfer.phantoms import phantom


@pytest.fixture
def executor(in_process):
    return in_process


@pytest.mark.parametrize("drawing", ["fundus", "chest", "histology"])
def test_a_phantom_becomes_an_array_and_an_index(toy, executor, drawing):
    drawn = phantom(drawing)
    labels = tuple(drawn.LABELS)
    spec = toy.phantom(drawing=drawing, groups=3, labels=labels, channels=drawn.CHANNELS, seed=4)
    prepare.prepare_phantom(spec, executor=executor)
    found = prepare.load(spec)
    number = sum(drawn.count(seed=4, group=group) for group in range(3))
    assert found.images.shape == (number, 32, 32, drawn.CHANNELS)
    assert found.images.dtype == np.uint8
    assert list(found.index.columns) == ["image", "group", "split", *labels]
    assert found.index["image"].is_unique
    assert found.index["group"].nunique() == 3
    assert found.targets.dtype == np.float32
    assert found.targets.shape == (number, len(labels))


def test_every_image_stands_beside_its_own_labels(toy, executor, monkeypatch):
    monkeypatch.setattr(prepare, "GROUPS_PER_TASK", 2)  # several parts
    spec = toy.phantom(groups=7, seed=1)
    prepare.prepare_phantom(spec, executor=executor)
    found, drawn = prepare.load(spec), phantom("fundus")
    for row in (0, 5, len(found.index) - 1):
        group, index = map(int, found.index["image"].iloc[row].split("_"))
        image = drawn.draw(seed=1, group=group, index=index, image_px=32)
        assert np.array_equal(found.images[row], image)
        assert found.targets[row] == drawn.labels(seed=1, group=group, index=index)
        assert int(found.index["group"].iloc[row]) == group


def test_how_the_work_is_cut_changes_nothing(toy, executor, monkeypatch):
    arrays = []
    for size in (1, 25):
        monkeypatch.setattr(prepare, "GROUPS_PER_TASK", size)
        spec = toy.phantom(groups=4, content=f"cut in {size}")
        prepare.prepare_phantom(spec, executor=executor)
        arrays.append(prepare.load(spec).images)
    assert np.array_equal(*arrays)


def test_labels_stand_in_the_order_of_the_spec(toy, executor):
    some = ("Mass", "Cardiomegaly")
    spec = toy.phantom(drawing="chest", channels=1, labels=some, groups=12)
    prepare.prepare_phantom(spec, executor=executor)
    drawn = phantom("chest")
    mass = drawn.LABELS.index("Mass")
    names = prepare.load(spec).index["image"]
    truth = [drawn.labels(seed=0, group=int(n[:5]), index=int(n[6:]))[mass] for n in names]
    assert prepare.load(spec).targets[:, 0].tolist() == truth


def test_what_was_not_prepared_is_named(toy):
    with pytest.raises(store.StoreError, match="has no PhantomSource"):
        prepare.load(toy.phantom())


@pytest.mark.parametrize("damage", ["shape", "type", "number", "cut off", "gone", "index"])
def test_files_that_do_not_belong_together_are_refused(toy, publish_images, damage):
    spec = toy.source()
    images, index = np.array(publish_images(spec).images), store.find(spec) / "index.parquet"
    path = store.find(spec) / "images.npy"
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
    else:
        index.write_bytes(b"no parquet")
    with pytest.raises(store.StoreError, match=r"is damaged .*; delete .* and run again"):
        prepare.load(spec)


def test_pickled_arrays_are_refused(toy, publish_images):
    spec = toy.source()
    publish_images(spec)
    path = store.find(spec) / "images.npy"
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(store.StoreError, match="damaged"):
        prepare.load(spec)


def test_the_spec_of_a_phantom_states_the_facts_of_its_manifest():
    _, facts = manifest.named("phantom_chest")
    spec = prepare.phantom_source(facts, image_px=64, groups=20, seed=3, content="abc")
    assert (spec.domain, spec.drawing, spec.channels) == ("radiology", "chest", 1)
    assert (spec.image_px, spec.groups, spec.seed, spec.content) == (64, 20, 3, "abc")
    assert spec.labels == facts.label_names
