"""Which of several frames or pages is read."""

import pytest

from medtransfer.data.readers.frames import chosen
from medtransfer.errors import SourceError


@pytest.mark.parametrize(
    ("number", "rule", "index"),
    [
        (1, None, 0),
        (1, "middle", 0),
        (5, "first", 0),
        (5, "middle", 2),
        (4, "middle", 1),
        (5, 1, 0),
        (5, 5, 4),
    ],
)
def test_the_rule_says_which_frame_is_read(number, rule, index):
    assert chosen(number, rule) == index


@pytest.mark.parametrize(
    ("number", "rule", "says"),
    [(3, None, "holds 3 frames"), (3, 4, "asks for number 4 of 3 frames")],
)
def test_a_frame_that_nobody_named_or_that_is_not_there_is_refused(number, rule, says):
    with pytest.raises(SourceError, match=says):
        chosen(number, rule)
