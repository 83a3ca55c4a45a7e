"""Ensembles: how scores are combined, by what weights are chosen, what their checkpoints hold."""

import itertools
import math
import statistics
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from recbole.data.interaction import Interaction

import recbole_ext
from recbole_ext.data.interaction_set import InteractionSet
from recbole_ext.errors import CheckpointError, SettingError
from recbole_ext.evaluator.protocols import RATING
from recbole_ext.inference.trained_model import load as load_trained
from recbole_ext.models.ensemble.combination import grid, ranks, zscores
from recbole_ext.trainer import checkpoint, refit, single_run
from tests import runs
from tests.inference.trained import by_user, ndcg, pairs_of, train

# --- the scales -----------------------------------------------------------------------------

# Items 1 to 4 are candidates of the first user; the second has item 1 alone besides equal ones.
SCORES = torch.tensor([[100.0, 1, 2, 2, 5, 3], [100.0, 7, 4, 4, 4, 9]])
CANDIDATES = torch.tensor([[False, True, True, True, True, False], [False, *[True] * 4, False]])
CANDIDATES[1, 1] = False


def test_zscores_by_hand():
    """Mean 2.5 and standard deviation 1.5 of 1, 2, 2, 5; equal scores are all 0."""
    actual = zscores(SCORES, CANDIDATES)
    expected = [97.5 / 1.5, -1.0, -0.5 / 1.5, -0.5 / 1.5, 2.5 / 1.5, 0.5 / 1.5]
    torch.testing.assert_close(actual[0], torch.tensor(expected, dtype=torch.float64))
    assert actual[1].tolist() == [0.0] * 6


def test_ranks_by_hand():
    """Of 1, 2, 2, 5: none below 1, one below each 2, three below 5 and below the 3 beside them."""
    actual = ranks(SCORES, CANDIDATES)
    assert actual[0].tolist() == [1.0, 0.125, 0.5, 0.5, 0.875, 0.75]
    assert actual[1].tolist() == [1.0, 1.0, 0.5, 0.5, 0.5, 1.0]


ROWS = st.lists(st.integers(-50, 50), min_size=2, max_size=9)


@given(ROWS, st.data())
def test_the_scales_are_those_of_plain_python(row, data):
    """And neither depends on the unit or the zero of the scores, nor on what is no candidate."""
    chosen = data.draw(st.lists(st.booleans(), min_size=len(row), max_size=len(row)).filter(any))
    among = [score for score, is_in in zip(row, chosen, strict=True) if is_in]
    scores, candidates = torch.tensor([row], dtype=torch.float32), torch.tensor([chosen])
    sd = statistics.pstdev(among)
    z = [(score - statistics.fmean(among)) / sd if sd else 0.0 for score in row]
    np.testing.assert_allclose(zscores(scores, candidates)[0], z, atol=1e-9)
    share = [
        sum((other < score) + (other == score) / 2 for other in among) / len(among) for score in row
    ]
    np.testing.assert_allclose(ranks(scores, candidates)[0], share, atol=1e-9)
    for scale in (zscores, ranks):
        moved = scale(scores * 4 - 64, candidates)
        np.testing.assert_allclose(moved, scale(scores, candidates), atol=1e-9)


def test_the_grid_by_hand():
    """The sums of squares fall, so that the last of equally good weights are the most even."""
    assert grid(2, 4)[-1] == (0.5, 0.5)
    assert {*grid(2, 4)} == {(0, 1), (0.25, 0.75), (0.5, 0.5), (0.75, 0.25), (1, 0)}
    assert grid(3, 1) == [(0, 0, 1), (0, 1, 0), (1, 0, 0)]


@given(st.integers(1, 4), st.integers(1, 7))
def test_the_grid_has_each_weight_once(n_models, n_steps):
    points = grid(n_models, n_steps)
    assert len({*points}) == len(points) == math.comb(n_steps + n_models - 1, n_models - 1)
    assert all(len(point) == n_models and sum(point) == pytest.approx(1) for point in points)
    squares = [sum(weight**2 for weight in point) for point in points]
    assert all(before >= after - 1e-12 for before, after in itertools.pairwise(squares))


