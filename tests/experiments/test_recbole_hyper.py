import json
import re

import pytest
from click.testing import CliRunner

from recbole_ext.cli import hyper
from recbole_ext.errors import SettingError
from recbole_ext.experiments import hyper_space, recbole_hyper
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
    assert hyper_space.read_space(file) == {
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
        ("a choice []", "line 1: expected `name choice"),
        ("a choice {1, 2}", "line 1: expected"),
        ("a uniform True,2", "line 1: expected"),
        ("a uniform 0,1e999", "line 1: expected"),
        ("a uniform 1,0", "line 1: a: expected low,high with low below high, found 1,0"),
        ("a loguniform 8,0", "line 1: a: expected low,high with low below high, found 8,0"),
        (
            "a loguniform 1e-4,0.1",
            r"natural logarithms .*found 0\.0001,0\.1 .*write -9\.21,-2\.303",
        ),
        ("a loguniform -1,1000", "natural logarithms .*found -1,1000"),
        ("a quniform 2,9,2", "line 1: a: expected a step above 0 that divides low and high"),
        ("a quniform 2,8,0", "line 1: a: expected a step above 0"),
        ("a choice " + "[" * 5000, "line 1: expected"),
    ],
)
def test_a_bad_space_is_named_by_line(text, message, tmp_path):
    file = tmp_path / "space.txt"
    file.write_text(text)
    with pytest.raises(SettingError, match=message):
        hyper_space.read_space(file)


def test_a_missing_space_file():
    with pytest.raises(SettingError, match=r"nowhere\.txt"):
        hyper_space.read_space("nowhere.txt")


FIXED = {**runs.SMALL["AutoRec"], "model": "AutoRec", "dataset": "made", "epochs": 2}
QUIET = {"show_progress": False, "state": "ERROR", "metric_decimal_place": 10}


def one_run(folder, learning_rate, **more):
    """Best validation score, validation and test metrics of a run without a search."""
    settings = {**runs.SMALL["AutoRec"], "learning_rate": learning_rate, **more}
    run = runs.prepare("AutoRec", folder=folder, **settings)
    score, valid = run.fit()
    return score, valid, run.trainer.evaluate(run.test, show_progress=False)


@pytest.fixture
def evaluated(monkeypatch):
    """Every evaluation: the rows of its loader."""
    from recbole.trainer import Trainer

    loaders = []
    original = Trainer.evaluate

    def evaluate(self, loader, *args, **kwargs):
        loaders.append(len(loader._dataset))
        return original(self, loader, *args, **kwargs)

    monkeypatch.setattr(Trainer, "evaluate", evaluate)
    return loaders


def test_trials_are_validated_and_the_best_alone_is_tested(
    ratings, tmp_path, capfd, evaluated, monkeypatch
):
    """Of three trials the second is the best."""
    monkeypatch.setenv("HYPEROPT_FMIN_SEED", "1")
    rates = [0.0, 0.05, 0.001]
    args = {"split": {"RS": [0.6, 0.1, 0.3]}, "order": "RO", "group_by": "user", "mode": "labeled"}
    expected = {rate: one_run(ratings, rate, eval_args=args) for rate in rates}
    assert min(rates, key=lambda rate: expected[rate][0]) == 0.05
    n_valid, n_test = evaluated[0], evaluated[-1]
    assert n_valid < n_test
    evaluated.clear()
    capfd.readouterr()
    fixed = {**FIXED, **QUIET, "data_path": str(ratings), "eval_args": args}
    best = recbole_hyper.with_hyperopt(
        fixed, None, {"choice": {"learning_rate": rates}}, "all.txt", None
    )
    assert set(evaluated) == {n_valid}
    assert best.settings == {"learning_rate": 0.05}
    score, valid, test = expected[0.05]
    assert best.score == score
    assert best.valid == pytest.approx(dict(valid), abs=1e-10)
    text, screen = (tmp_path / "all.txt").read_text(), capfd.readouterr()
    for where in (text, screen.out, screen.err):
        assert "test" not in where.lower()
        for _, _, metrics in expected.values():
            assert f"{metrics['rmse']:.4f}" not in where
    assert text.index("rate:0.05") < text.index("rate:0.001")  # the best is not the last
    for rate in rates:
        assert f"learning_rate:{rate}\nValid result:\n" in text
        assert f"rmse : {expected[rate][1]['rmse']}" in text
    evaluated.clear()
    assert recbole_hyper.test_metrics(fixed, None, best) == pytest.approx(dict(test), abs=1e-10)
    assert evaluated == [n_test]


