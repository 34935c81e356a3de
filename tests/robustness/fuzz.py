"""Coverage-guided fuzzing of everything that reads bytes from outside.

    .venv/bin/python -m pip install atheris    # not in the lock: it has no wheel for every system
    .venv/bin/python tests/robustness/fuzz.py PARSER -max_total_time=120

Whatever the bytes, a reader returns a value or raises an error that it documents, in 20 seconds
and 4 GB; nothing is written outside its folder, no program starts, nothing is unpickled. The first
input that breaks this ends the run and is kept in `build/fuzz`; naming its file after PARSER
repeats it. Further options are libFuzzer's. What was found and mended
is in `test_strange.py` and `test_strange_weights.py`.
"""

from __future__ import annotations

import contextlib
import functools
import gzip
import io
import json
import os
import shutil
import sys
import tarfile
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import atheris

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ["TQDM_DISABLE"] = "1"
sys.dont_write_bytecode = True  # what is imported late would seem to write
with atheris.instrument_imports(
    include=["medtransfer", "yaml", "PIL", "pydicom", "tarfile", "zipfile"]
):
    import conftest
    import h5py
    import numpy as np
    import strange
    import torch
    import toys
    import upstream
    from facts import COMMON, folder_facts
    from safetensors.torch import save

    from medtransfer import paths, store
    from medtransfer.data import manifests as manifest
    from medtransfer.data.download import extract_tar
    from medtransfer.data.readers import chestxray14
    from medtransfer.data.readers.folder import FolderManifest
    from medtransfer.data.readers.reader import UNUSABLE
    from medtransfer.data.weights import WeightsManifest
    from medtransfer.errors import (
        FetchError,
        ImportedError,
        ManifestError,
        SourceError,
        StoreError,
        WeightsError,
    )
    from medtransfer.networks import architectures, imported, keras, stored
    from medtransfer.networks import imagenet as weights
    from medtransfer.networks.imported import Name
    from medtransfer.networks.keras import layouts
    from medtransfer.networks.model import Classifier
    from medtransfer.study import schema as profiles


class Parser(NamedTuple):
    """What reads some bytes as a file in a folder, which errors it documents, and good files."""

    read: Callable[[Path, bytes], Any]
    errors: tuple[type[Exception], ...]
    seeds: Callable[[Path], list[bytes]]


published = functools.cache(upstream.facts)


