"""Standard output has the answer and nothing else, in the form that is asked for."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from recbole_ext.cli import answer, main, run
from recbole_ext.trainer.identity import RunIdentity, settings_hash, versions
from tests import runs

# pytest switches warnings of libraries on, which a command does not show
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

BPR = ("--model=BPR", "--dataset=made", "--epochs=2", "--data_path=dataset")
POP = ("--model=Pop", "--dataset=made", "--data_path=dataset", "--topk=[2]", "--valid_metric=MRR@2")


def invoke(*words, entry=run.main):
    return CliRunner().invoke(entry, list(words), catch_exceptions=False)


# --- a run ----------------------------------------------------------------------------------


def test_a_run_says_what_it_does(ratings):
    result = invoke(*BPR, "--eval_step=2")
    device, data, one, two, end, gap = result.stderr.splitlines()
    assert device.startswith("device: cpu (" if not torch.cuda.is_available() else "device: cuda")
    assert data == ("data: 30 users, 20 items, 299 interactions (239 train, 30 valid, 30 test)")
    assert one.startswith("epoch 1: loss ")
    assert "mrr@10" not in one
    assert two.startswith("epoch 2: loss ")
    assert ", mrr@10 0." in two
    assert end.startswith("trained 2 epochs in ")
    assert end.endswith(" s; the best is epoch 2")
    assert gap == ""


def test_json_is_one_object_with_the_numbers_of_the_table(ratings):
    text = invoke(*BPR)
    (file,) = Path("saved").glob("*.pth")
    result = invoke(*BPR, "--json")
    assert result.exit_code == 0, result.output
    content = json.loads(result.stdout)
    assert len(result.stdout.splitlines()) == 1
    assert result.stderr.splitlines() == []
    names = text.stdout.splitlines()[1].split()
    for line in text.stdout.splitlines()[3:5]:
        part, *values = line.split()
        assert [f"{content[part][name]:.4f}" for name in names] == values
    record = torch.load(content["checkpoint"], weights_only=True)
    identity = RunIdentity.of_record(record["identity"])
    assert content["checkpoint"] != str(file)
    assert content["settings_hash"] == settings_hash(identity.settings)
    assert content["data_hash"] == identity.data
    assert content["split_hashes"] == identity.splits
    assert content["versions"] == versions()
    fixed = ("model", "dataset", "data", "seed", "epochs", "best_epoch")
    assert [content[key] for key in fixed] == ["BPR", "made", "dataset/made", 2020, 2, 2]
    assert 0 < content["seconds"] < 60
    again = json.loads(invoke("evaluate", content["checkpoint"], "--json", entry=main.main).stdout)
    shared = again.keys() & content.keys()
    assert shared == again.keys() - {"warning"}
    assert {key: again[key] for key in shared} == {key: content[key] for key in shared}
    assert again["warning"] is None


def test_quiet_is_the_table_and_warnings(ratings):
    whole = invoke(*POP)
    quiet = invoke(*POP, "--quiet")
    table = [
        line for line in whole.stdout.splitlines()[1:] if line.startswith((" ", "-", "v", "t"))
    ]
    *table, said_of_valid, said_of_test = table
    assert quiet.stdout.splitlines() == table
    assert said_of_test.startswith("ties: in test, ")
    said = [f"warning: {line}" for line in (said_of_valid, said_of_test)]
    assert quiet.stderr.splitlines() == said
    content = json.loads(invoke(*POP, "--json").stdout)
    assert int(said_of_test.split(" of 30 users")[0].split()[-1]) == content["ties"]["test"]["2"]


def test_errors_stay_on_standard_error(ratings):
    for words in (("--json",), ("--quiet",)):
        result = invoke("--model=BPR", "--dataset=nowhere", *words)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith("error: --dataset=nowhere: ")
        result = invoke("evaluate", "no.pth", *words, entry=main.main)
        assert (result.exit_code, result.stdout) == (2, "")


def test_an_object_has_no_number_that_json_lacks(capsys):
    answer.print_json({"a": float("nan"), "b": [float("inf"), 1.5], "c": {1: "\u00e9"}})
    out = capsys.readouterr().out
    assert out == '{"a": null, "b": [null, 1.5], "c": {"1": "\\u00e9"}}\n'


# --- commands on a trained model ------------------------------------------------------------


def test_several_protocols_are_one_object(ratings):
    prepared = runs.prepare("AutoRec", **runs.SMALL["AutoRec"], metric_decimal_place=4)
    prepared.fit()
    file = prepared.trainer.saved_model_file
    both = ("--protocol", "rating", "--protocol", "ranking")
    content = json.loads(invoke("evaluate", file, *both, "--json", entry=main.main).stdout)
    names = ["rmse", "mae", "ndcg@10", "recall@10", "hit@10", "mrr@10"]
    assert list(content["test"]) == list(content["valid"]) == names
    lines = invoke("evaluate", file, *both, "--quiet", entry=main.main).stdout.splitlines()
    shown = [line.split()[1:] for line in lines if line.startswith("test ")]
    assert [value for line in shown for value in line] == [
        f"{value:.4f}" for value in content["test"].values()
    ]
    words = ("similar", file, "--item", "i3", "-k", "2")
    table = invoke(*words, entry=main.main).stdout.splitlines()
    (query,) = json.loads(invoke(*words, "--json", entry=main.main).stdout)["queries"]
    assert (query["entity"], query["query"]) == ("item", {"item_id": "i3"})
    near = [[f"{x['cosine']:.4f}", x["item_id"]] for x in query["neighbours"]]
    assert [line.split() for line in table[2:]] == [["i3"], *near]


def test_a_check_is_an_object(ratings):
    file = ratings / "made" / "made.inter"
    n_lines = len(file.read_text().splitlines())
    file.write_text(file.read_text() + "u1\ti1\tnan\t5\n")
    result = invoke("data", "check", "dataset/made", "--json", entry=main.main)
    assert (result.exit_code, result.stderr) == (2, "")
    where = f"dataset/made/made.inter, line {n_lines + 1}"
    content = json.loads(result.stdout)
    (problem,) = content.pop("problems")
    assert (problem["severity"], problem["where"]) == ("error", where)
    assert problem["what"].startswith("rating: expected a number")
    assert content == {
        "folder": "dataset/made",
        "errors": 1,
        "rows": {"made.inter": n_lines - 1},
        "counts": [{"file": "made.inter", "problem": "rating: expected a number", "count": 1}],
    }
    runs.write_ratings(ratings, "made")
    whole = invoke("data", "check", "dataset/made", "--json", entry=main.main)
    assert whole.exit_code == 0
    assert json.loads(whole.stdout)["problems"] == []


@pytest.mark.slow
def test_the_doctor_is_an_object():
    content = json.loads(invoke("doctor", "--json", entry=main.main).stdout)
    assert content["versions"]["torch"] == versions()["torch"]
    assert set(content["why"]) == {"recbole", "ray"}
    assert content["patches"]["terminal-log"] == "active"
    assert content["training"].startswith("test RMSE ")


# --- the streams ----------------------------------------------------------------------------


def test_what_is_printed_meanwhile_goes_to_standard_error(capfd):
    print("before")
    with answer.running(quiet=False, as_json=True, verbose=False):
        print("a model's print")
        os.write(1, b"a library in C\n")
        subprocess.run([sys.executable, "-c", "print('a process')"], check=True)
    print("after")
    shown = capfd.readouterr()
    assert shown.out == "before\nafter\n"
    assert shown.err == "a model's print\na library in C\na process\n"


def run_process(*words, **options):
    command = [sys.executable, "-m", "recbole_ext.cli.run", *words]
    return subprocess.run(command, capture_output=True, timeout=300, check=False, **options)


def test_a_process_writes_its_log_into_the_file(ratings):
    """All of RecBole's lines, on a terminal of any encoding; stderr has no RecBole."""
    name = "caf\u00e9-\u0142"  # the second letter is not in latin-1
    runs.write_ratings(ratings, name)
    words = ("--model=EASE", f"--dataset={name}", "--data_path=dataset", "--zzz=1")
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1:strict", "PYTHONUTF8": "0"}
    result = run_process(*words, "--allow-unknown-keys", env=environment)
    errors = result.stderr.decode("latin-1")
    assert result.returncode == 0, errors
    head, *_ = result.stdout.decode("latin-1").splitlines()
    assert head == "EASE on caf\u00e9-\\u0142 (dataset/caf\u00e9-\\u0142), seed 2020"
    lines = errors.splitlines()
    assert lines[0].startswith("warning: zzz: neither EASE nor RecBole reads this setting")
    assert [line.split(":")[0] for line in lines[1:4]] == ["device", "data", "epoch 1"]
    assert lines[4].startswith("trained 1 epoch in ")
    assert lines[5:] == [""]
    (file,) = Path("log/EASE").glob("*.log")
    log = file.read_text(encoding="utf-8")
    assert len(log.splitlines()) > 100
    assert "use_gpu = False" in log or torch.cuda.is_available()
    assert "test result: OrderedDict" in log
    for wrong in ("FLOPs", "np.float64", "\x1b["):
        assert wrong not in log
        assert wrong not in errors


