"""Portfolios: their files, and which part is for which metric."""

import pytest
import yaml

from recbole_ext.config import settings
from recbole_ext.errors import SettingError
from recbole_ext.experiments import portfolio
from recbole_ext.registry import defaults, keys, model_parts
from tests import pages

PARTS = [
    (model, metric)
    for model in portfolio.models()
    for metric in {"AutoRec": ("RMSE", "NDCG@10")}.get(model, ("NDCG@10",))
]


def test_our_models_have_portfolios():
    assert set(portfolio.models()) <= set(defaults.names())
    assert portfolio.models() == ["AutoRec", "NCFMLP"]


@pytest.mark.parametrize(("model", "metric"), PARTS)
def test_candidates_are_settings_of_the_model_and_say_everything_that_another_says(model, metric):
    part = portfolio.read(model, metric)
    assert len(part.candidates) >= 4
    for name, candidate in part.candidates.items():
        values = {**part.settings, **candidate.settings}
        assert set(values) <= keys.read_keys(model, values), name
        keys.check_values(model, values, name)
        # those that exclude each other
        model_parts.settings_class(model)(
            **{
                key: value
                for key, value in {**model_parts.defaults(model), **values}.items()
                if key in model_parts.setting_names(model)
            }
        )
        assert candidate.best_on
        assert candidate.settings["epochs"] > max(part.rungs)
    # what a candidate does not name is the default, and no other candidate's value
    named = {
        frozenset(c.settings) - {"damping", "train_neg_sample_args"}
        for c in part.candidates.values()
    }
    assert len(named) == 1
    different = {yaml.safe_dump(candidate.settings) for candidate in part.candidates.values()}
    assert len(different) == len(part.candidates)


def test_the_shipped_settings_are_among_the_candidates():
    for model, name, metric in (
        ("AutoRec", "autorec_item", "RMSE"),
        ("AutoRec", "autorec_item_plain", "RMSE"),
        ("AutoRec", "autorec_user", "RMSE"),
        ("NCFMLP", "ncf_mlp", "NDCG@10"),
    ):
        shipped = settings.load(pages.ROOT / "configs" / f"{name}.yaml")
        # one batch has all rows of ml-100k with either
        del shipped["train_batch_size" if model == "AutoRec" else "metrics"]
        part, of_model = portfolio.read(model, metric), model_parts.defaults(model)
        own = {*shipped, *model_parts.setting_names(model)}
        matching = [
            candidate
            for candidate in part.candidates.values()
            if all(
                {**of_model, **part.settings, **candidate.settings}.get(key)
                == {**of_model, **shipped}.get(key)
                for key in own
            )
        ]
        assert len(matching) == 1, name


def test_the_metric_decides_the_part_and_the_evaluation():
    assert portfolio.read("AutoRec", None).metric == "RMSE"
    assert portfolio.read("NCFMLP", None).metric == "NDCG@10"
    mae = portfolio.read("AutoRec", "mae")
    assert (mae.metric, mae.settings["valid_metric"]) == ("MAE", "MAE")
    assert mae.candidates == portfolio.read("AutoRec", "RMSE").candidates
    recall = portfolio.read("AutoRec", "recall@20")
    assert recall.settings["valid_metric"] == recall.metric == "Recall@20"
    assert recall.settings["topk"] == [20]
    assert recall.settings["metrics"] == ["NDCG", "Recall", "Hit", "MRR"]
    precision = portfolio.read("NCFMLP", "Precision@10")
    assert precision.settings["metrics"][-1] == "Precision"


@pytest.mark.parametrize(
    ("model", "metric", "says"),
    [
        ("BPR", None, "BPR: there is no portfolio of settings for this model, only for AutoRec"),
        ("BPR", None, "recbole-ext search FILE.yaml"),
        ("NCFMLP", "RMSE", "RMSE: the portfolio of NCFMLP is for rankings, such as NDCG@10"),
        ("AutoRec", "NDCG", "NDCG: expected a metric such as NDCG@10"),
        ("AutoRec", "RMSE@10", "RMSE@10: expected a metric such as RMSE"),
        ("AutoRec", "NDCG@x", "NDCG@x: expected a metric such as NDCG@10"),
        ("AutoRec", "NDGC@10", "did you mean ndcg"),
    ],
)
def test_what_is_refused(model, metric, says):
    with pytest.raises(SettingError) as refused:
        portfolio.read(model, metric)
    assert says in str(refused.value)
