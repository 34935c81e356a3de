"""Prepared sources: one uint8 array and one index, whatever the images came from."""

import numpy as np
import pandas as pd
import pytest
import yaml
from facts import folder_facts
from PIL import Image

from medtransfer import store
from medtransfer.data import folder, manifest, prepare
from medtransfer.data.phantoms import phantom


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
    with pytest.raises(store.StoreError, match="delete it and run again"):
        prepare.load(spec)


def test_pickled_arrays_are_refused(toy, publish_images):
    spec = toy.source()
    publish_images(spec)
    path = store.find(spec) / "images.npy"
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(store.StoreError, match="damaged"):
        prepare.load(spec)


# --- folders -------------------------------------------------------------------------------------


@pytest.fixture
def mine(tmp_path):
    """A manifest of four images in a folder, as a user would write it."""
    root = tmp_path / "mine"
    (root / "images").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(4):
        pixels = rng.integers(0, 256, size=(32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / "images" / f"{number}.png")
    table = pd.DataFrame({"file": [f"{n}.png" for n in range(4)], "sick": [0, 1, 1, 0]})
    table.to_csv(root / "labels.csv", index=False)
    (root / "mine.yaml").write_text(yaml.safe_dump(folder_facts()))
    return root


def test_a_folder_becomes_an_array_and_an_index(mine):
    facts = manifest.read(mine / "mine.yaml")
    spec = prepare.folder_source(facts, root=mine, image_px=32)
    prepare.prepare_folder(spec, manifest=facts, root=mine)
    found = prepare.load(spec)
    assert found.targets[:, 0].tolist() == [0, 1, 1, 0]
    assert found.labels == ("Tumour",)
    with Image.open(mine / "images" / "2.png") as image:
        assert np.array_equal(found.images[2], np.asarray(image))


def test_another_size_or_fit_is_another_source(mine):
    facts = manifest.read(mine / "mine.yaml")
    padded = facts.model_copy(update={"image": facts.image.model_copy(update={"fit": "pad"})})
    keys = {
        prepare.folder_source(each, root=mine, image_px=px).key
        for each in (facts, padded)
        for px in (32, 64)
    }
    assert len(keys) == 4


def test_a_folder_with_an_unreadable_image_is_not_published(mine):
    facts = manifest.read(mine / "mine.yaml")
    spec = prepare.folder_source(facts, root=mine, image_px=32)
    (mine / "images" / "3.png").write_bytes(b"no image")
    with pytest.raises(folder.FolderError, match=r"3\.png"):
        prepare.prepare_folder(spec, manifest=facts, root=mine)
    assert not store.has(spec)


def test_images_that_changed_since_they_were_hashed_are_not_published(mine):
    facts = manifest.read(mine / "mine.yaml")
    spec = prepare.folder_source(facts, root=mine, image_px=32)
    Image.new("RGB", (32, 32)).save(mine / "images" / "3.png")
    with pytest.raises((folder.FolderError, store.StoreError)):
        prepare.prepare_folder(spec, manifest=facts, root=mine)


def test_the_spec_of_a_phantom_states_the_facts_of_its_manifest():
    _, facts = manifest.named("phantom_chest")
    spec = prepare.phantom_source(facts, image_px=64, groups=20, seed=3, content="abc")
    assert (spec.domain, spec.drawing, spec.channels) == ("radiology", "chest", 1)
    assert (spec.image_px, spec.groups, spec.seed, spec.content) == (64, 20, 3, "abc")
    assert spec.labels == facts.label_names
