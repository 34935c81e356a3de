"""`medtransfer data`: what the command line says of sources."""

import numpy as np
import pytest

from medtransfer import cli, paths, store
from medtransfer.data import prepare


def do(*command):
    return cli.main(["data", *command])


def test_prepare_verify_and_list_say_what_is_there(patches, capsys):
    assert do("prepare", "patchcamelyon", "--image-px", "96") == 0
    assert "patchcamelyon, 96 px: 108 images of 36 slides; positive: " in capsys.readouterr().out
    assert do("verify", "patchcamelyon", "--image-px", "96") == 0
    assert "everything agrees" in capsys.readouterr().out
    assert do("list") == 0
    assert "96px" in capsys.readouterr().out


def test_verify_fails_where_something_was_changed(patches, capsys):
    images = np.load(store.find(prepare.ready(patches)) / "images.npy", mmap_mode="r+")
    images[5, 0, 0, 0] ^= 1
    images.flush()
    assert do("verify", "patchcamelyon", "--image-px", "96") == 1
    assert "1 problems" in capsys.readouterr().err


@pytest.mark.parametrize("action", ["fetch", "prepare"])
def test_what_must_be_got_by_hand_is_said_step_by_step(capsys, action):
    assert do(action, "eyepacs") == 1
    error = capsys.readouterr().err
    assert "trainLabels.csv" in error and str(paths.data() / "eyepacs") in error


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["verify", "pathmnist"], "was not prepared; run `medtransfer data prepare`"),
        (["prepare", "retinamnist", "--image-px", "1000000"], "GiB of memory are needed"),
    ],
)
def test_what_cannot_be_done_is_a_message(capsys, command, says):
    assert do(*command) == 1
    assert says in capsys.readouterr().err
