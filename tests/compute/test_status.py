"""Status: what is stored, what is missing, and how long it may take; nothing is touched for it."""

import json
import math
import socket
from concurrent.futures import Executor
from dataclasses import replace

import pytest
import yaml
from facts import folder_facts

from medtransfer import paths, store
from medtransfer.attacks.attack import VALIDATION
from medtransfer.compute import durations, inspect, sets, status
from medtransfer.compute.ensure import needed
from medtransfer.data.readers.reader import Reader
from medtransfer.errors import UsageError
from medtransfer.executors import local
from medtransfer.networks.network import Network
from medtransfer.networks.trained import IMAGENET, RANDOM
from medtransfer.scoring.alignment import Alignment
from medtransfer.study import builders, plan, schema
from medtransfer.study.factors import FACTORS

TABLE_3 = "31 pathology, initialization"


def stored(spec, text="{}", **facts):
    with store.draft(spec, **facts) as place:
        (place / "choice.json").write_text(text)


def choose(study, domain="pathology"):
    """Say that the smallest and the largest candidate were chosen; return them."""
    both = {IMAGENET: min(study.profile.candidates), RANDOM: max(study.profile.candidates)}
    for start, spec in plan.choices(study, domain).items():
        stored(spec, json.dumps({"epsilon": both[start]}))
    return both


def of(study, name, column):
    (row,) = (row for row in status.notebooks(study) if row["notebook"] == name)
    return row[column]


def test_nothing_stored_is_all_missing_and_nothing_is_computed(planned, run_on):
    run_on(None)  # any use of it would fail
    rows = status.notebooks(planned)
    assert len(rows) == len(planned.domains) * len(FACTORS)
    assert all(row["networks"].startswith("0 of ") for row in rows)
    assert any(math.isnan(row["minutes left"]) for row in rows)  # no duration is known
    assert status.spent(planned) == {}


def test_before_epsilon_is_chosen_the_choices_and_the_networks_are_known(planned):
    """No cell is: nothing stands in for the epsilon that it hangs on."""
    choices = plan.choices(planned, "pathology").values()
    networks = plan.networks(planned, "pathology", "initialization")
    beside = plan.beside(planned, "pathology", "initialization")
    specs = status.wanted(planned, "pathology", "initialization")
    assert set(specs) == set(needed([*choices, *networks, *beside]))
    assert of(planned, TABLE_3, "results") == f"0 of {len(specs)} or more"
    epsilons = choose(planned)
    cells = plan.cells(planned, "pathology", "initialization", epsilons=epsilons)
    specs = status.wanted(planned, "pathology", "initialization")
    assert set(specs) == set(needed([*choices, *cells, *beside]))
    assert of(planned, TABLE_3, "results") == f"2 of {len(specs)}"


def test_what_is_stored_is_counted(planned):
    specs = status.wanted(planned, "pathology", "initialization")
    number = sum(isinstance(spec, Network) for spec in specs)
    others = "21 radiology, initialization"
    before = {name: of(planned, name, "missing") for name in (TABLE_3, others)}
    stored(plan.networks(planned, "pathology", "initialization")[0])
    assert of(planned, TABLE_3, "networks") == f"1 of {number}"
    assert of(planned, TABLE_3, "missing") == before[TABLE_3] - 1
    assert of(planned, others, "missing") == before[others]


TENTH = [int(row < 20 and row % 2) for row in range(120)]  # too few for d1/10


def test_factors_that_the_sets_cannot_serve_are_not_missing(own_study, run_on):
    study = own_study(TENTH)
    run_on(None)  # any use of it would fail
    (out,) = sets.left_out(study, "pathology")
    rows = {row["notebook"]: row for row in status.notebooks(study)}
    row = rows.pop(f"33 pathology, {out.replace('_', ' ')}")
    assert (row["networks"], row["minutes left"]) == ("left out", 0)
    assert "missing" not in row
    assert all(row["missing"] for row in rows.values())
    (said,) = sets.known_omitted(study)
    assert said.startswith(
        "notebook 33 (pathology, initialization and data) is left out: pathology"
    )


