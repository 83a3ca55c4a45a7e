import numpy as np
import pytest
import torch

from recbole_ext.evaluator import per_user
from tests import runs


def trained(**settings):
    run = runs.prepare("AutoRec", **{**runs.SMALL["AutoRec"], **settings})
    run.fit()
    return run


def test_rankings_of_each_user_equal_a_plain_loop(ratings):
    run = trained(
        **{
            **runs.RANKING,
            "metrics": ["NDCG", "Recall", "MRR"],
            "topk": [2, 5],
            "valid_metric": "NDCG@5",
        }
    )
    result, found = per_user.per_user(run.trainer, run.test, show_progress=False)
    assert result == run.trainer.evaluate(run.test)
    pairs, train = run.test._dataset.inter_feat, run.train._dataset.inter_feat
    valid = run.valid._dataset.inter_feat
    model = run.model.eval()
    assert found.users.tolist() == sorted(set(pairs["user_id"].tolist()))
    for place, user in enumerate(found.users):
        with torch.no_grad():
            scores = model.full_sort_predict({"user_id": torch.tensor([user])}).numpy().copy()
        scores[0] = -np.inf
        for part in (train, valid):
            scores[part["item_id"][part["user_id"] == user].numpy()] = -np.inf
        relevant = set(pairs["item_id"][pairs["user_id"] == user].tolist())
        hits = [item in relevant for item in np.argsort(-scores)[:5]]
        gain = sum(hit / np.log2(2 + rank) for rank, hit in enumerate(hits))
        best = sum(1 / np.log2(2 + rank) for rank in range(min(5, len(relevant))))
        assert found.metrics["ndcg@5"][place] == pytest.approx(gain / best)
        assert found.metrics["recall@2"][place] == pytest.approx(sum(hits[:2]) / len(relevant))
        first = hits.index(True) + 1 if any(hits) else np.inf
        assert found.metrics["mrr@5"][place] == pytest.approx(1 / first)


def test_ratings_of_each_user_equal_a_plain_loop(ratings):
    run = trained()
    result, found = per_user.per_user(run.trainer, run.test, show_progress=False)
    pairs = run.test._dataset.inter_feat
    with torch.no_grad():
        error = (run.model.eval().predict(pairs) - pairs["rating"]).numpy()
    for place, user in enumerate(found.users):
        own = error[(pairs["user_id"] == user).numpy()]
        assert found.metrics["mae"][place] == pytest.approx(np.abs(own).mean(), rel=1e-5)
        assert found.metrics["rmse"][place] == pytest.approx(np.sqrt((own**2).mean()), rel=1e-5)
    counts = np.bincount(pairs["user_id"])[found.users]
    whole = np.sqrt((found.metrics["rmse"] ** 2 * counts).sum() / counts.sum())
    assert result["rmse"] == pytest.approx(whole, rel=1e-5)
    assert not vars(run.trainer.evaluator.metric_class["rmse"]).keys() & {"metric_info"}


@pytest.mark.parametrize("mode", ["full", "uni5"])
def test_the_means_are_recboles(mode, ratings):
    settings = {**runs.RANKING, "eval_args": {**runs.RANKING["eval_args"], "mode": mode}}
    run = runs.prepare("BPR", embedding_size=4, **settings)
    run.fit()
    result, found = per_user.per_user(run.trainer, run.test, show_progress=False)
    for name, values in found.metrics.items():
        assert result[name] == pytest.approx(values.mean(), abs=1e-6)
        assert len(values) == len(found.users)
