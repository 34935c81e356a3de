"""What a run says of itself while it works."""

import contextlib
import re

import pytest

from medtransfer import store
from medtransfer.compute import durations, progress, run
from medtransfer.compute import ensure as ensuring
from medtransfer.compute.ensure import ensure
from medtransfer.compute.progress import Stage, in_words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "1 min"), (89, "1 min"), (91, "2 min"), (3600, "1 h 0 min"), (7800, "2 h 10 min")],
)
def test_time_is_said_in_words(seconds, words):
    assert in_words(seconds) == words


@pytest.fixture
def took(monkeypatch):
    """Sets how long kinds of work take, on one worker."""

    def use(**seconds):
        monkeypatch.setattr(durations, "known", lambda: seconds)
        monkeypatch.setenv("MEDTRANSFER_WORKERS", "2")

    return use


class Work:
    def __init__(self, effort):
        self.effort = effort


@pytest.mark.parametrize(
    ("later", "says"),
    [
        ([], "about 4 min left"),  # 2 x 240 s on two workers
        ([Work("cell")] * 10, "about 9 min left"),  # and 10 x 60 s
        ([Work("unheard")], "at least 4 min left"),
    ],
    ids=["this stage", "two stages", "some work unknown"],
)
def test_the_time_left_is_that_of_the_whole_run(took, capsys, later, says):
    took(training=240.0, cell=60.0)
    done = Work("training")
    stage = Stage("1 of 2, networks", {done: "initialization of pathology"}, later)
    with progress.Bar(stage, total=3) as bar:
        bar.update()
        bar.say(done, "train tiny", missing=[Work("training")] * 2, failed=0)
    last = capsys.readouterr().err.split("\r")[-1]
    assert last.startswith("1 of 2, networks: 1 of 3 ")
    assert f"{says}, train tiny, for initialization of pathology" in last


@pytest.mark.parametrize(
    ("later", "says"),
    [([], ", less than a minute left, train"), ([Work("unheard")], " train tiny")],
)
def test_of_less_than_a_minute_nothing_is_said_unless_all_is_known(took, capsys, later, says):
    took(training=20.0)
    with progress.Bar(Stage("networks", later=later), total=1) as bar:
        bar.say(Work("training"), "train tiny", missing=[Work("training")], failed=0)
    last = capsys.readouterr().err.split("\r")[-1]
    assert says in last and (" left" in last) is not bool(later)


def test_of_work_that_nobody_has_timed_nothing_is_said(took, capsys):
    took()
    with progress.Bar(Stage(), total=1) as bar:
        bar.say(Work("training"), "train tiny", missing=[Work("training")], failed=2)
    assert re.search(r", 2 failed, train tiny\s*$", capsys.readouterr().err)


def test_before_anything_is_done_the_bar_says_what_is_at_work(capsys):
    with progress.Bar(Stage("networks"), total=2) as bar:
        bar.wait(["train tiny", "train small"])
        assert "at work on train tiny (+1)" in capsys.readouterr().err
        bar.update()
        bar.say(Work("training"), "train tiny", missing=[], failed=0)
        bar.wait(["train small"])
    assert "at work" not in capsys.readouterr().err, "what was done says more"


def test_the_bar_goes_on_while_work_takes_long(in_process, toy, monkeypatch, capsys):
    waited = []

    def slowly(running, **named):
        waited.append(named["timeout"])
        return (set(), {*running}) if len(waited) == 1 else ({*running}, set())

    monkeypatch.setattr(ensuring, "wait", slowly)
    source = toy.phantom()
    ensure([source], stage=Stage("drawing"))
    assert store.has(source) and len(waited) == 2 and all(waited)
    assert f"at work on {source.title}" in capsys.readouterr().err


def test_the_stages_of_a_run_make_all_that_its_notebooks_show(monkeypatch, planned):
    """The first counts the second, whose cells have other epsilons and the same number."""
    stages = []
    monkeypatch.setattr(run, "executor", contextlib.nullcontext)
    monkeypatch.setattr(run.sets, "left_out", lambda *_: {})
    monkeypatch.setattr(run.sets, "beside", lambda *_: ())
    monkeypatch.setattr(run, "chosen_epsilons", lambda *_: {"imagenet": 0.06, "random": 0.06})
    monkeypatch.setattr(run, "ensure", lambda specs, stage: stages.append((list(specs), stage)))
    stronger = []
    monkeypatch.setattr(run, "attacked", lambda study, cells, chosen: stronger.append([*cells]))
    run.everything(planned, ["pathology"])
    assert stronger == [["pathology"]], "what follows from stored attacks, comes after them"
    (_, first), (shown, second) = stages
    assert len(first.later) == len(shown) > 0
    assert set(second.purpose) == set(shown)
    assert "perturbation of pathology" in second.purpose.values()


def test_a_stage_changes_nothing_but_words(in_process, toy, capsys):
    source = toy.phantom()
    ensure([source], stage=Stage("drawing", {source: "a test"}))
    assert store.has(source)
    assert "drawing: 1 of 1" in capsys.readouterr().err
