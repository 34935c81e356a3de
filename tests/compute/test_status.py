"""Status: what is stored, what is missing, and what a key stands for."""

import json

import pytest

from medtransfer import cli, paths, store
from medtransfer.compute import status
from medtransfer.specs import Training
from medtransfer.study import plan as study


def stored(spec, text="{}"):
    with store.draft(spec, seconds=60.0) as place:
        (place / "choice.json").write_text(text)


def test_nothing_stored_is_all_missing_and_nothing_is_computed(profile, monkeypatch):
    monkeypatch.setattr("medtransfer.compute.ensure.ensure", lambda specs: pytest.fail("computed"))
    frame = status.notebooks(profile)
    assert len(frame) == len(profile.sources) * len(study.FACTORS)
    assert frame["networks"].str.startswith("0 of").all()
    assert frame["minutes left"].isna().any()  # no duration is known


def test_what_is_stored_is_counted_and_times_what_is_left(profile):
    (first, *_) = study.networks(status.cells(profile, "pathology", "initialization"))
    before = status.notebooks(profile).set_index("notebook")["missing"]
    stored(first)
    after = status.notebooks(profile).set_index("notebook")["missing"]
    assert before["31 pathology, initialization"] - after["31 pathology, initialization"] == 1
    assert before["21 radiology, initialization"] == after["21 radiology, initialization"]


def test_time_spent_is_added_up_by_kind_of_work(profile):
    cells = status.cells(profile, "pathology", "initialization")
    for training in study.networks(cells)[:2]:
        stored(training)
    with store.draft(cells[0], seconds=90.0, crafting=60.0):
        pass
    folder = paths.executed(profile.name)
    folder.mkdir(parents=True)
    for name, seconds in (("00_a.ipynb", 30), ("10_b.ipynb", 60), ("20_c.running.ipynb", 999)):
        notebook = {"metadata": {"papermill": {"duration": seconds}}}
        (folder / name).write_text(json.dumps(notebook))
    found = status.spent(profile)
    assert found["results"].to_dict() == {
        "training": 2,
        "crafting": 1,
        "scoring": 1,
        "notebooks": 2,
    }
    assert found["minutes"].tolist() == pytest.approx([2.0, 1.0, 0.5, 1.5])


def test_the_chosen_epsilon_is_used_once_it_is_known(profile):
    assert status.epsilon(profile, "pathology") is None
    other = max(profile.candidates)
    stored(study.choice(profile, "pathology"), f'{{"epsilon": {other}}}')
    assert status.epsilon(profile, "pathology") == other
    used = {c.attack.epsilon for c in status.cells(profile, "pathology", "initialization")}
    assert used == {other}


def test_results_upstream_are_needed_too(profile):
    cells = status.cells(profile, "pathology", "initialization")
    needed = status.needed(cells)
    assert set(cells) < set(needed)
    assert set(study.networks(cells)) == {spec for spec in needed if isinstance(spec, Training)}
    assert len(set(needed)) == len(needed)


def test_cells_are_listed_with_the_key_that_show_takes(profile, publish_answers):
    frame = status.listed(profile, "pathology", ["initialization"])
    cell = status.cells(profile, "pathology", "initialization")[0]
    assert not frame["stored"].any()
    labels = [[0], [1], [1], [0]]
    clean = [[0.0], [1.0], [2.0], [0.5]]
    publish_answers(cell, labels=labels, clean=clean, attacked=[[3.0], [1.0], [2.0], [0.5]])
    frame = status.listed(profile, "pathology", ["initialization"])
    (key,) = frame.loc[frame["stored"], "key"]
    text = status.shown(key)
    assert cell.key in text
    assert "1.0000 clean, 0.5000 attacked, 50.0 %" in text
    assert '"method": "fgsm"' in text


@pytest.mark.parametrize("key", ["0000", ""])
def test_an_unknown_key_is_an_error(key):
    with pytest.raises(store.StoreError, match="0 results"):
        status.shown(key)


def test_commands_print_their_tables(capsys):
    assert cli.main(["status", "--profile", "smoke"]) == 0
    assert "31 pathology, initialization" in capsys.readouterr().out
    assert cli.main(["list", "radiology", "initialization", "--profile", "smoke"]) == 0
    assert "surrogate_architecture" in capsys.readouterr().out
    assert cli.main(["list", "radiology", "colour", "--profile", "smoke"]) == 1
    assert "allowed: perturbation" in capsys.readouterr().err
    assert cli.main(["show", "abcdef"]) == 1
