"""Disks that are full or take nothing: a message with what to do, and nothing half published."""

import shutil
import subprocess
import sys

import pytest

from medtransfer import cli

pytestmark = pytest.mark.slow

WRITERS = ["images", "some_images", "table", "network", "history"]
SMALL_DISK = """
import subprocess, sys
from pathlib import Path
import numpy as np, pandas as pd, torch
from medtransfer import paths, store
from medtransfer.data.draft import Draft
from medtransfer.data.images import Source, write_index
from medtransfer.errors import SourceError, StoreError
from medtransfer.networks import stored

def images(place):
    np.save(place / "images.npy", np.random.default_rng(0).bytes(400_000))

def some_images(place):
    whole = np.random.default_rng(0).integers(0, 255, (400, 1000), dtype=np.uint8)
    draft = Draft(Path("draft"), plan={})
    np.save(draft.path, whole)
    draft.place(np.arange(400) > 0, place / "images.npy")

def table(place):
    write_index(place, pd.DataFrame(np.random.default_rng(0).random((8000, 8))))

def network(place):
    stored.write(place, state={"w": torch.rand(100_000)}, history=[{"epoch": 0}])

def history(place):
    stored.write(place, state={"w": torch.rand(9)}, history=[{"epoch": e} for e in range(90_000)])

def spec(name):
    return Source(manifest="toy", domain="pathology", content=name, image_px=32, channels=3,
                  labels=("sick",))

def publish(write):
    with store.draft(spec(write.__name__)) as place:
        write(place)

filler = paths.store() / "filler"
for write in (images, some_images, table, network, history):
    filler.write_bytes(bytes(1_800_000))
    try:
        publish(write)
    except (StoreError, SourceError) as error:
        print(write.__name__, error)
    assert [path for path in paths.store().rglob("*") if path.is_file()] == [filler]
    filler.unlink()
    publish(write)
    (found,) = paths.store().glob("*/*/*/spec.json")
    store.find(spec(write.__name__))
    subprocess.run(["rm", "-r", paths.store() / "source"], check=True)

publish(history)
subprocess.run(["mount", "-o", "remount,ro", paths.store()], check=True)
store.find(spec("history"))
try:
    publish(images)
except StoreError as error:
    print("read-only", error)
"""


@pytest.mark.skipif(not shutil.which("unshare"), reason="a small disk is mounted with unshare")
def test_a_full_or_read_only_disk_is_said_and_leaves_nothing_half(home, tmp_path):
    (home / "store").mkdir(parents=True)
    (tmp_path / "program.py").write_text(SMALL_DISK)
    alone = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    mounted = f"mount -t tmpfs -o size=2m tmpfs {home / 'store'}"
    if subprocess.run([*alone, mounted], capture_output=True).returncode:
        pytest.skip("this machine mounts nothing for users")
    run = subprocess.run(
        [*alone, f"{mounted} && exec {sys.executable} program.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    *full, unwritable = run.stdout.splitlines()
    assert [line.split()[0] for line in full] == WRITERS
    assert all("is full; free some space" in line for line in full), full
    assert "cannot write to" in unwritable
    assert "set MEDTRANSFER_HOME to another folder" in unwritable


def test_the_command_line_says_what_the_system_refuses(home, capsys):
    home.write_text("no folder")
    assert cli.main(["reproduce", "--profile", "medmnist", "--limit", "60", "1"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("medtransfer: ")
    assert str(home) in error