def test_yaml_files_count_less_than_a_trials_settings(ratings, tmp_path):
    (tmp_path / "own.yaml").write_text("learning_rate: 3.0\nepochs: 1\n")
    fixed = {**runs.SMALL["AutoRec"], "model": "AutoRec", "dataset": "made", **QUIET}
    fixed["data_path"] = str(ratings)
    space = {"choice": {"learning_rate": [0.05]}}
    best = recbole_hyper.with_hyperopt(fixed, ["own.yaml"], space, "all.txt", None)
    run = runs.prepare(
        "AutoRec", folder=ratings, **runs.SMALL["AutoRec"], learning_rate=0.05, epochs=1
    )
    assert best.score == run.fit()[0]


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


@pytest.mark.parametrize(
    ("line", "words", "message"),
    [
        (
            "reg_weight choice [0.1, -1]",
            (),
            "space.txt: reg_weight: expected a number at least 0, f",
        ),
        ("reg_weight choice [0.1, 0.1]", (), "space.txt: reg_weight: 0.1 is there twice; keep one"),
        ("mlp_hidden_size choice [[4], 'x']", (), "space.txt: mlp_hidden_size: expected a list"),
        ("epochs uniform 1,2.5", ("--tool=Ray",), "space.txt: epochs: expected a whole number"),
        (
            "dropout_prob loguniform -1,2",
            ("--tool=Ray",),
            "space.txt: dropout_prob: expected a num",
        ),
        ("valid_metric choice ['RMSE', 'MAE']", (), "valid_metric: has to be the same for all tr"),
        ("topk choice [[5], [10]]", (), "space.txt: topk: has to be the same for all trials"),
        (
            "reg_weight choice [0.1]",
            ("--reg_weight=0.2",),
            "space.txt: reg_weight: is searched here, and --reg_weight on the command line is for",
        ),
        (
            "mlp_hidden_size choice [[4], [1000000000000]]",
            (),
            "space.txt: mlp_hidden_size: layers of ",
        ),
        (
            "reg_weight choice [0.1]",
            ("--eval_args={'split': {'LS': 'test_only'}}",),
            "eval_args: split: expected a validation part, by which trials are chosen, found {'LS'",
        ),
        ("reg_weight choice [0.1]", ("--eval_step=0",), "eval_step: expected 1 or more"),
        ("learner choice ['adma']", ("--model=BPR",), "space.txt: learner: expected one of adam"),
        ("reg_weight choice [0.1]", ("--tool=ray",), "'ray' is not one of 'Hyperopt', 'Ray'"),
        ("reg_weight choice [0.1]", ("--max_evals=0",), "max_evals: neither AutoRec nor RecBole"),
        ("reg_weight choice [0.1]", ("--algo=random",), "algo: neither AutoRec nor RecBole reads"),
    ],
)
def test_a_value_that_a_setting_cannot_have_is_refused(line, words, message, ratings, tmp_path):
    (tmp_path / "space.txt").write_text(line + "\n")
    model = () if "--model=BPR" in words else ("--model=AutoRec",)
    words = (*model, "--dataset=made", "--params_file=space.txt", *words)
    result = CliRunner().invoke(hyper.main, words, catch_exceptions=False)
    assert result.exit_code == 2, result.output
    assert message in result.stderr, result.stderr


