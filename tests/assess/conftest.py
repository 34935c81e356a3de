"""A model made by arithmetic, and images that it can tell apart (see `targets`)."""

import pytest
import targets

from medtransfer.assess import check


@pytest.fixture
def images(tmp_path):
    """The manifest of such images."""
    return targets.write_images(tmp_path)


@pytest.fixture
def checked(tmp_path, images):
    """Checks a target file with some fields changed; the model is trusted code unless told."""

    def check_it(*, after="logits", **changes):
        if "model" not in changes:
            targets.write_module(tmp_path, after=after)
        path = targets.write_target(tmp_path, **{"trust_code": True, **changes})
        return check.check(path, str(images))[1]

    return check_it
