"""The page of all fields is what the schemas say, and says it for each of them."""

import re

import pytest
import yaml

from medtransfer import docs, paths
from medtransfer.assess.target import Target
from medtransfer.data import manifests, readers
from medtransfer.data.readers.folder import FolderManifest
from medtransfer.data.schema import PhantomManifest
from medtransfer.data.weights import ModelsManifest, WeightsManifest
from medtransfer.study import schema
from medtransfer.study.schema import Profile, Recipe

MODELS = (
    *(Profile, Recipe, Target, PhantomManifest, WeightsManifest, ModelsManifest),
    *readers.manifests(),
)
ROW = re.compile(r"^\| `(\w+)` \| (.+) \| (.*) \| (.+) \|$", re.MULTILINE)


@pytest.fixture(scope="module")
def rows():
    return ROW.findall(docs.page())


def test_the_committed_page_is_what_the_schemas_say():
    assert docs.PAGE.read_text() == docs.page(), "run `make docs`"


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_field_has_its_row(rows, model):
    assert {*model.model_fields} <= {name for name, *_ in rows}


def test_every_row_says_what_is_taken_and_what_it_means(rows):
    for name, takes, _, meaning in rows:
        assert takes.strip() and len(meaning.split()) > 1, name
        assert "None" not in takes and "|" not in takes


@pytest.mark.parametrize(
    ("field", "takes", "default"),
    [
        ("kind", '`"folder"`', "**needed**"),
        ("resamples", "whole number, at least 10", "`1000`"),
        ("test_share", "number, above 0, below 1", "`0.2`"),
        ("rows_per_image", '`"one"` or `"many"`', '`"one"`'),
        ("separator", '`","`, `";"`, `"\\t"` or `"&#124;"`', '`","`'),
        ("table_sha256", "text, as `^[0-9a-f]{64}$`", ""),
        (
            "domain",
            "one of `ophthalmology`, `radiology`, `pathology`, `dermatology`, `other`",
            "**needed**",
        ),
        ("labels", "a list: [ColumnLabel](#columnlabel)", "**needed**"),
    ],
)
def test_types_defaults_and_bounds_are_said_in_words(rows, field, takes, default):
    assert (takes, default) in [(t, d) for name, t, d, _ in rows if name == field]


def test_a_record_that_is_pointed_to_has_its_section():
    page = docs.page()
    headings = {line.removeprefix("## ").lower() for line in page.splitlines() if "## " in line}
    assert {*re.findall(r"\]\(#(\w+)\)", page)} <= headings


def test_a_field_that_nobody_explains_is_refused():
    class Unexplained(FolderManifest):
        """Says nothing of its field."""

        colour: str

    with pytest.raises(LookupError, match=r"Unexplained\.colour"):
        docs._section("x", Unexplained)


OWN = paths.REPOSITORY / "docs" / "own_images.md"


def test_the_manifest_and_the_profile_of_the_chapter_on_own_images_can_be_copied(tmp_path):
    manifest, profile = re.findall(r"```yaml\n(.*?)```", OWN.read_text(), flags=re.DOTALL)
    (tmp_path / "xrays.yaml").write_text(manifest)
    (tmp_path / "xrays_profile.yaml").write_text(profile)
    facts = manifests.image_facts(str(tmp_path / "xrays.yaml"))
    found = schema.profile(str(tmp_path / "xrays_profile.yaml"))
    assert found.sources == {facts.domain: str(tmp_path / "xrays.yaml")}


def test_what_init_prints_in_that_chapter_names_fields_that_there_are():
    printed = re.search(r"```\n(  title: .*?)```", OWN.read_text(), flags=re.DOTALL)[1]
    fields = {*yaml.safe_load(printed)}
    assert fields <= {*FolderManifest.model_fields, *Profile.model_fields}


def test_the_chapter_on_own_images_goes_the_way_of_its_user():
    text = OWN.read_text()
    steps = ["medtransfer init ", "medtransfer data check ", "medtransfer reproduce "]
    places = [text.index(step) for step in steps]
    assert places == sorted(places)
    assert [int(n) for n in re.findall(r"^## (\d)\. ", text, flags=re.MULTILINE)] == [1, 2, 3, 4, 5]
