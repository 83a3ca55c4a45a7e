"""A setting that cannot work is one line by every door, before anything is trained or written."""

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from recbole_ext.cli import hyper, main, run
from recbole_ext.errors import UserError
from tests import runs

INTER = {"inter": ["user_id", "item_id"]}
FAULTS = {
    "interval": (
        {"user_inter_num_interval": "3,5"},
        'user_inter_num_interval: expected an interval such as "[5,inf)" or "(0,3]", the lower end '
        'first; several are separated by ";", or ~ for all, found \'3,5\' (str); write "[3,5]"',
    ),
    "column": (
        {"val_interval": {"stars": "[3,5]"}, "load_col": INTER},
        "val_interval: no column stars in dataset/made/made.inter; found user_id, item_id",
    ),
    "negatives": (
        {"train_neg_sample_args": {"sample_num": -1}},
        "train_neg_sample_args: sample_num: expected a whole number at least 1, found -1 (int)",
    ),
    "size": (
        {"embedding_size": 10**15},
        "embedding_size: 1000000000000000 numbers need at least 4 PB of memory, found ",
    ),
}


def command(entry, *words):
    result = CliRunner().invoke(entry, list(words), catch_exceptions=False)
    assert result.exit_code == 2, result.output
    lines = [line for line in result.stderr.splitlines() if not line.startswith("warning: ")]
    assert len(lines) == 1, lines
    assert lines[0].startswith("error: ")
    return lines[0]


def on_the_command_line(given):
    words = [f"--{key}={value}" for key, value in given.items()]
    return command(run.main, "--model=BPR", "--dataset=made", "--data_path=dataset", *words)


def in_a_yaml(given):
    Path("mine.yaml").write_text(yaml.safe_dump({**given, "data_path": "dataset"}))
    return command(run.main, "--model=BPR", "--dataset=made", "--config_files=mine.yaml")


def beside_the_data_set(given):
    Path("dataset/made/made.yaml").write_text(yaml.safe_dump(given))
    return command(run.main, "--model=BPR", "--dataset=made", "--data_path=dataset")


def from_python(given):
    from recbole.quick_start import run_recbole

    config = {**given, "data_path": "dataset", "state": "CRITICAL", "show_progress": False}
    with pytest.raises(UserError) as refused:
        run_recbole("BPR", "made", config_dict=config)
    return str(refused.value)


def in_a_benchmark(given):
    plan = {
        "datasets": ["made"],
        "protocols": {"default": "NDCG@10"},
        "seeds": [1],
        "models": {"BPR": {"model": "BPR", "settings": given}},
    }
    Path("plan.yaml").write_text(yaml.safe_dump(plan))
    return command(main.main, "benchmark", "plan.yaml", "--data_path=dataset")


def in_a_search(given):
    content = {"model": "BPR", "datasets": ["made"], "trials": 1, "base": given}
    content["space"] = {"learning_rate": [0.1, 0.2]}
    Path("search.yaml").write_text(yaml.safe_dump(content))
    return command(main.main, "search", "search.yaml", "--data_path=dataset")


def by_run_hyper(given):
    Path("space.txt").write_text("learning_rate choice [0.1]\n")
    words = [f"--{key}={value}" for key, value in given.items()]
    options = ("--dataset=made", "--data_path=dataset", "--params_file=space.txt")
    return command(hyper.main, "--model=BPR", *options, *words)


DOORS = [on_the_command_line, in_a_yaml, beside_the_data_set, from_python, in_a_benchmark]
DOORS += [in_a_search, by_run_hyper]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_a_setting_that_cannot_work_is_one_line(door, fault, ratings):
    given, message = FAULTS[fault]
    assert message in door(given)
    assert not Path("saved").exists()
    assert not list(Path().glob("*.jsonl"))


# --- names of one's own ---------------------------------------------------------------------


@pytest.fixture
def _commas():
    folder = runs.write_ratings(Path("dataset"), "made")
    file = folder / "made" / "made.inter"
    _, *rows = file.read_text().splitlines()
    head = "userId:token,movieId:token,stars:float,when:float"
    Path("dataset/csv").mkdir()
    Path("dataset/csv/csv.inter").write_text(
        "\n".join([head, *(row.replace("\t", ",") for row in rows)]) + "\n"
    )


NAMES = {"USER_ID_FIELD": "userId", "ITEM_ID_FIELD": "movieId", "TIME_FIELD": "when"}
NAMES |= {"RATING_FIELD": "stars"}


@pytest.mark.usefixtures("_commas")
@pytest.mark.parametrize("model", ["BPR", "AutoRec", "NCFMLP", "GRU4Rec"])
def test_columns_of_other_names_train_as_those_of_recbole(model):
    """The message of a header names these settings; the metrics are those of the usual names."""
    given = dict(runs.SMALL.get(model, {}))
    times: dict = {"usual": {}, "own": {}}
    if model == "GRU4Rec":
        given |= {"train_neg_sample_args": None, "hidden_size": 4, "embedding_size": 4}
        columns = ["user_id", "item_id", "timestamp"]
        times["usual"] = {"load_col": {"inter": columns}}
        times["own"] = {"load_col": {"inter": ["userId", "movieId", "when"]}}
    usual = runs.prepare(model, "made", **given, **times["usual"]).fit()
    own = runs.prepare(model, "csv", field_separator=",", **NAMES, **given, **times["own"]).fit()
    assert own == usual


@pytest.mark.usefixtures("_commas")
def test_the_settings_that_the_message_proposes_are_enough():
    words = ("--dataset=csv", "--data_path=dataset", "--epochs=1", "--show_progress=False")
    said = command(run.main, "--model=BPR", *words, "--field_separator=,")
    assert "no column user_id" in said
    assert "name the column in USER_ID_FIELD" in said
    names = ("--field_separator=,", "--USER_ID_FIELD=userId", "--ITEM_ID_FIELD=movieId")
    result = CliRunner().invoke(run.main, ["--model=BPR", *words, *names], catch_exceptions=False)
    assert result.exit_code == 0, result.output
