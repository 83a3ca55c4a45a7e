"""Every yaml that is shipped loads, says why, and has no key that nobody reads."""

import csv
import json
import re
import warnings
from pathlib import Path

import pytest
import yaml

from recbole_ext.cli import command
from recbole_ext.config import settings
from recbole_ext.evaluator import protocols
from recbole_ext.experiments import plan as plans
from recbole_ext.experiments import random_search
from recbole_ext.experiments import runs as benchmark_runs
from recbole_ext.registry import keys, models
from tests.make_sample import sample

ROOT = Path(__file__).parents[1]
SEARCHES = sorted((ROOT / "configs" / "search").glob("*.yaml"))
PLANS_AT = ROOT / "configs" / "benchmark"
PLANS = sorted(PLANS_AT.glob("*.yaml"))
FOR_USERS = ("ml-1m.yaml", "ml-100k-quick.yaml")  # their results are not kept here
CONFIGS = sorted(set((ROOT / "configs").rglob("*.yaml")) - set(SEARCHES) - set(PLANS))
DEFAULTS = sorted((ROOT / "recbole_ext" / "models").glob("*/*.yaml"))


def model_of(path: Path) -> str:
    return re.search(r"--model=(\w+)", path.read_text()).group(1)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_configuration_loads_without_a_warning(path):
    from recbole.config import Config

    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        config = Config(model_of(path), "ml-100k", config_file_list=[str(path)])
    for key, value in yaml.safe_load(path.read_text()).items():
        if not isinstance(value, dict):
            assert config[key] == value


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_configuration_says_how_to_run_it(path):
    assert f"--config_files={path.relative_to(ROOT)}" in path.read_text()


@pytest.mark.parametrize("path", SEARCHES, ids=lambda path: path.name)
def test_a_search_is_what_its_results_are_of(path):
    from recbole.config import Config

    chosen = random_search.read(path)
    # ml-100k stands for the data set, which may say itself that it is evaluated by labels
    base = {k: v for k, v in chosen.base.items() if k not in ("metrics", "valid_metric")}
    values = Config(chosen.model, "ml-100k", config_dict=base).final_config_dict
    trials = random_search.draw(chosen, values)
    for trial in trials if chosen.model in models.MODELS else ():
        settings.read(models.load(models.MODELS[chosen.model].settings), {**values, **trial})
    outcomes = random_search.load_results(path.with_suffix(".csv"), chosen, trials)
    assert len(outcomes) == len(trials) * len(chosen.datasets)
    assert f"recbole-ext search {path.relative_to(ROOT)}" in path.read_text()


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.name)
def test_a_benchmark_can_run(path):
    """Every model with every setting that is tried, on ml-100k for any data set."""
    plan = plans.read(path)
    assert f"recbole-ext benchmark {path.relative_to(ROOT)}" in path.read_text()
    for place in plan.places:
        for label in plan.labels(place):
            files = {text: __file__ for text in plan.needed_by(label)}
            given = benchmark_runs.given_to(plan, place, label, files)
            for trial in plan.models[label].trials or [{}]:
                told = {**given, **trial, "data_path": "dataset"}
                command.configure(plan.models[label].name, "ml-100k", None, told)


@pytest.mark.parametrize(
    "path", [path for path in PLANS if path.name not in FOR_USERS], ids=lambda path: path.name
)
def test_a_benchmark_has_run(path):
    plan = plans.read(path)
    results = benchmark_runs.load(path.with_suffix(".jsonl"), plan)
    assert [result.key for result in results if result.error] == []
    wanted = [*plan.trial_runs(), *plan.runs()]
    assert {result.key for result in results} == set(wanted)
    assert len(results) == len(wanted)


@pytest.mark.parametrize(
    ("plan", "path"),
    [
        (plan, path)
        for plan, prefix in (("ml-100k-full", "ranking"), ("leave_one_out", "loo"))
        for path in SEARCHES
        if path.stem.startswith(f"{prefix}_") and (PLANS_AT / f"{plan}.yaml").is_file()
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_a_benchmark_has_what_the_searches_have_found(plan, path):
    chosen, given = random_search.read(path), plans.read(PLANS_AT / f"{plan}.yaml")
    with path.with_suffix(".csv").open(encoding="utf-8", newline="") as stream:
        best = max(csv.DictReader(stream), key=lambda line: float(line["valid_score"]))
    model = next(model for model in given.models.values() if model.name == chosen.model)
    used = {**settings_of(chosen.model), **model.settings}
    wanted = {**chosen.base, **{name: json.loads(best[name]) for name in chosen.names}}
    for name in wanted.keys() - {*protocols.DECIDED, "eval_batch_size"}:  # the protocol has them
        assert used[name] == wanted[name], name


def test_each_loss_on_the_grid_has_the_best_learning_rate_of_its_search():
    path = ROOT / "configs" / "search" / "grid_ncf_mlp.yaml"
    chosen, given = random_search.read(path), plans.read(PLANS_AT / "grid.yaml")
    with path.with_suffix(".csv").open(encoding="utf-8", newline="") as stream:
        lines = list(csv.DictReader(stream))
    assert {json.loads(line["loss_type"]) for line in lines} == set(given.models)
    for loss, model in given.models.items():
        own = [line for line in lines if json.loads(line["loss_type"]) == loss]
        best = max(own, key=lambda line: float(line["valid_score"]))
        used = {**settings_of("NCFMLP"), **model.settings}
        wanted = {**chosen.base, **{name: json.loads(best[name]) for name in chosen.names}}
        for name in wanted.keys() - set(protocols.DECIDED):
            assert used[name] == wanted[name], (loss, name)


def settings_of(model: str) -> dict:
    """What a model's settings are where nothing is said."""
    from recbole.config import Config

    return Config(model, "ml-100k").final_config_dict


@pytest.mark.parametrize("path", CONFIGS + SEARCHES + PLANS + DEFAULTS, ids=lambda path: path.name)
def test_every_key_has_a_comment(path):
    for line in path.read_text().splitlines():
        if re.match(r"\w+:", line):
            assert "# " in line, line


@pytest.mark.parametrize("name", sorted(models.MODELS))
def test_defaults_are_complete_and_read(name):
    given = models.defaults(name)
    own = settings.names(models.load(models.MODELS[name].settings))
    assert set(own) <= set(given)
    assert set(given) - set(own) <= keys._general_keys()
    settings.read(models.load(models.MODELS[name].settings), given)


def test_the_sample_is_what_its_generator_makes():
    assert (ROOT / "dataset" / "sample" / "sample.inter").read_text(encoding="utf-8") == sample()
