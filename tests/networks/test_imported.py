"""Networks of others: imported once by their names, then surrogates and targets like any other."""

import shutil

import numpy as np
import pytest
import torch
import upstream

from medtransfer import cli, paths, store
from medtransfer.analysis import tables as table
from medtransfer.compute import ensure as compute
from medtransfer.data import images as prepare
from medtransfer.data import manifests as manifest
from medtransfer.data import prepare as published
from medtransfer.data.datamodule import to_unit
from medtransfer.errors import ImportedError, KerasError
from medtransfer.measures import predictions
from medtransfer.measures.metrics import macro_auc
from medtransfer.networks import imported, stored
from medtransfer.networks.architectures import Classifier
from medtransfer.networks.imported import Imported, Name
from medtransfer.networks.keras import load_keras
from medtransfer.study import builders as ingredients
from medtransfer.study import plan as study
from medtransfer.study import schema as profiles

FILES = {
    "DenseNet121/pretrained_d1/pat_model.h5": Name(
        "pathology", "densenet121_keras", "imagenet", "d1", False
    ),
    "DenseNet121/pretrained_d1_bis/pat_model.h5": Name(
        "pathology", "densenet121_keras", "imagenet", "d1", True
    ),
}
DENSENET = {"architectures": ("densenet121_keras",), "resamples": 10, "pgd_steps": 2}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """The folder of two of the authors' files, made here, with two softmax outputs."""
    folder = tmp_path_factory.mktemp("models")
    for seed, path in enumerate(FILES):
        torch.manual_seed(seed)
        upstream.keras_file(folder / path, Classifier("densenet121_keras", outputs=2))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def patches(monkeypatch):
    """The profile of the authors' networks on a few made patches."""
    ingredients._source.cache_clear()
    upstream.patchcamelyon(paths.data() / "patchcamelyon", slides=4)
    facts = upstream.facts("patchcamelyon")
    monkeypatch.setattr(published, "named", lambda _: (manifest.named("patchcamelyon")[0], facts))
    monkeypatch.setattr(published, "fetch_files", lambda _: [])
    return profiles.profile("authors").model_copy(update=DENSENET)


def test_files_are_known_by_the_names_that_their_authors_gave():
    assert {path: imported.names("pathology")[path] for path in FILES} == FILES
    chest = imported.names("radiology")
    assert len(chest) == 2 * 2 * 4 * 2
    assert chest["InceptionV3_ImageNet_v2_d1.hdf5"] == Name(
        "radiology", "inception_v3_keras", "imagenet", "d1", True
    )
    assert chest["DenseNet121_random_d3.hdf5"].data == "d2/2"


@pytest.fixture
def spec(models, toy, publish_images):
    """The first of the files as a network of a few made images."""
    imported.import_folder("pathology", models)
    source = toy.source(domain="pathology")
    publish_images(source)
    return Imported(
        development=toy.development(source=source),
        architecture="densenet121_keras",
        initialization="imagenet",
        weights=imported.checksum(FILES[next(iter(FILES))]),
        seed=0,
    )


def test_an_imported_network_answers_as_the_network_in_the_file(spec, models):
    assert spec.title == "bring densenet121_keras imagenet on pathology d1"
    Imported.make([spec])
    model = Classifier("densenet121_keras", outputs=1).eval()
    load_keras(model, path=models / next(iter(FILES)))
    images = to_unit(np.asarray(prepare.load(spec.development.source).images[:3]))
    with torch.no_grad():
        expected = model(images)
    torch.testing.assert_close(spec.open().logits(images), expected, atol=1e-4, rtol=0)
    torch.testing.assert_close(stored.load(spec)(images), expected)
    found, (epoch,) = predictions.read(spec), stored.history(spec).to_dict("records")
    assert len(found) and found.attacked is None
    assert epoch["auc"] == pytest.approx(macro_auc(found.truth, found.clean), nan_ok=True)


def test_imported_networks_attack_and_are_attacked(models, patches, in_process, capsys):
    assert cli.main(["models", "import", "pathology", str(models)]) == 0
    assert "2 networks imported; 30 files are absent" in capsys.readouterr().out
    surrogate, target = (
        ingredients.network(
            patches,
            "pathology",
            architecture="densenet121_keras",
            initialization="imagenet",
            bis=bis,
        )
        for bis in (True, False)
    )
    assert surrogate.weights != target.weights
    cells = study._crossed(patches, [surrogate], [target], epsilon=0.02)
    compute.ensure(cells)
    assert table.transfer_table(cells, resamples=10)["auc"].notna().all()


def test_a_network_that_was_not_imported_is_said_with_the_steps(patches):
    with pytest.raises(ImportedError, match="medtransfer models import DOMAIN FOLDER"):
        study.initialization(patches, "pathology", epsilon=0.02)


def test_a_folder_without_the_files_is_refused(tmp_path):
    with pytest.raises(ImportedError, match="holds none of the 32 files"):
        imported.import_folder("radiology", tmp_path)


def test_a_damaged_file_is_refused_and_nothing_is_kept(models, tmp_path):
    path = tmp_path / next(iter(FILES))
    path.parent.mkdir(parents=True)
    path.write_bytes((models / next(iter(FILES))).read_bytes()[:5000])
    with pytest.raises(KerasError):
        imported.import_folder("pathology", tmp_path)
    assert not list(paths.imported().rglob("*.safetensors"))


def test_a_domain_whose_files_nobody_named_is_refused(tmp_path):
    with pytest.raises(ImportedError, match="names no networks of dermatology; allowed: radio"):
        imported.import_folder("dermatology", tmp_path)


def test_another_file_than_the_spec_names_is_not_used(spec):
    FILES[next(iter(FILES))].place.unlink()
    with pytest.raises(ImportedError, match=f"sha256 {spec.weights}"):
        Imported.make([spec])
    assert not store.has(spec)


def test_a_damaged_import_is_said(spec):
    place = FILES[next(iter(FILES))].place
    place.write_bytes(place.read_bytes()[:-4])
    with pytest.raises(ImportedError, match=r"no network densenet121_keras.* was imported"):
        Imported.make([spec])
    assert not store.has(spec)
