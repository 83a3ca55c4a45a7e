"""Results that only grow."""

import json
import os
import subprocess
import sys
from dataclasses import asdict

import pytest

from recbole_ext.errors import SettingError
from recbole_ext.experiments import results as results_of
from recbole_ext.experiments import results_file
from recbole_ext.experiments.plan import Model, Plan, RunKey
from recbole_ext.experiments.results import Result

PLAN = Plan(
    datasets=["made"],
    protocols={"default": "ndcg@10"},
    seeds=[1, 2],
    trials=2,
    timeout=None,
    settings={},
    models={"BPR": Model("BPR", {}, [{"embedding_size": 8}, {"embedding_size": 4}])},
)


def result_of(seed=1, trial=None, score=0.5, error="", values=None):
    key = RunKey("made", "default", "BPR", seed, trial)
    metrics = {} if error else {"ndcg@10": score}
    values = values or PLAN.models["BPR"].trials[trial or 0]
    return Result(
        *key[:-1], PLAN.fingerprint(key), error, metrics, metrics if trial is None else {}, {},
        1, 1.0, trial=trial, values=values,
    )  # fmt: skip


GOOD = json.dumps(asdict(result_of()))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            '"seed": 1',
            '"seed": "1"',
            r"line 2: seed: expected a whole number, found '1' \(str\); r",
        ),
        ('"seconds": 1.0', '"seconds": NaN', "line 2: seconds: expected a number, found nan"),
        ('{"ndcg@10": 0.5}', '{"ndcg@10": NaN}', "line 2: valid: ndcg@10: expected a number"),
        ('{"ndcg@10": 0.5}', '{"ndcg@10": "x"}', "line 2: valid: ndcg@10: expected a number"),
        ('{"ndcg@10": 0.5}', "[0.5]", "line 2: valid: expected a dict"),
        ('{"ndcg@10": 0.5}', "{}", "line 2: test: expected ndcg@10, found nothing; remove"),
        ('"users": {}', '"users": {"ndcg@10": 3}', "line 2: users: ndcg@10: expected a list"),
        ('"curve": []', '"curve": [[1]]', "line 2: curve: expected a list"),
        ('"error": ""', '"error": null', "line 2: error: expected a str, found None"),
        ('"epochs": 1', '"epochs": 1.5', "line 2: epochs: expected a whole number"),
        ('"epochs"', '"epoch"', "line 2: epoch: expected one of .*; did you mean epochs"),
        (GOOD, GOOD[:40], "line 2: expected a run as a JSON object, found"),
        (GOOD, "", "line 2: expected a run as a JSON object, found an empty line; remove"),
        (GOOD, "[1]", r"line 2: expected a run as a JSON object, found \[1\]"),
        (GOOD, "\0\1", "line 2: expected a run as a JSON object"),
        ('"fingerprint": "', '"fingerprint": "x', "line 2: made, default: BPR, seed 1 ran with an"),
    ],
)
def test_a_line_that_is_no_run_is_named(old, new, message, tmp_path):
    file = tmp_path / "results.jsonl"
    assert old in GOOD
    other = json.dumps(asdict(result_of(seed=2)))
    file.write_text(f"{other}\n{GOOD.replace(old, new)}\n{other}\n")
    with pytest.raises(SettingError, match=f"^{file}, {message}"):
        results_of.load(file, PLAN)


def test_bytes_that_are_no_text_are_named_by_line(tmp_path):
    file = tmp_path / "results.jsonl"
    file.write_bytes(GOOD.encode() + b"\n\xff\xfe\n")
    with pytest.raises(SettingError, match="line 2: expected text in UTF-8, found the byte 0xff"):
        results_of.load(file, PLAN)


def test_the_newest_line_counts_and_a_failure_of_other_settings_is_passed_over(tmp_path):
    file = tmp_path / "results.jsonl"
    failed = asdict(result_of(error="nan"))
    lines = [failed, {**failed, "fingerprint": "other"}, asdict(result_of(score=0.25))]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    (result,) = results_of.load(file, PLAN)
    assert (result.error, result.test) == ("", {"ndcg@10": 0.25})
    file.write_text("".join(json.dumps(line) + "\n" for line in [*lines, failed]))
    with pytest.warns(UserWarning, match="line 4: .* is in line 3 already; the newest line counts"):
        (result,) = results_of.load(file, PLAN)
    assert (result.error, result.test) == ("nan", {})


