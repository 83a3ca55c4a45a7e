"""RecBole's models answer with the scores of RecBole's own function: every general one, and some
that predict the next item of a sequence or score pairs of a user's and an item's features."""

import pkgutil
from importlib import import_module

import numpy as np
import pytest
import recbole.model.general_recommender as package

import recbole_ext
from recbole_ext.errors import SettingError
from tests import runs
from tests.inference import trained

NAMES = sorted(
    name
    for module in pkgutil.iter_modules(package.__path__)
    for name, value in vars(import_module(f"{package.__name__}.{module.name}")).items()
    if name.lower() == module.name and isinstance(value, type)
)
# whose scores are drawn anew each time they are asked for
DRAWN = {"Random", "ADMMSLIM", "DiffRec", "LDiffRec"}
SETTINGS = {
    "DGCF": {"train_batch_size": 64},  # it draws as many items as it has users in a batch
    "RaCT": {"train_stage": "actor_pretrain"},
    "LDiffRec": {"n_cate": 1},
    "ConvNCF": {"embedding_size": 64},
}


SEQUENTIAL = {
    "GRU4Rec": {"embedding_size": 8, "hidden_size": 8},
    "SASRec": {"hidden_size": 8, "inner_size": 8, "n_heads": 1},
    "NARM": {"embedding_size": 8, "hidden_size": 8},
    "STAMP": {"embedding_size": 8},
    "Caser": {"embedding_size": 8, "nh": 2, "nv": 2},
    "NextItNet": {"embedding_size": 8, "dilations": [1, 2]},
    "LightSANs": {"hidden_size": 8, "inner_size": 8, "n_heads": 1, "k_interests": 2},
    "CORE": {"embedding_size": 8, "inner_size": 8, "n_heads": 1},
}
OF_PAIRS = {
    "FM": {},
    "LR": {},
    "NFM": {"mlp_hidden_size": [8]},
    "DeepFM": {"mlp_hidden_size": [8]},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("general")
    runs.write_ratings(place / "dataset", "made")
    return place


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("model", NAMES)
def test_it_recommends_what_full_sort_topk_does(model, folder):
    from recbole.quick_start import load_data_and_model
    from recbole.utils.case_study import full_sort_topk

    pytest.importorskip("faiss") if model == "NCL" else None
    file = trained.train(model, folder, epochs=1, **SETTINGS.get(model, {}))
    recommender = recbole_ext.load(file)
    frame = recommender.recommend(["u3", "u28"], k=5)
    assert len(frame) == 10
    if model in DRAWN:
        return
    _, net, dataset, _, _, test = load_data_and_model(str(file))
    numbers = dataset.token2id(dataset.uid_field, ["u3", "u28"])
    scores, _ = full_sort_topk(numbers, net, test, k=5, device=net.device)
    np.testing.assert_allclose(frame["score"], scores.numpy().ravel(), rtol=1e-4, atol=1e-6)
    pairs = recommender.predict(frame["user_id"], frame["item_id"])
    np.testing.assert_allclose(pairs["score"], frame["score"], rtol=1e-4, atol=1e-6)


def test_there_are_many():
    """NCL needs a library that is not there."""
    assert len({*NAMES, *SEQUENTIAL, *OF_PAIRS} - {"NCL"}) >= 40


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("model", OF_PAIRS)
def test_a_model_that_scores_pairs_alone(model, folder):
    """Without full_sort_predict: RecBole repeats each user for all items."""
    drawn = {"distribution": "uniform", "sample_num": 1, "alpha": 1.0, "dynamic": False}
    settings = {"embedding_size": 8, **OF_PAIRS[model]}
    file = trained.train(model, folder, train_neg_sample_args=drawn, **settings)
    recommender = recbole_ext.load(file)
    frame = recommender.recommend(["u3", "u28"], k=5)
    assert recommender._scores.users_at_a_time >= 1
    assert frame["rank"].tolist() == [1, 2, 3, 4, 5] * 2
    pairs = recommender.predict(frame["user_id"], frame["item_id"])
    np.testing.assert_allclose(pairs["score"], frame["score"], rtol=1e-5)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("model", SEQUENTIAL)
def test_a_sequential_model_answers_by_the_sequence_before_the_test_item(model, folder):
    from recbole.quick_start import load_data_and_model
    from recbole.utils.case_study import full_sort_topk

    settings = {
        "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
        "train_neg_sample_args": None,
        "eval_args": {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "full"},
        "epochs": 1,
        **SEQUENTIAL[model],
    }
    file = trained.train(model, folder, **settings)
    recommender = recbole_ext.load(file)
    frame = recommender.recommend(["u3", "u28"], k=5)
    _, net, dataset, _, _, test = load_data_and_model(str(file))
    numbers = dataset.token2id(dataset.uid_field, ["u3", "u28"])
    scores, items = full_sort_topk(numbers, net, test, k=5, device=net.device)
    expected = dataset.id2token(dataset.iid_field, items.numpy()).ravel()
    assert frame["item_id"].tolist() == expected.tolist()
    np.testing.assert_allclose(frame["score"], scores.numpy().ravel(), rtol=1e-4, atol=1e-6)
    with pytest.raises(SettingError, match=f"{model} cannot take in a person"):
        recommender.recommend_for(["i3"])
