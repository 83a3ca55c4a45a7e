"""Every yaml that is shipped loads, says why, and has no key that nobody reads."""

import re
import warnings
from pathlib import Path

import pytest
import yaml

from recbole_ext.cli import run_config
from recbole_ext.config import settings
from recbole_ext.evaluator import protocols
from recbole_ext.experiments import benchmark_plan, search_plan
from recbole_ext.experiments import results as results_of
from recbole_ext.registry import defaults, keys, model_parts, models
from tests.make_sample import sample

ROOT = Path(__file__).parents[1]
SEARCHES = sorted((ROOT / "configs" / "search").glob("*.yaml"))
PLANS_AT = ROOT / "configs" / "benchmark"
PLANS = sorted(PLANS_AT.glob("*.yaml"))
# their results are not kept here, or are of some runs only
LATER = ("ensembles", "ncf_mlp_ease")  # which earlier releases did not have
FOR_USERS = ("ml-1m.yaml", "ml-100k-quick.yaml", "ensembles_ours.yaml", "other_data_sets.yaml")
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


def search_of(path):
    """A search, and its plan with ml-100k's settings."""
    from recbole.config import Config

    search = search_plan.read(path)
    # ml-100k stands for the data set, which may say itself that it is evaluated by labels
    base = {k: v for k, v in search.base.items() if k not in ("metrics", "valid_metric")}
    values = Config(search.model, "ml-100k", config_dict=base).final_config_dict
    return search, search_plan.plan(search, {**values, **search.base})


@pytest.mark.parametrize("path", SEARCHES, ids=lambda path: path.name)
def test_a_search_is_what_its_results_are_of(path):
    search, plan = search_of(path)
    values = plan.models[search.model].settings
    for trial in plan.models[search.model].trials if models.is_known(search.model) else ():
        given = {**settings_of(search.model), **values, **trial}
        settings.read(model_parts.settings_class(search.model), given)
    results = results_of.load(path.with_suffix(".jsonl"), plan)
    assert len(results) == len(plan.models[search.model].trials) * len(search.datasets)
    assert {result.key for result in results} == set(plan.trial_runs())
    assert f"recbole-ext search {path.relative_to(ROOT)}" in path.read_text()


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.name)
def test_a_benchmark_can_run(path):
    """Every model with every setting that is tried, on ml-100k for any data set."""
    plan = benchmark_plan.read(path)
    assert f"recbole-ext benchmark {path.relative_to(ROOT)}" in path.read_text()
    for table in plan.tables:
        for label in plan.labels(table):
            files = {text: __file__ for text in plan.needed_by(label)}
            common = plan.run_settings(table, label, files)
            for trial in plan.models[label].trials or [{}]:
                run_settings = {**common, **trial, "data_path": "dataset"}
                run_config.configure(plan.models[label].name, "ml-100k", None, run_settings)


@pytest.mark.parametrize(
    "path", [path for path in PLANS if path.name not in FOR_USERS], ids=lambda path: path.name
)
def test_a_benchmark_has_run(path):
    plan = benchmark_plan.read(path)
    results = results_of.load(path.with_suffix(".jsonl"), plan)
    assert [result.key for result in results if result.error] == []
    keys = [*plan.trial_runs(), *plan.runs()]
    assert {result.key for result in results} == set(keys)
    assert len(results) == len(keys)
    if path.stem in LATER:
        return
    of_an_earlier_release = [result for result in results if result.label != "Pop"]
    assert {result.setup_seconds for result in of_an_earlier_release} == {None}


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
    search, searched = search_of(path)
    results = results_of.load(path.with_suffix(".jsonl"), searched)
    metric = search.base["valid_metric"].lower()
    best = max(results, key=lambda result: result.valid[metric])
    benchmark = benchmark_plan.read(PLANS_AT / f"{plan}.yaml")
    model = next(model for model in benchmark.models.values() if model.name == search.model)
    used = {**settings_of(search.model), **model.settings}
    expected = {**search.base, **best.values}
    for name in expected.keys() - {*protocols.DECIDED, "eval_batch_size"}:  # the protocol has them
        assert used[name] == expected[name], name


def test_each_loss_on_the_grid_has_the_best_learning_rate_of_its_search():
    path = ROOT / "configs" / "search" / "grid_ncf_mlp.yaml"
    search, searched = search_of(path)
    results = results_of.load(path.with_suffix(".jsonl"), searched)
    benchmark = benchmark_plan.read(PLANS_AT / "grid.yaml")
    assert {result.values["loss_type"] for result in results} == set(benchmark.models)
    for loss, model in benchmark.models.items():
        own = [result for result in results if result.values["loss_type"] == loss]
        best = max(own, key=lambda result: result.valid["auc"])
        used = {**settings_of("NCFMLP"), **model.settings}
        expected = {**search.base, **best.values}
        for name in expected.keys() - set(protocols.DECIDED):
            assert used[name] == expected[name], (loss, name)


def settings_of(model: str) -> dict:
    """What a model's settings are where nothing is said."""
    from recbole.config import Config

    return Config(model, "ml-100k").final_config_dict


@pytest.mark.parametrize("path", CONFIGS + SEARCHES + PLANS + DEFAULTS, ids=lambda path: path.name)
def test_every_key_has_a_comment(path):
    for line in path.read_text().splitlines():
        if re.match(r"\w+:", line):
            assert "# " in line, line


@pytest.mark.parametrize("name", sorted(defaults.names()))
def test_defaults_are_complete_and_read(name):
    given = model_parts.defaults(name)
    own = settings.names(model_parts.settings_class(name))
    assert set(own) <= set(given)
    assert set(given) - set(own) <= keys._general_keys()
    settings.read(model_parts.settings_class(name), given)


def test_the_sample_is_what_its_generator_makes():
    assert (ROOT / "dataset" / "sample" / "sample.inter").read_text(encoding="utf-8") == sample()