def written(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


# --- text ----------------------------------------------------------------------------------------


def read_manifest(folder: Path, content: bytes) -> None:
    manifest.read(written(folder / "any.yaml", content))


def committed(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in paths.manifests().glob("*.yaml")]


def read_profile(folder: Path, content: bytes) -> None:
    profiles.profile(str(written(folder / "any.yaml", content)))


def a_profile(folder: Path) -> list[bytes]:
    return [b"name: mine\nextends: default\nimage_px: 64\nsources: {radiology: mine.yaml}\n"]


FINDINGS = {"label_columns": None, "findings_column": "findings", "group_column": "patient"}
COLUMN = {"split": {"rule": "column", "column": "split"}}
MAPPED = {"split": {**COLUMN["split"], "development": ["train"], "test": ["test"]}}
MANY = {"rows_per_image": "many", "separator": ";", "only": {"view": ["PA"]}}
OTHERS = {"ignored_findings": "others", "left_out_findings": [""]}
FOLDERS = [
    FolderManifest.model_validate(folder_facts(**changes))
    for changes in ({}, FINDINGS | COLUMN, MAPPED | MANY, FINDINGS | OTHERS)
]


def read_labels(folder: Path, content: bytes) -> None:
    """Read one table as each of those that come with images."""
    readers = [facts.reader(root=folder, image_px=32) for facts in FOLDERS]
    readers += [
        published(name).reader(root=folder, image_px=32) for name in ("eyepacs", "chestxray14")
    ]
    for name in ("labels.csv", "trainLabels.csv", "retinopathy_solution.csv", chestxray14.TABLE):
        written(folder / name, content)
    for name in chestxray14.SPLITS:
        written(folder / name, b"{trainIDs: [], valIDs: [], testIDs: ['00000001_0']}")
    for reader in readers:
        with contextlib.suppress(SourceError):
            reader.index()


def tables(folder: Path) -> list[bytes]:
    return [
        b"file,sick\na.png,0\nb/c.png,1\n",
        b"file,patient,findings,split\na.png,7,Tumour,d1:train;d2:val\nb.png,8,,test\n",
        b"file;sick;split;view\na.png;1.0;train;PA\na.png;true;train;LL\nb.png;0;test;PA\n",
        b"image,level\n1_left,0\n1_right,4\n",
        b"Image Index,Finding Labels,Patient ID\n00000001_0.png,Mass|Nodule,1\n",
    ]


def read_split(folder: Path, content: bytes) -> None:
    for name in chestxray14.SPLITS:
        written(folder / name, content)
    chestxray14.published_sets(folder)


def splits(folder: Path) -> list[bytes]:
    return [b"trainIDs: [a_0, b_1]\nvalIDs: ['c_0']\ntestIDs:\n- d_0\n- e_0\n"]


# --- images --------------------------------------------------------------------------------------


def read_image(folder: Path, content: bytes) -> None:
    """Read a picture as one of a folder, DICOM or not, and as a photograph of an eye."""
    written(folder / "images" / "any", content)
    written(folder / "train" / "1_left.jpeg", content)
    facts = FolderManifest.model_validate(folder_facts(image={"channels": 3, "fit": "pad"}))
    found = facts.reader(root=folder, image_px=32).picture("any")
    assert found.pixels.shape == (32, 32, 3) and found.pixels.dtype == np.uint8
    published("eyepacs").reader(root=folder, image_px=32).picture("train/1_left")


def images(folder: Path) -> list[bytes]:
    kinds = [("F", "TIFF"), ("I;16", "TIFF"), ("RGB", "PNG"), ("L", "JPEG")]
    return [*strange.IMAGES.values(), *(strange.encoded(*kind) for kind in kinds)]


def radiographs(folder: Path) -> list[bytes]:
    return [strange.radiograph(), strange.radiograph(floats=[0.5] * 256)]


def read_arrays(folder: Path, content: bytes) -> None:
    facts = published("retinamnist")
    reader = facts.reader(root=folder, image_px=64)
    written(next(iter(reader.watched())), content)
    reader.picture(reader.index()["image"][0])


def arrays(folder: Path) -> list[bytes]:
    upstream.medmnist(folder / "any.npz", labels=1, channels=3, px=4, number=3)
    return [(folder / "any.npz").read_bytes()]


def read_patches(folder: Path, content: bytes) -> None:
    shutil.copytree(a_slide(), folder, dirs_exist_ok=True)
    written(folder / "camelyonpatch_level_2_split_train_x.h5", content)
    written(folder / "camelyonpatch_level_2_split_train_y.h5", content)
    reader = published("patchcamelyon").reader(root=folder, image_px=32)
    reader.picture(reader.index()["image"][0])


@functools.cache
def a_slide() -> Path:
    place = Path(tempfile.mkdtemp()) / "slide"
    upstream.patchcamelyon(place, slides=2, side=4)
    return place


def patches(folder: Path) -> list[bytes]:
    with h5py.File(folder / "both.h5", "w") as file:
        for kind in "xy":
            with h5py.File(next(a_slide().glob(f"*train_{kind}.h5"))) as part:
                part.copy(kind, file)
    return [(folder / "both.h5").read_bytes()]


# --- weights and archives ------------------------------------------------------------------------

architectures.ARCHITECTURES["tiny"] = conftest._entry(8)


@functools.cache
def model(name: str) -> Classifier:
    return Classifier(name, outputs=1)


def read_imagenet(folder: Path, content: bytes) -> None:
    facts = {**COMMON, "kind": "weights", "architecture": "tiny", "addresses": ["http://localhost"]}
    facts |= {"file": "any.pt", "sha256": "0" * 64, "has_head": True}
    path = written(folder / "any.pt", content)
    weights.load_imagenet(model("tiny"), WeightsManifest.model_validate(facts), path=path)


def states(folder: Path) -> list[bytes]:
    found = []
    for new in (True, False):
        buffer = io.BytesIO()
        torch.save(model("tiny").network.state_dict(), buffer, _use_new_zipfile_serialization=new)
        found.append(buffer.getvalue())
    return found


def read_safetensors(folder: Path, content: bytes) -> None:
    """Read a network of the store, and one that was imported."""
    spec = toys.training(development=toys.development(source=TOY))
    written(store.directory(spec) / "spec.json", json.dumps(spec.description).encode())
    written(store.directory(spec) / "weights.safetensors", content)
    with contextlib.suppress(StoreError):
        stored.load(spec)
    name = Name("pathology", "tiny", "random", "d1", False)
    written(name.place, content)
    imported.checksum(name)


TOY = toys.source(content="toy")


def safetensors(folder: Path) -> list[bytes]:
    state = model("tiny").state_dict()
    return [save(state), save(state, metadata={"facts": '{"sha256": "0"}'})]


@functools.cache
def few_places() -> dict[str, str]:
    """A DenseNet's first norm and its last layer: a whole file has 30 MB, too many to mutate."""
    places = layouts.places(model("densenet121_keras"))
    return {key: at for key, at in places.items() if key.startswith(("conv1_bn/", "dense/"))}


def read_keras(folder: Path, content: bytes) -> None:
    places = few_places()
    with mock.patch.object(keras, "places", lambda _: places):
        keras.load_keras(model("densenet121_keras"), path=written(folder / "any.h5", content))


def keras_files(folder: Path) -> list[bytes]:
    places = few_places()
    with mock.patch.object(layouts, "places", lambda _: places):
        return [upstream.keras_file(folder / "a.h5", model("densenet121_keras")).read_bytes()]


def read_tar(folder: Path, content: bytes) -> None:
    archive = written(folder / "any.tar.gz", gzip.compress(content, compresslevel=1))
    (folder / "in").mkdir()
    try:
        extract_tar(archive, into=folder / "in")
    finally:
        assert {path.name for path in folder.iterdir()} == {"in", archive.name}


def tars(folder: Path) -> list[bytes]:
    found = []
    for kind in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=kind) as tar:
            for name in ("images/1.png", "images/" + "é" * 120, "../x", "/x"):
                member = tarfile.TarInfo(name)
                member.size = 3
                tar.addfile(member, io.BytesIO(b"abc"))
        found.append(buffer.getvalue())
    return found


