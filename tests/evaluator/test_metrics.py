import pytest
from recbole.evaluator import metric_types

from recbole_ext.errors import SettingError
from recbole_ext.evaluator import metrics

SMALLER = {"rmse", "mae", "logloss", "averagepopularity", "giniindex"}


@pytest.mark.parametrize("metric", sorted(metric_types))
def test_errors_and_concentration_are_to_be_small(metric):
    assert metrics.bigger_is_better(metric) == (metric not in SMALLER)


@pytest.mark.parametrize(
    ("metric", "bigger"), [("NDCG@10", True), ("RMSE", False), ("AveragePopularity@5", False)]
)
def test_a_metric_as_settings_and_results_write_it(metric, bigger):
    assert metrics.bigger_is_better(metric) is bigger
    assert metrics.bigger_is_better(metric.lower()) is bigger


def test_an_unknown_metric_is_refused():
    with pytest.raises(SettingError, match=r"NDGC@10: RecBole has no such .* mean ndcg"):
        metrics.bigger_is_better("NDGC@10")
