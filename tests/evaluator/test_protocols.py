import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from recbole_ext.cli import main
from recbole_ext.data import interaction_file
from recbole_ext.evaluator import protocols
from recbole_ext.evaluator.metrics import bigger_is_better
from tests import runs

OWN_DATA = ["leave-one-out", "grid", "temporal", "user-holdout"]
ALL = {**protocols.PROTOCOLS, **protocols.OF_TRAINED_MODELS}


@pytest.fixture
def source(tmp_path):
    """25 users with 8 of 175 items each, 167 are left to rank; three have the first of all."""
    rows = [(f"u{u}", f"i{u * 7 + n}", 5, n) for u in range(25) for n in range(8)]
    rows += [(f"first{n % 3}", f"i{n}", 5, 0) for n in range(175)]
    runs.write_inter(tmp_path / "dataset", "made", rows)
    return interaction_file.read(tmp_path / "dataset" / "made" / "made.inter")


def test_the_commands():
    commands = {name: entry.command("ml-1m") for name, entry in protocols.PROTOCOLS.items()}
    assert commands == {
        "default": "",
        "next-item": "",
        "leave-one-out": "recbole-ext data split ml-1m loo --seed 2020 --negatives 99",
        "rating": "",
        "grid": "recbole-ext data grid ml-1m --test 0.2 --valid 0.05 --seed 2020",
        "temporal": "recbole-ext data split ml-1m temporal --test 0.1 --valid 0.05",
        "k-fold": "recbole-ext data split ml-1m kfold --seed 2020 --folds 5 --valid 0.05",
        "user-holdout": "recbole-ext data split ml-1m users --seed 2020 --test 0.1 --valid 0.05",
        "given": "",
        "rating+ranking": "",
    }
    assert protocols.leave_one_out(5, 3).command("my data") == (
        "recbole-ext data split 'my data' loo --seed 3 --negatives 5"
    )


@pytest.mark.parametrize("name", OWN_DATA)
def test_a_benchmark_and_the_command_write_the_same_data_set(name, source):
    """The command in the manifest writes what ``prepare`` has written, byte by byte."""
    protocols.prepare(name, "made", Path("dataset"))
    folder = Path("dataset") / protocols.data_set(name, "made")
    first = {file.name: file.read_bytes() for file in folder.iterdir()}
    words = json.loads(first["manifest.json"])["command"].split()
    assert words[0] == "recbole-ext"
    for file in folder.iterdir():
        file.write_bytes(b"" if file.name != "manifest.json" else file.read_bytes())
    result = CliRunner().invoke(main.main, words[1:], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == first


@pytest.mark.parametrize("name", OWN_DATA)
def test_a_data_set_says_the_settings_of_its_protocol(name, source):
    entry = {
        "leave-one-out": protocols.leave_one_out(5, 1),
        "grid": protocols.grid(0.2, 0.1, 1),
        "temporal": protocols.temporal(0.2, 0.1),
        "user-holdout": protocols.user_holdout(0.2, 0.1, 1),
    }
    protocol = entry[name]
    dataset = protocol.write_dataset(source, Path("dataset"))
    settings = yaml.safe_load(Path(f"dataset/{dataset.name}/{dataset.name}.yaml").read_text())
    for key, value in protocol.settings.items():
        expected = [*value, *protocol.run_metrics] if key == "metrics" else value
        assert settings[key] == expected
    assert settings["benchmark_filename"] == ["train", "valid", "test"]


@pytest.mark.parametrize("name", ALL)
def test_the_validation_metric_is_the_first(name):
    entry = ALL[name]
    assert entry.metrics[0] == entry.settings["valid_metric"]
    for metric in entry.metrics:
        bigger_is_better(metric)  # RecBole has it


def test_a_protocol_without_a_data_set_of_its_own_writes_none(source):
    with pytest.raises(ValueError, match="on the source itself"):
        protocols.RATING.write_dataset(source, Path("dataset"))
    protocols.prepare("rating", "made", Path("dataset"))
    assert [path.name for path in Path("dataset").iterdir()] == ["made"]


@pytest.mark.parametrize("name", protocols.OF_TRAINED_MODELS)
def test_a_trained_model_is_stopped_by_the_direction_of_the_metric(name, ratings):
    config = runs.prepare("AutoRec", **runs.SMALL["AutoRec"]).config
    before = dict(config.final_config_dict)
    applied = protocols.OF_TRAINED_MODELS[name].applied_to(config)
    assert applied["valid_metric_bigger"] is (name != "rating")
    assert applied["metrics"] == protocols.OF_TRAINED_MODELS[name].settings["metrics"]
    assert applied["eval_args"]["split"] == before["eval_args"]["split"]
    assert config.final_config_dict == before