# --- runs -----------------------------------------------------------------------------------

MEMBERS = {"EASE": {"reg_weight": 5.0}, "NCFGMF": {"epochs": 3}, "Pop": {}}


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with the data set `made` and a checkpoint of each member."""
    folder = tmp_path_factory.mktemp("ensemble")
    runs.write_ratings(folder / "dataset", "made")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, settings in MEMBERS.items():
            train(name, folder, **settings)
    return folder


def prepare(place: Path, *names: str, **settings) -> single_run.Run:
    files = [str(place / f"{name}.pth") for name in names]
    common = {"folder": place / "dataset", "members": files, **runs.RANKING, "topk": [10]}
    return runs.prepare("Ensemble", **{**common, **settings})


def scaled_by_loops(place: Path, name: str, combination: str) -> dict[tuple[str, str], float]:
    """(user, item) -> the score of a member on its scale, in plain Python, by the users' ids."""
    trained = load_trained(place / f"{name}.pth")
    dataset, model = trained.dataset, trained.model
    seen = by_user(pairs_of(trained.parts["train"]))
    tokens = dataset.field2id_token
    scaled = {}
    for user in range(1, dataset.user_num):
        with torch.no_grad():
            scores = model.full_sort_predict(Interaction({"user_id": torch.tensor([user])}))
        items = dict(zip(tokens["item_id"][1:], scores.flatten().tolist()[1:], strict=True))
        name_of_user = tokens["user_id"][user]
        among = [score for item, score in items.items() if item not in seen[name_of_user]]
        mean, sd = statistics.fmean(among), statistics.pstdev(among)
        for item, score in items.items():
            if combination == "zscore":
                scaled[name_of_user, item] = (score - mean) / sd if sd else 0.0
            else:
                lower = sum((other < score) + (other == score) / 2 for other in among)
                scaled[name_of_user, item] = lower / len(among)
    return scaled


def ndcg_by_loops(parts, scaled, weights, of: str) -> float:
    """NDCG@10 of a part by weighted scores: what the parts before it have is left out."""
    before = ["train"] if of == "valid" else ["train", "valid"]
    seen = by_user(pair for part in before for pair in pairs_of(parts[part]))
    items = {item for _, item in scaled[0]}
    lists = {}
    for user in {user for user, _ in scaled[0]}:
        total = {
            item: sum(w * s[user, item] for w, s in zip(weights, scaled, strict=True))
            for item in items - seen[user]
        }
        lists[user] = sorted(total, key=lambda item: -total[item])
    return ndcg(lists, by_user(pairs_of(parts[of])))


@pytest.mark.parametrize("combination", ["zscore", "rank"])
def test_weights_and_metrics_are_those_of_plain_python(place, combination):
    """The best of all weights on validation, the last of equals; then NDCG@10 of the test part.

    Two members whose scores are not tied, so that no order of equal items matters. All weights are
    tried, however long other models of a plan train.
    """
    of_others = {"epochs": 2, "eval_step": 3, "stopping_step": 1}
    run = prepare(place, "EASE", "NCFGMF", combination=combination, weight_steps=7, **of_others)
    parts = load_trained(place / "EASE.pth").parts
    scaled = [scaled_by_loops(place, name, combination) for name in ("EASE", "NCFGMF")]
    curve = []
    score, _ = run.fit_validated(watch=lambda epoch, value: curve.append(value))
    points = grid(2, 7)
    if combination == "zscore":  # ranks are tied often
        expected = [ndcg_by_loops(parts, scaled, weights, "valid") for weights in points]
        np.testing.assert_allclose(curve, expected, atol=1e-9)
    best = max(range(len(points)), key=lambda place: (curve[place], place))
    assert score == curve[best]
    assert run.best_epoch == best + 1
    metrics = run.trainer.evaluate(run.test)
    assert run.model.weights.tolist() == pytest.approx(points[best])
    assert [*run.model.weights_of_members] == ["EASE", "NCFGMF"]
    if combination == "zscore":
        expected = ndcg_by_loops(parts, scaled, points[best], "test")
        assert metrics["ndcg@10"] == pytest.approx(expected, abs=1e-9)
    rows = run.model.full_sort_predict(Interaction({"user_id": torch.tensor([3, 1])}))
    tokens = run.dataset.field2id_token
    for user, row in zip((3, 1), rows.reshape(2, -1), strict=True):
        for number, item in enumerate(tokens["item_id"][1:], start=1):
            pair = tokens["user_id"][user], item
            by_hand = sum(w * s[pair] for w, s in zip(points[best], scaled, strict=True))
            assert row[number].item() == pytest.approx(by_hand, abs=1e-5)


