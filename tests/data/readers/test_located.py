"""Files of a folder: found as named, or named with what lies near; none outside of it."""

import os

import pytest

from medtransfer.data.readers.located import Located


@pytest.fixture
def folder(tmp_path):
    """Makes empty files; returns what finds them."""

    def make(*names, suffix=""):
        for name in names:
            path = tmp_path / "images" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return Located(tmp_path / "images", suffix=suffix)

    return make


@pytest.mark.parametrize(
    ("there", "name"),
    [
        ("a.png", "a.png"),
        ("a.png", "./a.png"),
        ("a.png", "x/../a.png"),
        ("sub/a.png", "sub/a.png"),
        ("sub/a.png", "sub\\a.png"),
        ("a.jpg", "a.JPG"),
        ("Sub/A.png", "sub/a.png"),
        ("u\u0308.png", "\u00fc.png"),
        ("\u00fc \U0001f9e0.png", "\u00fc \U0001f9e0.png"),
    ],
)
def test_a_file_is_found_by_its_name(folder, there, name):
    found = folder(there)
    assert found.path(name) == found.folder / there
    assert found.holds(name)


def test_the_exact_name_comes_first_and_two_others_are_not_chosen_from(folder):
    found = folder("a.png", "A.png", "b.PNG", "B.png")
    if len({*found.files()}) < 4:
        pytest.skip("a disk without case")
    assert found.path("A.png").name == "A.png"
    assert found.path("b.png").name == "b.png"
    assert "similar: 'B.png', 'b.PNG'" in found.missing("b.png")


@pytest.mark.parametrize(
    ("there", "name", "says"),
    [
        ("a.png", "a", "similar: 'a.png'; write `image_suffix: .png`?"),
        ("sub/a.1.jpeg", "sub/a.1", "write `image_suffix: .jpeg`?"),
        ("a.jpg", "a.png", "similar: 'a.jpg'"),
        ("sub/a.png", "a.png", "similar: 'sub/a.png'"),
        ("a.png", "C:\\data\\a.png", "similar: 'a.png'"),
        ("a_1.png", "a 1.png", "similar: 'a_1.png'"),
        ("b.png", "a.png", "no such file"),
    ],
)
def test_a_file_that_is_not_there_is_named_with_what_lies_near(folder, there, name, says):
    found = folder(there).missing(name)
    assert found.endswith(says) and "no such file" in found


@pytest.mark.parametrize(
    "name",
    ["../x.png", "sub/../../x.png", "/etc/hostname", ".", "", "..\\x.png", "a/../../images2/x.png"],
)
def test_no_name_leads_out_of_the_folder(folder, name):
    assert not folder("a.png").holds(name)


def test_a_link_of_the_user_is_followed_and_no_way_around_it(folder, tmp_path):
    store = tmp_path / "store" / "deep"
    store.mkdir(parents=True)
    (store / "0a1b").touch()
    (tmp_path / "store" / "secret").touch()
    found = folder("b.png")
    os.symlink(store / "0a1b", found.folder / "a.png")
    os.symlink(store, found.folder / "linked")
    assert found.holds("a.png") and found.path("a.png").is_file()
    assert found.path("linked/0a1b").is_file()
    assert not found.path("linked/../secret").is_file()  # lexically beside the link
    assert [*found.files()] == ["a.png", "b.png", "linked/0a1b"]


def test_a_link_that_leads_back_ends(folder):
    found = folder("sub/a.png")
    os.symlink(found.folder, found.folder / "sub" / "again")
    assert [*found.files()] == ["sub/a.png"]


def test_an_absolute_name_within_the_folder_is_one_of_it(folder, tmp_path):
    found = folder("a.png")
    os.symlink(found.folder, tmp_path / "linked")
    linked = Located(tmp_path / "linked")
    assert linked.holds(str(found.folder / "a.png"))
    assert linked.holds(str(tmp_path / "linked" / "a.png"))


def test_a_name_that_no_disk_takes_is_missing(folder):
    assert "no such file" in folder("a.png").missing("a" * 5000)
