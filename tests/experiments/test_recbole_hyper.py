import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

from recbole_ext.cli import hyper
from recbole_ext.errors import SettingError
from recbole_ext.experiments import recbole_hyper
from tests import runs

SPACE = """# what to search
learning_rate choice [0.001, 0.1]
reg_weight uniform 0,1

train_batch_size quniform 2,8,2
dropout_prob loguniform -3,-1
mlp_hidden_size choice ['[8,4]', '[4]']
"""


def test_a_space_in_recboles_format(tmp_path):
    file = tmp_path / "space.txt"
    file.write_text(SPACE)
    assert recbole_hyper.read_space(file) == {
        "choice": {"learning_rate": [0.001, 0.1], "mlp_hidden_size": ["[8,4]", "[4]"]},
        "uniform": {"reg_weight": [0, 1]},
        "quniform": {"train_batch_size": [2, 8, 2]},
        "loguniform": {"dropout_prob": [-3, -1]},
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no setting to search over"),
        ("a choice 3", "line 1: expected `name choice"),
        ("a choice [1]\nb uniform 1", "line 2: expected"),
        ("a normal 0,1", "line 1: .*found 'a normal 0,1'"),
        ("a choice [__import__('os')]", "line 1: expected"),
        ("a", "line 1: expected"),
        ("a choice [1]\nb choice [1]\na uniform 0,1", "line 3: a: is there twice; keep one line"),
    ],
)
def test_a_bad_space_is_named_by_line(text, message, tmp_path):
    file = tmp_path / "space.txt"
    file.write_text(text)
    with pytest.raises(SettingError, match=message):
        recbole_hyper.read_space(file)


def test_a_missing_space_file():
    with pytest.raises(SettingError, match=r"nowhere\.txt"):
        recbole_hyper.read_space("nowhere.txt")


@pytest.mark.parametrize(
    ("line", "words", "message"),
    [
        ("reg_wait choice [0.1]", (), "space.txt: reg_wait: .*; did you mean reg_weight"),
        ("embedding_size choice [8]", (), "space.txt: embedding_size: AutoRec does not read this"),
        ("reg_weight choice [0.1]", ("--nproc=2",), "--nproc: this command has no such option; "),
        ("reg_weight choice [0.1]", ("--config_file=a",), "option; did you mean --config_files"),
    ],
)
def test_a_key_that_the_model_does_not_read_is_refused(line, words, message, ratings, tmp_path):
    (tmp_path / "space.txt").write_text(line + "\n")
    words = ("--model=AutoRec", "--dataset=made", "--params_file=space.txt", *words)
    result = CliRunner().invoke(hyper.main, words, catch_exceptions=False)
    assert result.exit_code == 2, result.output
    assert re.search(message, result.stderr), result.stderr


@pytest.mark.slow
def test_hyperopt_finds_the_better_of_two(ratings, tmp_path):
    (tmp_path / "space.txt").write_text("learning_rate choice [0.0, 0.05]\n")
    words = ("--model=AutoRec", "--dataset=made", "--params_file=space.txt", "--state=ERROR")
    more = (
        "--epochs",
        "3",
        "--mlp_hidden_size=[4]",
        "--output_file=all.txt",
        "--display_file=all.html",
    )
    result = subprocess.run(
        [sys.executable, "-m", "recbole_ext.cli.hyper", *words, *more],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "learning_rate: 0.05" in result.stdout.split("best settings")[1]
    assert (tmp_path / "all.txt").read_text().count("Valid result") == 2
    assert (tmp_path / "all.html").stat().st_size > 1000


def test_the_exhaustive_search_takes_choices_alone(ratings, tmp_path):
    (tmp_path / "space.txt").write_text("learning_rate uniform 0,1\n")
    words = ("--model=AutoRec", "--dataset=made", "--params_file=space.txt", "--data_path=dataset")
    result = CliRunner().invoke(hyper.main, words)
    assert result.exit_code == 2
    assert "takes choices alone, found uniform" in result.stderr


@pytest.mark.slow
def test_ray_reports_validation_and_never_the_test_set(ratings, tmp_path):
    space = {"choice": {"learning_rate": [0.05]}}
    fixed = {
        **runs.SMALL["AutoRec"],
        "model": "AutoRec",
        "dataset": "made",
        "data_path": str(ratings),
        "epochs": 2,
        "show_progress": False,
        "state": "ERROR",
    }
    best, result = recbole_hyper.with_ray(fixed, None, space, bigger=False)
    assert best == {"learning_rate": 0.05}
    run = runs.prepare("AutoRec", folder=ratings, **runs.SMALL["AutoRec"], learning_rate=0.05)
    score, valid = run.fit()
    assert result["valid_score"] == pytest.approx(float(score), abs=1e-4)
    assert result["rmse"] == pytest.approx(float(valid["rmse"]), abs=1e-4)