def test_comparisons_that_the_sets_cannot_serve_are_not_missing(own_study):
    names = ["test", "d1:train", "d1:val", "d2:train", "d2:val"]
    split = [names[row // 2 % 5] for row in range(120)]
    ill = [0 if split[row] == "d2:train" else row % 2 for row in range(120)]
    study = own_study(ill, split=split)
    specs = status.wanted(study, "pathology", "initialization")
    beside = [spec for spec in specs if isinstance(spec, Alignment)]
    assert {spec.surrogate.development.name for spec in beside} == {"d1"}


def test_where_sets_serve_no_factor_all_are_left_out(own_study):
    study = own_study([1] * 120)
    assert all(row["networks"] == "left out" for row in status.notebooks(study))
    assert len(sets.known_omitted(study)) == len(FACTORS)


def test_images_that_are_not_drawn_leave_nothing_out(planned):
    assert sets.known_left_out(planned) == {}


@pytest.fixture
def timed(planned, monkeypatch):
    """The tiny study on two workers with a result of every kind in the store; how long it takes."""
    monkeypatch.setattr(local, "number", lambda: 2)
    monkeypatch.setattr(sets, "known_left_out", lambda study: {})  # what is stored is empty
    monkeypatch.setattr(sets, "beside", plan.beside)
    choose(planned)
    works = {
        "training": {"training": 60.0},
        "cell": {"crafting": 100.0, "scoring": 20.0},
        "drawing": {"drawing": 30.0},
        "alignment": {"alignment": 10.0},
        "asking": {"asking": 3.0},
        "checking": {"checking": 7.0},
    }
    known = (s for name in FACTORS for s in status.wanted(planned, "pathology", name))
    for spec in {s.effort: s for s in known}.values():
        if not store.has(spec):
            stored(spec, work=works[spec.effort.split()[0]])
    return {effort: sum(work.values()) / 60 for effort, work in works.items()}


def left(study, *factors):
    specs = (spec for name in factors for spec in status.wanted(study, "pathology", name))
    return [spec for spec in dict.fromkeys(specs) if not store.has(spec)]


def test_time_left_is_that_of_results_like_those_that_are_missing(planned, timed, monkeypatch):
    """With its whole part of a pass: what a cell takes is not the writing of its file."""
    monkeypatch.setattr(status, "FACTORS", {"initialization": FACTORS["initialization"]})
    minutes = sum(timed[spec.effort.split()[0]] for spec in left(planned, "initialization"))
    assert of(planned, TABLE_3, "minutes left") == pytest.approx(minutes / 2)


def test_attacks_on_validation_images_say_nothing_of_those_on_test_images(planned, monkeypatch):
    """They are fewer; an attack on several networks takes longer as well."""
    chosen = choose(planned)
    test, *_ = plan.cells(planned, "pathology", "initialization", epsilons=chosen)
    tried = replace(test, attack=replace(test.attack, images=VALIDATION))
    both = replace(test, attack=replace(test.attack, surrogates=test.attack.surrogates * 2))
    stored(tried, work={"crafting": 1.0})
    known = durations.known()
    assert tried.effort in known and not {test.effort, both.effort} & {*known}


def test_work_that_a_notebook_above_does_is_counted_there_alone(planned, timed):
    minutes = sum(timed[spec.effort.split()[0]] for spec in left(planned, *FACTORS))
    rows = [row for row in status.notebooks(planned) if " pathology" in row["notebook"]]
    assert sum(row["minutes left"] for row in rows) == pytest.approx(minutes / 2)
    assert sum(row["missing"] for row in rows) > len(left(planned, *FACTORS))


def test_time_spent_is_added_up_by_kind_of_work(planned):
    epsilons = choose(planned)
    for training in plan.networks(planned, "pathology", "initialization")[:2]:
        stored(training, work={training.effort: 60.0})
    cell, *_ = plan.cells(planned, "pathology", "initialization", epsilons=epsilons)
    stored(cell, work={"crafting": 60.0, "scoring": 30.0})
    folder = paths.executed(planned.profile.name)
    folder.mkdir(parents=True)
    for name, seconds in (("00_a.ipynb", 30), ("10_b.ipynb", 60), ("20_c.running.ipynb", 999)):
        notebook = {"metadata": {"papermill": {"duration": seconds}}}
        (folder / name).write_text(json.dumps(notebook))
    found = status.spent(planned)
    del found["choosing"]
    assert {kind: number for kind, (number, _) in found.items()} == {
        "training": 2,
        "crafting": 1,
        "scoring": 1,
        "notebooks": 2,
    }
    assert [minutes for _, minutes in found.values()] == pytest.approx([2.0, 1.0, 0.5, 1.5])


@pytest.mark.parametrize(
    ("minutes", "whole", "says"),
    [
        (math.nan, True, "no duration known yet"),
        (math.nan, False, "no duration known yet"),
        (3.2, True, "3 minutes left"),
        (3.2, False, "at least 3 minutes left"),
        (0.3, True, "less than a minute left"),
        (0.3, False, "time left not known until every epsilon is chosen"),
        (0.0, False, "time left not known until every epsilon is chosen"),
        (0.0, True, "every result is stored"),
    ],
)
def test_the_time_left_is_said_as_far_as_it_is_known(minutes, whole, says):
    assert status.in_words(minutes, whole=whole) == says


def test_the_chosen_epsilons_are_used_once_they_are_known(planned):
    assert status.epsilons(planned, "pathology") == {}
    epsilons = choose(planned)
    assert status.epsilons(planned, "pathology") == epsilons
    assert status.epsilons(planned, "radiology") == {}
    choices = plan.choices(planned, "pathology").values()
    specs = {*status.wanted(planned, "pathology", "development_data")} - {*needed(choices)}
    cells = [spec for spec in specs if hasattr(spec, "attack")]
    used = {(cell.target.initialization, cell.attack.method.epsilon) for cell in cells}
    assert used == {*epsilons.items()}


def test_half_of_the_choices_are_not_enough(planned):
    choices = plan.choices(planned, "pathology")
    stored(choices[RANDOM], json.dumps({"epsilon": 0.06}))
    assert status.epsilons(planned, "pathology") == {RANDOM: 0.06}
    assert not status.chosen(planned, "pathology")
    assert of(planned, TABLE_3, "results").endswith(" or more")
    stored(choices[IMAGENET], json.dumps({"epsilon": 0.02}))
    assert status.chosen(planned, "pathology")
    assert not of(planned, TABLE_3, "results").endswith(" or more")


# --- images that are not prepared ----------------------------------------------------------------


@pytest.fixture
def untouched(monkeypatch):
    """Fails the test that reaches for the network, for files of a source, or for workers."""

    def fail(what):
        return lambda *_, **__: pytest.fail(f"{what} was asked")

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, fail("the network"))
    monkeypatch.setattr(socket, "getaddrinfo", fail("the network"))
    readers = [Reader, *Reader.__subclasses__()]
    for reader in readers:
        for name in ("index", "watched", "picture", "pictures"):
            if name in vars(reader):
                monkeypatch.setattr(reader, name, fail(f"{reader.__name__}.{name}"))
    monkeypatch.setattr(Executor, "submit", fail("a worker"))


@pytest.fixture
def unprepared(profile, tmp_path):
    """A study of published images, of a folder of one's own, and of a phantom; none is prepared."""
    (tmp_path / "images").mkdir()
    (tmp_path / "labels.csv").write_text("file,sick\n")
    manifest = tmp_path / "mine.yaml"
    manifest.write_text(yaml.safe_dump(folder_facts(domain="ophthalmology")))
    sources = {
        "ophthalmology": str(manifest),
        "radiology": "chestmnist",
        "pathology": "phantom_histology",
    }
    return profile.model_copy(update={"sources": sources})


def test_status_touches_neither_network_nor_files(unprepared, untouched):
    study = builders.known(unprepared)
    assert [*study.sources] == ["pathology"]
    rows = status.notebooks(study)
    assert len(rows) == 3 * len(FACTORS)
    for row in rows:
        if " pathology" in row["notebook"]:
            assert row["networks"].startswith("0 of")
        else:
            assert row["networks"] == "images are not prepared"
            assert math.isnan(row["minutes left"])
    assert [status.epsilons(study, domain) for domain in study.domains] == [{}] * 3
    assert not any(status.chosen(study, domain) for domain in study.domains)
    assert status.spent(study) == {}


@pytest.mark.parametrize("domain", ["ophthalmology", "radiology"])
def test_listing_touches_neither_network_nor_files(unprepared, untouched, domain):
    study = builders.known(unprepared)
    with pytest.raises(UsageError, match=rf"images of {domain} .* are not prepared yet; `medtrans"):
        inspect.listed(study, domain, ["initialization"])


@pytest.mark.parametrize("name", ["medmnist", "paper"])
def test_profiles_of_images_that_nobody_has_touch_nothing_either(name, untouched):
    study = builders.known(schema.profile(name))
    assert {row["networks"] for row in status.notebooks(study)} == {"images are not prepared"}