PARSERS = {
    "manifest": Parser(read_manifest, (ManifestError,), committed),
    "profile": Parser(read_profile, (ManifestError,), a_profile),
    "labels": Parser(read_labels, (), tables),
    "split": Parser(read_split, (SourceError,), splits),
    "image": Parser(read_image, UNUSABLE, images),
    "dicom": Parser(read_image, UNUSABLE, radiographs),
    "arrays": Parser(read_arrays, UNUSABLE, arrays),
    "patches": Parser(read_patches, UNUSABLE, patches),
    "imagenet": Parser(read_imagenet, (WeightsError,), states),
    "safetensors": Parser(read_safetensors, (ImportedError,), safetensors),
    "keras": Parser(read_keras, (WeightsError,), keras_files),
    "tar": Parser(read_tar, (FetchError,), tars),
}

# --- the property --------------------------------------------------------------------------------

RUNS_CODE = ("pickle.find_class", "os.system", "os.exec", "os.fork", "os.posix_spawn")
RUNS_CODE += ("subprocess.Popen", "socket.connect")
CHANGES = ("os.mkdir", "os.rename", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown")


class Watch:
    """Notes what Python does that no reader may do; an exception here could be caught there."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.seen = f"{folder}/", list[str]()
        sys.addaudithook(self)

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        if event in RUNS_CODE:
            self.seen.append(f"{event} {args}")
        elif event == "open" and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            self.note(event, args[0])
        elif event in CHANGES:
            for place in args[:2]:
                self.note(event, place)

    def note(self, event: str, place: Any) -> None:
        if isinstance(place, str | bytes | os.PathLike):
            real = os.path.realpath(os.fsdecode(place))
            if not f"{real}/".startswith(self.folder) and real != os.devnull:
                self.seen.append(f"{event} {real}")


def main() -> None:
    warnings.simplefilter("ignore")
    if len(sys.argv) < 2 or sys.argv[1] not in PARSERS:
        sys.exit(f"{__doc__}\nPARSER is one of {', '.join(PARSERS)}")
    name, options = sys.argv[1], sys.argv[2:]
    kept = paths.home() / "fuzz"
    scratch = kept / name
    shutil.rmtree(scratch, ignore_errors=True)
    for folder in ("seeds", "made"):
        (scratch / folder).mkdir(parents=True)
    work = scratch / "work"
    tempfile.tempdir = str(scratch / "made")
    os.environ["MEDTRANSFER_HOME"] = str(work)
    for number, seed in enumerate(PARSERS[name].seeds(scratch / "made")):
        (scratch / "seeds" / str(number)).write_bytes(seed)
    tempfile.tempdir = str(work)
    watch = Watch(work)

    def once(content: bytes) -> None:
        work.mkdir()
        watch.seen.clear()
        try:
            PARSERS[name].read(work, content)
        except PARSERS[name].errors:
            pass
        finally:
            shutil.rmtree(work)
        if watch.seen:
            raise RuntimeError(f"a reader must not do this: {watch.seen}")

    repeats = any(not option.startswith("-") for option in options)
    given = [] if repeats else [str(scratch / "seeds")]
    limits = ["-timeout=20", "-rss_limit_mb=4096", f"-artifact_prefix={kept}/{name}-"]
    atheris.Setup([sys.argv[0], *limits, "-print_final_stats=1", *options, *given], once)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
