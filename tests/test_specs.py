"""Specs: the same science has the same key everywhere, other science another one."""

import os
import subprocess
import sys
from dataclasses import FrozenInstanceError, dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from medtransfer.specs import Result, Spec

scalars = st.one_of(
    st.text(max_size=8),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.none(),
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Toy(Spec):
    name: str
    number: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Nest(Spec):
    inner: Spec
    others: tuple = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Anything(Spec):
    value: object


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawn(Spec):
    """A spec whose replicates differ in their seed."""

    replicated = ("seed",)

    inner: Spec | None = None
    others: tuple = ()
    recipe: str = "plain"
    seed: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Made(Result):
    name: str


def same_name(**fields):
    """Another definition of `Toy`, as a later release or another field order would have it."""
    namespace = {"__annotations__": dict.fromkeys(fields, object)}
    namespace |= {name: default for name, default in fields.items() if default is not ...}
    made = type("Toy", (Spec,), namespace)
    return dataclass(frozen=True, kw_only=True, eq=False)(made)


def test_a_key_never_changes():
    toy = Toy(name="vessel", number=0.02)
    assert toy.key == "4aa8d0df544856abbb272b452aae55276d4cedb552883a5981fcae4ce3d05d68"


def test_a_key_is_the_same_in_another_process():
    program = (
        "from dataclasses import dataclass\n"
        "from medtransfer.specs import Spec\n"
        "@dataclass(frozen=True, kw_only=True, eq=False)\n"
        "class Toy(Spec):\n    name: str\n    number: float\n"
        "print(Toy(name='vessel', number=0.02).key)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.strip() == Toy(name="vessel", number=0.02).key


def test_the_order_of_fields_does_not_matter():
    turned = same_name(number=..., name=...)
    assert turned(number=0.02, name="vessel").key == Toy(name="vessel", number=0.02).key


def test_a_field_added_later_stays_out_of_the_key_while_at_its_default():
    later = same_name(name=..., number=..., colour="red")
    assert later(name="vessel", number=0.02).key == Toy(name="vessel", number=0.02).key
    other = later(name="vessel", number=0.02, colour="blue")
    assert other.key != Toy(name="vessel", number=0.02).key
    assert other.description["colour"] == "blue"


@given(scalars, scalars)
def test_different_values_have_different_keys(first, second):
    keys = {Anything(value=first).key, Anything(value=second).key}
    same = type(first) is type(second) and (repr(first) == repr(second))
    assert len(keys) == (1 if same else 2)


@given(st.lists(scalars, max_size=4), st.lists(scalars, max_size=4))
def test_tuples_have_different_keys_unless_equal(first, second):
    keys = {Anything(value=tuple(first)).key, Anything(value=tuple(second)).key}
    assert len(keys) == (1 if repr(first) == repr(second) else 2)


@given(scalars, scalars)
def test_specs_are_equal_as_their_keys_are(first, second):
    a, b = Anything(value=first), Anything(value=second)
    assert (a == b) == (a.key == b.key)
    assert len({a, b}) == len({a.key, b.key})


def test_the_class_is_part_of_the_identity():
    assert Anything(value=1).key != same_name(value=...)(value=1).key


@pytest.mark.parametrize(
    "value",
    [
        ["a list"],
        {"a": "dict"},
        {"a set"},
        np.zeros(2),
        np.int64(3),
        np.float32(0.02),
        Path("images"),
        torch.device("cpu"),
        b"bytes",
        ("fine", ["not fine"]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_not_science_is_refused(value):
    with pytest.raises(TypeError, match=r"Anything\.value is a .*allowed are str, int, float"):
        Anything(value=value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_is_none_has_no_key(value):
    with pytest.raises(ValueError, match="JSON compliant"):
        _ = Anything(value=value).key


@pytest.mark.parametrize("field", ["device", "workers", "path", "engine"])
def test_how_something_is_run_cannot_enter_a_training(toy, field):
    with pytest.raises(TypeError, match=field):
        toy.training(**{field: "cpu"})


def test_a_spec_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        Toy(name="vessel", number=0.02).name = "disc"


def test_the_identity_of_what_is_nested_is_carried_upwards():
    inner, other = Toy(name="a", number=1.0), Toy(name="b", number=1.0)
    keys = {
        Nest(inner=inner).key,
        Nest(inner=other).key,
        Nest(inner=inner, others=(other,)).key,
        Nest(inner=Nest(inner=inner)).key,
    }
    assert len(keys) == 4


def test_a_cell_depends_on_everything_upstream(toy):
    source = toy.source(content="1")
    cell = toy.cell(toy.training(development=toy.development(source=source)))
    changed = [
        toy.cell(toy.training(development=toy.development(source=replace(source, content="2")))),
        toy.cell(toy.training(development=toy.development(source=source, name="d2"))),
        toy.cell(toy.training(development=toy.development(source=source), seed=5)),
        toy.cell(toy.training(development=toy.development(source=source)), epsilon=0.03),
        replace(cell, delivery="control"),
    ]
    assert len({cell.key, *(each.key for each in changed)}) == 6


def test_upstream_names_every_nested_spec_once_per_place(toy):
    inner, other = Toy(name="a", number=1.0), Toy(name="b", number=1.0)
    nest = Nest(inner=inner, others=(other, other))
    assert list(nest.upstream()) == [inner, other, other]


def test_a_description_shows_the_whole_tree():
    nest = Nest(inner=Toy(name="a", number=1.0), others=(Toy(name="b", number=2.0),))
    assert nest.description == {
        "kind": "Nest",
        "inner": {"kind": "Toy", "name": "a", "number": 1.0},
        "others": [{"kind": "Toy", "name": "b", "number": 2.0}],
    }


# --- kinds ---------------------------------------------------------------------------------------


def test_replicates_are_one_kind_and_have_keys_of_their_own():
    made = [Drawn(recipe="plain", seed=seed) for seed in range(3)]
    assert len({spec.key for spec in made}) == 3
    assert len({spec.kind for spec in made}) == 1


@pytest.mark.parametrize(
    "other",
    [
        Drawn(recipe="long"),
        Drawn(inner=Drawn()),
        Drawn(others=(Drawn(),)),
        Drawn(inner=Drawn(recipe="long")),
        Toy(name="plain", number=0.0),
    ],
    ids=["recipe", "inner", "others", "recipe of the inner one", "class"],
)
def test_what_differs_in_anything_but_the_seed_is_another_kind(other):
    """So that two recipes can never be averaged as replicates of each other."""
    assert other.kind != Drawn().kind


def test_two_recipes_inside_are_two_kinds():
    assert Drawn(inner=Drawn()).kind != Drawn(inner=Drawn(recipe="long")).kind


def test_seeds_of_what_is_nested_are_left_out_of_the_kind_too():
    first, second = (
        Drawn(inner=Drawn(seed=seed), others=(Drawn(seed=seed + 5),), seed=seed + 9)
        for seed in (1, 2)
    )
    assert first.key != second.key
    assert first.kind == second.kind


def test_without_replicates_a_kind_is_as_fine_as_a_key():
    first, second = (Nest(inner=Toy(name=name, number=1.0)) for name in "ab")
    assert first.kind != second.kind
    assert first.kind == Nest(inner=Toy(name="a", number=1.0)).kind


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("steps", 9),
        ("least_epochs", 2),
        ("most_epochs", 2),
        ("batch_size", 8),
        ("learning_rate", 1e-3),
        ("head_learning_rate", 1e-3),
        ("weight_decay", 0.1),
        ("warm_up", 0.1),
        ("augmentation", ("shift",)),
        ("weights", "0" * 64),
        ("architecture", "tiny_wide"),
        ("initialization", "imagenet"),
    ],
)
def test_trainings_with_another_recipe_are_no_replicates(toy, field, value):
    development = toy.development()
    one = toy.training(development=development)
    assert toy.training(development=development, seed=9).kind == one.kind
    assert toy.training(development=development, seed=9, **{field: value}).kind != one.kind


def test_trainings_on_other_images_are_no_replicates(toy):
    source = toy.source()
    kinds = {
        toy.training(development=toy.development(source=source, **changes)).kind
        for changes in ({}, {"name": "d2"}, {"seed": 1}, {"test_share": 0.5})
    }
    assert len(kinds) == 4


# --- results -------------------------------------------------------------------------------------


def test_a_result_that_nobody_makes_says_so():
    with pytest.raises(NotImplementedError, match="nothing computes a Made"):
        Made.make([Made(name="a")])


def test_a_result_is_made_alone_and_named_by_its_class_unless_it_says_more():
    one, two = Made(name="a"), Made(name="b")
    assert one.batch == Made(name="a").batch
    assert one.batch != two.batch
    assert one.title == f"Made {one.key[:12]}"
    assert one.effort == two.effort == "Made"
