"""Profiles that train too briefly for answers say so, whatever they are called."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from facts import folder_facts

from medtransfer.study.profiles import built_in
from medtransfer.study.schema import limited, profile
from medtransfer.study.trial import FEW, only_tries


@pytest.mark.parametrize("name", built_in())
def test_of_the_built_in_profiles_smoke_alone_only_tries(name: str) -> None:
    said = only_tries(profile(name))
    assert bool(said) is (name == "smoke")
    if said:
        assert "about 4 steps" in said and "only shows that everything works" in said
        assert said.endswith("For answers: `medtransfer reproduce` (profile default).")


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ({}, "profile mine are trained for about 4 steps"),
        ({"random": {"steps": FEW - 1}}, f"about {FEW - 1} steps"),
        ({"imagenet": {"steps": FEW}}, ""),
        ({"imagenet": {"steps": 300}, "random": {"steps": 300}}, ""),
    ],
)
def test_the_steps_of_a_profile_decide_and_not_its_name(
    tmp_path: Path, steps: dict[str, object], says: str
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({"name": "mine", "extends": "smoke", "recipes": steps}))
    said = only_tries(profile(str(path)))
    assert says in said and bool(said) is bool(says)
    assert not said or "extend `default`, or raise the `steps`" in said


@pytest.mark.parametrize(("images", "epochs", "tries"), [(300, 1, True), (3000, 9, False)])
def test_a_limited_run_counts_the_steps_that_its_images_and_epochs_allow(
    tmp_path: Path, images: int, epochs: int, tries: bool
) -> None:
    (tmp_path / "images.yaml").write_text(yaml.safe_dump(folder_facts(domain="radiology")))
    sources = {"radiology": "images.yaml"}
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({"name": "mine", "extends": "default", "sources": sources}))
    said = only_tries(profile(str(limited(str(path), images=images, epochs=epochs))))
    assert bool(said) is tries
    assert not said or ("about 19 steps" in said and "leave out `--limit`" in said)


def test_networks_that_others_trained_are_not_called_untrained() -> None:
    smoke = profile("smoke")
    assert only_tries(smoke.model_copy(update={"networks": "imported"})) == ""
