"""Networks of others: imported once by their names, then surrogates and targets like any other."""

import shutil

import numpy as np
import pytest
import torch
import upstream

from medtransfer import cli, paths, store
from medtransfer.analysis import tables
from medtransfer.compute.ensure import ensure
from medtransfer.data import images
from medtransfer.data.datamodule import to_unit
from medtransfer.errors import ImportedError, KerasError
from medtransfer.measures import predictions
from medtransfer.measures.metrics import macro_auc
from medtransfer.networks import imported, stored
from medtransfer.networks.imported import Imported, Name
from medtransfer.networks.keras import load_keras
from medtransfer.networks.model import Classifier
from medtransfer.study import schema
from medtransfer.study.builders import Study

pytestmark = pytest.mark.slow

FILES = {
    "DenseNet121/pretrained_d1/pat_model.h5": Name(
        "pathology", "densenet121_keras", "imagenet", "d1", False
    ),
    "DenseNet121/pretrained_d1_bis/pat_model.h5": Name(
        "pathology", "densenet121_keras", "imagenet", "d1", True
    ),
}
DENSENET = {"architectures": ("densenet121_keras",)}


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
def source(toy, publish_images):
    """A few made images."""
    source = toy.source(domain="pathology")
    publish_images(source)
    return source


@pytest.fixture
def study(source):
    """The profile of the authors' networks, with their DenseNets on the made images."""
    profile = schema.profile("authors").model_copy(update=DENSENET)
    return Study(profile=profile, sources={"pathology": source})


def test_files_are_known_by_the_names_that_their_authors_gave():
    assert {path: imported.names("pathology")[path] for path in FILES} == FILES
    chest = imported.names("radiology")
    assert len(chest) == 2 * 2 * 4 * 2
    assert chest["InceptionV3_ImageNet_v2_d1.hdf5"] == Name(
        "radiology", "inception_v3_keras", "imagenet", "d1", True
    )
    assert chest["DenseNet121_random_d3.hdf5"].data == "d2/2"


@pytest.fixture
def spec(models, toy, source):
    """The first of the files as a network."""
    imported.import_folder("pathology", models)
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
    batch = to_unit(np.asarray(images.load(spec.development.source).images[:3]))
    with torch.no_grad():
        expected = model(batch)
    torch.testing.assert_close(spec.open().logits(batch), expected, atol=1e-4, rtol=0)
    torch.testing.assert_close(stored.load(spec)(batch), expected)
    found, (epoch,) = predictions.read(spec), stored.history(spec).to_dict("records")
    assert len(found) and found.attacked is None
    assert epoch["auc"] == pytest.approx(macro_auc(found.truth, found.clean), nan_ok=True)


def test_imported_networks_attack_and_are_attacked(models, study, toy, in_process, capsys):
    assert cli.main(["models", "import", "pathology", str(models)]) == 0
    assert "2 networks imported; 30 files are missing" in capsys.readouterr().out
    surrogate, target = (
        study.network(
            "pathology", architecture="densenet121_keras", initialization="imagenet", bis=bis
        )
        for bis in (True, False)
    )
    assert surrogate.weights != target.weights
    cells = [toy.cell(surrogate, each) for each in (surrogate, target)]
    ensure(cells)
    assert tables.transfer_table(cells, resamples=10)["auc"].notna().all()


def test_a_network_that_was_not_imported_is_said_with_the_steps(study):
    with pytest.raises(ImportedError, match="medtransfer models import DOMAIN FOLDER"):
        study.networks("pathology")


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
    with pytest.raises(ImportedError, match="names no networks of endoscopy; allowed: radio"):
        imported.import_folder("endoscopy", tmp_path)


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