def test_what_is_done(tmp_path):
    """A tested run is made again if a trial, which had failed, is the best one since."""
    first, second = PLAN.models["BPR"].trials
    keys = {name: result_of(**how).key for name, how in {
        "trial 0": {"seed": 2020, "trial": 0}, "trial 1": {"seed": 2020, "trial": 1}, "run": {},
    }.items()}  # fmt: skip

    def done(*results, keep_failed=False):
        newest = {result.key: result for result in results}
        return [n for n, key in keys.items() if results_of.is_done(PLAN, newest, key, keep_failed)]

    trial = result_of(2020, 0, 0.5)
    assert done() == []
    failed = result_of(2020, 1, error="killed")
    run = result_of(values=first)
    assert done(trial, failed, run) == ["trial 0", "run"]
    assert done(trial, failed, run, keep_failed=True) == ["trial 0", "trial 1", "run"]
    assert done(trial, result_of(2020, 1, 0.4), run) == ["trial 0", "trial 1", "run"]
    better = result_of(2020, 1, 0.6)
    assert done(trial, better, run) == ["trial 0", "trial 1"]
    assert done(trial, better, result_of(values=second)) == ["trial 0", "trial 1", "run"]


@pytest.mark.skipif(os.name != "posix", reason="pipes")
def test_what_is_no_file_is_neither_read_nor_removed(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for use in (results_file.read, lambda file: results_file.locked(file).__enter__()):
        with pytest.raises(SettingError, match="expected a file for results, found a folder, pipe"):
            use(pipe)
    assert pipe.is_fifo()
    command = [sys.executable, "-m", "recbole_ext.cli.main", "benchmark", str(pipe)]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (told.returncode, told.stderr) == (
        2,
        f"error: {pipe}: cannot be read: expected a file, found a pipe or device\n",
    )


@pytest.mark.skipif(os.name != "posix", reason="pipes")
def test_an_empty_results_file_goes_but_a_link_and_what_took_its_place_stay(tmp_path):
    file, link, target = (tmp_path / name for name in ("results", "link", "target"))
    with results_file.locked(file):
        assert file.exists()
    link.symlink_to(target)
    with results_file.locked(link):
        pass
    assert (file.exists(), link.is_symlink(), target.exists()) == (False, True, True)
    with results_file.locked(file):
        file.unlink()
        os.mkfifo(file)
    assert file.is_fifo()


def test_a_line_without_an_end_is_not_read_and_is_cut_when_asked(tmp_path):
    file = tmp_path / "results"
    assert results_file.read(file) == []
    results_file.cut(file)
    assert not file.exists()
    with results_file.adding_to(file) as stream:
        stream.write("one\ntwo\n")
    assert results_file.read(file) == ["one", "two"]
    with file.open("a") as stream:
        stream.write("thr")
    assert results_file.read(file) == ["one", "two"]
    assert file.read_text() == "one\ntwo\nthr"
    results_file.cut(file)
    assert file.read_text() == "one\ntwo\n"
    with results_file.adding_to(file) as stream:
        stream.write("three\n")
    assert results_file.read(file) == ["one", "two", "three"]


def test_nothing_but_an_unfinished_line(tmp_path):
    file = tmp_path / "results"
    file.write_text("on")
    assert results_file.read(file) == []
    results_file.cut(file)
    assert file.read_text() == ""


def test_a_kill_while_a_line_is_cut_loses_no_other(tmp_path, monkeypatch):
    file = tmp_path / "results"
    file.write_text("one\ntwo\nthr")

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "truncate", killed)
        with pytest.raises(KeyboardInterrupt):
            results_file.cut(file)
    assert file.read_text() == "one\ntwo\nthr"
    results_file.cut(file)
    assert file.read_text() == "one\ntwo\n"


def test_a_line_may_end_within_a_letter(tmp_path):
    file = tmp_path / "results"
    file.write_bytes("één\ntwéé".encode()[:-1])
    assert results_file.read(file) == ["één"]
    results_file.cut(file)
    assert file.read_text(encoding="utf-8") == "één\n"
