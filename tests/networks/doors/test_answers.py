"""What a system said of a folder of pictures, as a table."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import targets
from PIL import Image

from medtransfer.assess import bring
from medtransfer.errors import TargetError
from medtransfer.networks.doors import answers

LABELS = [*targets.LABELS]


@pytest.fixture
def asked(tmp_path):
    """Ten pictures in a folder, and the table of what a system said of them."""
    folder = tmp_path / "attacks"
    (folder / "clean").mkdir(parents=True)
    images, _ = targets.pictures(10)
    names = [f"clean/{n}.png" for n in range(10)]
    for name, pixels in zip(names, images, strict=True):
        Image.fromarray(pixels).save(folder / name)
    table = pd.DataFrame(targets.logits(images), columns=LABELS).round(5)
    table.insert(0, "image", names)
    table.to_csv(folder / "answers.csv", index=False)
    return folder, images, table


def opened(folder, tmp_path, **changes):
    path = targets.write_target(tmp_path, "answers", **changes)
    model = bring.model(path, pictures=folder)
    return answers.opened(model.path, model.contract)


def test_every_picture_has_its_own_answer_in_any_order(asked, tmp_path):
    folder, images, _ = asked
    door = opened(folder, tmp_path)
    order = np.random.default_rng(0).permutation(10)
    np.testing.assert_allclose(door.answer(images[order]), targets.logits(images)[order], atol=1e-5)


def test_columns_are_taken_by_name(asked, tmp_path):
    folder, images, table = asked
    table[["Bright", "time", "image", "Red"]] = table.assign(time="12:00")[
        ["Bright", "time", "image", "Red"]
    ]
    table[["Bright", "time", "image", "Red"]].to_csv(folder / "answers.csv", index=False)
    np.testing.assert_allclose(
        opened(folder, tmp_path).answer(images), targets.logits(images), atol=1e-5
    )


def test_one_class_may_be_said_by_its_name(asked, tmp_path):
    folder, images, table = asked
    said = np.where(targets.logits(images)[:, 0] > 0, "Red", "Bright")
    pd.DataFrame({"image": table["image"], "label": said}).to_csv(
        folder / "answers.csv", index=False
    )
    found = opened(folder, tmp_path, outputs="labels", head="one-of-many").answer(images)
    np.testing.assert_array_equal(found[:, 0], said == "Bright")


def changed(table, name, row, value):
    table = table.astype(object)
    table.loc[row, name] = value
    return table


WRONG = {
    "no column of a label": (lambda t: t.drop(columns="Red"), r"lacks \['Red'\]"),
    "no column of pictures": (lambda t: t.rename(columns={"image": "file"}), r"lacks \['image'\]"),
    "a picture twice": (
        lambda t: pd.concat([t, t.iloc[[3]]]),
        r"appear twice: clean/3\.png",
    ),
    "an empty answer": (
        lambda t: changed(t, "Red", 4, ""),
        r"1 of 10 pictures have no answer that can be read: clean/4\.png",
    ),
    "a word": (lambda t: changed(t, "Red", 4, "high"), r"clean/4\.png \(high, "),
    "NaN": (lambda t: changed(t, "Red", 4, "nan"), r"clean/4\.png \(nan, "),
    "a comma in a number": (lambda t: changed(t, "Red", 4, "0,5"), r"clean/4\.png \(0,5, "),
    "a picture that is not there": (
        lambda t: changed(t, "image", 4, "clean/99.png"),
        r"1 of 10 pictures are not in .*: clean/99\.png",
    ),
    "a path out of the folder": (
        lambda t: changed(t, "image", 4, "../target.yaml"),
        r"pictures are not in .*: \.\./target\.yaml",
    ),
    "no rows": (lambda t: t.iloc[:0], "lacks rows"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_table_that_cannot_be_read_says_why(asked, tmp_path, name):
    folder, _, table = asked
    change, said = WRONG[name]
    change(table).to_csv(folder / "answers.csv", index=False)
    with pytest.raises(TargetError, match=said):
        opened(folder, tmp_path)


def test_missing_answers_are_counted(asked, tmp_path):
    folder, images, table = asked
    table.iloc[:7].to_csv(folder / "answers.csv", index=False)
    with pytest.raises(TargetError, match=r"3 of 10 images have no answer: .* assess craft"):
        opened(folder, tmp_path).answer(images)


def test_answers_to_other_pictures_are_refused(asked, tmp_path):
    folder, _, _ = asked
    others, _ = targets.pictures(10, seed=1)
    with pytest.raises(TargetError, match="10 of 10 images have no answer: these are answers to"):
        opened(folder, tmp_path).answer(others)


def test_a_picture_that_was_written_over_is_another(asked, tmp_path):
    folder, images, _ = asked
    Image.fromarray(images[3] // 2).save(folder / "clean" / "3.png")
    with pytest.raises(TargetError, match="1 of 10 images have no answer"):
        opened(folder, tmp_path).answer(images)


def test_a_picture_that_is_none(asked, tmp_path):
    folder, _, _ = asked
    (folder / "clean" / "3.png").write_text("<html>")
    with pytest.raises(TargetError, match=r"3\.png: not readable as a picture"):
        opened(folder, tmp_path)


def test_a_missing_table(tmp_path):
    with pytest.raises(TargetError, match=r"answers\.csv cannot be read"):
        bring.model(targets.write_target(tmp_path, "answers"), pictures=tmp_path)


def test_the_chain_is_the_system_s_own(asked, tmp_path):
    from medtransfer.networks.brought import Answering

    folder, images, _ = asked
    path = targets.write_target(tmp_path, "answers", chain=[{"jpeg": 10}])
    model = bring.model(path, pictures=folder)
    network = Answering(answers.opened(model.path, model.contract), model.contract, LABELS)
    np.testing.assert_allclose(network.raw(images), targets.logits(images), atol=1e-5)
    assert dataclasses.is_dataclass(network)
