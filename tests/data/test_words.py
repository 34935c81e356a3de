"""Words by which columns, values and files are recognized."""

import pytest

from medtransfer.data import words
from medtransfer.domains import DOMAINS


@pytest.mark.parametrize(
    ("name", "healthy"),
    [
        ("NORMAL", True),
        ("No Finding", True),
        ("non-COVID", True),
        ("unauffällig", True),
        ("ohne Befund", True),
        ("abnormal", False),
        ("nodule", False),
        ("nevus", False),
    ],
)
def test_what_says_that_nothing_was_found(name, healthy):
    assert words.is_healthy(name) == healthy


@pytest.mark.parametrize(
    ("text", "domain", "number"),
    [
        ("lung_opacity", "radiology", 1),
        ("LungOpacity Lungen-CT", "radiology", 2),
        ("Thoraxröntgen", "radiology", 1),
        ("Abteilung, Behandlung, Erkrankung", "radiology", 0),
        ("history", "pathology", 0),
        ("Histologie 7", "pathology", 1),
        ("Augenhintergrund", "ophthalmology", 1),
        ("honeyed", "ophthalmology", 0),
    ],
)
def test_words_count_where_they_begin(text, domain, number):
    assert words.count(text, DOMAINS[domain].words) == number


def test_nothing_begins_with_no_word():
    assert words.count("anything", ()) == 0