@pytest.mark.slow
def test_two_processes_give_one_object_and_one_table(ratings, forks):
    from tests.processes import free_port

    words = (*BPR, "--nproc=2", f"--port={free_port()}")
    result = forks.run("run_recbole", *words, "--json")
    assert (result.returncode, result.stderr) == (0, "")
    content = json.loads(result.stdout)
    assert (content["epochs"], content["seed"]) == (2, 2020)
    assert Path(content["checkpoint"]).is_file()
    result = forks.run("run_recbole", *words[:-1], f"--port={free_port()}")
    lines = result.stderr.splitlines()
    assert [line.split(":")[0] for line in lines[:4]] == ["device", "data", "epoch 1", "epoch 2"]
    assert lines[0].endswith(", 2 processes")
    assert len(lines) == 6
    assert result.stdout.count("test ") == 1


@pytest.mark.slow
def test_a_closed_pipe_is_no_traceback(ratings):
    command = f"{sys.executable} -m recbole_ext.cli.run {' '.join(BPR)} | head -1"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert result.stdout == "BPR on made (dataset/made), seed 2020\n"
    assert "Traceback" not in result.stderr
    assert "Exception ignored" not in result.stderr
    assert list(Path("saved").glob("*.pth"))


@pytest.mark.parametrize("words", [("--help",), ("evaluate", "--help")])
def test_help_names_the_options(words):
    entry = run.main if len(words) == 1 else main.main
    text = " ".join(invoke(*words, entry=entry).stdout.split())
    assert "--quiet Print only the table of metrics and warnings." in text
    assert "--json Print one JSON object on standard output, nothing else." in text
    assert "--verbose Print RecBole's whole log on standard error." in text