def test_pairs_have_the_scores_of_whole_lists(place, monkeypatch):
    """Also in several blocks, and by a member that only scores pairs."""
    run = prepare(place, "EASE", "NCFGMF", weights=[1, 3])
    run.fit_validated()
    assert run.model.weights.tolist() == [0.25, 0.75]
    users, items = torch.tensor([5, 1, 5, 9, 1]), torch.tensor([3, 3, 8, 1, 20])
    with torch.no_grad():
        rows = run.model.full_sort_predict(Interaction({"user_id": users})).reshape(5, -1)
        expected = rows[torch.arange(5), items]
        pairs = Interaction({"user_id": users, "item_id": items})
        torch.testing.assert_close(run.model.predict(pairs), expected)
        monkeypatch.setattr("recbole_ext.models.ensemble.adapter._BLOCK", 42)  # two users
        torch.testing.assert_close(run.model.predict(pairs), expected)

        def not_implemented(interaction):
            raise NotImplementedError

        run.model.members[1].model.full_sort_predict = not_implemented
        torch.testing.assert_close(run.model.predict(pairs), expected)


def test_a_member_that_says_the_same_of_all_items_adds_nothing(place):
    whole = prepare(place, "EASE", "Pop", weights=[1, 0])
    whole.fit_validated()
    users = Interaction({"user_id": torch.tensor([2, 7])})
    before = whole.model.full_sort_predict(users)
    other = prepare(place, "EASE", "Pop", weights=[1, 1])
    other.fit_validated()
    other.model.members[1].model.full_sort_predict = lambda _: torch.full((2, 21), 3.25)
    torch.testing.assert_close(other.model.full_sort_predict(users), before / 2)


def test_scores_that_are_no_numbers_are_refused(place):
    run = prepare(place, "EASE", "Pop", weights=[1, 1])
    run.fit_validated()
    run.model.members[1].model.full_sort_predict = lambda _: torch.full((1, 21), torch.nan)
    with pytest.raises(SettingError, match=r"Pop\.pth: Pop gives scores that are no numbers"):
        run.model.full_sort_predict(Interaction({"user_id": torch.tensor([2])}))


# --- validation alone -----------------------------------------------------------------------


