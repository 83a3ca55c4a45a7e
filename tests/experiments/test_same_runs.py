"""A benchmark does not mix experiments: changed data, defaults, users, two commands at once."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recbole_ext.errors import SettingError
from recbole_ext.experiments import benchmark_plan, results_file, same_runs, summary
from recbole_ext.experiments import results as results_of
from recbole_ext.experiments import runs as experiment_runs
from recbole_ext.experiments.plan import TableKey

TEXT = """\
datasets: [made]
protocols: {default: NDCG@10}
seeds: [1, 2]
settings: {epochs: 1}
models:
  Pop: {model: Pop}
  BPR: {model: BPR, settings: {embedding_size: 8}}
"""
OUTPUT = Path("results.jsonl")
KEY = TableKey("made", "default")


def execute(jobs, work):
    """Make the runs in this process."""
    for key, arguments in jobs.items():
        yield key, work(*arguments)


@pytest.fixture
def plan(ratings):
    file = Path("plan.yaml")
    file.write_text(TEXT)
    return benchmark_plan.read(file)


def carry_out(plan):
    return list(experiment_runs.run(plan, Path("dataset"), OUTPUT, execute))


def test_a_line_says_what_it_is_of_and_goes_on_over_the_same(plan):
    first = carry_out(replace(plan, seeds=[1]))
    assert [result.error for result in first] == ["", ""]
    assert {result.identity["settings"]["model"] for result in first} == {"Pop", "BPR"}
    assert len({result.identity["data"] for result in first}) == 1
    assert len({result.user_ids for result in first}) == 1
    assert [result.seed for result in carry_out(plan)] == [2, 2]


def test_a_changed_data_set_is_refused(plan):
    carry_out(replace(plan, seeds=[1]))
    before = OUTPUT.read_text()
    file = Path("dataset/made/made.inter")
    header, first, *others = file.read_text().splitlines()
    file.write_text("\n".join([header, *others, first]) + "\n")
    with pytest.raises(SettingError, match=r"belongs to another experiment .*: the data files was"):
        carry_out(plan)
    assert OUTPUT.read_text() == before


def test_changed_defaults_are_refused(plan):
    carry_out(replace(plan, seeds=[1]))
    lines = [json.loads(line) for line in OUTPUT.read_text().splitlines()]
    lines[1]["identity"]["settings"]["learning_rate"] = 0.5  # the default of an earlier release
    OUTPUT.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(SettingError, match=r"learning_rate was 0\.5, is now 0\.001"):
        carry_out(plan)


def test_a_doubled_line_counts_once(plan):
    carry_out(plan)
    lines = OUTPUT.read_text().splitlines(keepends=True)
    newest = lines[0].replace('"seconds": ', '"seconds": 7')
    OUTPUT.write_text("".join([*lines, newest]))
    with pytest.warns(UserWarning, match="line 5: made, default: Pop, seed 1 is in line 1"):
        results = results_of.load(OUTPUT, plan)
    assert len(results) == 4
    assert [r.seconds for r in results if (r.label, r.seed) == ("Pop", 1)] == [
        json.loads(newest)["seconds"]
    ]


def test_two_commands_do_not_write_one_file(plan):
    code = (
        "import sys; from pathlib import Path\n"
        "from recbole_ext.experiments import results_file\n"
        "with results_file.locked(Path('results.jsonl')):\n"
        "    print('locked', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(SettingError, match="another command is adding runs to this file now"):
            carry_out(plan)
        other.stdin.close()
        other.wait()
    with results_file.locked(OUTPUT):  # it is free again, and an empty file does not stay
        pass
    assert not OUTPUT.exists()


def test_users_are_compared_only_if_they_are_the_same(plan):
    results = carry_out(plan)
    assert summary.lines(plan, results, KEY)[1].p_value is not None
    assert same_runs.cautions(plan, results, KEY) == []
    others = [replace(r, user_ids="x") if r.seed == 2 else r for r in results]
    assert all(line.p_value is None for line in summary.lines(plan, others, KEY))
    assert any("tested different users" in s for s in same_runs.cautions(plan, others, KEY))
    of_pop = [r for r in others if r.label == "Pop"]
    assert summary.values_of_users("ndcg@10", of_pop) is None  # a mean by position would mix them
    values = summary.values_of_users("ndcg@10", [r for r in results if r.label == "Pop"])
    expected = np.mean([r.users["ndcg@10"] for r in results if r.label == "Pop"], axis=0)
    assert np.array_equal(values, expected)


def test_different_test_interactions_are_said_beside_the_table(plan):
    results = carry_out(plan)
    changed = [replace(r, split="x") if r.label == "BPR" else r for r in results]
    sentences = same_runs.cautions(plan, changed, KEY)
    assert sentences[0].startswith("seed 1: Pop and BPR were tested on different interactions")
    assert len(sentences) == 2