def test_lists_are_tried(ratings, tmp_path):
    """hyperopt itself turns them into tuples, and RecBole's search cannot count them."""
    fixed = {**FIXED, **QUIET, "data_path": str(ratings), "epochs": 1}
    del fixed["mlp_hidden_size"]
    sizes = [[2], [3, 2]]
    space = {"choice": {"mlp_hidden_size": sizes, "learning_rate": [0.05]}}
    best = recbole_hyper.with_hyperopt(fixed, None, space, "all.txt", None)
    scores = {}
    for size in sizes:
        settings = {**runs.SMALL["AutoRec"], "mlp_hidden_size": size, "learning_rate": 0.05}
        scores[str(size)] = runs.prepare("AutoRec", folder=ratings, epochs=1, **settings).fit()[0]
    assert best.settings["mlp_hidden_size"] in sizes
    assert best.score == scores[str(best.settings["mlp_hidden_size"])] == min(scores.values())
    assert "learning_rate:0.05, mlp_hidden_size:[3, 2]\n" in (tmp_path / "all.txt").read_text()


def test_whole_numbers_are_drawn_for_settings_that_are_whole():
    assert hyper_space.is_whole(2048, [256, 2048, 256.0])
    assert not hyper_space.is_whole(2048, [0, 1, 0.5])
    assert not hyper_space.is_whole(0.1, [0, 10, 1])
    assert not hyper_space.is_whole(True, [0, 1, 1])
    assert not hyper_space.is_whole(None, [0, 1, 1])


@pytest.mark.slow
def test_the_command_shows_the_test_metrics_of_the_best_of_two(ratings, tmp_path, forks):
    (tmp_path / "space.txt").write_text("learning_rate choice [0.0, 0.05]\n")
    words = ("--model=AutoRec", "--dataset=made", "--params_file=space.txt", "--state=ERROR")
    more = (
        "--epochs",
        "2",
        "--mlp_hidden_size=[7]",
        "--train_batch_size=8",
        "--clip_ratings=False",
        "--output_file=all.txt",
        "--display_file=all.html",
    )
    result = forks.run("run_hyper", *words, *more)
    assert result.returncode == 0, result.stderr
    during, after = result.stdout.split("best settings")
    assert "test" not in during
    assert "learning_rate: 0.05" in after
    _, _, test = one_run(ratings, 0.05)
    assert after.splitlines()[-1].split() == [
        "test",
        *(f"{test[name]:.4f}" for name in ("rmse", "mae")),
    ]
    assert (tmp_path / "all.txt").read_text().count("Valid result") == 2
    assert (tmp_path / "all.html").stat().st_size > 1000


def test_the_exhaustive_search_takes_choices_alone(ratings, tmp_path):
    (tmp_path / "space.txt").write_text("learning_rate uniform 0,1\n")
    words = ("--model=AutoRec", "--dataset=made", "--params_file=space.txt", "--data_path=dataset")
    result = CliRunner().invoke(hyper.main, words)
    assert result.exit_code == 2
    assert "takes choices alone, found uniform" in result.stderr


@pytest.mark.slow
def test_ray_reports_validation_and_the_best_trial_is_tested(ratings, tmp_path, monkeypatch):
    pytest.importorskip("ray", reason="no Ray")
    assert recbole_hyper.RAY_SAMPLES == 5  # as in RecBole
    monkeypatch.setattr(recbole_hyper, "RAY_SAMPLES", 2)
    fixed = {**FIXED, **QUIET, "data_path": str(ratings)}
    fixed["checkpoint_dir"] = str(tmp_path / "saved")
    defaults = {"valid_metric_bigger": False}
    space = {"choice": {"learning_rate": [0.05]}}
    best = recbole_hyper.with_ray(fixed, None, space, defaults)
    assert best.settings == {"learning_rate": 0.05}
    score, valid, test = one_run(ratings, 0.05)
    assert best.score == pytest.approx(float(score), abs=1e-4)
    assert best.valid == pytest.approx(dict(valid), abs=1e-4)
    assert recbole_hyper.test_metrics(fixed, None, best) == pytest.approx(dict(test), abs=1e-4)
    results = [path.read_text() for path in (tmp_path / "ray_log").rglob("result.json")]
    assert len(results) == 2
    assert not any("test" in json.loads(line) for text in results for line in text.splitlines())
