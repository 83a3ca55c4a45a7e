import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from recbole_ext.cli import command, main, run, settings_words
from recbole_ext.errors import SettingError
from recbole_ext.evaluator import ties
from tests import runs


def invoke(*words, entry=run.main):
    return CliRunner().invoke(entry, list(words), catch_exceptions=False)


SMALL = ("--epochs=2", "--mlp_hidden_size", "[4]", "--show_progress=False", "--data_path=dataset")


# --- settings on the command line -----------------------------------------------------------


def test_both_forms_of_a_setting_are_read():
    words = ["--epochs=3", "--learning_rate", "0.1", "--topk=[5,10]", "--x=", "--seed", "-1"]
    assert settings_words.parse_settings(words) == {
        "epochs": "3",
        "learning_rate": "0.1",
        "topk": "[5,10]",
        "x": "",
        "seed": "-1",
    }
    assert settings_words.parse_settings(["--a=b=c", "--a=b=c"]) == {"a": "b=c"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["epochs=3"], "epochs=3: expected --key=value"),
        (["--epochs=3", "4"], "4: expected --key=value"),
        (["--epochs"], r"--epochs: expected a value; write --epochs=VALUE"),
        (["--epochs", "--seed=1"], "--epochs: expected a value"),
        (["--epochs=1", "--epochs=2"], "--epochs: found both 1 and 2"),
        (["--=5"], "--=5: expected --key=value, found no key"),
    ],
)
def test_words_that_belong_to_nothing_are_refused(words, message):
    with pytest.raises(SettingError, match=message):
        settings_words.parse_settings(words)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-epochs", "5"], "-epochs: expected two dashes; write --epochs"),
        (["-epochs=5"], "-epochs=5: expected two dashes; write --epochs=5"),
        (["-dropout_prob=0.5"], "-dropout_prob=0.5: expected two dashes"),
        (["--model=BPR", "-m", "NCFMLP"], "--model: given twice; give it once"),
        (["-d", "a", "--dataset=a"], "--dataset: given twice"),
        (["--config_files=a.yaml", "--config_files=b.yaml"], "--config_files: given twice"),
    ],
)
def test_words_that_click_would_read_otherwise_are_refused(words, message):
    result = invoke(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"Error: {message}" in result.stderr


def test_words_that_click_reads_as_they_are_meant(ratings):
    words = ("-mBPR", "-d", "made", "--epochs=0", "--x", "-yz", "--allow-unknown-keys")
    result = invoke(*words, "--allow-unknown-keys", "--data_path=dataset", "--weight_decay", "-0")
    assert result.exit_code == 0, result.stderr


# --- runs -----------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["AutoRec", "NCFMLP", "BPR"])
def test_a_run_ends_with_its_table(model, ratings):
    size = () if model == "BPR" else ("--embedding_size=4",) if model == "NCFMLP" else SMALL[1:3]
    result = invoke(
        f"--model={model}", "-d", "made", "--epochs", "2", *size, *SMALL[3:], "--state=ERROR"
    )
    assert result.exit_code == 0, result.output
    head, metrics, _, valid, test, *after = result.stdout.splitlines()
    assert head == f"{model} on made (dataset/made), seed 2020"
    assert metrics.split()[0] == ("rmse" if model == "AutoRec" else "recall@10")
    assert (valid.split()[0], test.split()[0]) == ("valid", "test")
    ties_below = [line for line in after if line.startswith("ties: in ")]
    if model == "NCFMLP":  # units of ReLU that are 0 for all items of a user
        assert ties_below[-1].startswith(
            "ties: in test, items with equal scores stand on both sides of rank 10"
        )
    files = list(Path("saved").glob("*.pth"))
    assert len(files) == 1
    assert after == [
        *ties_below,
        "",
        f"checkpoint: {files[0]}",
        f"next: recbole-ext evaluate {files[0]}",
    ]
    record = torch.load(files[0], weights_only=True)
    assert record["config"]["epochs"] == 2


def test_a_yaml_and_the_command_line(ratings):
    Path("mine.yaml").write_text("epochs: 7\nmlp_hidden_size: [3]\n")
    words = ("--model=AutoRec", "--dataset=made", "--config_files=mine.yaml", "--epochs=1")
    result = invoke(*words, *SMALL[3:])
    assert result.exit_code == 0, result.output
    config = torch.load(next(Path("saved").glob("*.pth")), weights_only=True)["config"]
    assert (config["epochs"], config["mlp_hidden_size"]) == (1, [3])


def test_evaluate_prints_what_the_run_printed(ratings):
    first = invoke("--model=AutoRec", "--dataset=made", *SMALL)
    file = str(next(Path("saved").glob("*.pth")))
    second = invoke("evaluate", file, entry=main.main)
    assert second.exit_code == 0, second.output
    head, *table = first.stdout.splitlines()[:5]
    assert second.stdout.splitlines() == [f"{head}, from {file}", *table]


@pytest.mark.parametrize("model", ["AutoRec", "NCFMLP"])
def test_one_trained_model_by_both_protocols(model, ratings):
    """The numbers of runs that are set up for one protocol each, with the same weights."""
    prepared = runs.prepare(model, **runs.SMALL[model], metric_decimal_place=4)
    prepared.fit()
    file = prepared.trainer.saved_model_file
    words = ("--protocol", "rating") if model == "AutoRec" else ()
    result = invoke("evaluate", file, *words, "--protocol", "ranking", entry=main.main)
    assert result.exit_code == 0, result.output
    printed = result.stdout.strip().splitlines()
    lines = [line for line in printed if not line.startswith("ties: in ")]
    ranking = runs.prepare(
        model, **{**runs.SMALL[model], **runs.RANKING, "metric_decimal_place": 4}
    )
    ranking.model.load_state_dict(torch.load(file, weights_only=True)["state_dict"])
    expected = ranking.trainer.evaluate(ranking.test, load_best_model=False)
    said = ties.sentences({"test": expected})
    assert [line for line in printed if line.startswith("ties: in test")] == said
    assert bool(said) == (model == "NCFMLP")  # units of ReLU that are 0 for all items of a user
    assert lines[-4].split()[:2] == ["ndcg@10", "recall@10"]
    assert [float(x) for x in lines[-1].split()[1:3]] == [
        pytest.approx(expected["ndcg@10"]),
        pytest.approx(expected["recall@10"]),
    ]
    if model == "AutoRec":
        rating = prepared.trainer.evaluate(prepared.test, load_best_model=True)
        assert lines[-9].split() == ["rmse", "mae"]
        assert [float(x) for x in lines[-6].split()[1:]] == [
            pytest.approx(rating["rmse"]),
            pytest.approx(rating["mae"]),
        ]
    else:
        refused = invoke("evaluate", file, "--protocol", "rating", entry=main.main)
        assert refused.exit_code == 2
        assert "NCFMLP has been trained to predict label (LABEL_FIELD)" in refused.stderr


def test_resume_goes_on(ratings):
    words = ("--model=AutoRec", "--dataset=made", *SMALL[1:])
    invoke(*words, "--epochs=2")
    file = str(next(Path("saved").glob("*.pth")))
    result = invoke(*words, "--epochs=5", "--resume", file)
    assert result.exit_code == 0, result.output
    assert torch.load(file, weights_only=True)["epoch"] >= 2


def test_a_plain_checkpoint_is_resumed_when_trusted(ratings):
    prepared = runs.prepare("BPR", epochs=2)
    prepared.fit()
    state = torch.load(prepared.trainer.saved_model_file, weights_only=True)
    torch.save({**state, "config": prepared.config, "rng": None}, "plain.pth", pickle_protocol=4)
    words = ("--model=BPR", "--dataset=made", "--epochs=4", *SMALL[3:], "--resume=plain.pth")
    refused = invoke(*words)
    assert refused.exit_code == 2
    assert "--trust-checkpoint" in refused.stderr
    result = invoke(*words, "--trust-checkpoint")
    assert result.exit_code == 0, result.output


# --- what users get wrong -------------------------------------------------------------------

HEADER = "user_id:token\titem_id:token\trating:float\n"

BAD = {
    "misspelt key": (["--embeding_size=64"], "NCFMLP", "made", "did you mean embedding_size"),
    "wrong type": (
        ["--mlp_hidden_size=big"],
        "AutoRec",
        "made",
        "mlp_hidden_size: expected a list, each a whole number",
    ),
    "unknown model": ([], "AutoRek", "made", "did you mean AutoRec"),
    "unknown data set": ([], "AutoRec", "mdae", "did you mean made"),
    "a release that is not here": (
        [],
        "AutoRec",
        "ml-32m",
        "get it with `recbole-ext data get ml-32m --data_path=dataset`",
    ),
    "missing .inter": ([], "AutoRec", "nointer", "nointer.inter: no such file"),
    "no rating column": ([], "AutoRec", "norating", "norating.inter, line 1: no rating column"),
    "NaN rating": ([], "AutoRec", "nan", "nan.inter, line 3: rating: expected a number"),
    "negative epochs": (
        ["--epochs=-1"],
        "BPR",
        "made",
        "epochs: expected a whole number at least 0",
    ),
    "empty file": ([], "BPR", "empty", "empty.inter: the file is empty"),
    "unreadable checkpoint": (["--resume=bad.pth"], "AutoRec", "made", "bad.pth: not a checkpoint"),
    "missing checkpoint": (["--resume=no.pth"], "AutoRec", "made", "no.pth: no such checkpoint"),
    "unknown metric": (
        ["--metrics=['Foo']"],
        "BPR",
        "made",
        "RecBole has no metric Foo; there are: AUC,",
    ),
    "bad expression": (["--topk=1/0"], "BPR", "made", "topk: expected a whole number .*'1/0'"),
    "missing yaml": (
        ["--config_files=no.yaml"],
        "BPR",
        "made",
        "no.yaml: cannot be read: No such file",
    ),
    "broken yaml": (
        ["--config_files=broken.yaml"],
        "BPR",
        "made",
        "broken.yaml, line 3: not yaml: expected",
    ),
    "yaml of a list": (
        ["--config_files=list.yaml"],
        "BPR",
        "made",
        "expected lines of `key: value`",
    ),
    "a lone word": (["epochs"], "BPR", "made", "epochs: expected --key=value"),
    "a key alone": (["--epochs"], "BPR", "made", "--epochs: expected a value"),
    "a misspelt option": (["--nprocs=2"], "BPR", "made", "nprocs: .*; did you mean nproc"),
    "an option of RecBole's script": (
        ["--config_file=a.yaml"],
        "BPR",
        "made",
        "--config_file: this command has no such option; did you mean --config_files",
    ),
    "another model's key": (
        ["--mlp_hidden_size=[4]"],
        "BPR",
        "made",
        "mlp_hidden_size: BPR does not read this setting; remove it",
    ),
    "nobody's key": (["--zzz=1"], "BPR", "made", "zzz: neither BPR nor RecBole reads this"),
    "a misspelt key in a yaml": (
        ["--config_files=slip.yaml"],
        "AutoRec",
        "made",
        "slip.yaml: epohcs: .*; did you mean epochs",
    ),
    "a name of an old release": (
        ["--hidden_size=4"],
        "AutoRec",
        "made",
        "hidden_size: .*now called mlp_hidden_size",
    ),
    "a device": (["--device=cuda"], "BPR", "made", "device: .*; write gpu_id: the number of a"),
    "no GPU": (["--gpu_id=abc"], "BPR", "made", "gpu_id: expected the number of a GPU, .*'abc'"),
    "another model in a yaml": (
        ["--config_files=model.yaml"],
        "BPR",
        "made",
        "model: found NCFMLP, but the run is of BPR",
    ),
    "learner": (["--learner=adma"], "BPR", "made", "learner: expected one of adam, adamw"),
    "no activation": (
        ["--hid_activation=foo"],
        "AutoRec",
        "made",
        "expected one of identity, sigmoid",
    ),
}


@pytest.fixture
def bad_inputs(ratings):
    for name, text in (
        ("norating", "user_id:token\titem_id:token\n1\t2\n"),
        ("nan", HEADER + "1\t2\t3\n1\t3\t\n"),
        ("empty", ""),
    ):
        (ratings / name).mkdir()
        (ratings / name / f"{name}.inter").write_text(text)
    (ratings / "nointer").mkdir()
    Path("bad.pth").write_bytes(b"\x00\x01")
    Path("broken.yaml").write_text("a: 1\nb: [1\n")
    Path("list.yaml").write_text("- a\n")
    Path("slip.yaml").write_text("epohcs: 1\n")
    Path("model.yaml").write_text("model: NCFMLP\n")


@pytest.mark.parametrize("case", BAD)
def test_bad_input_gets_one_clear_error(case, bad_inputs, monkeypatch):
    words, model, dataset, message = BAD[case]
    before = sorted(Path().rglob("*"))
    result = invoke(f"--model={model}", f"--dataset={dataset}", "--data_path=dataset", *words)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert "Traceback" not in result.output
    assert len(result.stderr) < 900
    assert re.search(message, result.stderr, re.DOTALL), result.stderr
    assert sorted(Path().rglob("*")) == before  # nothing is left behind


@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5"])
def test_a_number_of_processes_is_one_at_least(value, ratings):
    result = invoke("--model=BPR", "--dataset=made", f"--nproc={value}")
    assert result.exit_code == 2
    assert re.search(f"'--nproc': '?{value}'? is not", result.stderr)


@pytest.mark.filterwarnings("always::UserWarning")  # whatever -W says of the others
def test_unknown_keys_may_be_allowed(ratings):
    words = ("--model=BPR", "--dataset=made", "--epochs=1", "--zzz=1", *SMALL[3:])
    result = invoke(*words, "--allow-unknown-keys")
    assert result.exit_code == 0, result.output
    assert result.stderr.count("warning: zzz: neither BPR nor RecBole reads this setting") == 1
    config = torch.load(next(Path("saved").glob("*.pth")), weights_only=True)["config"]
    assert config["zzz"] == 1


# --- the installed commands -----------------------------------------------------------------


@pytest.mark.parametrize("module", ["run", "hyper", "main"])
def test_help_waits_for_nothing_heavy_and_has_an_example(module):
    """What takes seconds to import is left until the options are read; seconds are not measured."""
    code = (
        f"import sys, recbole_ext.cli.{module} as m\n"
        "try: m.main(['--help'])\n"
        "except SystemExit: pass\n"
        "print({'torch', 'pandas', 'scipy', 'sklearn', 'recbole.config', 'ray'} & set(sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert "Example" in result.stdout
    assert result.stdout.splitlines()[-1] == "set()"


@pytest.mark.slow
def test_doctor_trains_and_explains(tmp_path, forks):
    result = forks.run("recbole-ext", "doctor")
    assert result.returncode == 0, result.stderr
    assert "training: works, test RMSE" in result.stdout
    assert "pandas-fillna" in result.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("category", "place", "is_shown"),
    [
        (FutureWarning, "site-packages/recbole/data/dataset/dataset.py", False),
        (SyntaxWarning, "site-packages/recbole/model/sequential_recommender/dien.py", False),
        (DeprecationWarning, "my_model.py", True),
        (UserWarning, "site-packages/recbole/config/configurator.py", True),
        (RuntimeWarning, "site-packages/recbole/evaluator/metrics.py", True),
    ],
)
def test_warnings_for_the_authors_of_a_library_are_not_shown(category, place, is_shown, capsys):
    command._show_warning(set(), "look here", category, f"/home/me/{place}", 7)
    assert ("warning: look here" in capsys.readouterr().err) == is_shown
