"""Images labelled by a model that is asked about them."""

import dataclasses

import numpy as np
import pytest
import torch

from medtransfer.data import images, roles, splits
from medtransfer.data.datamodule import to_unit
from medtransfer.networks import relabelled, stored
from medtransfer.networks.elsewhere import Elsewhere


@pytest.fixture
def asked(toy, publish_images, tiny_architectures):
    """The attacker's images, limits, and what a target labels these with; one it never calls."""
    source = toy.source(labels=("Mass", "Edema"))
    publish_images(source)
    trained = toy.training(development=toy.development(source=source))
    type(trained).make([trained])
    owner = roles.of(source, roles.CALIBRATION)  # as of a model that somebody brings
    target = Elsewhere(development=owner, inner=trained)
    own = roles.of(source, roles.ATTACKER)
    limits = np.array([float(np.median(said_by(target, np.arange(64))[:, 0])), np.nan])
    spec = relabelled.of(own, target, limits)
    type(spec).make([spec])
    return own, limits, spec


def said_by(target, rows):
    pictures = np.asarray(images.load(target.development.source).images[rows])
    with torch.no_grad():
        return stored.load(target.inner)(to_unit(pictures)).numpy()


def parts(development):
    prepared = images.load(development.source)
    return splits.parts(prepared.index, labels=prepared.labels, development=development)


def test_the_attacker_s_images_have_the_target_s_calls_and_no_others(asked):
    own, limits, spec = asked
    before, after = images.load(own.source), images.load(spec)
    np.testing.assert_array_equal(before.images, after.images)
    rows = np.union1d(parts(own).train, parts(own).validation)
    calls = said_by(spec.target, rows)[:, 0] >= limits[0]
    assert calls.any() and not calls.all()
    np.testing.assert_array_equal(after.targets[rows], np.stack([calls, 0 * calls], 1))
    others = np.setdiff1d(np.arange(len(before.index)), rows)
    np.testing.assert_array_equal(after.targets[others], before.targets[others])


def test_what_is_trained_with_them_sees_no_image_of_the_test(asked):
    own, _, spec = asked
    theirs = roles.of(spec, roles.ATTACKER)
    first, second = parts(own), parts(theirs)
    np.testing.assert_array_equal(first.test, second.test)
    for each in (first, second):
        assert not np.intersect1d(np.union1d(each.train, each.validation), first.test).size
    np.testing.assert_array_equal(
        np.union1d(first.train, first.validation), np.union1d(second.train, second.validation)
    )


def test_a_network_trained_with_them_attacks_images_of_the_source(asked, toy):
    own, _, spec = asked
    inner = toy.training(development=roles.of(spec, roles.ATTACKER), seed=4)
    lent = Elsewhere(development=own, inner=inner)
    assert lent.labels == own.source.labels and lent.seen is None


def test_other_limits_are_other_labels(asked):
    own, limits, spec = asked
    assert relabelled.of(own, spec.target, limits + 0.5).key != spec.key
    assert relabelled.of(own, spec.target, limits).key == spec.key
    assert dataclasses.replace(spec, target=spec.target).key == spec.key