def write_parts(folder: Path, valid: int, test: int) -> None:
    """A data set with its own split: 12 users of 10 items, i0 .. i3 by popularity in training.

    Args:
        folder: where.
        valid, test: the item that each user has in the part; 4 to 9.
    """
    place = folder / "dataset" / "parts"
    place.mkdir(parents=True, exist_ok=True)
    rows = [(u, i) for u in range(12) for i in range(10) if (u + i) % 4 < 2 and i not in (4, 8)]
    rows += [(u, i) for u in range(12) for i in (4, 8) if u < i // 2 and (u + i) % 3 == 0]
    parts = {"train": rows, "valid": [(u, valid) for u in range(6, 12)]}
    parts["test"] = [(u, test) for u in range(6, 12)]
    for name, pairs in parts.items():
        lines = ["user_id:token\titem_id:token", *(f"u{u}\ti{i}" for u, i in pairs)]
        (place / f"parts.{name}.inter").write_text("\n".join(lines) + "\n", encoding="utf-8")


SPLIT = {"benchmark_filename": ["train", "valid", "test"], "load_col": None}
SPLIT |= {**runs.RANKING, "eval_args": {"mode": "full"}, "topk": [3], "valid_metric": "NDCG@3"}


def weights_chosen(folder: Path, valid: int, test: int) -> tuple[list[float], float]:
    write_parts(folder, valid, test)
    for name in ("EASE", "ItemKNN"):
        run = runs.prepare(name, "parts", folder / "dataset", **SPLIT)
        run.fit_validated()
        Path(run.trainer.saved_model_file).rename(folder / f"{name}.pth")
    run = prepare(folder, "EASE", "ItemKNN", dataset="parts", **SPLIT)
    curve = []
    run.fit_validated(watch=lambda _, score: curve.append(score))
    metrics = run.trainer.evaluate(run.test)
    return [*run.model.weights.tolist(), *curve], metrics["ndcg@3"]


def test_weights_are_chosen_by_validation_alone(tmp_path):
    """Another test part changes the test metric alone; another validation part the choice."""
    first, tested = weights_chosen(tmp_path, valid=4, test=8)
    second, tested_on_others = weights_chosen(tmp_path, valid=4, test=8 - 4 + 1)
    assert first == second
    assert tested != tested_on_others
    third, _ = weights_chosen(tmp_path, valid=8, test=4)
    assert third != first


# --- its checkpoint -------------------------------------------------------------------------


def test_a_checkpoint_contains_its_members(place, tmp_path):
    """It scores, evaluates and recommends as the run did, when the members' files are gone."""
    for name in ("EASE", "NCFGMF"):
        (tmp_path / f"{name}.pth").write_bytes((place / f"{name}.pth").read_bytes())
    run = prepare(tmp_path, "EASE", "NCFGMF", folder=place / "dataset")
    run.fit_validated()
    expected = run.trainer.evaluate(run.test)
    users = Interaction({"user_id": torch.arange(1, 31)})
    scores = run.model.full_sort_predict(users)
    file = Path(run.trainer.saved_model_file)
    for name in ("EASE", "NCFGMF"):
        (tmp_path / f"{name}.pth").unlink()
    record = checkpoint.load(file)
    stored = record["other_parameter"]["members"]
    assert [Path(one["file"]).name for one in stored] == ["EASE.pth", "NCFGMF.pth"]
    assert "optimizer" not in stored[1]["record"]
    again = load_trained(file)
    torch.testing.assert_close(again.model.full_sort_predict(users), scores, rtol=0, atol=0)
    trainer = single_run.trainer_of(run.config, again.model, run.train)
    assert trainer.evaluate(run.test, load_best_model=False) == expected
    lists = recbole_ext.load(file).recommend("u3", k=4)
    seen = InteractionSet.of_dataset(again.parts["train"])
    assert len(lists) == 4
    number = again.dataset.token2id("user_id", "u3")
    items = again.dataset.token2id("item_id", lists["item_id"].tolist())
    assert not seen.have(np.full(4, number), items).any()
    assert lists["score"].is_monotonic_decreasing


def test_what_an_ensemble_cannot_do_is_one_error(place):
    run = prepare(place, "EASE", "NCFGMF", weights=[1, 1])
    run.fit_validated()
    file = run.trainer.saved_model_file
    with pytest.raises(CheckpointError, match="an ensemble is made of trained models"):
        refit.check(file)
    recommender = recbole_ext.load(file)
    with pytest.raises(SettingError, match="Ensemble cannot take in a person"):
        recommender.recommend_for(["i1", "i2"])
    with pytest.raises(SettingError, match="Ensemble cannot be explained"):
        recommender.explain("u3", "i1")
    with pytest.raises(SettingError, match="Ensemble does not say what its vectors are"):
        recommender.similar_items("i1")


def test_a_checkpoint_with_a_damaged_member_is_refused(place, tmp_path):
    run = prepare(place, "EASE", "NCFGMF", weights=[1, 1])
    run.fit_validated()
    record = torch.load(run.trainer.saved_model_file, weights_only=True)
    stored = record["other_parameter"]["members"][1]["record"]
    stored["state_dict"]["net.predict_layer.weight"][0, 0] = torch.nan
    torch.save(record, tmp_path / "damaged.pth")
    with pytest.raises(CheckpointError, match=r"member .*NCFGMF\.pth: the weights .* no numbers"):
        load_trained(tmp_path / "damaged.pth")
    del record["other_parameter"]["members"][1]
    torch.save(record, tmp_path / "without.pth")
    with pytest.raises(CheckpointError, match="expected 2 members, found 1"):
        load_trained(tmp_path / "without.pth")


# --- what cannot be -------------------------------------------------------------------------


def test_a_member_that_cannot_be_is_refused(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dataset").symlink_to(place / "dataset")
    train("EASE", tmp_path, "other seed", seed=7)
    in_order = {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "full"}
    sequences = {"MAX_ITEM_LIST_LENGTH": 5, "train_neg_sample_args": None, "eval_args": in_order}
    sequences["load_col"] = {"inter": ["user_id", "item_id", "timestamp"]}
    train("SASRec", tmp_path, "SASRec", **sequences)
    runs.write_ratings(tmp_path / "more", "other", n_users=25)
    run = runs.prepare("EASE", "other", tmp_path / "more", **runs.RANKING)
    run.fit()
    inner = prepare(place, "EASE", "Pop", weights=[1, 1])
    inner.fit_validated()
    (tmp_path / "copy.pth").write_bytes((place / "EASE.pth").read_bytes())
    (tmp_path / "broken.pth").write_bytes(b"no zip")
    for file, error, message in (
        (place / "EASE.pth", SettingError, "members: 2 is the same model as 1, .*EASE.pth"),
        (tmp_path / "copy.pth", SettingError, "members: 2 is the same model as 1"),
        (tmp_path / "other seed.pth", CheckpointError, r"another split .*\(seed 7, here 2020\)"),
        (run.trainer.saved_model_file, CheckpointError, "the data set other, the ensemble is for"),
        (inner.trainer.saved_model_file, SettingError, "an ensemble cannot be a member"),
        (tmp_path / "SASRec.pth", SettingError, "SASRec is a sequential model"),
        (tmp_path / "broken.pth", CheckpointError, "not a checkpoint"),
    ):
        files = [str(place / "EASE.pth"), str(file)]
        with pytest.raises(error, match=message):
            prepare(place, members=files).fit_validated()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"members": []}, "members: expected the checkpoints of two models or more, found none"),
        ({"members": ["EASE.pth"]}, r"members: .* of two models or more, found EASE\.pth"),
        ({"members": ["EASE.pth", "none.pth"]}, "members: 2: .* found no file none.pth"),
        ({"weights": [1]}, "weights: expected a number for each of the 2 members, found 1"),
        ({"weights": [0, 0]}, "weights: expected one above 0, found zeros alone"),
        ({"weights": [2, -1]}, "weights: expected"),
        ({"combination": "sum"}, "combination: expected one of zscore, rank"),
        ({"weight_steps": 0}, "weight_steps: expected"),
    ],
)
def test_settings_that_cannot_be_are_refused(place, monkeypatch, settings, message):
    monkeypatch.chdir(place)
    with pytest.raises(SettingError, match=message):
        prepare(place, "EASE", "Pop", **settings)


def test_an_ensemble_ranks(place):
    """Its scores are no ratings; without a validation part there is nothing to choose by."""
    labeled = {**RATING.settings, "LABEL_FIELD": "rating"}
    labeled["load_col"] = {"inter": ["user_id", "item_id", "rating"]}
    run = prepare(place, "EASE", "Pop", **labeled)
    with pytest.raises(SettingError, match="rank items, they are neither ratings nor prob"):
        run.fit_validated()
    split = {**runs.RANKING["eval_args"], "split": {"RS": [0.9, 0.0, 0.1]}}
    run = prepare(place, "EASE", "Pop", eval_args=split)
    with pytest.raises(SettingError, match="weights: are chosen by the validation part"):
        run.fit()
